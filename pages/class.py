"""Class: who is here, the league, a vote on the next race, and what the class has drawn."""

import streamlit as st

from dashboard.frame import choose_option, navigation, open_store
from dashboard.lesson import (
    STYLES,
    show_handwriting,
    show_league,
    show_people,
    show_rules,
    show_tournament,
    show_vote,
)

# What everyone sees, and what only the teacher does.
PARTS = {
    "League": show_league,
    "Vote": show_vote,
    "Tournament": show_tournament,
    "Our handwriting": show_handwriting,
    "People": show_people,
}


def page() -> None:
    st.html(STYLES)
    st.title("Class")
    parts = PARTS if open_store().owner is not None else PARTS | {"Rules": show_rules}
    part = choose_option(
        "Part",
        list(parts),
        key="part",
        default="League",
        label_visibility="collapsed",
        help="What the class does together: the league, a vote on a race, drawings, and who is here.",
    )
    parts[part]()


navigation.enter()
page()
