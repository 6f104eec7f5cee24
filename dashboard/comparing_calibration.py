"""Whether a run knows how sure it may be."""

from collections.abc import Sequence

import streamlit as st

from mnist_core.store import Run


def show(runs: Sequence[Run]) -> None:
    """Whether a run knows how sure it may be."""
    st.info(f"{len(runs)} runs")
