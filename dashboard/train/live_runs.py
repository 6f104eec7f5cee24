"""The part of the Train page that follows runs: their progress, their buttons, the queue and the curves."""

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
# While nothing trains, the page still looks for runs that the command line has started.
_IDLE_SECONDS = 3.0


def follow_runs() -> None:
    """Choose runs and follow them until the last has ended."""
    runs = open_store().runs()
    if not runs:
        st.info("No run yet. Choose a network on the left and press **Start training**: its curves grow here.")
        return
    active = [run.number for run in runs if run.active]
    chosen = choose_runs(
        "runs",
        "Runs on the chart",
        "Their curves are drawn over one another, each in its own colour and dash.",
        runs,
        default=active or [runs[0].number],
    )
    busy = any(run.active for run in runs)
    st.fragment(_follow, run_every=_TICK_SECONDS if busy else _IDLE_SECONDS)([run.id for run in chosen], busy)


def _follow(ids: Sequence[str], busy: bool) -> None:
    confirm_chosen_runs("runs")
    store = open_store()
    runs = store.runs(ids=ids)
    queue = store.queue()
    queued_ids = [waiting.id for waiting in queue]
    for run in runs:
        if run.state != "finished":
            run_card(run, queued_ids)
    if runs:
        live_curves(runs)
    # Finished runs stand below the chart, so that moving ones come first.
    for run in runs:
        if run.state == "finished":
            run_card(run, queued_ids)
    if queue:
        _show_queue(queue)
    added = {run.number for run in runs} != set(st.session_state["runs"])
    if added or busy != bool(store.runs(states=["queued", "running"])):
        # The choice above has changed, or the pace of the fragment, which is faster while something trains.
        st.rerun()


def _show_queue(queue: Sequence[Run]) -> None:
    st.markdown("**Queue**")
    rows = [
        {"Place": number, "Run": run_label(run), "Epochs": run.config.epochs, "Data": run.dataset}
        for number, run in enumerate(queue, 1)
    ]
    data_table("queue", table_rows(pd.DataFrame(rows)), "Runs that wait")
    st.number_input(
        "Runs at once",
        0,
        64,
        concurrency.runs_at_once(open_store()),
        key="runs_at_once",
        on_change=_set_limit,
        help="How many runs train at the same time; 0 lets none start. On a CPU, at most one for each core.",
    )


def _set_limit() -> None:
    concurrency.set_runs_at_once(open_store(), st.session_state["runs_at_once"])
    background_jobs().wake()
