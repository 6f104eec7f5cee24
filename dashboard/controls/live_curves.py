"""Learning curves of runs that may still train, with the controls of their chart."""

from collections.abc import Sequence
from typing import cast, get_args

import streamlit as st

from dashboard.components import ChartedRun, XAxis, live_chart
from dashboard.frame import cached_by_run, choose_option, open_store
from mnist_core.analysis import measures
from mnist_core.errors import StoreError
from mnist_core.plots import run_label, run_styles
from mnist_core.store import Run
from mnist_core.text import in_markdown

_METRICS = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy")


def live_curves(runs: Sequence[Run]) -> None:
    """The chart of these runs; a run whose recorded metrics are damaged is named and left out."""
    notes = {run.id: "" if run.active else _damage(run) for run in runs}
    for note in filter(None, notes.values()):
        st.error(in_markdown(note))
    runs = [run for run in runs if not notes[run.id]]
    with st.container(horizontal=True, vertical_alignment="bottom", key="curve-controls"):
        smoothing = st.slider(
            "Smoothing",
            0.0,
            0.99,
            0.8,
            0.01,
            key="smoothing",
            bind="query-params",
            width=240,
            help="How strongly the bold curve averages over earlier steps. The raw curve stays faint behind it.",
        )
        across = choose_option(
            "Across",
            get_args(XAxis),
            default="step",
            key="x",
            help="What the horizontal axis counts.",
        )
        log_x = st.toggle("Log x", key="log_x", bind="query-params", help="Logarithmic horizontal axis.")
        log_y = st.toggle("Log loss", key="log_y", bind="query-params", help="Logarithmic axis for the loss.")
    styles = run_styles(runs)
    store = open_store()
    series = [
        ChartedRun(
            run.id,
            run_label(run),
            styles[run.number].colour,
            styles[run.number].dash,
            run.steps_per_epoch or 0,
            lambda after, run=run: store.metrics(run.id, after, _METRICS),
            run.validation_label,
            run.optimistic,
            run.training_loss_label,
        )
        for run in runs
    ]
    if note := measures.training_loss_note(runs):
        st.caption(note)
    live_chart("curves", series, smoothing=smoothing, log_x=log_x, log_y=log_y, x=cast(XAxis, across), height=420)


@cached_by_run(max_entries=2000)
def _damage(run: Run) -> str:
    """What is wrong with the metrics of a run that has ended."""
    try:
        open_store().curves(run.id, _METRICS)
    except StoreError as error:
        return str(error)
    return ""
