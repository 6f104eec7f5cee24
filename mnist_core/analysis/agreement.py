"""Where the predictions of several runs agree: who is right, and where they differ.

Images are indices into the split, runs are indices into the predictions' order.
"""

import csv
import io
import re

import numpy as np
import pandas as pd

from mnist_core.analysis.predictions import Predictions
from mnist_core.analysis.stats.pairs import paired_test
from mnist_core.analysis.stats.several import holm
from mnist_core.errors import DataError


def right_patterns(right: np.ndarray) -> pd.DataFrame:
    """Who is right, from bool (R, N): `pattern`, a tuple of R bools, and `images`, the most frequent first.

    Only patterns that occur; the images add up to N.
    """
    # Packing the runs into bits gives each image a few bytes, which sort faster than columns of bools.
    packed = np.ascontiguousarray(np.packbits(right, axis=0).T)
    _, first, counts = np.unique(packed.view(f"V{packed.shape[1]}").ravel(), return_index=True, return_counts=True)
    rows = [(tuple(right[:, column].tolist()), int(count)) for column, count in zip(first, counts, strict=True)]
    rows.sort(key=lambda row: (-row[1], -sum(row[0]), [not right_of_run for right_of_run in row[0]]))
    return pd.DataFrame({"pattern": [pattern for pattern, _ in rows], "images": [count for _, count in rows]})


def right_by_pattern(right: np.ndarray, pattern: tuple[bool, ...]) -> np.ndarray:
    """The images that exactly these runs have right, from bool (R, N): int64 (M,)."""
    return np.flatnonzero((right == np.asarray(pattern)[:, None]).all(axis=0))


def right_by_count(right: np.ndarray, count: int) -> np.ndarray:
    """The images that exactly `count` of the runs have right, from bool (R, N): int64 (M,)."""
    return np.flatnonzero(right.sum(axis=0) == count)


def right_by_none(right: np.ndarray) -> np.ndarray:
    """The images that no run has right, from bool (R, N): int64 (M,)."""
    return right_by_count(right, 0)


def right_by_all(right: np.ndarray) -> np.ndarray:
    """The images that every run has right, from bool (R, N): int64 (M,)."""
    return right_by_count(right, len(right))


def true_probability(answers: Predictions) -> np.ndarray:
    """The probability that each run gives the true class: float64 (R, N)."""
    places = np.arange(answers.images)
    return np.stack([answers.probabilities[run.id][places, answers.labels] for run in answers.runs]).astype(np.float64)


def disagreement(answers: Predictions) -> np.ndarray:
    """How far the runs' probabilities are from each other for each image, in bits: float64 (N,).

    The Jensen-Shannon divergence of the R distributions, H(mean) - mean of H (Lin, 1991): 0 where all say the same,
    at most log2 R where each is sure of something else.
    """
    mean = np.zeros((answers.images, answers.classes))
    mean_entropy = np.zeros(answers.images)
    for run in answers.runs:
        values = answers.probabilities[run.id].astype(np.float64)
        mean += values / len(answers.runs)
        mean_entropy += _entropy(values) / len(answers.runs)
    return np.maximum(_entropy(mean) - mean_entropy, 0)


def images_of_cell(answers: Predictions, run: int, true: int, predicted: int) -> np.ndarray:
    """The images of class `true` that a run predicts as class `predicted`: int64 (M,)."""
    return np.flatnonzero((answers.labels == true) & (answers.predicted[run] == predicted))


def class_accuracy(answers: Predictions) -> pd.DataFrame:
    """Share of the images of each class (row, by its index) that each run (column, by its number) has right.

    Fractions; NaN for a class without images.
    """
    images = np.bincount(answers.labels, minlength=answers.classes)
    columns = {}
    for run, right in zip(answers.runs, answers.right, strict=True):
        hits = np.bincount(answers.labels[right], minlength=answers.classes)
        columns[run.number] = np.divide(hits, images, out=np.full(len(images), np.nan), where=images > 0)
    return pd.DataFrame(columns, index=pd.RangeIndex(answers.classes, name="class"))


def class_differences(answers: Predictions, a: int, b: int) -> pd.DataFrame:
    """Accuracy of run a minus that of run b in each class, with its 95 % interval and the exact McNemar test.

    A row a class that has images: class (its index), images, only_a and only_b (images that only one has right),
    difference, low, high (fractions; as `stats.PairedTest`, of this class alone), p (of this class alone) and adjusted
    (corrected by Holm's method for all classes).
    """
    rows = []
    for class_index in range(answers.classes):
        own_a, own_b = (answers.right[run][answers.labels == class_index] for run in (a, b))
        if len(own_a):
            test = paired_test(own_a, own_b)
            rows.append(
                (class_index, test.images, test.only_a, test.only_b, test.difference, test.low, test.high, test.p)
            )
    names = ["class", "images", "only_a", "only_b", "difference", "low", "high", "p"]
    table = pd.DataFrame(rows, columns=pd.Index(names))
    return table.assign(adjusted=holm(table["p"].to_numpy()))


def parse_image_list(text: str, images: int) -> np.ndarray:
    """Parse a list of images, as indices into a split of `images`: int64 (M,), each once, in the text's order.

    Numbers with commas, spaces or lines between them, or a CSV with a column "index". Raises DataError that quotes
    what cannot be read.
    """
    words = _index_column(text)
    if words is None:
        words = [
            (number, word) for number, line in enumerate(text.splitlines(), 1) for word in re.findall(r"[^\s,;]+", line)
        ]
    indices: dict[int, None] = {}
    for line, word in words:
        if not re.fullmatch(r"[0-9]{1,9}", word):
            raise DataError(
                f"List of images, line {line}: {word[:40]!r} is not the number of an image. Give whole numbers with "
                "commas or lines between them, or a CSV with a column named index."
            )
        if int(word) >= images:
            raise DataError(f"List of images, line {line}: there is no image {word}; they go from 0 to {images - 1:,}.")
        indices[int(word)] = None
    return np.array(list(indices), dtype=np.int64)


def accuracy_without(answers: Predictions, places: np.ndarray) -> pd.DataFrame:
    """Each run's score on all images and on those that are not at the indices `places`.

    Columns: run (its number), wrong and accuracy (a fraction) of all images, wrong_without and accuracy_without; NaN
    where no image is left.
    """
    kept = np.ones(answers.images, dtype=bool)
    kept[places] = False
    rows = []
    for run, right in zip(answers.runs, answers.right, strict=True):
        rest = right[kept]
        share = float(rest.mean()) if len(rest) else float("nan")
        rows.append((run.number, int((~right).sum()), float(right.mean()), int((~rest).sum()), share))
    names = ["run", "wrong", "accuracy", "wrong_without", "accuracy_without"]
    return pd.DataFrame(rows, columns=pd.Index(names))


def _entropy(values: np.ndarray) -> np.ndarray:
    """Shannon's entropy of the distributions in the rows, in bits; 0 log 0 is 0."""
    return -(values * np.log2(np.where(values > 0, values, 1))).sum(axis=-1)


def _index_column(text: str) -> list[tuple[int, str]] | None:
    """Lines and words of the column "index" of a CSV; None if the text has no such column."""
    rows = list(csv.reader(io.StringIO(text)))
    head = [word.strip().lower().lstrip("\ufeff") for word in rows[0]] if rows else []
    if "index" not in head:
        return None
    column = head.index("index")
    return [(line, row[column].strip() if column < len(row) else "") for line, row in enumerate(rows[1:], 2) if row]
