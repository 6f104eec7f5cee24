"""The diagram of a network whose layers a person makes wider or narrower, copies and removes."""

from collections.abc import Callable

import streamlit as st
from streamlit.components.v2 import component

from dashboard.components import assets
from mnist_core.architectures import Diagram, LayerChange
from mnist_core.text import is_text

_MOUNT = component(
    "mnist_lab_network_diagram",
    html=assets.text("network_diagram/network_diagram.html"),
    css=assets.text("network_diagram/network_diagram.css"),
    js=assets.joined("network_diagram/network_diagram.js"),
)
# The smallest size of a drawing, as a share of its full one: on a wide screen, and on a phone (network_diagram.css).
_SMALLEST, _SMALLEST_ON_PHONE = 0.6, 0.86


def network_diagram(
    key: str, diagram: Diagram, line: str, summary: str, on_change: Callable[[LayerChange, str], None]
) -> None:
    """Show the diagram of this line; `summary` is read out after a change.

    `on_change` gets a change and the line that it was made on, before the page is drawn again. What the browser sends
    may be anything: whether the layer can be changed so is for `on_change` to check.
    """
    # The place is kept until the script has come: as high as the drawing will be at this width of the page.
    st.html(_place_styles(key, diagram))
    data = {"svg": diagram.svg, "line": line, "summary": summary}
    _MOUNT(key=key, data=data, on_change_change=lambda: _take(key, on_change))


def _place_styles(key: str, diagram: Diagram) -> str:
    width, height = diagram.width, diagram.height
    return (
        f"<style>.st-key-{key} {{ width: 100%; aspect-ratio: {width} / {height}; max-height: {height}px; "
        f"min-height: {_SMALLEST * height:.0f}px }} @media (max-width: 640px) {{ .st-key-{key} {{ "
        f"min-height: {_SMALLEST_ON_PHONE * height:.0f}px }} }}</style>"
    )


def _take(key: str, on_change: Callable[[LayerChange, str], None]) -> None:
    change = (st.session_state.get(key) or {}).get("change")
    if not is_text(change):
        return
    match change:
        case {"layer": int(index), "action": "resize", "width": int(width), "line": str(line)}:
            on_change(LayerChange(index, "resize", width), line)
        case {"layer": int(index), "action": ("copy" | "remove" | "insert") as action, "line": str(line)}:
            on_change(LayerChange(index, action), line)
