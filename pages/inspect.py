"""Inspect: what one run gets wrong, and what its weights look like."""

import streamlit as st

from dashboard.controls import (
    CLASS_BAR_STYLES,
    IMAGE_STYLES,
    first_network,
    predicted_splits,
    run_downloads,
    split_predictions,
)
from dashboard.frame import (
    choose_option,
    choose_run,
    navigation,
    offered_runs,
    open_store,
    pace,
    parse_numbers,
    say_what_is_listed,
)
from dashboard.inspect import PREDICTION_VIEWS, show_facts, show_learning, show_weights
from mnist_core.analysis import image_remarks, measures
from mnist_core.config import SplitName
from mnist_core.store import Run
from mnist_core.text import in_markdown, in_table_cell

_WATCH_SECONDS = 2.0
_WHY_NOT = {
    "queued": "This run waits in the queue. Its answers appear here when it has ended.",
    "running": "This run is still learning. Its answers appear here when it has ended. You can already watch it under "
    "**How it learned**, and its weights under **Weights**.",
    "paused": "This run is paused. Continue it on the **Train** page; its answers appear here when it has ended.",
    "interrupted": "This run was interrupted. Continue it on the **Train** page; its answers appear here when it has "
    "ended.",
    "diverged": "The loss of this run became infinite, so it has no useful answers. A smaller learning rate usually "
    "helps.",
    "failed": "This run ended with an error before it could answer.",
}


def page() -> None:
    st.title("Inspect")
    st.caption("What one run gets wrong, and what its weights look like.")
    linked = st.query_params.get("run", "")
    left, right = st.columns([1, 2], gap="medium", vertical_alignment="bottom")
    with left:
        help = "The run to look at; at first the first run chosen on Compare, Draw or Train. Type to search."
        offered = offered_runs("run", "runs")
        runs = offered.runs
        run = choose_run("run", "Run", help, runs, follows="runs")
        say_what_is_listed(offered)
    if run is None:
        st.info("There is no run yet. Train a network here, or your own on the **Train** page, and look into it.")
        first_network.offer()
        return
    if linked and not {run.number for run in runs}.intersection(parse_numbers([linked])):
        st.warning(f"Run {in_markdown(linked[:20])} is not here; it may have been deleted. This is run {run.number}.")
    for styles in (IMAGE_STYLES, CLASS_BAR_STYLES):
        st.html(styles)
    with right:
        show_facts(run)
    note(run)
    view(run)
    if run.active:
        st.fragment(follow, run_every=pace(_WATCH_SECONDS))(run.id, (run.state, run.epoch))


def note(run: Run) -> None:
    """The network, and remarks on the run."""
    if changed := measures.changed_note(open_store().changed_runs([run])):
        st.error(changed)
    st.caption(f"Network: {in_table_cell(run.config.architecture)}")
    if run.note:
        (st.warning if run.state in ("diverged", "failed", "interrupted") else st.info)(in_markdown(run.note))
    for remark in image_remarks(run):
        st.caption(in_markdown(remark))


def view(run: Run) -> None:
    """The chosen view of the run."""
    splits = predicted_splits(run)
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        views = [*PREDICTION_VIEWS, "Weights", "How it learned", "Files"]
        help = "What to look at."
        chosen = choose_option("View", views, key="view", default="Samples", help=help, label_visibility="collapsed")
        split: SplitName = "test"
        if chosen in PREDICTION_VIEWS and len(splits) > 1:
            help = "Test images, or the validation images, which chose the best epoch."
            split = choose_option("Split", splits, key="split", default="test", help=help, label_visibility="collapsed")
    if chosen == "Weights":
        show_weights(run.id)
    elif chosen == "How it learned":
        show_learning(run.id)
    elif chosen == "Files":
        run_downloads.show_files(run)
    elif splits:
        PREDICTION_VIEWS[chosen](split_predictions(run, split))
    else:
        st.info(_WHY_NOT.get(run.state, "This run has no answers to look at."))


def follow(run_id: str, seen: tuple[str, int]) -> None:
    """Run the page again when the run's state or epoch differs from `seen`, or the run is gone."""
    runs = open_store().runs(ids=[run_id])
    if not runs or (runs[0].state, runs[0].epoch) != seen:
        st.rerun()


navigation.enter()
page()
