"""Compare: the chosen runs beside one question about them at a time, and all runs in a table."""

from collections.abc import Sequence

import streamlit as st

from dashboard.compare import (
    choose_section,
    show_edit_buttons,
    show_glossary,
    show_rail,
    show_restore_and_import,
    show_section,
    show_style,
    show_undo,
    visible_runs,
    warn_of_broken_runs,
    warn_of_changed_figures,
)
from dashboard.controls import run_selection, run_snapshot, run_table
from dashboard.frame import navigation, text_widget_value
from mnist_core.store import Run


def page() -> None:
    snapshot = run_snapshot.load_snapshot()
    if not snapshot.runs:
        st.title("Compare")
        warn_of_broken_runs(snapshot)
        show_undo()
        explain_empty_store()
        return
    open_table_for_filter()
    text = text_widget_value("filter")
    offer = run_selection.offered_runs(snapshot, text)
    runs = run_selection.load_chosen(snapshot, offer)
    with st.container(horizontal=True, vertical_alignment="center", key="head"):
        st.title("Compare", width="content")
        is_open = st.toggle(
            "All runs",
            key=run_table.TABLE_OPEN,
            bind="query-params",
            help="Opens the table of all runs: choose others, filter, delete, bring back and import.",
        )
        show_glossary()
        show_style()
        if run_selection.is_suggested(runs):
            st.caption(f"Nothing was chosen, so here are the newest {len(runs)} that can be compared.", width="content")
    warn_of_broken_runs(snapshot)
    warn_of_changed_figures(snapshot)
    if is_open or not runs:
        show_all_runs(snapshot, text, offer, runs)
    else:
        show_undo()
        run_selection.keep_choice(runs)
    if runs:
        compare_runs(runs)


def open_table_for_filter() -> None:
    """A link that holds a filter shows the table that it filters."""
    state, address = st.session_state, st.query_params
    if address.get("filter") and run_table.TABLE_OPEN not in state and run_table.TABLE_OPEN not in address:
        state[run_table.TABLE_OPEN] = True


def show_all_runs(snapshot: run_snapshot.Snapshot, text: str, offer: Sequence[Run], runs: Sequence[Run]) -> None:
    bar, undo, table, choice = (st.container() for _ in range(4))
    # The table is sent first, because it takes the browser longest.
    with table:
        run_table.show_table(snapshot, text, runs)
    with bar, st.container(horizontal=True, vertical_alignment="bottom", key="bar"):
        st.text_input(
            "Filter",
            key="filter",
            bind="query-params",
            placeholder="name, tag, data set, architecture, state, #number",
            help="Shows runs that contain all of these words. Click the head of a column to sort.",
        )
        with st.container(horizontal=True, width="content"):
            show_edit_buttons(snapshot, runs)
    with undo:
        show_undo()
    with choice:
        # What the page has chosen itself may be older than all that is offered.
        run_selection.show_chosen_list([*offer, *runs[: run_selection.MAX_COMPARED]])
        if not runs:
            st.info("No run is chosen. Tick some at the left edge of the table.")
            run_selection.offer_newest(snapshot)


def compare_runs(runs: Sequence[Run]) -> None:
    if len(runs) > run_selection.MAX_COMPARED:
        st.info(f"{len(runs):,} runs are chosen; the first {run_selection.MAX_COMPARED} of them are compared.")
        runs = runs[: run_selection.MAX_COMPARED]
    name = choose_section()
    rail, section = st.columns([1, 4], gap="medium")
    with rail:
        show_rail(runs)
    with section:
        if shown := visible_runs(runs):
            show_section(name, shown)
        else:
            st.info("Every chosen run is hidden. Press **Show all** beside this.")


def explain_empty_store() -> None:
    st.info("There is no run yet. Train two networks, and compare them here.")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.page_link(navigation.page_named("train"), label="Train a network", help="Choose a network and start it.")
        show_restore_and_import()


navigation.enter()
page()
