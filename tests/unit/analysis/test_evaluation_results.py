"""Results from stored predictions: orders, ties, columns, splits; and that torch is not needed for them."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from mnist_core.analysis import scores

TABLE = pd.DataFrame(
    {
        "split": ["validation", "test", "test", "test", "test"],
        "index": [0, 0, 1, 2, 3],
        "label": [0, 1, 0, 2, 2],
        "p0": np.array([0.9, 0.7, 0.2, 0.5, 0.1], dtype=np.float32),
        "p1": np.array([0.1, 0.2, 0.2, 0.5, 0.0], dtype=np.float32),
        "p2": np.array([0.0, 0.1, 0.6, 0.0, 0.9], dtype=np.float32),
    }
)
TEST = scores.rows_of_split(TABLE, "test")


def test_of_split_keeps_only_that_split() -> None:
    assert list(TEST["index"]) == [0, 1, 2, 3]
    assert scores.accuracy(scores.rows_of_split(TABLE, "validation")) == 1


def test_the_most_confident_mistake_comes_first() -> None:
    wrong = scores.misclassified(TEST)
    assert list(wrong["index"]) == [0, 1, 2]
    # Of equally probable classes the lowest one is predicted.
    assert list(wrong["predicted"]) == [0, 2, 0]
    np.testing.assert_allclose(wrong["confidence"], [0.7, 0.6, 0.5])
    np.testing.assert_allclose(wrong["true_probability"], [0.2, 0.2, 0.0])


def test_equal_confidence_keeps_the_order_of_the_data_set() -> None:
    same = pd.DataFrame({"split": "test", "index": [5, 3, 9], "label": [1, 1, 1], "p0": [0.8] * 3, "p1": [0.2] * 3})
    assert list(scores.misclassified(same)["index"]) == [3, 5, 9]


def test_images_of_a_cell() -> None:
    assert list(scores.predictions_in_cell(TEST, 2, 0)["index"]) == [2]
    assert list(scores.predictions_in_cell(TEST, 2, 2)["index"]) == [3]
    assert scores.predictions_in_cell(TEST, 1, 1).empty
    matrix = scores.confusion_matrix(TEST["label"].to_numpy(), scores.predicted_classes(TEST), 3)
    assert matrix.tolist() == [[0, 0, 1], [1, 0, 0], [1, 0, 1]]


def test_columns_are_sorted_as_numbers_and_others_ignored() -> None:
    values = np.eye(12, dtype=np.float32)
    columns = {f"p{column}": values[:, column] for column in (11, 3, 2, 10, 0, 1, 4, 5, 6, 7, 8, 9)}
    frame = pd.DataFrame({"split": "test", "index": range(12), "label": range(12), "path": "x", **columns})
    assert scores.accuracy(frame) == 1


def test_certain_mistakes_have_a_finite_loss() -> None:
    # One true class has probability 0.
    assert np.isfinite(scores.negative_log_likelihood(scores.probabilities(TEST), TEST["label"].to_numpy()))


def test_no_images() -> None:
    empty = TABLE.iloc[:0]
    assert np.isnan(scores.accuracy(empty))
    assert np.isnan(scores.negative_log_likelihood(scores.probabilities(empty), empty["label"].to_numpy()))
    assert (
        scores.confusion_matrix(empty["label"].to_numpy(), scores.predicted_classes(empty), 3).tolist() == [[0] * 3] * 3
    )
    assert scores.misclassified(empty).empty


@pytest.mark.parametrize("module", ["analysis.scores", "plots", "data.handwriting", "analysis.comparison"])
def test_needs_neither_torch_nor_streamlit(module: str) -> None:
    code = f"import sys, mnist_core.{module}; print(*{{'torch', 'streamlit', 'torchvision'}} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
