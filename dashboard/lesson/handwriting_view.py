"""Our handwriting: the class draws, and its drawings rank the networks."""

import streamlit as st

from dashboard.lesson.class_drawing import draw_for_the_class
from dashboard.lesson.handwriting_ranking import handwriting_ranking
from dashboard.lesson.managing_drawings import manage_drawings


def show_handwriting() -> None:
    """The pad beside the ranking, and the drawings below them."""
    # So narrow that the whole pad is seen on a projector.
    left, right = st.columns((1, 2), gap="large")
    with left:
        draw_for_the_class()
    with right:
        handwriting_ranking()
    manage_drawings()
