"""The glossary as a page of its own: where the marks beside terms lead. It stands in no menu."""

import streamlit as st

from dashboard.components import address_of, glossary
from dashboard.frame.links import check_link_value

_TERM = "term"


def show_glossary_page() -> None:
    """Every term with its sentence; the one that the address asks for stands first."""
    st.title("Glossary")
    terms = {address_of(term): term for term in glossary()}
    check_link_value(_TERM, "Term", terms.__contains__)
    if asked := terms.get(st.query_params.get(_TERM, "")):
        st.info(f"**{asked}**: {glossary()[asked]}")
    if terms:
        st.markdown("\n".join(f"- **{term}**: {sentence}" for term, sentence in glossary().items()))
    else:
        st.info("The guide is not here: the folder docs/guide of the project holds it.")
