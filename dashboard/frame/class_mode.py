"""Class mode, for a projector: large type, no form and fewer words, and keys that step through a page's sections."""

from contextlib import AbstractContextManager
from pathlib import Path

import streamlit as st

# The parameter of the address, and the key of the switch.
KEY = "classroom"
# How many times as large type is; class_mode.css says the same.
TYPE_SCALE = 1.6
_STYLES = Path(__file__).with_name("class_mode.css").read_text(encoding="utf-8")
_HELP = (
    "For a projector: large type, no form, one thing at a time. Keys, while you do not type:\n\n"
    "- **C**: class mode on and off\n"
    "- **←** and **→**, or **Page Up** and **Page Down** of a presenter's clicker: the section before and after\n"
)


def begin_class_mode() -> AbstractContextManager[object]:
    """Draw the switch at the top of the window; returns its place. class_keys.js listens to its keys.

    To be called before the page is drawn: the links of the menu then keep the parameter.
    """
    # head.css takes this container out of the page, so that nothing in it needs room there.
    switch = st.container(key="class-mode", horizontal=True, vertical_alignment="center")
    with switch:
        if st.toggle("Class mode", key=KEY, bind="query-params", help=_HELP):
            st.html(f"<style>{_STYLES}</style>")
    return switch
