"""Sweeps: choose settings to try, start all their runs at once, and watch which are best."""

import streamlit as st

from dashboard.frame import navigation, open_store
from dashboard.sweeps import (
    choose_sweep,
    follow_sweep,
    is_extending,
    show_examples,
    show_extension_form,
    show_new_sweep_form,
)


def page() -> None:
    store = open_store()
    st.title("Sweeps")
    st.caption("Train one experiment with many settings, and see which are best.")
    left, right = st.columns([2, 5], gap="large")
    rows = store.sweeps()
    with right:
        row = choose_sweep(rows)
    # Class mode shows no form: class_mode.css knows this one by its key.
    with left, st.container(key="sweep-form"):
        if row is not None and is_extending():
            show_extension_form(row)
        else:
            show_new_sweep_form()
    with right:
        if row is None:
            explain_sweeps(has_runs=store.count_runs() > 0)
        else:
            follow_sweep(row)


def explain_sweeps(has_runs: bool) -> None:
    """What a sweep is, with ready examples; a lab without any run also gets a link to a first network."""
    st.info(
        "No sweep yet. A **sweep** trains the same experiment many times and changes one or a few settings from run to "
        "run. It shows which values are best and how much they matter. Several seeds for each show what is chance."
    )
    st.markdown("**Ready examples.** A click fills the form on the left; nothing starts yet.")
    show_examples("empty")
    if not has_runs:
        st.page_link(
            navigation.page_named("train"),
            label="Train a single network first",
            help="The page Train begins with a small network that learns in about half a minute.",
        )


navigation.enter()
page()
