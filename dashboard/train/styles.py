"""The style sheet of the page Train, and whether its form is folded away."""

from pathlib import Path

import streamlit as st

_STYLES = Path(__file__).with_name("train.css").read_text(encoding="utf-8")
# The form stays on the page, because Streamlit forgets the values of fields that are not drawn.
_FOLDED = '[data-testid="stColumn"]:has(.st-key-start-bar) { display: none }'


def send_styles(*, form: bool) -> None:
    """Put the styles on the page; without `form` all room is left to what stands beside it."""
    st.html(f"<style>{_STYLES}{'' if form else _FOLDED}</style>")
