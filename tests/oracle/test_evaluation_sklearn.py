"""What follows from predictions, against scikit-learn's own measures."""

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from mnist_core.analysis import scores


def _frame(count: int, classes: int, seed: int, skip: int | None = None) -> pd.DataFrame:
    """Random predictions, right half of the time; the class `skip` is never predicted."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, count)
    scores = random.normal(size=(count, classes)) + 1.5 * np.eye(classes)[labels]
    if skip is not None:
        scores[:, skip] = -9
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    columns = {f"p{label}": probabilities[:, label].astype(np.float32) for label in range(classes)}
    return pd.DataFrame({"split": "test", "index": np.arange(count), "label": labels, **columns})


@pytest.mark.parametrize(("classes", "seed"), [(10, 0), (10, 1), (2, 2), (26, 3)])
def test_measures_equal_scikit_learn(classes: int, seed: int) -> None:
    frame = _frame(600, classes, seed)
    labels, answers = frame["label"].to_numpy(), scores.predicted_classes(frame)
    probabilities = scores.probabilities(frame)
    assert probabilities.shape == (600, classes)
    assert scores.accuracy(frame) == pytest.approx(metrics.accuracy_score(labels, answers))
    assert 0.2 < scores.accuracy(frame) < 0.95
    matrix = scores.confusion_matrix(labels, answers, classes)
    np.testing.assert_array_equal(matrix, metrics.confusion_matrix(labels, answers, labels=range(classes)))
    exact = probabilities.astype(np.float64) / probabilities.sum(axis=1, keepdims=True, dtype=np.float64)
    loss = scores.negative_log_likelihood(probabilities, labels)
    assert loss == pytest.approx(metrics.log_loss(labels, exact), rel=1e-5)
    table = scores.class_scores(matrix, [str(label) for label in range(classes)])
    expected = np.array(metrics.precision_recall_fscore_support(labels, answers, labels=range(classes)))
    np.testing.assert_allclose(table[["precision", "recall", "f1", "support"]].to_numpy().T, expected)


def test_undefined_scores_are_nan_as_in_scikit_learn() -> None:
    frame = _frame(300, 5, 4, skip=3)
    frame = frame.loc[frame["label"] != 1, :]
    matrix = scores.confusion_matrix(frame["label"].to_numpy(), scores.predicted_classes(frame), 5)
    table = scores.class_scores(matrix, list("abcde"))
    precision, recall, _, support = metrics.precision_recall_fscore_support(
        frame["label"],
        scores.predicted_classes(frame),
        labels=range(5),
        zero_division=np.nan,  # pyright: ignore[reportArgumentType]
    )
    np.testing.assert_allclose(table["precision"], precision)
    np.testing.assert_allclose(table["recall"], recall)
    np.testing.assert_array_equal(table["support"], support)
    assert np.isnan(table.loc["d", "precision"])
    assert np.isnan(table.loc["b", "recall"])
