"""Compare: all runs in a table, and a comparison of the chosen ones."""

from collections.abc import Sequence

import streamlit as st

from dashboard.compare import (
    show_chosen_section,
    show_edit_buttons,
    show_restore_and_import,
    show_undo,
    warn_of_broken_runs,
    warn_of_changed_figures,
)
from dashboard.controls import run_table
from dashboard.frame import navigation, text_widget_value
from mnist_core.store import Run


def page() -> None:
    st.title("Compare")
    st.caption("Tick runs in the table to compare their curves, results and settings below it.")
    snapshot = run_table.load_snapshot()
    warn_of_broken_runs(snapshot)
    warn_of_changed_figures(snapshot)
    if not snapshot.runs:
        show_undo()
        explain_empty_store()
        return
    bar, undo, table, choice = (st.container() for _ in range(4))
    text = text_widget_value("filter")
    offer = run_table.offered_runs(snapshot, text)
    runs = run_table.load_chosen(snapshot, offer)
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
        run_table.show_chosen_list(offer)
    if runs:
        compare_runs(runs)
    else:
        suggest_newest_runs(snapshot)


def compare_runs(runs: Sequence[Run]) -> None:
    if len(runs) > run_table.MAX_COMPARED:
        st.info(f"{len(runs):,} runs are chosen; the first {run_table.MAX_COMPARED} of them are compared.")
        runs = runs[: run_table.MAX_COMPARED]
    show_chosen_section(runs)


def suggest_newest_runs(snapshot: run_table.Snapshot) -> None:
    newest = [run.number for run in snapshot.runs.values() if run.test_accuracy is not None][:3]
    st.info("No run is chosen. Tick some at the left edge of the table.")
    if len(newest) > 1:
        st.button(
            f"Compare the newest {len(newest)}",
            on_click=run_table.set_chosen,
            args=(newest,),
            help="Chooses the runs that were trained last.",
        )


def explain_empty_store() -> None:
    st.info("There is no run yet. Train two networks, and compare them here.")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.page_link(navigation.page_named("train"), label="Train a network", help="Choose a network and start it.")
        show_restore_and_import()


navigation.enter()
page()
