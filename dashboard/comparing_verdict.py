"""Whether one run or one architecture is really better than another."""

from collections.abc import Sequence

import streamlit as st

from mnist_core.store import Run


def show(runs: Sequence[Run]) -> None:
    """Whether one run or one architecture is really better than another."""
    st.info(f"{len(runs)} runs")
