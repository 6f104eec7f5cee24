"""Stored predictions of several runs for the same images, the basis of comparisons."""

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd

from mnist_core.analysis import scores
from mnist_core.config import SplitName, have_same_pictures
from mnist_core.errors import StoreError
from mnist_core.store import Run, Store


@dataclass(frozen=True)
class Predictions:
    """Probabilities that several runs predicted for the same images, in the same order."""

    runs: tuple[Run, ...]
    # int64 (N,).
    labels: np.ndarray
    # By run id: float32 (N, classes).
    probabilities: Mapping[str, np.ndarray]
    split: SplitName = "test"

    @property
    def unverified(self) -> tuple[Run, ...]:
        """Runs of which it is not known whether they were given the same images as the others."""
        unknown = [run for run in self.runs if run.data is None or self.split not in run.data.images]
        return tuple(unknown) if len(self.runs) > 1 else ()

    @property
    def remark(self) -> str:
        """A sentence on the runs in `unverified`; "" if there is none."""
        runs = self.unverified
        if not runs:
            return ""
        numbers = [str(run.number) for run in runs]
        named = f"run {numbers[0]}" if len(runs) == 1 else f"runs {', '.join(numbers[:-1])} and {numbers[-1]}"
        return (
            f"It is not known whether {named} answered the same images as the others, because "
            f"{'it was' if len(runs) == 1 else 'they were'} trained before that was recorded. The labels are the same."
        )

    @property
    def images(self) -> int:
        """Number of images."""
        return len(self.labels)

    @property
    def classes(self) -> int:
        """Number of classes."""
        return next(iter(self.probabilities.values())).shape[1]

    @cached_property
    def predicted(self) -> np.ndarray:
        """The most probable class, a row a run: int64 (runs, N); the lowest of equals."""
        return np.stack([self.probabilities[run.id].argmax(axis=1) for run in self.runs])

    @cached_property
    def right(self) -> np.ndarray:
        """Which images each run has right, a row a run: bool (runs, N)."""
        return self.predicted == self.labels

    def of(self, runs: Iterable[Run]) -> "Predictions":
        """The predictions of some of the runs, in this order."""
        chosen = tuple(runs)
        return Predictions(chosen, self.labels, {run.id: self.probabilities[run.id] for run in chosen}, self.split)


# Why a run is left out of a comparison or a chart, as the end of a sentence about it.
_REASONS = {
    "no predictions": "has no predictions yet",
    "other images": "was tested on other images than run #{number}",
    "other class order": "has its classes in another order than run #{number}",
    "damaged predictions": "is left out: its predictions are missing or damaged",
    "damaged metrics": "has no curves here: its recorded metrics are damaged",
}
Exclusion = Literal["no predictions", "other images", "other class order", "damaged predictions", "damaged metrics"]


@dataclass(frozen=True)
class ExcludedRun:
    """A run that cannot be compared with the others, and why."""

    run: Run
    why: Exclusion
    # The run that it differs from, where the reason is such a difference.
    other: Run | None = None

    @property
    def reason(self) -> str:
        """The end of a sentence about the run, such as "has no predictions yet"."""
        return _REASONS[self.why].format(number="" if self.other is None else self.other.number)


def load_split(store: Store, run: Run, split: str = "test") -> pd.DataFrame:
    """The stored predictions of a run on one split, as `scores` describes them; empty if it has none.

    Raises StoreError if the file is missing or is not, bit for bit, the one that was written.
    """
    files = store.artifacts(run.id, kind="predictions")
    if not files:
        return pd.DataFrame()
    content = store.read_artifact(run.id, files[-1])
    if content is None:
        raise StoreError(
            f"The predictions of run #{run.number} ({store.folder(run.id) / files[-1].path}) are missing or damaged. "
            "Bring the file back from a backup, or train it again."
        )
    return scores.rows_of_split(pd.read_parquet(io.BytesIO(content)), split)


def align(
    runs: Sequence[Run], tables: Mapping[str, pd.DataFrame], split: SplitName = "test"
) -> tuple[Predictions | None, list[ExcludedRun]]:
    """Predictions of the runs that were tested on the same images as the first one, and the excluded runs.

    `tables` holds each run's predictions on this split by its id, as `load_split` returns them. None if no run has any.
    The hashes that runs recorded say which images are the same; where one recorded none, data set and labels must be
    equal.
    """
    kept: list[Run] = []
    left_out: list[ExcludedRun] = []
    labels: np.ndarray | None = None
    probabilities: dict[str, np.ndarray] = {}
    for run in runs:
        table = tables[run.id]
        if table.empty:
            left_out.append(ExcludedRun(run, "no predictions"))
            continue
        run_labels = table["label"].to_numpy(np.int64)
        if excluded := next(filter(None, (_why_apart(run, other, split) for other in kept)), None):
            left_out.append(excluded)
            continue
        if labels is None:
            labels = run_labels
        elif not np.array_equal(run_labels, labels):
            left_out.append(ExcludedRun(run, "other images", kept[0]))
            continue
        kept.append(run)
        probabilities[run.id] = scores.probabilities(table)
    return (None if labels is None else Predictions(tuple(kept), labels, probabilities, split)), left_out


def _why_apart(run: Run, other: Run, split: SplitName) -> ExcludedRun | None:
    """Why a run cannot be compared with another one; None if it can."""
    same = have_same_pictures(run.data, other.data, split)
    if same or (same is None and run.dataset == other.dataset):
        return None
    classes = [member.data.classes for member in (run, other) if member.data is not None]
    if len(set(classes)) == 2 and sorted(classes[0]) == sorted(classes[1]):
        return ExcludedRun(run, "other class order", other)
    return ExcludedRun(run, "other images", other)
