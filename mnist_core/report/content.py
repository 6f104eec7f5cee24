"""What a report says, before it is put into words: the runs, their answers, and which differences are real."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from mnist_core import environment
from mnist_core.analysis import (
    ChangedImagesError,
    ExcludedRun,
    Predictions,
    class_names_of,
    images_of,
    predictions,
    seed_groups,
    stats,
)
from mnist_core.errors import ConfigError, DataError, StoreError
from mnist_core.store import Run, Store

_DRAWN = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy")


@dataclass(frozen=True)
class ReportContent:
    """Everything that a report is made from."""

    runs: tuple[Run, ...]
    # What the learning curves draw, by run id.
    metrics: Mapping[str, pd.DataFrame]
    # The predictions of the runs that saw the same test images.
    answers: Predictions | None
    left_out: tuple[ExcludedRun, ...]
    # of the runs in `answers`, by their places there
    pairs: tuple[stats.Pair, ...]
    # places of runs that cannot be told apart, the best first
    alike: tuple[tuple[int, ...], ...]
    # of the best run, by having been chosen as the best of those in `answers`
    selection_bias: stats.SelectionBias | None
    # The test images, uint8 (N, C, H, W), if they are on this machine.
    images: np.ndarray | None
    # Why there are no images; "" if there are.
    problem: str
    classes: tuple[str, ...]
    # Runs whose figures in the database are no longer what they were when they ended.
    changed: tuple[Run, ...]

    def place(self, run: Run) -> int | None:
        """The run's place in the answers, or None."""
        return self.answers.runs.index(run) if self.answers and run in self.answers.runs else None


def gather_content(store: Store, runs: Sequence[Run]) -> ReportContent:
    """Read what the store holds of the runs and compare them. Raises StoreError if there is none."""
    if not runs:
        raise StoreError("runs: there is nothing to report; name at least one run")
    tables, damaged = _answers(store, runs)
    aligned, left_out = predictions.align([run for run in runs if run.id in tables], tables)
    pairs: list[stats.Pair] = []
    alike: list[tuple[int, ...]] = []
    if aligned and len(aligned.runs) > 1:
        pairs = stats.all_pairs(aligned.right)
        alike = stats.indistinguishable(aligned.right, pairs)
    images, problem = _images(aligned) if aligned else (None, "")
    classes = class_names_of(store, aligned.runs[0], aligned.classes) if aligned and aligned.runs else ()
    metrics, without = _metrics(store, runs)
    return ReportContent(
        tuple(runs),
        metrics,
        aligned,
        (*left_out, *damaged, *without),
        tuple(pairs),
        tuple(alike),
        aligned and _flattery(aligned),
        images,
        problem,
        classes,
        tuple(store.changed_runs(runs)),
    )


def _flattery(aligned: Predictions) -> stats.SelectionBias | None:
    accuracy = dict(zip((run.id for run in aligned.runs), aligned.right.mean(axis=1).tolist(), strict=True))
    noise = stats.image_noise(max(accuracy.values()), aligned.images)
    return stats.selection_bias(
        [[accuracy[run.id] for run in group.one_per_seed] for group in seed_groups(aligned.runs)], noise
    )


def _answers(store: Store, runs: Sequence[Run]) -> tuple[dict[str, pd.DataFrame], list[ExcludedRun]]:
    """Predictions by run id, and the runs whose files are damaged: the report is of what can still be read."""
    tables: dict[str, pd.DataFrame] = {}
    damaged: list[ExcludedRun] = []
    for run in runs:
        try:
            tables[run.id] = predictions.load_split(store, run)
        except StoreError:
            damaged.append(ExcludedRun(run, "damaged predictions"))
    return tables, damaged


def _metrics(store: Store, runs: Sequence[Run]) -> tuple[dict[str, pd.DataFrame], list[ExcludedRun]]:
    """What the curves draw by run id, and the runs of which nothing is drawn because what was recorded is damaged."""
    tables: dict[str, pd.DataFrame] = {}
    without: list[ExcludedRun] = []
    for run in runs:
        try:
            tables[run.id] = store.metrics(run.id, names=_DRAWN)
        except StoreError:
            tables[run.id] = store.metrics(run.id, names=[])
            without.append(ExcludedRun(run, "damaged metrics"))
    return tables, without


def _images(aligned: Predictions) -> tuple[np.ndarray | None, str]:
    """The test images of the first run, or why they cannot be shown."""
    try:
        return images_of(aligned.runs[0], "test", environment.data_dir(), aligned.labels)[0], ""
    except ChangedImagesError as error:
        return None, str(error)
    except (DataError, ConfigError):
        return None, "The test images are not on this machine, so none is shown here."
