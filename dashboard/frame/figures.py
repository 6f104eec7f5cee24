"""Plotly's figures on a page: without a bar of tools, and in class mode with larger type."""

from typing import Any

import plotly.graph_objects as go
import streamlit as st

from dashboard.frame import class_mode
from mnist_core.plots import enlarged


def show_figure(figure: go.Figure, key: str, **how: Any) -> None:
    """Show a figure; `how` goes to `st.plotly_chart`. What is selected in it is `st.session_state[key]`."""
    st.plotly_chart(figure_in_class_mode(figure), key=key, config={"displayModeBar": False}, **how)


def figure_in_class_mode(figure: go.Figure) -> go.Figure:
    """The figure, in class mode with type as large as that of the page."""
    scale = type_scale()
    return figure if scale == 1 else enlarged(figure, scale)


def type_scale() -> float:
    """How many times as large as usual the type of figures is: more than 1 in class mode, except on a phone."""
    # The server does not know how wide the window is. Browsers of phones say so.
    is_phone = "Mobi" in (st.context.headers.get("User-Agent") or "")
    return class_mode.TYPE_SCALE if st.session_state.get(class_mode.KEY) and not is_phone else 1
