"""Thousands of simulated networks: statements about their calibration hold as often as they claim."""

from collections.abc import Callable

import numpy as np
import pytest

from mnist_core.analysis import calibration
from mnist_core.analysis.calibration import Uncertainty

Curve = Callable[[np.ndarray], np.ndarray]
CURVES: dict[str, Curve] = {
    "calibrated": lambda sure: sure,
    "too sure": lambda sure: sure - 0.3 * sure * (1 - sure),
    "too modest": lambda sure: sure + 0.3 * (1 - sure),
    "off everywhere": lambda sure: sure - 0.05,
}


def confidences(random: np.random.Generator, images: int) -> np.ndarray:
    """Confidences like those of a network with 97 % accuracy: most are very high, a few are not."""
    return 1 - 0.7 * random.beta(0.25, 4, images)


def drawn(random: np.random.Generator, sure: np.ndarray, curve: Curve) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities (N, 2) in which class 0 is always the more probable one, and labels.

    The curve says how often class 0 is right at each confidence.
    """
    right = random.random(len(sure)) < curve(sure)
    return np.stack([sure, 1 - sure], axis=1), np.where(right, 0, 1)


def true_values(curve: Curve) -> tuple[float, float]:
    """Calibration error and gap on ever more images."""
    sure = confidences(np.random.default_rng(0), 2_000_000)
    distance = sure - curve(sure)
    places = np.searchsorted(np.linspace(0, 1, calibration.BINS + 1)[1:-1], sure)
    return float(np.abs(np.bincount(places, weights=distance)).sum() / len(sure)), float(distance.mean())


def repeated(curve: Curve, images: int, times: int) -> list[Uncertainty]:
    random = np.random.default_rng(images)
    return [
        calibration.uncertainties([table], labels)[0]
        for table, labels in (drawn(random, confidences(random, images), curve) for _ in range(times))
    ]


def margin(share: float, times: int) -> float:
    return 4 * np.sqrt(share * (1 - share) / times)


@pytest.mark.parametrize("name", CURVES)
def test_the_intervals_hold_the_truth(name: str) -> None:
    check(CURVES[name], 300, 50)


@pytest.mark.long
@pytest.mark.parametrize("name", CURVES)
@pytest.mark.parametrize("images", [100, 1000, 10_000])
def test_the_intervals_hold_the_truth_for_all_sizes(name: str, images: int) -> None:
    check(CURVES[name], images, 200)


def check(curve: Curve, images: int, times: int) -> None:
    error, gap = true_values(curve)
    estimates = repeated(curve, images, times)
    assert np.mean([estimate.error_low <= error <= estimate.error_high for estimate in estimates]) >= 0.95 - margin(
        0.95, times
    )
    assert np.mean([estimate.gap_low <= gap <= estimate.gap_high for estimate in estimates]) >= 0.95 - margin(
        0.95, times
    )
    assert all(estimate.error_low <= estimate.error <= estimate.error_high for estimate in estimates)
    wrong = {"too sure"} if gap <= 0 else set()
    wrong |= {"too modest"} if gap >= 0 else set()
    assert np.mean([estimate.leaning in wrong for estimate in estimates]) <= 0.05 + margin(0.05, times)


def test_of_equally_calibrated_networks_none_is_called_better() -> None:
    random, times, alarms = np.random.default_rng(3), 25, 0
    for _ in range(times):
        sure = [confidences(random, 400) for _ in range(5)]
        tables = [drawn(random, confidence, CURVES["too sure"]) for confidence in sure]
        # The networks predict different classes, but for the same images with the same labels.
        labels = tables[0][1]
        tables = [np.where((classes == labels)[:, None], table, table[:, ::-1]) for table, classes in tables]
        estimates = calibration.uncertainties(tables, labels)
        best = min(range(5), key=lambda index: estimates[index].error)
        alarms += bool(calibration.clearly_worse(estimates, best))
    assert alarms / times <= 0.05 + margin(0.05, times)


def test_a_far_worse_one_is_called_worse_and_is_too_sure() -> None:
    random = np.random.default_rng(4)
    sure = confidences(random, 2000)
    good, labels = drawn(random, sure, CURVES["calibrated"])
    alike = good**1.1 / (good**1.1).sum(axis=1, keepdims=True)
    bad = good.copy()
    # As often right as the good network, but nearly certain of every mistake.
    bad[:, 0] = np.where(labels == 0, 0.999, 0.97)
    bad[:, 1] = 1 - bad[:, 0]
    estimates = calibration.uncertainties([good, alike, bad], labels)
    assert calibration.clearly_worse(estimates, 0) == [2]
    assert estimates[0].leaning == "unknown"
    assert estimates[2].leaning == "too sure"


def test_networks_that_are_always_right_may_still_err() -> None:
    """100 of 100 right with full confidence does not rule out a true accuracy of 97 %."""
    table = np.stack([np.ones(100), np.zeros(100)], axis=1)
    (estimate,) = calibration.uncertainties([table], np.zeros(100, dtype=np.int64))
    assert (estimate.error, estimate.gap, estimate.leaning) == (0, 0, "unknown")
    assert estimate.gap_high > 0.03
