"""The keys of class mode: a component that shows nothing and listens to the keyboard of the whole page."""

from collections.abc import Callable

import streamlit as st
from streamlit.components.v2 import component

from dashboard.components import assets

_MOUNT = component("mnist_lab_class_keys", js=assets.text("class_keys/class_keys.js"))


def class_keys(
    key: str, on: bool, bar: str, at: int, count: int, switch: Callable[[bool], None], step: Callable[[int], None]
) -> None:
    """Listen to the keys while class mode is `on` or off, at section `at` of `count` (0: the page has none).

    `bar` is the key of the buttons that choose the section: the browser marks what was clicked before Python knows it.

    `switch` gets whether class mode is to be on, `step` the index of the section to show, from 0 to count - 1. Both are
    called before the page is drawn again. Shows nothing, but takes as much room as an empty line.
    """
    _MOUNT(
        key=key,
        data={"on": on, "bar": bar, "at": at, "count": count},
        on_switched_change=lambda: _switch(key, switch),
        on_section_change=lambda: _step(key, count, step),
    )


def _switch(key: str, switch: Callable[[bool], None]) -> None:
    # What a browser sends may be anything.
    match (st.session_state.get(key) or {}).get("switched"):
        case {"on": bool(wanted)}:
            switch(wanted)


def _step(key: str, count: int, step: Callable[[int], None]) -> None:
    match (st.session_state.get(key) or {}).get("section"):
        # True is a whole number to Python.
        case {"index": int(index)} if not isinstance(index, bool) and 0 <= index < count:
            step(index)
