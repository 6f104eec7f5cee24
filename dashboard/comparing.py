"""Chosen runs side by side: what they achieved, their curves, what they cost, and how their configs differ."""

from collections.abc import Sequence
from math import ceil, sqrt

import pandas as pd
import streamlit as st

from dashboard import run_table, state
from mnist_core.comparison import config_differences, runs_table
from mnist_core.data.catalogue import dataset
from mnist_core.plots.comparison import Cost, Score, accuracies, accuracy_against
from mnist_core.plots.curves import Axis, Metric, learning_curves
from mnist_core.store import Run

_METRICS: list[Metric] = ["loss", "accuracy"]
_AXES: list[Axis] = ["step", "epoch", "seconds"]
_SCORES: list[Score] = ["test", "validation"]
_COSTS: dict[str, Cost] = {"parameters": "parameters", "MACs": "macs", "seconds": "seconds"}
_CHART = {"displayModeBar": False}
_SURE = 1.96  # standard errors on either side: 95 of 100 differences by chance are smaller


def results(runs: Sequence[Run]) -> None:
    """Best and last metrics of each run with its size, work and time, and what to bear in mind about them."""
    st.subheader("Results")
    table = runs_table(runs)
    last = pd.Series([_last_validation(run) for run in runs], index=table.index, dtype="float64")
    table = table.assign(
        **{"Line": [run_table.line_image(run.number) for run in runs], "Last validation accuracy (%)": last}
    )
    order = ["Line", "Run", "Name", "State", "Best validation accuracy (%)", "Best epoch",
             "Last validation accuracy (%)", "Training accuracy (%)", "Test accuracy (%)", "Test loss", "Epochs",
             "Parameters", "MACs", "Time (s)", "Images/s"]  # fmt: skip
    st.dataframe(
        table[order],
        key="results",
        hide_index=True,
        height="content",
        column_config=run_table.columns(),
        placeholder="–",
        alt="Results of the chosen runs",
    )
    for remark in remarks(runs):
        st.caption(remark)


def remarks(runs: Sequence[Run]) -> list[str]:
    """What to bear in mind before one of these runs is called better than another, a sentence or two each."""
    found = []
    active = [run for run in runs if run.state == "running"]
    if active:
        found.append(f"Still training: {_named(active)}. The page Train shows live what stands still here.")
    tested = [run for run in runs if run.test_accuracy is not None]
    if len({run.dataset for run in runs}) > 1:
        found.append("These runs learned from different data sets: their accuracies cannot be compared.")
    elif len(tested) > 1 and (images := dataset(tested[0].dataset).test_images):
        best, second = sorted((run.test_accuracy or 0.0 for run in tested), reverse=True)[:2]
        found.append(
            f"The two best test accuracies differ by {round((best - second) * images):,} of {images:,} images. "
            f"A difference of fewer than about {chance((best + second) / 2, images):,} can be chance: other test "
            "images might turn it round. Another seed changes an accuracy, too."
        )
    splits = {(run.config.validation_images, run.config.split_seed, run.config.train_images) for run in runs}
    if len(splits) > 1:
        found.append("Their validation images are not the same ones, so compare validation accuracies with care.")
    return found


def chance(accuracy: float, images: int) -> int:
    """Difference in right answers, out of `images`, between two networks of this accuracy that chance can explain.

    1.96 standard errors of the difference of two independent binomial counts: sqrt(2 n p (1 - p)) each. Both networks
    see the same images, which makes true chance differences somewhat smaller.
    """
    return ceil(_SURE * sqrt(2 * images * accuracy * (1 - accuracy)))


def curves(runs: Sequence[Run]) -> None:
    """Loss or accuracy over the course of training, all runs over one another."""
    st.subheader("Learning curves")
    with st.container(horizontal=True, vertical_alignment="bottom", key="curve-controls"):
        metric: Metric = st.segmented_control(
            "Of",
            _METRICS,
            default="loss",
            key="metric",
            bind="query-params",
            required=True,
            help="Loss is what training lowers; accuracy is the share of right answers.",
        )
        x: Axis = st.segmented_control(
            "Across",
            _AXES,
            default="step",
            key="x",
            bind="query-params",
            required=True,
            help="What the horizontal axis counts. Runs with other batch sizes compare best by epoch or by seconds.",
        )
        smoothing = st.slider(
            "Smoothing",
            0.0,
            0.99,
            0.8,
            0.01,
            key="smoothing",
            bind="query-params",
            width=220,
            help="Weight of the past in the bold training curve; the raw one stays faint behind it.",
        )
        log_x = st.toggle("Log x", key="log_x", bind="query-params", help="Logarithmic horizontal axis.")
        log_y = st.toggle(
            "Log y", key="log_y", bind="query-params", help="Logarithmic axis of the loss, or of the errors."
        )
    names = (f"train_{metric}", f"validation_{metric}")
    tables = {run.id: _metrics(run.id, names, run.state, run.step) for run in runs}
    if all(table.empty for table in tables.values()):
        st.info("None of these runs has learned a step yet.")
        return
    figure = learning_curves(tables, runs, metric, x, smoothing, log_x, log_y)
    st.plotly_chart(figure, key="curves", config=_CHART)


def costs(runs: Sequence[Run]) -> None:
    """Accuracy against what it costs, one point a run."""
    st.subheader("Accuracy against cost")
    with st.container(horizontal=True, vertical_alignment="bottom", key="cost-controls"):
        shown = st.segmented_control(
            "Against",
            list(_COSTS),
            default="parameters",
            key="cost",
            bind="query-params",
            required=True,
            help="Parameters, multiply-accumulates for one image, or seconds of training.",
        )
        split: Score = st.segmented_control(
            "Accuracy on",
            _SCORES,
            default="test",
            key="split",
            bind="query-params",
            required=True,
            help="Test images, or the held-out ones at the best epoch.",
        )
    cost = _COSTS[shown]
    missing = [run for run in runs if not getattr(run, cost) or getattr(run, f"{split}_accuracy") is None]
    if len(missing) == len(runs):
        st.info(f"None of these runs has a {split} accuracy yet.")
        return
    st.plotly_chart(accuracy_against(runs, cost, split), key="costs", config=_CHART)
    if missing:
        st.caption(f"Without {split} accuracy, so without a point: {_named(missing)}.")


def overfitting(runs: Sequence[Run]) -> None:
    """Training, validation and test accuracy of each run on one line."""
    st.subheader("Training, validation and test")
    if all(run.train_accuracy is None for run in runs):
        st.info("None of these runs has finished an epoch yet.")
        return
    st.plotly_chart(accuracies(runs), key="overfitting", config=_CHART)
    st.caption("A training accuracy far above the other two means that the network learned its images by heart.")


def differences(runs: Sequence[Run]) -> None:
    """The hyperparameters that are not the same in all runs."""
    st.subheader("What differs")
    table = config_differences(runs)
    if len(runs) < 2:
        st.info("Choose a second run to see which of their settings differ.")
    elif table.empty:
        st.info("Nothing: all settings of these runs are the same.")
    else:
        st.dataframe(table, key="differences", height="content", alt="Settings that differ")
        st.caption("Only settings that differ. A dash: the setting has no effect in that run.")


def _named(runs: Sequence[Run]) -> str:
    """Runs by their numbers: a name may hold signs that would format the text."""
    return ("runs " if len(runs) > 1 else "run ") + ", ".join(str(run.number) for run in runs)


def _last_validation(run: Run) -> float:
    """Validation accuracy (%) after the last epoch; NaN without one."""
    table = _metrics(run.id, ("validation_accuracy",), run.state, run.step)
    return float("nan") if table.empty else 100 * float(table["value"].iloc[-1])


@st.cache_data(show_spinner=False, max_entries=100)
def _metrics(run_id: str, names: tuple[str, ...], state_of_run: str, step: int) -> pd.DataFrame:
    """Metrics of a run; its state and step are there to read them again once they have changed."""
    return state.store().metrics(run_id, names=names)
