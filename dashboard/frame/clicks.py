"""Clicks that are obeyed once, although a busy browser may send them twice."""

import streamlit as st


def count_clicks(key: str) -> int:
    """How many clicks on this button were obeyed: an argument for its callback, to be given to `is_new_click`."""
    return st.session_state.get(f"{key}:clicks", 0)


def is_new_click(key: str, count: int) -> bool:
    """Whether a callback is called for a new click; `count` is what `count_clicks` returned when the button was drawn.

    A busy browser sends a click twice when a fragment's rerun falls between the click and its message.
    """
    if count != count_clicks(key):
        return False
    st.session_state[f"{key}:clicks"] = count + 1
    return True
