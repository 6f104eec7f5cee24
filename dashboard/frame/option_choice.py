"""One choice among a few, by a click: what pages show their views and figures by."""

from collections.abc import Sequence
from typing import Any, TypeVar

import streamlit as st

_T = TypeVar("_T")


def choose_option(
    label: str, options: Sequence[_T], *, key: str, default: _T, help: str, in_address: bool = True, **how: Any
) -> _T:
    """The option that is chosen; the default where nothing is, or what there is no longer, or never was.

    The choice is the query parameter `key` unless it is not to stand in the address. `how` goes to Streamlit's
    segmented control.
    """
    if key in st.session_state and st.session_state[key] not in options:
        # Streamlit would show no option as chosen, and return this one: of a link, or of a page that was left.
        del st.session_state[key]
    if in_address:
        how["bind"] = "query-params"
    chosen = st.segmented_control(label, options, key=key, default=default, required=True, help=help, **how)
    # On a busy machine Streamlit has been seen to return None although a choice is required.
    return chosen if chosen in options else default
