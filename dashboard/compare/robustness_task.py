"""Measurements of robustness in the background: one at a time for all sessions, kept by the hash of the weights."""

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

# SHA-256 of the checkpoint and of the stored predictions, number of images, and precision of the computation.
_Key = tuple[str, str, int, str]


@dataclass
class MeasuringTask:
    """A measurement under way; its thread writes, pages read."""

    # Names the runs, for the progress bar.
    label: str
    total_images: int
    # Share of the work that is done, 0 to 1; and how many images are done.
    done: float = 0.0
    images: int = 0
    stopped: threading.Event = field(default_factory=threading.Event)

    def stop(self) -> None:
        """End it soon; what was measured so far is dropped."""
        self.stopped.set()


@dataclass
class _Shared:
    """State that all sessions share."""

    # Numbers of right answers, int (corruptions, LEVELS).
    results: dict[_Key, np.ndarray] = field(default_factory=dict)
    task: MeasuringTask | None = None
    # Why the last measurement failed; empty if it did not.
    failure: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)


@st.cache_resource(show_spinner=False)
def _shared() -> _Shared:
    return _Shared()


def image_shape(run: Run) -> tuple[int, int, int]:
    """Shape (C, H, W) of the images that a run with weights takes. Raises CheckpointError or DataError."""
    _key(open_store(), run, 0)
    return input_shape_and_classes(run.config)[0]


def load_results(runs: Sequence[Run], images: int) -> dict[str, np.ndarray]:
    """Numbers of right answers, int (corruptions, LEVELS), by id of the runs that were measured on this many images."""
    store, results = open_store(), _shared().results
    keys = {run.id: _key(store, run, images) for run in runs}
    return {run_id: results[key] for run_id, key in keys.items() if key in results}


def running_task() -> MeasuringTask | None:
    """The measurement under way, whichever session started it; None if there is none."""
    return _shared().task


def last_failure() -> str:
    """Why the last measurement failed; empty if it did not."""
    return _shared().failure


def start_measuring(
    runs: Sequence[Run], images: np.ndarray, labels: np.ndarray, untouched: Mapping[str, np.ndarray]
) -> None:
    """Measure runs on uint8 images (N, C, H, W) with labels (N,) in a thread, unless a measurement is under way.

    `untouched` has by run id which of the unchanged images its stored predictions get right, bool (N,).
    """
    shared, store = _shared(), open_store()
    with shared.lock:
        if shared.task is not None:
            return
        numbers = ", ".join(str(run.number) for run in runs)
        shared.task, shared.failure = MeasuringTask(f"run{'s' if len(runs) > 1 else ''} {numbers}", len(images)), ""
    threading.Thread(
        target=_work,
        args=(shared, shared.task, store, tuple(runs), images, labels, untouched),
        name="robustness",
        daemon=True,
    ).start()


def _work(
    shared: _Shared,
    task: MeasuringTask,
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
                shared.results |= {keys[run_id]: right for run_id, right in counted.right.items()}
    except MnistLabError as error:
        shared.failure = str(error)
    except Exception:
        # Nobody would see an error that ends a thread.
        logging.getLogger(__name__).exception("A measurement of robustness failed")
        shared.failure = "The measurement failed. The terminal of the app says why; try it with other runs."
    finally:
        shared.task = None


def _key(store: Store, run: Run, images: int) -> _Key:
    predictions = store.artifacts(run.id, kind="predictions")
    stored = predictions[-1].sha256 if predictions else ""
    return trained.chosen_checkpoint(store, run).sha256, stored, images, trained.precision_here(run)
