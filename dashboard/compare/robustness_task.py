"""Measurements of robustness in the background: one at a time for all sessions, found again by their weights."""

import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import streamlit as st

from dashboard.frame import open_store
from mnist_core.analysis import costs, robustness, trained
from mnist_core.data import input_shape_and_classes
from mnist_core.errors import MnistLabError
from mnist_core.store import Run, Store

# SHA-256 of a checkpoint and of the stored predictions, how many images were tried, and the precision of the answers.
_Key = tuple[str, str, int, str]


@dataclass
class Task:
    """A measurement under way; its thread writes, pages read."""

    # which runs
    about: str
    # images
    wanted: int
    done: float = 0.0
    images: int = 0
    stopped: threading.Event = field(default_factory=threading.Event)

    def stop(self) -> None:
        """End it soon; what it has found so far is forgotten."""
        self.stopped.set()


@dataclass
class _Desk:
    """What all sessions share."""

    # right answers, int (corruptions, LEVELS)
    found: dict[_Key, np.ndarray] = field(default_factory=dict)
    task: Task | None = None
    failure: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)


@st.cache_resource(show_spinner=False)
def _desk() -> _Desk:
    return _Desk()


def image_shape(run: Run) -> tuple[int, int, int]:
    """Shape (C, H, W) of the images that a run with weights takes. Raises CheckpointError or DataError."""
    _key(open_store(), run, 0)
    return input_shape_and_classes(run.config)[0]


def load_results(runs: Sequence[Run], images: int) -> dict[str, np.ndarray]:
    """By id of those runs that were measured on so many images: right answers, int (corruptions, LEVELS)."""
    store, found = open_store(), _desk().found
    keys = {run.id: _key(store, run, images) for run in runs}
    return {run_id: found[key] for run_id, key in keys.items() if key in found}


def running_task() -> Task | None:
    """The measurement under way, of whatever session."""
    return _desk().task


def last_failure() -> str:
    """Why the last measurement ended without a result; empty if it did not."""
    return _desk().failure


def start_measuring(
    runs: Sequence[Run], images: np.ndarray, labels: np.ndarray, untouched: Mapping[str, np.ndarray]
) -> None:
    """Measure runs on uint8 images (N, C, H, W) with labels (N,) in a thread, unless one is under way.

    `untouched` says by run id which of the images as they are it has right in its stored predictions, bool (N,).
    """
    desk, store = _desk(), open_store()
    with desk.lock:
        if desk.task is not None:
            return
        numbers = ", ".join(str(run.number) for run in runs)
        desk.task, desk.failure = Task(f"run{'s' if len(runs) > 1 else ''} {numbers}", len(images)), ""
    threading.Thread(
        target=_work,
        args=(desk, desk.task, store, tuple(runs), images, labels, untouched),
        name="robustness",
        daemon=True,
    ).start()


def _work(
    desk: _Desk,
    task: Task,
    store: Store,
    runs: tuple[Run, ...],
    images: np.ndarray,
    labels: np.ndarray,
    untouched: Mapping[str, np.ndarray],
) -> None:
    try:
        keys = {run.id: _key(store, run, len(images)) for run in runs}
        for counted in robustness.count_right_answers(costs.load_predictors(store, runs), images, labels, untouched):
            task.done, task.images = counted.done, counted.images
            if task.stopped.is_set():
                return
            if counted.images == len(images):
                desk.found |= {keys[run_id]: right for run_id, right in counted.right.items()}
    except MnistLabError as error:
        desk.failure = str(error)
    except Exception:
        # a thread's own error would be seen by nobody
        logging.getLogger(__name__).exception("A measurement of robustness failed")
        desk.failure = "The measurement failed. The log says why; try it with other runs."
    finally:
        desk.task = None


def _key(store: Store, run: Run, images: int) -> _Key:
    predictions = store.artifacts(run.id, kind="predictions")
    stored = predictions[-1].sha256 if predictions else ""
    return trained.chosen_checkpoint(store, run).sha256, stored, images, trained.precision_here(run)
