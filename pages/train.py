"""Train: choose a network and how it learns, start it, and watch it."""

import streamlit as st

from dashboard.components import preload_curve_chart
from dashboard.frame import choose_option, navigation, open_store
from dashboard.train import describe_experiment, follow_runs, show_luck_of_form, show_network


def page() -> None:
    store = open_store()
    st.title("Train")
    left, right = st.columns([2, 5], gap="large")
    with left:
        described = describe_experiment()
    with right:
        view = choose_option(
            "View",
            ["Network", "Training", "Luck"],
            key="view",
            default="Training" if store.runs() else "Network",
            label_visibility="collapsed",
            help="The network to be trained, the runs, or what many seeds of the network tell about luck.",
        )
        if view == "Training":
            follow_runs()
        elif view == "Luck":
            show_luck_of_form(described and described[0])
        else:
            if described is not None:
                show_network(described[1])
            preload_curve_chart()


navigation.enter()
page()
