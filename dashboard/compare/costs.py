"""What the accuracy of the chosen runs costs: parameters, work, time, bytes; and which runs nothing here beats."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.components import data_table, table_rows
from dashboard.controls import compared_runs, run_table
from dashboard.frame import choose_option, open_store
from mnist_core.analysis import Memory, Speed, costs, measures, seed_groups, stats
from mnist_core.analysis import predictions as answers
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
    """One thing that accuracy may cost: the axis's title, the unit, and where the number stands in the table."""

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
    st.subheader("Accuracy against cost", anchor=False)
    with st.container(horizontal=True, vertical_alignment="bottom", key="cost-controls"):
        chosen = choose_option(
            "Against",
            list(_COSTS),
            default="parameters",
            key="cost",
            help="What is paid for accuracy. One image and batches are measured on this machine when you choose them.",
        )
        split: Split = choose_option(
            "Accuracy on",
            _SPLITS,
            default="test",
            key="cost_split",
            help="Test images, or the held-out ones at the best epoch.",
        )
        together = st.toggle(
            "Seeds as one point",
            key="cost_seeds",
            bind="query-params",
            help="Runs that differ in their seed only become one point, their mean, with the 95% interval of the mean "
            "(Student's t) instead of that of one accuracy. A lone run stays as it is.",
        )
    cost = _COSTS[chosen]
    speeds = _speeds(runs, cost.timed)
    table = _table(runs, split, speeds)
    if together:
        runs, table = _by_seeds(runs, table)
    known = table[cost.column].gt(0) & table["Accuracy"].notna()
    missing = [run for run, there in zip(runs, known, strict=True) if not there]
    if len(missing) == len(runs):
        st.info(f"None of these runs has a {split} accuracy and this cost yet.")
        return
    _chart([run for run, there in zip(runs, known, strict=True) if there], table.loc[known], cost, split)
    if split == "test" and (note := measures.optimistic_note(runs)):
        st.caption(note)
    if missing:
        st.caption(f"Without {split} accuracy or this cost, so without a point: {compared_runs.run_numbers(missing)}.")
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
        called = [
            f"run {run.number}" if count == 1 else name
            for run, count, name in zip(runs, seeds, table["Name"], strict=True)
        ]
        st.markdown(_about_front([in_markdown(called[place]) for place in front], len(runs)))
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
        points, cost.title, f"{split} accuracy{' (optimistic)' if optimistic else ''}", front, cost.unit
    )
    st.plotly_chart(figure, key="costs", config=compared_runs.PLOTLY_CONFIG)
    st.caption(
        f"Bars: 95% intervals, {_ABOUT_SEEDS if 'Seeds' in table else 'of the accuracy for as many images'}. Both "
        "scales are logarithmic, that of accuracy in its errors. The line is of the accuracies as they were measured: "
        f"where bars overlap, other images or seeds might draw it elsewhere. {_CAUTION if cost.timed else ''}"
    )


_ABOUT_SEEDS = "of a mean over seeds, or of a lone run's accuracy for as many images"
_CAUTION = (
    "Times are medians of the network's own work on one core of this machine, all runs in turn; what trains "
    "beside it slows them all."
)


def _about_front(front: Sequence[str], count: int) -> str:
    """About what lies on the front, by their names, of so many points."""
    if len(front) == 1:
        first = front[0].replace("run ", "Run ", 1)
        return f"**{first}** is the most accurate and costs least: nothing here is better in either."
    named = f"{', '.join(front[:-1])} and {front[-1]}"
    if all(name.startswith("run ") for name in front):
        named = f"runs {named.replace('run ', '')}"
    rest = count - len(front)
    others = f" The other {'point is' if rest == 1 else f'{rest} are'} beaten by one of them." if rest else ""
    return f"On the dotted line lie **{named}**: nothing here is both more accurate and cheaper.{others}"


def _table(runs: Sequence[Run], split: Split, speeds: dict[str, Speed]) -> pd.DataFrame:
    rows = []
    for run, line in zip(runs, run_table.line_images(runs), strict=True):
        accuracy = run.test_accuracy if split == "test" else run.held_out_accuracy
        images = _images(run.id, split, run.state, run.step)
        low, high = _interval(accuracy, images)
        memory, speed, size = _memory(run), speeds.get(run.id), _size(run.id, run.state, run.step)
        rows.append(
            {
                "Line": line,
                "Run": run.number,
                "Name": run.name,
                "Accuracy": _times(accuracy, 100),
                "From": 100 * low,
                "To": 100 * high,
                "Parameters": _times(run.parameters),
                "MACs": _times(run.macs),
                "Training (s)": run.seconds or np.nan,
                "One image (ms)": speed.milliseconds if speed else np.nan,
                "In batches (ms)": 1000 / speed.images_per_second if speed else np.nan,
                "Images/s": speed.images_per_second if speed else np.nan,
                "File (kB)": _times(size, 1 / _KILO),
                "Memory (kB)": _times(memory and memory.answering, 1 / _KILO),
                "Training memory (MB)": _times(memory and memory.training, 1 / _MEGA),
            }
        )
    return pd.DataFrame(rows)


def _by_seeds(runs: Sequence[Run], table: pd.DataFrame) -> tuple[list[Run], pd.DataFrame]:
    """The first run of each group of seeds, and the groups' means as a table of the same columns and `Seeds`.

    The interval of two seeds or more is Student's of their mean; that of a lone run stays Wilson's.
    """
    numbers = [name for name in table if name not in ("Line", "Run", "Name")]
    found, rows = [], []
    for group in seed_groups(runs):
        own = table.loc[table["Run"].isin([run.number for run in group.one_per_seed])]
        row = own.iloc[0].to_dict() | {"Seeds": len(own)}
        if len(own) > 1:
            row |= own[numbers].mean().to_dict() | {"Name": group.name}
            accuracies = own["Accuracy"].dropna().tolist()
            if len(accuracies) > 1:
                row |= dict(
                    zip(
                        ("From", "To"),
                        np.clip(stats.mean_and_band(accuracies, "95 % interval")[1:], 0, 100),
                        strict=True,
                    )
                )
        found.append(group.one_per_seed[0])
        rows.append(row)
    return found, pd.DataFrame(rows, columns=["Line", "Run", "Name", "Seeds", *numbers])


def _show_table(table: pd.DataFrame, timed: bool) -> None:
    number, known = st.column_config.NumberColumn, run_table.column_configs()
    shown = table if timed else table.drop(columns=["One image (ms)", "In batches (ms)", "Images/s"])
    columns = {
        **{name: known[name] for name in ("Line", "Run", "Name")},
        "Seeds": number(width=64, help="Runs with different seeds that the row is the mean of; # is the first."),
        "Accuracy": number(format="%.2f%%"),
        "From": number(format="%.2f%%", help="Lower end of the 95% interval (Wilson; Student's over seeds)."),
        "To": number(format="%.2f%%", help="Upper end of the 95% interval (Wilson; Student's over seeds)."),
        "Parameters": number(format="localized", help="Learned numbers."),
        "MACs": number(format="localized", help="Multiply-accumulates for one image."),
        "Training (s)": number(format="%.1f", help="Seconds of training, pauses not counted."),
        "One image (ms)": number(format="%.3f", help="Median time from the pixels to the probabilities, one core."),
        "In batches (ms)": number(format="%.4f", help=f"The same for an image among {costs.BATCH}."),
        "Images/s": number(format="%.0f", help=f"Images answered in a second, in batches of {costs.BATCH}."),
        "File (kB)": number(format="%.1f", help="The weights alone as a safetensors file."),
        "Memory (kB)": number(
            format="%.1f",
            help="Weights, and the most numbers that exist at once while one image passes, 4 bytes each.",
        ),
        "Training memory (MB)": number(
            format="%.2f",
            help="About: weights, gradients, what the optimizer keeps, and every layer's output for a batch.",
        ),
    }
    data_table("cost-table", table_rows(shown, columns, _digits(shown)), "What the chosen runs cost")
    if not timed:
        st.caption("Choose **one image** or **batches** above to have the networks answer here, and be timed.")


def _digits(table: pd.DataFrame) -> dict[str, list[int]]:
    """Decimals of the accuracies that are means over seeds: as many as half their interval supports."""
    seeds = table["Seeds"].tolist() if "Seeds" in table else [1] * len(table)
    halves = ((table["To"] - table["From"]) / 2).tolist()
    places = [decimals(half, 2) if count > 1 else 2 for half, count in zip(halves, seeds, strict=True)]
    return dict.fromkeys(("Accuracy", "From", "To"), places)


def _speeds(runs: Sequence[Run], wanted: bool) -> dict[str, Speed]:
    """Speeds of the runs that have weights, measured once for all of these together, and only if `wanted`."""
    sizes = [(run, _size(run.id, run.state, run.step)) for run in runs]
    able = [run for run, size in sizes if size is not None and _shape(run) is not None]
    key = tuple((run.id, run.step) for run in able)
    measured = _measured()
    if key in measured or not wanted or not able:
        return measured.get(key, {})
    bar = st.progress(0.0, "Waking the networks …")
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
def _measured() -> dict[tuple[tuple[str, int], ...], dict[str, Speed]]:
    """What was measured since the app began, by ids and steps of the runs that were measured together."""
    return {}


def _interval(accuracy: float | None, images: int) -> tuple[float, float]:
    if accuracy is None or not images:
        return np.nan, np.nan
    return stats.wilson(round(accuracy * images), images)


@st.cache_data(show_spinner=False, max_entries=400)
def _images(run_id: str, split: Split, state_of_run: str, step: int) -> int:
    store = open_store()
    return len(answers.load_split(store, store.run(run_id), split))


@st.cache_data(show_spinner=False, max_entries=400)
def _size(run_id: str, state_of_run: str, step: int) -> int | None:
    store = open_store()
    return costs.weights_size(store, store.run(run_id))


def _shape(run: Run) -> tuple[int, int, int] | None:
    """Of one image; None where the run's image folder is gone."""
    try:
        return input_shape_and_classes(run.config)[0]
    except MnistLabError:
        return None


def _memory(run: Run) -> Memory | None:
    try:
        return costs.network_memory(run.config, *input_shape_and_classes(run.config))
    except MnistLabError:
        return None


def _times(value: float | None, factor: float = 1) -> float:
    return np.nan if value is None else value * factor
