"""Predictions after each epoch with a checkpoint: when images were learned, and when forgotten again."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from mnist_core.analysis import trained
from mnist_core.analysis.costs import answering_seconds
from mnist_core.store import Run, Store

# Progress is reported after this many images.
_BATCH = 500


@dataclass(frozen=True)
class PredictionHistory:
    """The network's predictions for each image after some of its epochs."""

    # int64 (E,), ascending.
    epochs: np.ndarray
    # int16 (E, N): the most probable class of each image after each epoch.
    predicted: np.ndarray

    def of(self, image: int) -> np.ndarray:
        """Predictions of one image after each of the epochs: int16 (E,)."""
        return self.predicted[:, image]


def kept_epochs(store: Store, run: Run) -> list[int]:
    """The epochs at whose end the run kept its weights, rising. `checkpoint_every` says how many are kept."""
    kept = trained.checkpoints(store, run)
    times = Counter(artifact.epoch for artifact in kept)
    # A run that is paused in the middle of an epoch has a second checkpoint with the same number of finished epochs.
    return sorted(a.epoch for a in kept if a.epoch and times[a.epoch] == 1 and a.path != trained.PAUSED_CHECKPOINT)


def history_seconds(run: Run, images: int, epochs: int) -> float:
    """About how long `prediction_history` takes on one core. Raises what `answering_seconds` does."""
    return answering_seconds(run, images * epochs)


def prediction_history(
    store: Store,
    run: Run,
    images: np.ndarray,
    progress: Callable[[int, int], None] | None = None,
    wanted: Sequence[int] | None = None,
    stored: Mapping[int, np.ndarray] | None = None,
) -> PredictionHistory:
    """Predictions for uint8 images (N, C, H, W) of the network's input shape after each kept epoch.

    `wanted` are the epochs to look at, by default all of `kept_epochs`. `stored` holds, by epoch, predictions int (N,)
    that the run's own evaluation made already; they are not computed again. `progress` is called with the number of
    images predicted so far and the number in all. Raises CheckpointError if a file is damaged.
    """
    kept = list(kept_epochs(store, run) if wanted is None else wanted)
    predicted = np.zeros((len(kept), len(images)), dtype=np.int16)
    for row, epoch in enumerate(kept):
        if stored and epoch in stored:
            predicted[row] = stored[epoch]
            continue
        for start in range(0, len(images), _BATCH):
            part = slice(start, start + _BATCH)
            predicted[row, part] = trained.run_probabilities(store, run, images[part], epoch).argmax(axis=1)
            if progress:
                progress(row * len(images) + min(start + _BATCH, len(images)), len(kept) * len(images))
    return PredictionHistory(np.array(kept, dtype=np.int64), predicted)


def forgetting_events(history: PredictionHistory, labels: np.ndarray) -> pd.DataFrame:
    """Forgetting events of each image: a row an image, in their order, from labels (N,).

    Columns: index; label; forgotten, how often it was right and wrong at the next epoch looked at (a forgetting event
    of Toneva et al., ICLR 2019, there of training images); learned, the first epoch at which it was right; last_right,
    the last such epoch; right_since, the epoch from which it was right at every later one. The epochs are NA where
    there is none: an image that was never learned has neither, one that is wrong at the end has no right_since.
    """
    # Shape (E, N).
    right = history.predicted == labels
    count = len(history.epochs)
    ever = right.any(axis=0)
    first = right.argmax(axis=0)
    last = count - 1 - right[::-1].argmax(axis=0)
    # Index of the last epoch at which the image was wrong; -1 where there is none.
    wrong_last = np.where(right.all(axis=0), -1, count - 1 - (~right[::-1]).argmax(axis=0))
    return pd.DataFrame(
        {
            "index": np.arange(len(labels)),
            "label": labels,
            "forgotten": (right[:-1] & ~right[1:]).sum(axis=0),
            "learned": _epochs_or_none(history, first, ever),
            "last_right": _epochs_or_none(history, last, ever),
            "right_since": _epochs_or_none(history, wrong_last + 1, wrong_last < count - 1),
        }
    )


def forgetting_course(history: PredictionHistory, labels: np.ndarray) -> pd.DataFrame:
    """How many images were right, learned and forgotten after each epoch: columns epoch, right, learned, forgotten.

    Learned and forgotten are counted since the epoch before; at the first one, all that are right are learned.
    """
    right = history.predicted == labels
    before = np.vstack([np.zeros((1, right.shape[1]), dtype=bool), right[:-1]])
    return pd.DataFrame(
        {
            "epoch": history.epochs,
            "right": right.sum(axis=1),
            "learned": (right & ~before).sum(axis=1),
            "forgotten": (before & ~right).sum(axis=1),
        }
    )


def _epochs_or_none(history: PredictionHistory, places: np.ndarray, defined: np.ndarray) -> pd.Series:
    """The epochs at some indices, NA where they are not defined."""
    last = len(history.epochs) - 1
    return pd.Series(history.epochs[np.clip(places, 0, last)], dtype="Int64").where(pd.Series(defined))
