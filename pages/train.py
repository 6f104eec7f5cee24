"""Train: choose networks and how they learn, start them, and watch."""

import streamlit as st

from dashboard.components import preload_curve_chart
from dashboard.frame import choose_option, class_mode, navigation, open_store
from dashboard.train import (
    Experiment,
    describe_experiment,
    follow_runs,
    send_styles,
    show_greeting,
    show_luck_of_form,
    show_networks,
)


def page() -> None:
    has_runs = open_store().count_runs() > 0
    if has_runs or not greets():
        show_form_and_view(has_runs)
        return
    send_styles(form=True)
    st.title("Train")
    show_greeting()
    with st.expander("Choose your own network and settings"):
        show_form_and_view(has_runs, title=False)


def greets() -> bool:
    """Whether a lab without runs greets: only where the link asked for nothing else.

    Decided once a session: Streamlit takes values that are usual out of the address.
    """
    return st.session_state.setdefault("train:greets", not any(key != class_mode.KEY for key in st.query_params))


def show_form_and_view(has_runs: bool, title: bool = True) -> None:
    """The form, which can be folded away, beside what is watched."""
    styles = st.container()
    with st.container(horizontal=True, vertical_alignment="center", key="train-head"):
        if title:
            st.title("Train", width="content")
        view = choose_option(
            "View",
            ["Network", "Training", "Luck"],
            key="view",
            default="Training" if has_runs else "Network",
            label_visibility="collapsed",
            help="The network to be trained, the runs, or what many seeds of the network tell about luck.",
        )
        has_form = st.toggle("Form", True, key="form", bind="query-params", help="Off: all room is left to the view.")
    with styles:
        send_styles(form=has_form)
    form, shown = st.columns([2, 5], gap="large")
    with form:
        described = describe_experiment()
    with shown:
        show_view(view, described)


def show_view(view: str, described: Experiment) -> None:
    """The networks of the form, the runs, or luck."""
    if view == "Training":
        follow_runs()
    elif view == "Luck":
        show_luck_of_form(described[0][0] if described else None)
    else:
        show_networks(described)
        preload_curve_chart()


navigation.enter()
page()
