"""The style sheet of the page Train, and whether its form is folded away."""

from pathlib import Path

import streamlit as st

# Also in the head of the page (serving.routes), as what a page sends itself comes after the first drawing. Who came
# by another page has only what is sent.
_STYLES = Path(__file__).with_name("train.css").read_text(encoding="utf-8")
# The form stays on the page, because Streamlit forgets the values of fields that are not drawn.
_FOLDED = """
@media (min-width: 640.01px) {
  [data-testid="stColumn"]:has(.st-key-networks) { display: none }
}

/* On a phone what is chosen and Start stay, directly above the curve. */
@media (max-width: 640px) {
  .st-key-networks > :not(:first-child),
  [data-testid="stLayoutWrapper"]:has(> .st-key-settings) { display: none }

  .st-key-networks { min-height: 0 }
}
"""


def send_styles(*, form: bool) -> None:
    """Put the styles on the page; without `form` all room is left to what stands beside it."""
    st.html(f"<style>{_STYLES}{'' if form else _FOLDED}</style>")
