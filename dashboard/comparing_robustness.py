"""Accuracy when images are turned, moved, blurred, covered."""

from collections.abc import Sequence

import streamlit as st

from mnist_core.store import Run


def show(runs: Sequence[Run]) -> None:
    """Accuracy when images are turned, moved, blurred, covered."""
    st.info(f"{len(runs)} runs")
