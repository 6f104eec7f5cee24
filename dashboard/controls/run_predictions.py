"""One run's predictions on one split, with the images and the names of their classes."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from dashboard.frame import cached_by_run, open_store
from mnist_core import environment
from mnist_core.analysis import class_names_of, images_of, predictions, scores
from mnist_core.config import SplitName
from mnist_core.store import Run
from mnist_core.text import in_markdown


@dataclass(frozen=True)
class ImagePrediction:
    """What the network says about one image."""

    # Label of the row in `SplitPredictions.table`.
    row: int
    # Index of the image in its split.
    index: int
    # The true class and the most probable class, both as indices of `SplitPredictions.classes`.
    label: int
    predicted: int
    # Probability of the predicted class.
    confidence: float
    # float32 (classes,)
    probabilities: np.ndarray

    @property
    def is_correct(self) -> bool:
        return self.label == self.predicted


@dataclass(frozen=True)
class SplitPredictions:
    """A run's predictions on one split: `table` is what `load_predictions` returns."""

    run: Run
    split: SplitName
    classes: tuple[str, ...]
    table: pd.DataFrame

    def prediction(self, row: int) -> ImagePrediction:
        """The prediction in the row of the table with this label."""
        rows = self.table.loc[[row]]
        values = {name: rows[name].to_numpy()[0] for name in ("index", "label", "predicted", "confidence")}
        return ImagePrediction(
            row,
            int(values["index"]),
            int(values["label"]),
            int(values["predicted"]),
            float(values["confidence"]),
            scores.probabilities(rows)[0],
        )

    def images(self, rows: pd.DataFrame) -> np.ndarray:
        """The images of some rows of the table: uint8 (N, C, H, W). Raises DataError if they are not there."""
        labels = self.table["label"].to_numpy()
        images, _ = images_of(self.run, self.split, environment.data_dir(), labels)
        return images[rows["index"].to_numpy()]

    def image(self, prediction: ImagePrediction) -> np.ndarray:
        """The image of one prediction: uint8 (C, H, W). Raises DataError."""
        return self.images(self.table.loc[[prediction.row]])[0]


def predicted_splits(run: Run) -> list[SplitName]:
    """The splits for which the run has predictions, "test" first; none before it has been tested."""
    splits: tuple[SplitName, ...] = ("test", "validation")
    return [split for split in splits if not load_predictions(run, split).empty]


def split_predictions(run: Run, split: SplitName) -> SplitPredictions:
    """The run's predictions on one of its `predicted_splits`. Raises StoreError if the file is damaged."""
    table = load_predictions(run, split)
    count = scores.probabilities(table.head(0)).shape[1]
    return SplitPredictions(run, split, class_names_of(open_store(), run, count), table)


def bold_class(name: str) -> str:
    """A class's name in bold Markdown; the name may hold any sign, because it may be that of a folder."""
    return f"**{in_markdown(name)}**"


@cached_by_run(max_entries=120)
def load_predictions(run: Run, split: SplitName) -> pd.DataFrame:
    """A run's stored predictions on one split, a row an image, with `scores.with_predictions`; empty if it has none.

    Raises StoreError if the file is missing or damaged.
    """
    table = predictions.load_split(open_store(), run, split)
    return table if table.empty else scores.with_predictions(table)
