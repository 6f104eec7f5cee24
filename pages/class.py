"""Class: who is here, the league, a vote on the next race, and what the class has drawn."""

import streamlit as st

from dashboard.frame import choose_option, navigation
from dashboard.lesson import STYLES, show_handwriting, show_league, show_people, show_tournament, show_vote

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
    part = choose_option(
        "Part",
        list(PARTS),
        key="part",
        default="League",
        label_visibility="collapsed",
        help="What the class does together: the league, a vote on a race, drawings, and who is here.",
    )
    PARTS[part]()


navigation.enter()
page()
