"""The section Results: a verdict, what the runs achieved, which settings differ, and a form that changes one."""

from collections.abc import Sequence
from typing import Any, Literal

import pandas as pd
import streamlit as st

from dashboard.compare.workspace import baseline_of
from dashboard.components import data_table, explained, table_rows
from dashboard.controls import change_one_thing, compared_runs, run_columns
from dashboard.frame import show_figure
from mnist_core.analysis import Verdict, comparison, config_differences, fairness, measures, runs_table, stats
from mnist_core.config import dataset
from mnist_core.errors import StoreError
from mnist_core.plots import accuracy_dots
from mnist_core.store import Run
from mnist_core.text import in_markdown

_DIFFERENCE, _DIFFERENCE_INTERVAL = "Difference from the baseline (points)", "95 % interval of the difference"
_INTERVAL = "95 % interval of the test accuracy"
# Of more runs the chart of accuracies is drawn only when it is asked for.
_MOST_RUNS_DRAWN = 12
Remark = Literal["running", "data sets", "optimistic", "splits"]


def show_results(runs: Sequence[Run]) -> None:
    """A verdict, results, settings that differ, the form that changes one thing, and a chart of all accuracies."""
    _show_table(runs)
    _show_verdict(runs)
    _show_differences(runs)
    change_one_thing.show_form(runs)
    _show_accuracies(runs)


def _show_verdict(runs: Sequence[Run]) -> None:
    """A sentence or two: whether the best run is better than the second, judged on the same test images."""
    tested = [run for run in runs if run.test_accuracy is not None]
    predictions = compared_runs.gather_predictions(tested) if tested else None
    if predictions is None:
        return
    st.header("In numbers")
    verdict = compared_runs.load_verdict(predictions)
    best = predictions.runs[verdict.best]
    if len(predictions.runs) == 1:
        right, (low, high) = verdict.count_right(verdict.best), verdict.interval(verdict.best)
        but = ", and that is optimistic: these images chose its epoch" if best.optimistic else ""
        st.markdown(
            f"{_name(best)} is right on {right:,} of {predictions.images:,} test images. On many more images of this "
            f"kind its accuracy would most likely be between {low:.2%} and {high:.2%} (95 % interval{but})."
        )
        return
    about = "" if len(predictions.runs) == 2 else "The two best: "
    second = predictions.runs[verdict.order[1]]
    st.markdown(about + verdict.sentence(verdict.pair(*verdict.order[:2]), _name(best), _name(second)))
    st.caption(_selection_note(verdict))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            "This is about two trained networks and these test images. For all pairs, and for architectures over "
            "seeds:",
            width="content",
        )
        st.button(
            "Is it real?",
            key="results_real",
            on_click=_open_section,
            args=("Is it real?",),
            help="Opens the section that tests differences.",
        )


def _show_table(runs: Sequence[Run]) -> None:
    """A table of each run's best and last metrics, size, work and time; remarks below it."""
    frame = runs_table(runs)
    last = [float("nan") if run.optimistic else _last_validation(run) for run in runs]
    frame = frame.assign(
        **{
            "Line": run_columns.line_images(runs),
            "Last validation accuracy (%)": pd.Series(last, index=frame.index, dtype="float64"),
            _INTERVAL: _intervals(runs),
        }
    )
    baseline = baseline_of(runs)
    differences = {} if baseline is None else _differences_from(baseline, runs)
    frame = frame.assign(**{name: pd.Series(values, index=frame.index) for name, values in differences.items()})
    order = [
        "Line",
        "Run",
        "Name",
        "Test accuracy (%)",
        _INTERVAL,
        *differences,
        "Best validation accuracy (%)",
        "Best epoch",
        "Last validation accuracy (%)",
        "Training accuracy (%)",
        "State",
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
        help=explained(
            "Where the accuracy on many more images of this kind most likely lies (Wilson's formula). It covers only "
            "the chance in the choice of test images: another seed would change the accuracy, too.",
            "Interval (95 %)",
        ),
    )
    rows = table_rows(
        frame.loc[:, run_columns.with_chosen_on(order, runs)],
        run_columns.column_configs() | {_INTERVAL: interval} | _difference_columns(baseline),
    )
    data_table("results", rows, "Results of the chosen runs")
    for remark in comparison_remarks(runs).values():
        st.caption(remark)


def _differences_from(baseline: Run, runs: Sequence[Run]) -> dict[str, list[Any]]:
    """Test accuracy minus the baseline's with its interval, percentage points; empty where they cannot be compared."""
    others = [run for run in runs if run.id != baseline.id]
    predictions = compared_runs.comparable_predictions([baseline, *others])
    points = [float("nan")] * len(runs)
    intervals: list[str | None] = ["baseline" if run.id == baseline.id else None for run in runs]
    if predictions is None or predictions.runs[0].id != baseline.id:
        return {_DIFFERENCE: points, _DIFFERENCE_INTERVAL: intervals}
    verdict = compared_runs.load_verdict(predictions)
    places = {run.id: place for place, run in enumerate(runs)}
    for index, run in enumerate(predictions.runs[1:], start=1):
        test = verdict.pair(index, 0).paired
        low, high = test.widest
        points[places[run.id]] = 100 * test.difference
        intervals[places[run.id]] = f"{stats.points_text(low)} to {stats.points_text(high)}"
    return {_DIFFERENCE: points, _DIFFERENCE_INTERVAL: intervals}


def _difference_columns(baseline: Run | None) -> dict[str, Any]:
    if baseline is None:
        return {}
    column = st.column_config
    return {
        _DIFFERENCE: column.NumberColumn(
            f"Minus #{baseline.number}",
            format="%+.2f",
            help=explained(
                "Test accuracy minus that of the baseline, in percentage points.", "Baseline", "Percentage point"
            ),
        ),
        _DIFFERENCE_INTERVAL: column.TextColumn(
            "95 % of that",
            width=170,
            help=explained(
                "Where this difference lies on many more images of this kind: an exact interval that goes with "
                "McNemar's test and holds it in at least 95 of 100 cases. It is of this pair alone; the sentence above "
                "is corrected for the number of runs.",
                "McNemar's test",
            ),
        ),
    }


def comparison_remarks(runs: Sequence[Run]) -> dict[Remark, str]:
    """Remarks that a comparison of these runs needs, each a sentence or two, by their subject."""
    remarks: dict[Remark, str] = {}
    active = [run for run in runs if run.state == "running"]
    if active:
        remarks["running"] = f"Still training: {measures.run_numbers(active)}. The page Train shows them live."
    if len({run.dataset for run in runs}) > 1:
        remarks["data sets"] = "These runs learned from different data sets: their accuracies cannot be compared."
    if note := measures.optimistic_note(runs):
        remarks["optimistic"] = note
    splits = {
        (run.config.validation_images, run.config.split_seed, run.config.train_images)
        for run in runs
        if run.config.choose_on == "validation"
    }
    if len(splits) > 1:
        remarks["splits"] = "Their validation images are not the same, so compare validation accuracies with care."
    return remarks


def _show_differences(runs: Sequence[Run]) -> None:
    """The settings that differ between the runs, and whether they explain a difference in accuracy."""
    st.header("What differs")
    if len(runs) < 2:
        st.info("Choose a second run to see which of their settings differ.")
        return
    factor = _factor(runs)
    st.markdown(in_markdown(fairness(runs, factor)))
    differing = config_differences(runs, factor).reset_index()
    if not differing.empty:
        text = st.column_config.TextColumn
        help = (
            "A confound is a setting that differs as well: it, too, may be the reason for a difference in accuracy. "
            "The seed is chance: it favours no run, but blurs the result. Threads, processor and version of torch may "
            "change the last digits; runs that began alike then drift apart, which is chance as well."
        )
        rows = table_rows(
            differing, {"Hyperparameter": text(pinned=True), "Role": text(help=explained(help, "Confound"))}
        )
        data_table("differences", rows, "Settings that differ")
        st.caption("A dash: the setting has no effect in that run.")


def _factor(runs: Sequence[Run]) -> str:
    """Name of the field under study; a select box where several differ."""
    labels = {field.name: field.label for field in comparison.factors(runs)}
    if len(labels) < 2:
        return next(iter(labels), "")
    return st.selectbox(
        "Under study",
        list(labels),
        format_func=labels.__getitem__,
        key=change_one_thing.FACTOR_KEY,
        bind="query-params",
        help="The setting whose effect you want to know. Every other setting that differs is a confound.",
    )


def _show_accuracies(runs: Sequence[Run]) -> None:
    """A chart of each run's training, validation and test accuracy."""
    st.header("Training, validation and test")
    if all(run.train_accuracy is None for run in runs):
        st.info("None of these runs has finished an epoch yet.")
        return
    if len(runs) > _MOST_RUNS_DRAWN and not st.toggle(
        f"Chart of {len(runs)} runs",
        key="results_chart",
        bind="query-params",
        help="The chart of so many runs is long; the numbers are in the table above.",
    ):
        return
    show_figure(accuracy_dots(runs), key="overfitting")
    st.caption(
        "A training accuracy far above the other two means that the network learned its images by heart (overfitting)."
    )


def _selection_note(verdict: Verdict) -> str:
    """The best run's accuracy, the mean over its seeds, and how much choosing the best of these flatters it."""
    best = verdict.predictions.runs[verdict.best]
    architecture = verdict.architecture_of(best)
    seeds = len(architecture.accuracies)
    optimistic = " (optimistic)" if best.optimistic else ""
    accuracy = verdict.count_right(verdict.best) / verdict.predictions.images
    text = f"{_name(best)}: test accuracy{optimistic} {accuracy:.2%}"
    text += f", and {architecture.mean:.2%} on average over its {seeds} seeds. " if seeds > 1 else ". "
    return text + stats.selection_bias_text(verdict.selection_bias)


def _intervals(runs: Sequence[Run]) -> list[str | None]:
    """Wilson intervals as text, in per cent; None for untested runs and for data sets of unknown size."""
    intervals: list[str | None] = []
    for run in runs:
        images = dataset(run.dataset).test_images
        if run.test_accuracy is None or not images:
            intervals.append(None)
            continue
        low, high = stats.wilson(round(run.test_accuracy * images), images)
        intervals.append(f"{100 * low:.2f} – {100 * high:.2f}")
    return intervals


def _name(run: Run) -> str:
    return f"Run {run.number}"


def _open_section(section: str) -> None:
    st.session_state["look"] = section


def _last_validation(run: Run) -> float:
    """Validation accuracy (%) after the last epoch; NaN if there is none or it is damaged."""
    try:
        values = compared_runs.load_curves(run, ("validation_accuracy",))["validation_accuracy"].value
    except StoreError as error:
        if error.passes:
            raise
        return float("nan")
    return 100 * float(values[-1]) if len(values) else float("nan")
