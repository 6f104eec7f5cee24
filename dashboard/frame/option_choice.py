"""Buttons of which one is chosen, such as the views of a page."""

from collections.abc import Sequence
from typing import Any, TypeVar

import streamlit as st

_T = TypeVar("_T")


def choose_option(
    label: str, options: Sequence[_T], *, key: str, default: _T, help: str, in_address: bool = True, **how: Any
) -> _T:
    """The chosen option; the default while nothing is chosen or the choice is not among the options.

    The choice is the query parameter `key` unless `in_address` is False. `how` goes to `st.segmented_control`.
    """
    if key in st.session_state and st.session_state[key] not in options:
        # A link or another page has set this value. Streamlit would return it, and mark no option as chosen.
        del st.session_state[key]
    if in_address:
        how["bind"] = "query-params"
    chosen = st.segmented_control(label, options, key=key, default=default, required=True, help=help, **how)
    # On a busy machine Streamlit has been seen to return None although a choice is required.
    return chosen if chosen in options else default
