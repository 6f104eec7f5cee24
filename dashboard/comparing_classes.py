"""Which digits each run is better at, and what two runs mistake for what."""

from collections.abc import Sequence

import streamlit as st

from mnist_core.store import Run


def show(runs: Sequence[Run]) -> None:
    """Which digits each run is better at, and what two runs mistake for what."""
    st.info(f"{len(runs)} runs")
