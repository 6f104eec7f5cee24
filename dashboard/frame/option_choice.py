"""Choices of one option that the address holds: buttons, such as the views of a page, and select boxes."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import streamlit as st

from dashboard.frame.links import check_link_value
from dashboard.frame.titles import SECTION_KEYS, name_section

_T = TypeVar("_T")


def choose_option(
    label: str, options: Sequence[_T], *, key: str, default: _T, help: str, in_address: bool = True, **how: Any
) -> _T:
    """The chosen option; the default while nothing is chosen or the choice is not among the options.

    The choice is the query parameter `key` unless `in_address` is False. `how` goes to `st.segmented_control`. The key
    of a section or view (`titles.SECTION_KEYS`) also names it in the browser's title, Back undoes its change, and in
    class mode keys step through its options.
    """
    if key in st.session_state and st.session_state[key] not in options:
        # A link or another page has set this value. Streamlit would return it, and mark no option as chosen.
        del st.session_state[key]
    if in_address:
        how["bind"] = "query-params"
    chosen = st.segmented_control(label, options, key=key, default=default, required=True, help=help, **how)
    # On a busy machine Streamlit has been seen to return None although a choice is required.
    chosen = chosen if chosen in options else default
    if key in SECTION_KEYS:
        name_section(str(how.get("format_func", str)(chosen)))
    return chosen


def choose_titled(key: str, label: str, titles: Mapping[str, str], help: str) -> str:
    """A select box of titles; returns the chosen name, which is in the address as `key`. The first is the default.

    Streamlit's own binding would put the title into the address.
    """
    check_link_value(key, label, titles.__contains__)
    asked, before = st.query_params.get(key), st.session_state.get(_seen(key))
    wanted = asked if asked in titles and asked != before else st.session_state.get(key, before)
    # Assigned at every run, because Streamlit drops a value that was set on another page.
    st.session_state[key] = wanted if wanted in titles else next(iter(titles))
    name = st.selectbox(label, list(titles), format_func=lambda name: titles.get(name, name), key=key, help=help)
    st.session_state[_seen(key)] = name
    if asked != name:
        st.query_params[key] = name
    return name


def select_titled(key: str, name: str) -> None:
    """Choose a name for `choose_titled`. To be called from a callback, before the page is drawn."""
    st.session_state[key] = name
    # The address has been read, so it does not override this choice.
    st.session_state[_seen(key)] = st.query_params.get(key)


def _seen(key: str) -> str:
    """Where the session keeps what of the address was read last."""
    return f"{key}:url"
