"""Train: choose a network and how it learns, start it, and watch it."""

import streamlit as st

from dashboard.components import preload_curve_chart
from dashboard.frame import choose_option, navigation, open_store
from dashboard.train import describe_experiment, follow_runs, show_network


def page() -> None:
    store = open_store()
    st.title("Train")
    left, right = st.columns([2, 5], gap="large")
    with left:
        network = describe_experiment()
    with right:
        view = choose_option(
            "View",
            ["Network", "Training"],
            key="view",
            default="Training" if store.runs() else "Network",
            label_visibility="collapsed",
            help="The network to be trained, or the runs.",
        )
        if view == "Training":
            follow_runs()
        else:
            if network is not None:
                show_network(network)
            preload_curve_chart()


navigation.enter()
page()
