"""The data of a report: the runs, their predictions, and which differences are significant."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from mnist_core import environment
from mnist_core.analysis import (
    ChangedImagesError,
    ExcludedRun,
    Predictions,
    Verdict,
    class_names_of,
    images_of,
    judge,
    predictions,
)
from mnist_core.errors import ConfigError, DataError, StoreError
from mnist_core.store import Run, RunCurves, Store

_DRAWN = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy")


@dataclass(frozen=True)
class ReportContent:
    """All data that a report shows."""

    runs: tuple[Run, ...]
    # The learning curves, by run id.
    curves: Mapping[str, RunCurves]
    # The predictions of the runs that saw the same test images.
    answers: Predictions | None
    left_out: tuple[ExcludedRun, ...]
    # What can be said of the runs in `answers` and of their architectures; None without `answers`.
    verdict: Verdict | None
    # The test images, uint8 (N, C, H, W), if they are on this machine.
    images: np.ndarray | None
    # Why `images` is None; "" if it is not.
    problem: str
    classes: tuple[str, ...]
    # Runs whose figures in the database have changed since they ended.
    changed: tuple[Run, ...]

    def index_of(self, run: Run) -> int | None:
        """The run's index in `answers`, or None."""
        return self.answers.runs.index(run) if self.answers and run in self.answers.runs else None


def gather_content(store: Store, runs: Sequence[Run]) -> ReportContent:
    """Read what the store holds of the runs and compare them. Raises StoreError if there is none."""
    if not runs:
        raise StoreError("runs: there is nothing to report; name at least one run")
    tables, damaged = _answers(store, runs)
    aligned, left_out = predictions.align([run for run in runs if run.id in tables], tables)
    images, problem = _images(aligned) if aligned else (None, "")
    classes = class_names_of(store, aligned.runs[0], aligned.classes) if aligned and aligned.runs else ()
    curves, without = _curves(store, runs)
    return ReportContent(
        tuple(runs),
        curves,
        aligned,
        (*left_out, *damaged, *without),
        aligned and judge(aligned),
        images,
        problem,
        classes,
        tuple(store.changed_runs(runs)),
    )


def _answers(store: Store, runs: Sequence[Run]) -> tuple[dict[str, pd.DataFrame], list[ExcludedRun]]:
    """Predictions by run id, and the runs that are left out because their files are damaged."""
    tables: dict[str, pd.DataFrame] = {}
    damaged: list[ExcludedRun] = []
    for run in runs:
        try:
            tables[run.id] = predictions.load_split(store, run)
        except StoreError as error:
            if error.passes:
                raise
            damaged.append(ExcludedRun(run, "damaged predictions"))
    return tables, damaged


def _curves(store: Store, runs: Sequence[Run]) -> tuple[dict[str, RunCurves], list[ExcludedRun]]:
    """The curves by run id, and the runs that get none because their records are damaged."""
    curves: dict[str, RunCurves] = {}
    without: list[ExcludedRun] = []
    for run in runs:
        try:
            curves[run.id] = store.curves(run.id, _DRAWN)
        except StoreError as error:
            if error.passes:
                raise
            without.append(ExcludedRun(run, "damaged metrics"))
    return curves, without


def _images(aligned: Predictions) -> tuple[np.ndarray | None, str]:
    """The test images of the first run; if there are none, None and the reason."""
    try:
        return images_of(aligned.runs[0], "test", environment.data_dir(), aligned.labels)[0], ""
    except ChangedImagesError as error:
        return None, str(error)
    except (DataError, ConfigError):
        return None, "The test images are not on this machine, so none is shown here."
