"""What the accuracy of the chosen runs costs: parameters, work, time, bytes; and which runs no other run beats."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.components import data_table, explained, table_rows
from dashboard.controls import compared_runs, load_predictions, run_columns
from dashboard.frame import cached_by_run, choose_option, open_store, show_figure, type_scale
from mnist_core.analysis import Memory, Speed, costs, measures, seed_groups, stats
from mnist_core.data import input_shape_and_classes
from mnist_core.errors import MnistLabError
from mnist_core.plots import CostPoint, accuracy_against_cost
from mnist_core.store import Run
from mnist_core.text import decimals, in_markdown

Split = Literal["test", "validation"]

_SPLITS: list[Split] = ["test", "validation"]
_KILO, _MEGA = 1e3, 1e6


@dataclass(frozen=True)
class _Cost:
    """A kind of cost: title of its axis, unit, column of the table, and whether it is timed on this machine."""

    title: str
    unit: str
    column: str
    timed: bool = False


_COSTS = {
    "parameters": _Cost("Parameters", "parameters", "Parameters"),
    "MACs": _Cost("Multiply-accumulates for one image", "multiply-accumulates", "MACs"),
    "seconds": _Cost("Training time (seconds)", "s of training", "Training (s)"),
    "one image": _Cost("Time to answer one image (milliseconds)", "ms for one image", "One image (ms)", True),
    "batches": _Cost("Time an image in batches (milliseconds)", "ms an image in batches", "In batches (ms)", True),
    "file": _Cost("File of the weights (kilobytes)", "kB", "File (kB)"),
    "memory": _Cost("Memory to answer one image (kilobytes)", "kB", "Memory (kB)"),
    "training memory": _Cost("Memory to train, about (megabytes)", "MB", "Training memory (MB)"),
}


def show_costs(runs: Sequence[Run]) -> None:
    """Accuracy against what it costs, one point a run, the Pareto front, and all costs in a table."""
    st.header("Accuracy against cost", anchor=False, help=explained("", "Pareto front"))
    with st.container(horizontal=True, vertical_alignment="bottom", key="cost-controls"):
        chosen = choose_option(
            "Against",
            list(_COSTS),
            default="parameters",
            key="cost",
            help="What accuracy costs. “One image” and “batches” are timed on this machine when you choose them.",
        )
        split: Split = choose_option(
            "Accuracy on",
            _SPLITS,
            default="test",
            key="cost_split",
            help="The test images, or the validation images at the best epoch.",
        )
        together = st.toggle(
            "Seeds as one point",
            key="cost_seeds",
            bind="query-params",
            help="Runs that differ only in their seed become one point: their mean, with its 95 % interval (Student's "
            "t). A single run stays as it is.",
        )
    cost = _COSTS[chosen]
    speeds = _speeds(runs, cost.timed)
    table = _table(runs, split, speeds)
    if together:
        runs, table = _by_seeds(runs, table)
    with_values = table[cost.column].gt(0) & table["Accuracy"].notna()
    missing = [run for run, has_value in zip(runs, with_values, strict=True) if not has_value]
    if len(missing) == len(runs):
        st.info(f"None of these runs has a {split} accuracy and this cost yet.")
        return
    _chart(
        [run for run, has_value in zip(runs, with_values, strict=True) if has_value],
        table.loc[with_values],
        cost,
        split,
    )
    if split == "test" and (note := measures.optimistic_note(runs)):
        st.caption(note)
    if missing:
        st.caption(f"Without {split} accuracy or this cost, and so without a point: {measures.run_numbers(missing)}.")
    _show_table(table, bool(speeds))
    if speeds:
        compared_runs.show_precision_notes(runs)


def _chart(runs: Sequence[Run], table: pd.DataFrame, cost: _Cost, split: Split) -> None:
    values, right = table[cost.column].tolist(), table["Accuracy"].tolist()
    seeds = table["Seeds"].tolist() if "Seeds" in table else [1] * len(table)
    front = costs.pareto_front(values, right)
    if len({run.dataset for run in runs}) > 1:
        st.caption("These runs learned from different data sets: their accuracies cannot be compared.")
    elif len(runs) > 1:
        # A point that is the mean of several seeds goes by the group's name, any other by its run's number.
        names = table["Name"].tolist()
        labels = [runs[index].number if seeds[index] == 1 else in_markdown(names[index]) for index in front]
        st.markdown(_front_sentence(labels, len(runs)))
    rows = zip(runs, values, right, table["From"], table["To"], table["Name"], seeds, strict=True)
    points = [
        CostPoint(
            run,
            value,
            accuracy / 100,
            low / 100,
            high / 100,
            name,
            count,
            "test accuracy (optimistic)" if split == "test" and run.optimistic else "",
        )
        for run, value, accuracy, low, high, name, count in rows
    ]
    optimistic = split == "test" and all(run.optimistic for run in runs)
    figure = accuracy_against_cost(
        points, cost.title, f"{split} accuracy{' (optimistic)' if optimistic else ''}", front, cost.unit, type_scale()
    )
    show_figure(figure, key="costs")
    st.caption(
        f"Bars: 95 % intervals {_ABOUT_SEEDS if 'Seeds' in table else _ABOUT_IMAGES}. Both axes are logarithmic; that "
        "of accuracy counts the errors. The dotted line joins measured accuracies: where bars overlap, other images or "
        f"other seeds might move it. {_CAUTION if cost.timed else ''}"
    )


_ABOUT_IMAGES = "of the accuracy on this many images"
_ABOUT_SEEDS = f"of a mean over seeds; for a single run, {_ABOUT_IMAGES}"
_CAUTION = (
    "Times are medians, measured on one core of this machine, all runs in turn. While other runs train, all times get "
    "longer."
)


def _front_sentence(front: Sequence[int | str], count: int) -> str:
    """Which points lie on the Pareto front, by number of a run or name of a group, and how many of `count` do not."""
    if len(front) == 1:
        label = f"Run {front[0]}" if isinstance(front[0], int) else front[0]
        return f"**{label}** is the most accurate and costs least: no other point is better in either."
    if all(isinstance(label, int) for label in front):
        labels = f"runs {', '.join(map(str, front[:-1]))} and {front[-1]}"
    else:
        words = [f"run {label}" if isinstance(label, int) else label for label in front]
        labels = f"{', '.join(words[:-1])} and {words[-1]}"
    rest = count - len(front)
    others = f" The other {'point is' if rest == 1 else f'{rest} are'} beaten by one of them." if rest else ""
    return f"On the dotted line lie **{labels}**: no other point is both more accurate and cheaper.{others}"


def _table(runs: Sequence[Run], split: Split, speeds: dict[str, Speed]) -> pd.DataFrame:
    rows = []
    for run, line in zip(runs, run_columns.line_images(runs), strict=True):
        accuracy = run.test_accuracy if split == "test" else run.held_out_accuracy
        images = len(load_predictions(run, split))
        low, high = _interval(accuracy, images)
        memory, speed, size = _memory(run), speeds.get(run.id), _size(run)
        rows.append(
            {
                "Line": line,
                "Run": run.number,
                "Name": run.name,
                "Accuracy": _scaled(accuracy, 100),
                "From": 100 * low,
                "To": 100 * high,
                "Parameters": _scaled(run.parameters),
                "MACs": _scaled(run.macs),
                "Training (s)": run.seconds or np.nan,
                "One image (ms)": speed.milliseconds if speed else np.nan,
                "In batches (ms)": 1000 / speed.images_per_second if speed else np.nan,
                "Images/s": speed.images_per_second if speed else np.nan,
                "File (kB)": _scaled(size, 1 / _KILO),
                "Memory (kB)": _scaled(memory and memory.answering, 1 / _KILO),
                "Training memory (MB)": _scaled(memory and memory.training, 1 / _MEGA),
            }
        )
    return pd.DataFrame(rows)


def _by_seeds(runs: Sequence[Run], table: pd.DataFrame) -> tuple[list[Run], pd.DataFrame]:
    """The first run of each group of seeds, and the groups' means as a table of the same columns and `Seeds`.

    The interval of two seeds or more is Student's of their mean; that of a lone run stays Wilson's.
    """
    numbers = [name for name in table if name not in ("Line", "Run", "Name")]
    first_runs, rows = [], []
    for group in seed_groups(runs):
        seed_rows = table.loc[table["Run"].isin([run.number for run in group.one_per_seed])]
        row = seed_rows.iloc[0].to_dict() | {"Seeds": len(seed_rows)}
        if len(seed_rows) > 1:
            row |= seed_rows[numbers].mean().to_dict() | {"Name": group.name}
            accuracies = seed_rows["Accuracy"].dropna().tolist()
            if len(accuracies) > 1:
                row |= dict(
                    zip(
                        ("From", "To"),
                        np.clip(stats.mean_and_band(accuracies, "95 % interval")[1:], 0, 100),
                        strict=True,
                    )
                )
        first_runs.append(group.one_per_seed[0])
        rows.append(row)
    return first_runs, pd.DataFrame(rows, columns=["Line", "Run", "Name", "Seeds", *numbers])


def _show_table(table: pd.DataFrame, timed: bool) -> None:
    number, configs = st.column_config.NumberColumn, run_columns.column_configs()
    shown = table if timed else table.drop(columns=["One image (ms)", "In batches (ms)", "Images/s"])
    columns = {
        **{name: configs[name] for name in ("Line", "Run", "Name")},
        "Seeds": number(width=64, help="How many runs with different seeds the row is the mean of; # is the first."),
        "Accuracy": number(format="%.2f%%"),
        "From": number(format="%.2f%%", help="Lower end of the 95 % interval (Wilson; Student's over seeds)."),
        "To": number(format="%.2f%%", help="Upper end of the 95 % interval (Wilson; Student's over seeds)."),
        "Parameters": number(format="localized", help=explained("", "Parameters, weights")),
        "MACs": number(format="localized", help=explained("", "MACs")),
        "Training (s)": number(format="%.1f", help="Seconds of training, pauses not counted."),
        "One image (ms)": number(format="%.3f", help="Median time from pixels to probabilities, on one core."),
        "In batches (ms)": number(format="%.4f", help=f"The same for each image of a batch of {costs.BATCH}."),
        "Images/s": number(format="%.0f", help=f"Images answered in a second, in batches of {costs.BATCH}."),
        "File (kB)": number(format="%.1f", help="The weights alone as a safetensors file."),
        "Memory (kB)": number(
            format="%.1f",
            help="Weights, and the largest layers' outputs that exist at once for one image; 4 bytes a number.",
        ),
        "Training memory (MB)": number(
            format="%.2f",
            help="An estimate: weights, gradients, the optimizer's state, and all layers' outputs for a batch.",
        ),
    }
    data_table("cost-table", table_rows(shown, columns, _digits(shown)), "What the chosen runs cost")
    if not timed:
        st.caption("Choose **one image** or **batches** above to time these networks on this machine.")


def _digits(table: pd.DataFrame) -> dict[str, list[int]]:
    """Decimals of each row's accuracies; a mean over seeds has as many as half its interval supports."""
    seeds = table["Seeds"].tolist() if "Seeds" in table else [1] * len(table)
    halves = ((table["To"] - table["From"]) / 2).tolist()
    digits = [decimals(half, 2) if count > 1 else 2 for half, count in zip(halves, seeds, strict=True)]
    return dict.fromkeys(("Accuracy", "From", "To"), digits)


def _speeds(runs: Sequence[Run], timed: bool) -> dict[str, Speed]:
    """Speeds by run id, of the runs that have weights; measured once for all of these together, and only if `timed`."""
    sizes = [(run, _size(run)) for run in runs]
    able = [run for run, size in sizes if size is not None and _shape(run) is not None]
    key = tuple(run.version for run in able)
    measured = _measured()
    if key in measured or not timed or not able:
        return measured.get(key, {})
    bar = st.progress(0.0, "Loading the networks …")
    try:
        networks = costs.load_predictors(open_store(), able)
        random = np.random.default_rng(0)
        images = {run.id: random.integers(0, 256, (costs.BATCH, *(_shape(run) or ())), np.uint8) for run in able}
        count = "1 network answers" if len(able) == 1 else f"{len(able)} networks answer in turn"
        measured[key] = costs.measure_speeds(networks, images, lambda share: bar.progress(share, f"{count} …") and None)
    finally:
        bar.empty()
    return measured[key]


@st.cache_resource(show_spinner=False)
def _measured() -> dict[tuple[object, ...], dict[str, Speed]]:
    """Speeds measured since the app began, by the versions of the runs that were measured together."""
    return {}


def _interval(accuracy: float | None, images: int) -> tuple[float, float]:
    if accuracy is None or not images:
        return np.nan, np.nan
    return stats.wilson(round(accuracy * images), images)


@cached_by_run(max_entries=400)
def _size(run: Run) -> int | None:
    return costs.weights_size(open_store(), run)


def _shape(run: Run) -> tuple[int, int, int] | None:
    """Shape (C, H, W) of one image; None where the run's image folder is gone."""
    try:
        return input_shape_and_classes(run.config)[0]
    except MnistLabError:
        return None


def _memory(run: Run) -> Memory | None:
    try:
        return costs.network_memory(run.config, *input_shape_and_classes(run.config))
    except MnistLabError:
        return None


def _scaled(value: float | None, factor: float = 1) -> float:
    return np.nan if value is None else value * factor
