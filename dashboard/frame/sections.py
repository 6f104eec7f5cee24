"""The sections of the page that is drawn, so that keys can step through them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

_KEY = "sections:drawn"


@dataclass(frozen=True)
class Sections:
    """The choice of a section: the key of its buttons, what can be chosen, and the index of what is chosen."""

    key: str
    options: tuple[Any, ...]
    at: int


def forget_sections() -> None:
    """Begin a run of a page, which has no sections until it draws them."""
    st.session_state.pop(_KEY, None)


def remember_sections(key: str, options: Sequence[Any], chosen: Any) -> None:
    """Keep the page's choice of a section until the run ends; of several the first one counts."""
    st.session_state.setdefault(_KEY, Sections(key, tuple(options), list(options).index(chosen)))


def drawn_sections() -> Sections | None:
    """The sections of the page, once it is drawn; None if it has none."""
    return st.session_state.get(_KEY)
