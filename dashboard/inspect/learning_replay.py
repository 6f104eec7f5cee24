"""The view "How it learned" of the Inspect page: what the network answered at any moment of its training."""

import streamlit as st

from dashboard.controls import show_thinking
from dashboard.frame import errors_as_messages, open_store, pace

_TICK_SECONDS = 0.5


def show_learning(run_id: str) -> None:
    """The glimpses of a run: the newest while it trains, a slider over all of them afterwards."""
    run_every = pace(_TICK_SECONDS) if open_store().run(run_id).active else None
    st.fragment(_show, run_every=run_every)(run_id)


def _show(run_id: str) -> None:
    with errors_as_messages():
        show_thinking(open_store().run(run_id), "moment")
