"""The browser's title: what is seen, on which page, in which app, such as "Curves · Compare · MNIST Lab".

Streamlit shows every title that a run sets. A run therefore begins with the title that is shown already, and sets
another one only when it knows page and section.
"""

import streamlit as st

from dashboard.frame import navigation

APP_NAME = "MNIST Lab"
# Parameters of the address that say which section, view or study of a page is seen.
SECTION_KEYS = ("look", "view", "results", "study", "part")
# What makes an entry: these, and the networks of a form, so that Back undoes a change of a network, too.
ENTRY_KEYS = (*SECTION_KEYS, "architecture", "own", "layers")
# Keys of the session: the title that is shown, and whether this run has set one.
_SHOWN = "title:shown"
_IS_SET = "title:set"


def begin_title() -> str:
    """The title that a run of a page begins with."""
    st.session_state[_IS_SET] = False
    return st.session_state.get(_SHOWN, APP_NAME)


def name_section(section: str) -> None:
    """Name the section or view that is seen in the browser's title."""
    _show(section)


def end_title() -> None:
    """Name the page alone, unless it has named a section."""
    if not st.session_state[_IS_SET]:
        _show()


def _show(section: str = "") -> None:
    title = navigation.title_of(st.session_state.get("page:open", ""))
    shown = " · ".join(part for part in (section, title, APP_NAME) if part)
    st.session_state[_IS_SET] = True
    st.session_state[_SHOWN] = shown
    st.set_page_config(page_title=shown)
