"""Images that some runs get right and others wrong; images that were forgotten."""

from collections.abc import Sequence

import streamlit as st

from mnist_core.store import Run


def show(runs: Sequence[Run]) -> None:
    """Images that some runs get right and others wrong; images that were forgotten."""
    st.info(f"{len(runs)} runs")
