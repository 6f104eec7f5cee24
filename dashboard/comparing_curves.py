"""Learning curves of the chosen runs over one another."""

from collections.abc import Sequence

import streamlit as st

from dashboard import comparing_data
from mnist_core.plots.curves import Axis, Metric, learning_curves
from mnist_core.store import Run

_METRICS: list[Metric] = ["loss", "accuracy"]
_AXES: list[Axis] = ["step", "epoch", "seconds"]


def show(runs: Sequence[Run]) -> None:
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
    tables = {run.id: comparing_data.metrics(run.id, names, run.state, run.step) for run in runs}
    if all(table.empty for table in tables.values()):
        st.info("None of these runs has learned a step yet.")
        return
    figure = learning_curves(tables, runs, metric, x, smoothing, log_x, log_y)
    st.plotly_chart(figure, key="curves", config=comparing_data.CHART)
