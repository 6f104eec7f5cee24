"""One run's predictions on one split, with the images and the names of their classes."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.frame import open_store
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
    """A run's predictions on one split: `table` has a row for each image, with `scores.with_predictions`."""

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
    table = _predictions(run.id, run.state, run.step)
    names = () if table.empty else table["split"].unique()
    return [name for name in ("test", "validation") if name in names]


def split_predictions(run: Run, split: SplitName) -> SplitPredictions:
    """The run's predictions on one of its `predicted_splits`. Raises StoreError if the file is damaged."""
    table = _predictions(run.id, run.state, run.step)
    count = scores.probabilities(table.head(0)).shape[1]
    return SplitPredictions(run, split, class_names_of(open_store(), run, count), scores.rows_of_split(table, split))


def bold_class(name: str) -> str:
    """A class's name in bold Markdown; the name may hold any sign, because it may be that of a folder."""
    return f"**{in_markdown(name)}**"


@st.cache_resource(max_entries=8, show_spinner=False)
def _predictions(run_id: str, state_of_run: str, step: int) -> pd.DataFrame:
    """Shared by all sessions and never changed in place: copying it at each rerun would take longer than showing it."""
    store = open_store()
    table = predictions.load_all_splits(store, store.run(run_id))
    return table if table.empty else scores.with_predictions(table)
