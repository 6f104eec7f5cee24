"""Scores of stored predictions: accuracy, confusion matrix, scores a class, the mistakes.

The table of predictions has the columns split, index (into that split), label, and p0, p1 ... with the probability
of each class; it is what `predictions.parquet` holds.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

# Replaces a probability that rounded to 0 in float32, so that its logarithm is finite.
LEAST_PROBABILITY = float(np.finfo(np.float32).tiny)


def rows_of_split(frame: pd.DataFrame, split: str) -> pd.DataFrame:
    """The rows of one split, "validation" or "test"."""
    return frame.loc[frame["split"] == split, :]


def probabilities(frame: pd.DataFrame) -> np.ndarray:
    """Probability of each class for each image: float32 (N, classes)."""
    columns = [name for name in frame.columns if name[:1] == "p" and name[1:].isdigit()]
    columns.sort(key=lambda name: int(name[1:]))
    return frame[columns].to_numpy(dtype=np.float32)


def predicted_classes(frame: pd.DataFrame) -> np.ndarray:
    """The most probable class of each image: int64 (N,); the lowest of equals."""
    return probabilities(frame).argmax(axis=1)


def accuracy(frame: pd.DataFrame) -> float:
    """Fraction of the images whose most probable class is the true one; NaN without images."""
    return float(np.mean(predicted_classes(frame) == _labels(frame))) if len(frame) else float("nan")


def negative_log_likelihood(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Mean of -ln p(true class), in nats: the cross-entropy loss. NaN without images.

    `probabilities` are (N, classes) and `labels`, the true classes, int (N,).
    """
    if not len(labels):
        return float("nan")
    return float(-logarithms(np.take_along_axis(probabilities, labels[:, None], axis=1)[:, 0]).mean())


def logarithms(probabilities: np.ndarray) -> np.ndarray:
    """Natural logarithms of probabilities, float64; finite where a probability has rounded to 0 in float32."""
    return np.log(np.maximum(probabilities, LEAST_PROBABILITY, dtype=np.float64))


def confusion_matrix(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Number of images of each true class (row) that were given each class (column): int64 (C, C).

    `labels` and `predicted` are int64 (N,), the true and the predicted classes of the images.
    """
    return np.bincount(labels * classes + predicted, minlength=classes * classes).reshape(classes, classes)


def class_scores(matrix: np.ndarray, classes: Sequence[str]) -> pd.DataFrame:
    """Precision, recall and F1 (fractions) and support (images) of each class of a confusion matrix, by its name.

    NaN where undefined: precision of a class that was never predicted, recall of one without images.
    """
    hits, predicted, support = np.diag(matrix), matrix.sum(axis=0), matrix.sum(axis=1)
    return pd.DataFrame(
        {
            "precision": _ratio(hits, predicted),
            "recall": _ratio(hits, support),
            "f1": _ratio(2 * hits, predicted + support),
            "support": support,
        },
        index=pd.Index(list(classes), name="class"),
    )


def with_predictions(frame: pd.DataFrame) -> pd.DataFrame:
    """The same images with the columns predicted, confidence (its probability) and true_probability."""
    values = probabilities(frame)
    rows = np.arange(len(frame))
    answers = values.argmax(axis=1)
    return frame.assign(
        predicted=answers, confidence=values[rows, answers], true_probability=values[rows, _labels(frame)]
    )


def misclassified(frame: pd.DataFrame) -> pd.DataFrame:
    """The images that were given a wrong class, the most confident mistake first.

    Columns as in `with_predictions`.
    """
    table = with_predictions(frame)
    return _most_confident_first(table.loc[table["predicted"] != table["label"], :])


def predictions_in_cell(frame: pd.DataFrame, true: int, predicted: int) -> pd.DataFrame:
    """The images in one cell of the confusion matrix, the most confident first; columns as in `with_predictions`."""
    table = with_predictions(frame)
    return _most_confident_first(table.loc[(table["label"] == true) & (table["predicted"] == predicted), :])


def _most_confident_first(table: pd.DataFrame) -> pd.DataFrame:
    return table.iloc[np.lexsort((table["index"], -table["confidence"])), :]


def _labels(frame: pd.DataFrame) -> np.ndarray:
    return frame["label"].to_numpy(dtype=np.int64)


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)
