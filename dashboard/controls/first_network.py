"""A first network for a person who has none: the offer, its training, and the way on."""

from collections.abc import Sequence

import streamlit as st

from dashboard.frame import background_jobs, errors_as_messages, open_store
from mnist_core import environment
from mnist_core.config import RunConfig
from mnist_core.data import dataset_status
from mnist_core.store import Run, queueing
from mnist_core.text import in_markdown

_TICK_SECONDS = 0.5
# Both take about half a minute or less on one core of a laptop and read well-drawn digits.
_FULL = RunConfig(architecture="lenet-5", learning_rate=0.002, epochs=2)
_SMALL = RunConfig(architecture="lenet-5", learning_rate=0.003, epochs=12, batch_size=32, dataset="mnist-5k")


def offer() -> None:
    """A button that trains a small network on digits."""
    st.button(
        "Train a small network now (about half a minute)",
        type="primary",
        on_click=_train,
        key="first-network",
        help="A small convolutional network (LeNet-5) learns digits; the page goes on by itself.",
    )


def offer_or_follow(runs: Sequence[Run]) -> None:
    """For a store in which no run can answer yet: the first one under way, or else the offer."""
    under_way = [run for run in runs if run.active]
    if under_way:
        st.fragment(_follow, run_every=_TICK_SECONDS)(under_way[-1].id)
        return
    st.info(
        "There is no trained network yet that could read what you draw. Train one here, or go to the **Train** "
        "page to choose your own."
    )
    if runs and runs[0].state in ("failed", "diverged", "interrupted"):
        st.warning(f"The last run ended as {runs[0].state}. {in_markdown(runs[0].note)}")
    offer()


def _train() -> None:
    ready = dataset_status("mnist", environment.data_dir()).state == "ready"
    queueing.enqueue(open_store(), _FULL if ready else _SMALL, "My first network")
    background_jobs().wake()


@errors_as_messages()
def _follow(run_id: str) -> None:
    found = open_store().runs(ids=[run_id])
    if not found or found[0].epoch or not found[0].active:
        # it can answer now, or never will
        st.rerun()
    run = found[0]
    if run.state == "queued":
        said = "waits in the queue …"
    elif not run.step:
        said = "is starting …"
    else:
        left = run.remaining_seconds
        said = "is learning" + (f", about {left:.0f} seconds to go" if left is not None else "") + " …"
    st.progress(run.progress, text=f"**{in_markdown(run.name)}** {said}")
    st.caption("You can draw as soon as it has seen every training image once; it goes on learning meanwhile.")
    if run.note:
        st.caption(in_markdown(run.note))
