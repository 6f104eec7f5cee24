"""Calibration against scikit-learn's, scipy's and torch's own measures, and against the definitions, image by image."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar
from sklearn.calibration import calibration_curve
from sklearn.metrics import log_loss

from mnist_core.analysis import calibration, scores

Case = tuple[np.ndarray, np.ndarray]


def _case(count: int = 1500, classes: int = 10, seed: int = 0, sharpness: float = 2.5) -> Case:
    """Probabilities of an overconfident network, whose logits are multiplied by `sharpness`, and the true classes."""
    random = np.random.default_rng(seed)
    logits = random.normal(size=(count, classes)) * 1.5
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = np.array([random.choice(classes, p=row) for row in chances])
    sharp = np.exp(logits * sharpness)
    return (sharp / sharp.sum(axis=1, keepdims=True)).astype(np.float32), labels


@pytest.mark.parametrize(("bins", "seed"), [(15, 0), (10, 1), (7, 2)])
def test_reliability_equals_scikit_learns_curve(bins: int, seed: int) -> None:
    probabilities, labels = _case(seed=seed)
    table = calibration.reliability(probabilities, labels, bins)
    assert table["images"].to_numpy().sum() == len(labels)
    assert table["right"].to_numpy().sum() == (probabilities.argmax(axis=1) == labels).sum()
    filled = table[table["images"] > 0]
    sure = probabilities.max(axis=1).astype(np.float64)
    accuracy, confidence = calibration_curve(probabilities.argmax(axis=1) == labels, sure, n_bins=bins)
    np.testing.assert_allclose(filled["accuracy"], accuracy)
    np.testing.assert_allclose(filled["confidence"], confidence)
    assert len(filled) < bins, "ten classes leave the lowest range empty: no answer is that unsure"
    assert np.isnan(table["accuracy"].to_numpy(float)).sum() == bins - len(filled)


def test_a_confidence_on_an_edge_belongs_to_the_range_below() -> None:
    probabilities = np.array([[0.6, 0.4], [0.8, 0.2], [1.0, 0.0], [0.0, 1.0]])
    table = calibration.reliability(probabilities, np.array([0, 1, 0, 0]), bins=5)
    assert table["images"].tolist() == [0, 0, 1, 1, 2]
    assert table["right"].tolist() == [0, 0, 1, 0, 1]


@pytest.mark.parametrize("classes", [2, 10, 26])
def test_scores_equal_their_definitions(classes: int) -> None:
    probabilities, labels = _case(classes=classes, seed=3)
    wide = probabilities.astype(np.float64)
    assert scores.negative_log_likelihood(probabilities, labels) == pytest.approx(
        log_loss(labels, wide / wide.sum(axis=1, keepdims=True), labels=range(classes)), rel=1e-5
    )
    by_hand = sum(
        (float(p) - float(column == label)) ** 2
        for row, label in zip(wide, labels, strict=True)
        for column, p in enumerate(row)
    )
    assert calibration.brier(probabilities, labels) == pytest.approx(by_hand / len(labels))
    error = 0.0
    for low in np.arange(15) / 15:
        sure = wide.max(axis=1)
        chosen = (sure > low) & (sure <= low + 1 / 15)
        if chosen.any():
            right = (wide.argmax(axis=1) == labels)[chosen].mean()
            error += chosen.mean() * abs(right - sure[chosen].mean())
    assert calibration.expected_calibration_error(probabilities, labels) == pytest.approx(error, rel=1e-6)


def test_perfect_and_worst_answers() -> None:
    sure = np.eye(3)[[0, 1, 2, 1]]
    labels = np.array([0, 1, 2, 1])
    assert calibration.brier(sure, labels) == 0
    assert scores.negative_log_likelihood(sure, labels) == 0
    assert calibration.expected_calibration_error(sure, labels) == 0
    wrong = (labels + 1) % 3
    assert calibration.brier(sure, wrong) == 2
    assert calibration.expected_calibration_error(sure, wrong) == 1
    assert np.isfinite(scores.negative_log_likelihood(sure, wrong))


@pytest.mark.parametrize("sharpness", [0.4, 1.0, 2.5, 6.0])
def test_the_temperature_equals_torchs_and_scipys(sharpness: float) -> None:
    probabilities, labels = _case(seed=4, sharpness=sharpness)
    fitted = calibration.temperature(probabilities, labels)
    logits = torch.from_numpy(np.log(np.maximum(probabilities, np.finfo(np.float32).tiny, dtype=np.float64)))
    logarithm = torch.zeros((), dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([logarithm], max_iter=200, tolerance_grad=1e-12, tolerance_change=0)

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        value = torch.nn.functional.cross_entropy(logits / logarithm.exp(), torch.from_numpy(labels))
        value.backward()
        return value

    optimizer.step(loss)
    assert fitted == pytest.approx(float(logarithm.detach().exp()), rel=1e-5)
    searched = minimize_scalar(
        lambda value: scores.negative_log_likelihood(calibration.with_temperature(probabilities, value), labels),
        bounds=(0.05, 20),
        method="bounded",
        options={"xatol": 1e-9},
    )
    assert fitted == pytest.approx(searched.x, rel=1e-4)
    assert fitted == pytest.approx(sharpness, rel=0.1), "what made the network too sure is found again"


def test_a_temperature_sharpens_or_softens_and_changes_no_answer() -> None:
    probabilities, labels = _case(seed=5)
    np.testing.assert_allclose(calibration.with_temperature(probabilities, 1), probabilities, atol=1e-6)
    soft = calibration.with_temperature(probabilities, 3)
    np.testing.assert_allclose(soft.sum(axis=1), 1)
    np.testing.assert_array_equal(soft.argmax(axis=1), probabilities.argmax(axis=1))
    assert soft.max(axis=1).mean() < probabilities.max(axis=1).mean()
    logits = np.log(probabilities.astype(np.float64))
    np.testing.assert_allclose(soft, torch.from_numpy(logits / 3).softmax(1).numpy(), rtol=1e-6)
    fitted = calibration.with_temperature(probabilities, calibration.temperature(probabilities, labels))
    for score in (scores.negative_log_likelihood, calibration.expected_calibration_error):
        assert score(fitted, labels) < score(probabilities, labels)


def test_a_network_without_a_mistake_gets_the_lowest_temperature() -> None:
    assert calibration.temperature(np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([0, 1])) == pytest.approx(0.05)
    assert calibration.temperature(np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([1, 0])) == pytest.approx(20)


def test_coverage_counts_the_surest_answers_first() -> None:
    probabilities, labels = _case(count=400, seed=6)
    table = calibration.coverage(probabilities, labels)
    sure, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    for row in table.iloc[:: len(table) // 20].to_dict("records"):
        answered = sure >= np.float32(row["confidence"])
        assert row["images"] == answered.sum()
        assert row["coverage"] == pytest.approx(answered.mean())
        assert row["accuracy"] == pytest.approx(right[answered].mean())
    assert table["coverage"].iloc[-1] == 1
    assert table["accuracy"].iloc[-1] == pytest.approx(right.mean())
    assert table["coverage"].is_monotonic_increasing
    assert calibration.row_at_coverage(table, 0.9)["accuracy"] > right.mean()


def test_answers_of_equal_confidence_are_given_together() -> None:
    probabilities = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.6, 0.4]])
    table = calibration.coverage(probabilities, np.array([0, 0, 0, 0]))
    assert table["images"].tolist() == [3, 4]
    assert table["accuracy"].tolist() == pytest.approx([2 / 3, 3 / 4])
    assert calibration.row_at_coverage(table, 0.5)["images"] == 3
    assert calibration.row_at_coverage(table, 0.75)["images"] == 3
    assert calibration.row_at_coverage(table, 1.0)["images"] == 4
