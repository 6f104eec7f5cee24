"""The part of the Train page that follows runs: how far each is, its buttons, the queue and the curves."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from dashboard.components import data_table, table_rows
from dashboard.controls import live_curves
from dashboard.frame import background_jobs, choose_runs, confirm_chosen_runs, open_store
from dashboard.train.run_card import run_card
from mnist_core.plots import run_label
from mnist_core.store import Run, concurrency

_TICK_SECONDS = 0.5
# a run may also be started from the command line
_IDLE_SECONDS = 3.0


def follow_runs() -> None:
    """Choose runs and follow them until the last has ended."""
    every = open_store().runs()
    if not every:
        st.info("No run yet. Choose a network on the left and press **Start training**: its curves grow here.")
        return
    active = [run.number for run in every if run.active]
    chosen = choose_runs(
        "runs",
        "Runs on the chart",
        "Their curves are drawn over one another, each in its own colour and dash.",
        every,
        default=active or [every[0].number],
    )
    busy = any(run.active for run in every)
    st.fragment(_follow, run_every=_TICK_SECONDS if busy else _IDLE_SECONDS)([run.id for run in chosen], busy)


def _follow(ids: Sequence[str], busy: bool) -> None:
    confirm_chosen_runs("runs")
    store = open_store()
    runs = store.runs(ids=ids)
    queue = store.queue()
    places = [waiting.id for waiting in queue]
    for run in runs:
        if run.state != "finished":
            run_card(run, places)
    if runs:
        live_curves(runs)
    # below the chart: what is still moving comes first
    for run in runs:
        if run.state == "finished":
            run_card(run, places)
    if queue:
        _queue(queue)
    added = {run.number for run in runs} != set(st.session_state["runs"])
    if added or busy != bool(store.runs(states=["queued", "running"])):
        # the choice above has changed, or the pace: faster while something trains
        st.rerun()


def _queue(queue: Sequence[Run]) -> None:
    st.markdown("**Queue**")
    rows = [
        {"Place": place, "Run": run_label(run), "Epochs": run.config.epochs, "Data": run.dataset}
        for place, run in enumerate(queue, 1)
    ]
    data_table("queue", table_rows(pd.DataFrame(rows)), "Runs that wait")
    st.number_input(
        "Runs at once",
        0,
        64,
        concurrency.runs_at_once(open_store()),
        key="runs_at_once",
        on_change=_set_limit,
        help="How many runs train at the same time; 0 holds the queue. On a CPU, as many as it has cores at most.",
    )


def _set_limit() -> None:
    concurrency.set_runs_at_once(open_store(), st.session_state["runs_at_once"])
    background_jobs().wake()
