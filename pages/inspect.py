"""Inspect: what one run gets wrong, and what its weights look like."""

import streamlit as st

from dashboard import inspection_answers, navigation, state
from dashboard.inspection import splits, subject
from dashboard.inspection_weights import weights
from mnist_core.data.catalogue import dataset
from mnist_core.store import Run

VIEWS = ("Samples", "Mistakes", "Confusion", "Classes", "Weights")
_WATCH_SECONDS = 2.0
_WHY_NOT = {
    "queued": "This run waits in the queue. Its answers can be seen here when it has ended.",
    "running": "This run is still learning. Its answers can be seen here when it has ended; its weights, epoch by "
    "epoch, already now under **Weights**.",
    "paused": "This run is paused. Continue it on the **Train** page: when it has ended, its answers can be seen here.",
    "interrupted": "This run was interrupted. Continue it on the **Train** page: when it has ended, its answers can be "
    "seen here.",
    "diverged": "The loss of this run became infinite, so it has no answers worth looking at. A smaller learning rate "
    "usually helps.",
    "failed": "This run ended with an error and has no answers.",
}


def page() -> None:
    st.title("Inspect")
    st.caption("What one run gets wrong, and what its weights look like.")
    asked = st.query_params.get("run", "")
    run = state.pick_run("run", "Run", "The run to look into. The newest is first; type to search.",
                         state.store().runs())  # fmt: skip
    if run is None:
        st.info("There is no run yet. Train a network first; as soon as it has finished, you can look into it here.")
        st.page_link("pages/train.py", label="Train a network")
        return
    if asked and asked != str(run.number):
        st.warning(f"Run {asked} is not here: it may have been deleted. This is run {run.number}.")
    st.html(STYLES)
    summary(run)
    found = splits(run)
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        view = st.segmented_control(
            "View", VIEWS, default="Mistakes" if found else "Weights", required=True, key="view", bind="query-params",
            label_visibility="collapsed", help="What to look at.")  # fmt: skip
        split = "test"
        if view != "Weights" and len(found) > 1:
            split = st.segmented_control(
                "Split", found, default="test", required=True, key="split", bind="query-params",
                label_visibility="collapsed",
                help="Test: images that played no part in training. Validation: those that chose the best epoch.")  # fmt: skip
    if view == "Weights":
        weights(run.id)
    elif not found:
        st.info(_WHY_NOT.get(run.state, "This run has no answers to look at."))
    else:
        getattr(inspection_answers, view.lower())(subject(run, split))
    if run.active:
        st.fragment(follow, run_every=_WATCH_SECONDS)(run.id, (run.state, run.epoch))


def summary(run: Run) -> None:
    """What the run is and how well it does, in one row."""
    with st.container(horizontal=True, gap="large"):
        for label, value, help in (
            ("Test accuracy", _percent(run.test_accuracy), "Share of the test images that are right."),
            ("Validation accuracy", _percent(run.validation_accuracy), "Of the best epoch, on images held out."),
            ("Parameters", "–" if run.parameters is None else f"{run.parameters:,}", "Numbers that training adjusts."),
            ("Data set", dataset(run.dataset).label, "What the network learned from."),
            ("State", run.state, f"{run.epoch} of {run.config.epochs} epochs."),
        ):
            st.metric(label, value, help=help, width="content")
    st.caption(f"`{run.config.architecture}`")
    if run.note:
        (st.warning if run.state in ("diverged", "failed", "interrupted") else st.info)(run.note)


def follow(run_id: str, seen: tuple[str, int]) -> None:
    """Draw the page again when the run has got further."""
    found = state.store().runs(ids=[run_id])
    if not found or (found[0].state, found[0].epoch) != seen:
        st.rerun()


def _percent(fraction: float | None) -> str:
    return "–" if fraction is None else f"{fraction:.2%}"


navigation.enter()
page()
