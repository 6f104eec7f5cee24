"""Draw: a digit by hand or from a picture, and what every chosen network reads in it."""

import streamlit as st

from dashboard import drawing, first_network, navigation, state


def page() -> None:
    st.title("Draw")
    st.caption("Draw a digit. Every chosen network says what it reads, while you draw.")
    runs = state.store().runs()
    able = drawing.able(runs)
    if not able:
        first_network.offer_or_follow(runs)
        return
    chosen = state.pick_runs(
        "runs", "Networks that answer", "Runs that read the drawing; at first the most accurate ones. Choose very "
        "different ones and draw until they disagree.", runs, default=drawing.best_numbers(runs))  # fmt: skip
    if not any(drawing.reads_digits(run) for run in able):
        st.info("None of your networks has learned digits yet.")
        first_network.offer()
    drawing.warm_up(chosen)
    drawing.draw_and_answer(chosen)


navigation.enter()
page()
