"""The part of the Train page that follows runs: how far each is, its buttons, the queue and the curves."""

from collections.abc import Sequence
from typing import cast, get_args

import pandas as pd
import streamlit as st

from dashboard import state
from dashboard.choices import one_of
from dashboard.components.data_table import data_table, rows_of
from dashboard.components.live_chart import Series, live_chart
from dashboard.components.live_curves import Across
from dashboard.run_card import run_card
from mnist_core import jobs, measures
from mnist_core.errors import StoreError
from mnist_core.plots.style import run_label, run_styles
from mnist_core.store import Run
from mnist_core.text import in_markdown

_TICK_SECONDS = 0.5
_IDLE_SECONDS = 3.0  # a run may also be started from the command line
_METRICS = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy")


def follow_runs() -> None:
    """Choose runs and follow them until the last has ended."""
    every = state.store().runs()
    if not every:
        st.info("No run yet. Choose a network on the left and press **Start training**: its curves grow here.")
        return
    active = [run.number for run in every if run.active]
    chosen = state.pick_runs(
        "runs",
        "Runs on the chart",
        "Their curves are drawn over one another, each in its own colour and dash.",
        every,
        default=active or [every[0].number],
    )
    busy = any(run.active for run in every)
    st.fragment(_follow, run_every=_TICK_SECONDS if busy else _IDLE_SECONDS)([run.id for run in chosen], busy)


def _follow(ids: Sequence[str], busy: bool) -> None:
    state.seen_by_browser("runs")
    store = state.store()
    runs = store.runs(ids=ids)
    queue = store.queue()
    places = [waiting.id for waiting in queue]
    for run in runs:
        if run.state != "finished":
            run_card(run, places)
    if runs:
        curves(runs)
    for run in runs:  # below the chart: what is still moving comes first
        if run.state == "finished":
            run_card(run, places)
    if queue:
        _queue(queue)
    added = {run.number for run in runs} != set(st.session_state["runs"])
    if added or busy != bool(store.runs(states=["queued", "running"])):
        st.rerun()  # the choice above has changed, or the pace: faster while something trains


def curves(runs: Sequence[Run]) -> None:
    """The chart of these runs; one whose recorded metrics are damaged is named and left out."""
    notes = {run.id: "" if run.active else _damage(run.id, run.finished) for run in runs}
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
            help="Weight of the past in the bold curve; the raw one stays faint behind it.",
        )
        across = one_of(
            "Across",
            get_args(Across),
            default="step",
            key="x",
            help="What the horizontal axis counts.",
        )
        log_x = st.toggle("Log x", key="log_x", bind="query-params", help="Logarithmic horizontal axis.")
        log_y = st.toggle("Log loss", key="log_y", bind="query-params", help="Logarithmic axis for the loss.")
    styles = run_styles(runs)
    store = state.store()
    series = [
        Series(run.id, run_label(run), styles[run.number].colour, styles[run.number].dash,
               run.steps_per_epoch or 0, lambda after, run=run: store.metrics(run.id, after, _METRICS),
               run.validation_label, run.training_loss_label)
        for run in runs
    ]  # fmt: skip
    if note := measures.training_loss_note(runs):
        st.caption(note)
    live_chart("curves", series, smoothing=smoothing, log_x=log_x, log_y=log_y, x=cast(Across, across), height=420)


@st.cache_data(show_spinner=False, max_entries=2000)
def _damage(run_id: str, finished: float | None) -> str:
    """What is wrong with the metrics of a run that has ended; `finished` is there to look again once it has gone on."""
    try:
        state.store().curves(run_id, _METRICS)
    except StoreError as error:
        return str(error)
    return ""


def _queue(queue: Sequence[Run]) -> None:
    st.markdown("**Queue**")
    rows = [
        {"Place": place, "Run": run_label(run), "Epochs": run.config.epochs, "Data": run.dataset}
        for place, run in enumerate(queue, 1)
    ]
    data_table("queue", rows_of(pd.DataFrame(rows)), "Runs that wait")
    st.number_input(
        "Runs at once",
        0,
        64,
        jobs.runs_at_once(state.store()),
        key="runs_at_once",
        on_change=_set_limit,
        help="How many runs train at the same time; 0 holds the queue. On a CPU, as many as it has cores at most.",
    )


def _set_limit() -> None:
    jobs.set_runs_at_once(state.store(), st.session_state["runs_at_once"])
    state.background().wake()
