"""A first network for a person who has none: a button that trains it, and its progress."""

from collections.abc import Sequence

import streamlit as st

from dashboard.frame import background_jobs, errors_as_messages, open_store, pace
from mnist_core import environment
from mnist_core.config import RunConfig
from mnist_core.data import dataset_status
from mnist_core.store import Run, queueing
from mnist_core.text import in_markdown

_TICK_SECONDS = 0.5
# Both train in about half a minute on one core of a laptop, and read well-drawn digits.
_FULL = RunConfig(architecture="lenet-5", learning_rate=0.002, epochs=2)
_SMALL = RunConfig(architecture="lenet-5", learning_rate=0.003, epochs=12, batch_size=32, dataset="mnist-5k")


def offer() -> None:
    """A button that trains a small network on digits."""
    st.button(
        "Train a small network now (about half a minute)",
        type="primary",
        on_click=_train,
        key="first-network",
        help="A small network (LeNet-5, convolutional) learns digits; the page continues by itself.",
    )


def train() -> Run | None:
    """Start the first network; to be called from a callback. None, with a message, if it cannot be started."""
    with errors_as_messages():
        ready = dataset_status("mnist", environment.data_dir()).state == "ready"
        run = queueing.enqueue(open_store(), _FULL if ready else _SMALL, "My first network")
        background_jobs().wake()
        return run
    return None


def _train() -> None:
    train()


def offer_or_follow(runs: Sequence[Run]) -> None:
    """While no run can predict yet: the progress of the first one that trains, or else the offer."""
    active = [run for run in runs if run.active]
    if active:
        st.fragment(_follow, run_every=pace(_TICK_SECONDS))(active[-1].id)
        return
    st.info(
        "There is no trained network yet that could read your drawing. Train one here, or choose your own on the "
        "**Train** page."
    )
    if runs and runs[0].state in ("failed", "diverged", "interrupted"):
        st.warning(f"The last run ended as {runs[0].state}. {in_markdown(runs[0].note)}")
    offer()


@errors_as_messages()
def _follow(run_id: str) -> None:
    runs = open_store().runs(ids=[run_id])
    if not runs or runs[0].epoch or not runs[0].active:
        # After its first epoch the run can predict; a run that has ended without one never will.
        st.rerun()
    run = runs[0]
    if run.state == "queued":
        progress = "waits in the queue …"
    elif not run.step:
        progress = "is starting …"
    else:
        left = run.remaining_seconds
        progress = "is learning" + (f", about {left:.0f} seconds to go" if left is not None else "") + " …"
    st.progress(run.progress, text=f"**{in_markdown(run.name)}** {progress}")
    st.caption("You can draw as soon as it has seen every training image once. It goes on learning in the meantime.")
    if run.note:
        st.caption(in_markdown(run.note))
