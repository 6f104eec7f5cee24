"""Draw: a digit by hand or from a picture, and what every chosen network reads in it."""

import streamlit as st

from dashboard.controls import first_network
from dashboard.draw import answering, drawing_predictions
from dashboard.frame import choose_runs, navigation, say_what_is_listed

_PURPOSE = "While you draw a digit, every chosen network says what it reads."


def page() -> None:
    st.title("Draw")
    offered = drawing_predictions.offered_networks()
    runs = offered.runs
    candidates = drawing_predictions.runs_with_network(runs)
    if not candidates:
        st.caption(_PURPOSE)
        first_network.offer_or_follow(runs)
        return
    # Side by side, so that the pad below fits into a small window without scrolling.
    left, right = st.columns(drawing_predictions.COLUMNS, gap="medium", vertical_alignment="bottom")
    with left:
        st.caption(_PURPOSE)
        source = drawing_predictions.choose_source()
    with right:
        chosen = choose_runs(
            "runs",
            "Networks that answer",
            "Runs that read the drawing; at first the most accurate ones. Choose very different networks and draw "
            "until they disagree.",
            runs,
            default=drawing_predictions.most_accurate_numbers(runs),
            # Without this, Streamlit hides all but the first names when the list stands in a column.
            wrap=True,
        )
        say_what_is_listed(offered)
    if not any(drawing_predictions.reads_digits(run) for run in candidates):
        st.info("None of your networks has learned digits yet.")
        first_network.offer()
    if len(chosen) > answering.MOST_NETWORKS:
        st.caption(f"The first {answering.MOST_NETWORKS} of these {len(chosen)} networks answer.")
        chosen = chosen[: answering.MOST_NETWORKS]
    drawing_predictions.load_networks(chosen)
    drawing_predictions.show_styles()
    if source == "Upload":
        drawing_predictions.upload_and_predict([run.id for run in chosen])
    else:
        drawing_predictions.draw_and_predict(chosen, answering.ADDRESS)


navigation.enter()
page()
