"""Test images whose label may be wrong."""

from collections.abc import Sequence

import streamlit as st

from mnist_core.store import Run


def show(runs: Sequence[Run]) -> None:
    """Test images whose label may be wrong."""
    st.info(f"{len(runs)} runs")
