"""What the accuracy of the chosen runs costs."""

from collections.abc import Sequence

import streamlit as st

from dashboard import comparing_data
from mnist_core.plots.comparison import Cost, Score, accuracy_against
from mnist_core.store import Run

_SCORES: list[Score] = ["test", "validation"]
_COSTS: dict[str, Cost] = {"parameters": "parameters", "MACs": "macs", "seconds": "seconds"}


def show(runs: Sequence[Run]) -> None:
    """Accuracy against what it costs, one point a run."""
    st.subheader("Accuracy against cost")
    with st.container(horizontal=True, vertical_alignment="bottom", key="cost-controls"):
        shown = st.segmented_control(
            "Against",
            list(_COSTS),
            default="parameters",
            key="cost",
            bind="query-params",
            required=True,
            help="Parameters, multiply-accumulates for one image, or seconds of training.",
        )
        split: Score = st.segmented_control(
            "Accuracy on",
            _SCORES,
            default="test",
            key="split",
            bind="query-params",
            required=True,
            help="Test images, or the held-out ones at the best epoch.",
        )
    cost = _COSTS[shown]
    missing = [run for run in runs if not getattr(run, cost) or getattr(run, f"{split}_accuracy") is None]
    if len(missing) == len(runs):
        st.info(f"None of these runs has a {split} accuracy yet.")
        return
    st.plotly_chart(accuracy_against(runs, cost, split), key="costs", config=comparing_data.CHART)
    if missing:
        st.caption(f"Without {split} accuracy, so without a point: {comparing_data.named(missing)}.")
