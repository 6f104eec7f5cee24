"""A plotly figure that is updated in place while its data change: it does not flicker, and the zoom stays."""

import plotly.graph_objects as go
import streamlit as st
from streamlit.components.v2 import component

from dashboard.components import assets
from mnist_core.text import in_markdown

_MOUNT = component(
    "mnist_lab_live_figure",
    js=assets.loader("live_figure/live_figure.js", "Training is not affected; reload the page to try again."),
    # plotly.js adds its styles to the document, where they would not reach an isolated component.
    isolate_styles=False,
)


def live_figure(key: str, figure: go.Figure, label: str) -> None:
    """Show a figure from a fragment that repeats itself; `label` describes it for people who cannot see it.

    `st.plotly_chart` would mount it again whenever a point is added. Text gets the page's colour and font.
    """
    try:
        addresses = {"scripts": assets.publish_scripts(), "plotly": assets.publish_plotly()}
    except assets.AssetError as error:
        st.error(in_markdown(str(error)))
        return
    height = int(figure.layout.height or 460)  # pyright: ignore[reportAttributeAccessIssue]
    _MOUNT(key=key, data={**addresses, "key": key, "label": label, "height": height, "figure": figure.to_json()})
