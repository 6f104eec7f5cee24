"""Chosen runs side by side, first of all: a verdict, what they achieved, how their configs differ, one change more."""

from collections.abc import Sequence
from itertools import combinations
from statistics import fmean

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.components import data_table, table_rows
from dashboard.controls import change_one_thing, compared_runs, run_table
from mnist_core.analysis import Predictions, comparison, config_differences, fairness, measures, runs_table, stats
from mnist_core.data import dataset
from mnist_core.errors import StoreError
from mnist_core.plots import MOST_MARKED_CURVES, accuracy_dots
from mnist_core.store import Run
from mnist_core.text import in_markdown

_INTERVAL = "95 % interval of the test accuracy"


def show_results(runs: Sequence[Run]) -> None:
    """A verdict, results, what differs, the change of one thing, and training beside validation and test accuracy."""
    st.subheader("Results")
    show_verdict(runs)
    show_table(runs)
    show_differences(runs)
    change_one_thing.show_form(runs)
    show_accuracies(runs)


def show_verdict(runs: Sequence[Run]) -> None:
    """In a sentence or two: whether the best run is better than the second, by their answers to the same images."""
    tested = [run for run in runs if run.test_accuracy is not None]
    found = compared_runs.gather_predictions(tested) if tested else None
    if found is None:
        return
    best, *others = sorted(found.runs, key=lambda run: -float(found.right[found.runs.index(run)].mean()))
    if not others:
        right = int(found.right.sum())
        low, high = stats.wilson(right, found.images)
        but = ", and that is optimistic: these images chose its epoch" if best.optimistic else ""
        st.info(
            f"{_name(best)} is right on {right:,} of {found.images:,} test images. On ever more images of this kind "
            f"its accuracy would be between {low:.2%} and {high:.2%}, most likely (95 % interval{but})."
        )
        return
    about = "" if len(others) == 1 else "The two best: "
    st.info(about + _sentence(found, best, others[0]))
    st.caption(_chosen(found, best))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            "Two trained networks, these test images. For all pairs, and architectures over seeds:", width="content"
        )
        st.button(
            "Is it real?",
            key="results_real",
            on_click=_look,
            args=("Is it real?",),
            help="Opens the section that tests differences.",
        )


def show_table(runs: Sequence[Run]) -> None:
    """Best and last metrics of each run with its size, work and time, and what to bear in mind about them."""
    frame = runs_table(runs)
    last = [float("nan") if run.optimistic else _last_validation(run) for run in runs]
    frame = frame.assign(
        **{
            "Line": run_table.line_images(runs),
            "Last validation accuracy (%)": pd.Series(last, index=frame.index, dtype="float64"),
            _INTERVAL: _intervals(runs),
        }
    )
    order = [
        "Line",
        "Run",
        "Name",
        "State",
        "Best validation accuracy (%)",
        "Best epoch",
        "Last validation accuracy (%)",
        "Training accuracy (%)",
        "Test accuracy (%)",
        _INTERVAL,
        "Test loss",
        "Epochs",
        "Parameters",
        "MACs",
        "Time (s)",
        "Images/s",
    ]
    interval = st.column_config.TextColumn(
        "95 % interval",
        width=120,
        help="Where the accuracy on ever more images of this kind lies, by Wilson's formula: what the choice of the "
        "test images leaves open. Another seed changes an accuracy, too.",
    )
    rows = table_rows(
        frame.loc[:, run_table.with_chosen_on(order, runs)], run_table.column_configs() | {_INTERVAL: interval}
    )
    data_table("results", rows, "Results of the chosen runs")
    for remark in comparison_remarks(runs):
        st.caption(remark)


def comparison_remarks(runs: Sequence[Run]) -> list[str]:
    """What to bear in mind before one of these runs is called better than another, a sentence or two each."""
    found = []
    active = [run for run in runs if run.state == "running"]
    if active:
        found.append(
            f"Still training: {compared_runs.run_numbers(active)}. The page Train shows live what stands still here."
        )
    if len({run.dataset for run in runs}) > 1:
        found.append("These runs learned from different data sets: their accuracies cannot be compared.")
    if note := measures.optimistic_note(runs):
        found.append(note)
    splits = {
        (run.config.validation_images, run.config.split_seed, run.config.train_images)
        for run in runs
        if run.config.choose_on == "validation"
    }
    if len(splits) > 1:
        found.append("Their validation images are not the same ones, so compare validation accuracies with care.")
    return found


def show_differences(runs: Sequence[Run]) -> None:
    """The settings that are not the same in all runs, and which of them a difference in accuracy can be put down to."""
    st.subheader("What differs")
    if len(runs) < 2:
        st.info("Choose a second run to see which of their settings differ.")
        return
    factor = _factor(runs)
    st.markdown(in_markdown(fairness(runs, factor)))
    differing = config_differences(runs, factor).reset_index()
    if not differing.empty:
        text = st.column_config.TextColumn
        help = (
            "A confound differs besides what is studied: either of them may be the reason for a difference in "
            "accuracy. The seed is chance: it favours nobody, but blurs the result. What may change the last digits "
            "(threads, processor, version of torch) lets runs that began alike drift apart: chance, too."
        )
        rows = table_rows(differing, {"Hyperparameter": text(pinned=True), "Role": text(help=help)})
        data_table("differences", rows, "Settings that differ")
        st.caption("A dash: the setting has no effect in that run.")


def _factor(runs: Sequence[Run]) -> str:
    """The name of the field under study; a choice where several differ."""
    offered = {field.label: field.name for field in comparison.factors(runs)}
    if len(offered) < 2:
        return next(iter(offered.values()), "")
    chosen = st.selectbox(
        "Under study",
        list(offered),
        key=change_one_thing.FACTOR_KEY,
        bind="query-params",
        help="The setting whose effect you want to know. Whatever else differs is a confound.",
    )
    return offered.get(chosen, "")


def show_accuracies(runs: Sequence[Run]) -> None:
    """Training, validation and test accuracy of each run on one line."""
    st.subheader("Training, validation and test")
    if all(run.train_accuracy is None for run in runs):
        st.info("None of these runs has finished an epoch yet.")
        return
    if len(runs) > MOST_MARKED_CURVES and not st.toggle(
        f"Chart of {len(runs)} runs",
        key="results_chart",
        bind="query-params",
        help="Of so many runs the chart is long; the numbers are in the table above.",
    ):
        return
    st.plotly_chart(accuracy_dots(runs), key="overfitting", config=compared_runs.PLOTLY_CONFIG)
    st.caption("A training accuracy far above the other two means that the network learned its images by heart.")


def _chosen(found: Predictions, best: Run) -> str:
    """How much the best run's accuracy owes to being the best of these, and the mean over its seeds."""
    accuracy = dict(zip((run.id for run in found.runs), found.right.mean(axis=1).tolist(), strict=True))
    together = [[accuracy[run.id] for run in group.one_per_seed] for group in comparison.seed_groups(found.runs)]
    own = next(group for group in comparison.seed_groups(found.runs) if best in group.runs)
    seeds = [accuracy[run.id] for run in own.one_per_seed]
    noise = stats.image_noise(fmean(seeds), found.images)
    optimistic = " (optimistic)" if best.optimistic else ""
    text = f"{_name(best)}: test accuracy{optimistic} {accuracy[best.id]:.2%}"
    text += f", and {fmean(seeds):.2%} on average over its {len(seeds)} seeds. " if len(seeds) > 1 else ". "
    return text + stats.selection_bias_text(stats.selection_bias(together, noise))


def _sentence(found: Predictions, best: Run, second: Run) -> str:
    right = found.of([best, second]).right
    return stats.pair_verdict(_name(best), _name(second), stats.paired_test(*right), _adjusted(found, best, second))


def _adjusted(found: Predictions, best: Run, second: Run) -> float | None:
    """Holm's p of this pair among all pairs; None where it is the only one."""
    places = list(combinations(range(len(found.runs)), 2))
    if len(places) == 1:
        return None
    each = [found.right[a] != found.right[b] for a, b in places]
    p = [
        stats.mcnemar(int(found.right[a][one].sum()), int(found.right[b][one].sum()))
        for (a, b), one in zip(places, each, strict=True)
    ]
    pair = sorted((found.runs.index(best), found.runs.index(second)))
    return float(stats.holm(np.array(p))[places.index((pair[0], pair[1]))])


def _intervals(runs: Sequence[Run]) -> list[str | None]:
    """Of each tested run whose data set says how many test images it has, in per cent."""
    found: list[str | None] = []
    for run in runs:
        images = dataset(run.dataset).test_images
        if run.test_accuracy is None or not images:
            found.append(None)
            continue
        low, high = stats.wilson(round(run.test_accuracy * images), images)
        found.append(f"{100 * low:.2f} – {100 * high:.2f}")
    return found


def _name(run: Run) -> str:
    return f"Run {run.number}"


def _look(section: str) -> None:
    st.session_state["look"] = section


def _last_validation(run: Run) -> float:
    """Validation accuracy (%) after the last epoch; NaN without one, and where it is damaged."""
    try:
        table = compared_runs.load_metrics(run.id, ("validation_accuracy",), run.state, run.step)
    except StoreError:
        return float("nan")
    return float("nan") if table.empty else 100 * float(table["value"].iloc[-1])
