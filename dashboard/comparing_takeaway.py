"""Scripts, weights, curves and reports as files."""

from collections.abc import Sequence

import streamlit as st

from mnist_core.store import Run


def show(runs: Sequence[Run]) -> None:
    """Scripts, weights, curves and reports as files."""
    st.info(f"{len(runs)} runs")
