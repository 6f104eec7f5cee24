"""What the Inspect page looks at: one run's answers to one split, its images, and the names of its classes."""

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
    """What the network says to one image."""

    # label of its row in the subject's table
    place: int
    # in its split
    index: int
    # place of the true class
    true: int
    # place of the most probable class
    given: int
    # its probability
    confidence: float
    # float32 (classes,)
    probabilities: np.ndarray

    @property
    def right(self) -> bool:
        return self.true == self.given


@dataclass(frozen=True)
class SplitPredictions:
    """A run's answers to the images of one split, one row of `table` an image, with `scores.with_predictions`."""

    run: Run
    split: SplitName
    classes: tuple[str, ...]
    table: pd.DataFrame

    def answer(self, place: int) -> ImagePrediction:
        """One row of the table, by its label there."""
        row = self.table.loc[[place]]
        numbers = {name: row[name].to_numpy()[0] for name in ("index", "label", "predicted", "confidence")}
        return ImagePrediction(
            place,
            int(numbers["index"]),
            int(numbers["label"]),
            int(numbers["predicted"]),
            float(numbers["confidence"]),
            scores.probabilities(row)[0],
        )

    def images(self, rows: pd.DataFrame) -> np.ndarray:
        """The images of some rows of the table: uint8 (N, C, H, W). Raises DataError if they are not there."""
        labels = self.table["label"].to_numpy()
        images, _ = images_of(self.run, self.split, environment.data_dir(), labels)
        return images[rows["index"].to_numpy()]

    def image(self, answer: ImagePrediction) -> np.ndarray:
        """The image of one answer: uint8 (C, H, W). Raises DataError."""
        return self.images(self.table.loc[[answer.place]])[0]


def predicted_splits(run: Run) -> list[SplitName]:
    """The splits that the run has answered to, "test" first; none while it has no predictions."""
    table = _answers(run.id, run.state, run.step)
    found = () if table.empty else table["split"].unique()
    return [name for name in ("test", "validation") if name in found]


def split_predictions(run: Run, split: SplitName) -> SplitPredictions:
    """The run's answers to a split that is one of `predicted_splits`. Raises StoreError if the file is damaged."""
    table = _answers(run.id, run.state, run.step)
    count = scores.probabilities(table.head(0)).shape[1]
    return SplitPredictions(run, split, class_names_of(open_store(), run, count), scores.rows_of_split(table, split))


def bold_class(name: str) -> str:
    """A class's name in Markdown, whatever a folder is called."""
    return f"**{in_markdown(name)}**"


@st.cache_resource(max_entries=8, show_spinner=False)
def _answers(run_id: str, state_of_run: str, step: int) -> pd.DataFrame:
    """Shared by all sessions and never changed in place: a copy for each rerun costs more than what is shown."""
    store = open_store()
    table = predictions.load_all_splits(store, store.run(run_id))
    return table if table.empty else scores.with_predictions(table)
