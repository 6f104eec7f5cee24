"""A page with the drawing pad that shows what Python receives, and a second page."""

import streamlit as st

from dashboard.components.pad.pad import pad


def draw():
    st.text_input("Note")

    @st.fragment
    def part():
        got = pad("pad", pause=0.09)
        ink = [] if got.pixels is None else [int(got.pixels[y, x]) for y, x in ((56, 28), (56, 84), (28, 56), (84, 56))]
        st.html(f"<i id='got' data-seq='{got.seq}' data-ended='{got.stroke_ended}' data-ink='{ink}'></i>")

    part()


def other():
    st.text("elsewhere")


st.navigation([st.Page(draw, default=True), st.Page(other)]).run()
