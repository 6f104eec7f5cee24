"""Which buttons of the page choose its section, so that keys can step through them."""

import streamlit as st

_KEY = "sections:drawn"


def forget_sections() -> None:
    """Begin a run of a page, which has no sections until it draws them."""
    st.session_state.pop(_KEY, None)


def remember_sections(key: str) -> None:
    """Keep the key of the buttons that choose a section until the run ends; of several the first one counts."""
    st.session_state.setdefault(_KEY, key)


def drawn_sections() -> str:
    """The key of the buttons that choose a section, once the page is drawn; "" if it has none."""
    return st.session_state.get(_KEY, "")
