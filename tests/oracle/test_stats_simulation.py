"""Thousands of made-up comparisons: false alarms are as rare, and differences are found as often, as is said."""

import numpy as np
import pytest

from mnist_core import stats
from mnist_core.stats.pairs import from_counts

ALPHA = 0.05
_MARGIN = 4.0  # standard errors of a simulated share: 1 in 16,000


def outcomes(images: int, only_a: float, only_b: float, times: int, seed: int) -> np.ndarray:
    """Counts of (only a, only b) in so many test sets, each of so many images drawn one by one: (times, 2)."""
    drawn = np.random.default_rng(seed).random((times, images))
    mine, other = only_a / images, (only_a + only_b) / images
    return np.stack([(drawn < mine).sum(axis=1), ((drawn >= mine) & (drawn < other)).sum(axis=1)], axis=1)


def rejected(counts: np.ndarray, alpha: float = ALPHA) -> float:
    return float(np.mean([stats.mcnemar(int(a), int(b)) <= alpha for a, b in counts]))


def chance_margin(share: float, times: int) -> float:
    return _MARGIN * np.sqrt(max(share * (1 - share), 0.01) / times)


@pytest.mark.parametrize("disagreements", [8, 40, 200])
def test_mcnemar_gives_false_alarms_no_more_often_than_alpha(disagreements: int) -> None:
    half, times = disagreements / 2, 3000
    found = rejected(outcomes(1000, half, half, times, seed=disagreements))
    assert found <= ALPHA
    assert found == pytest.approx(stats.mcnemar_power(1000, half, half), abs=chance_margin(ALPHA, times))
    assert stats.mcnemar_power(1000, half, half) <= ALPHA


@pytest.mark.parametrize(("only_a", "only_b"), [(30, 12), (60, 30), (9, 1)])
def test_mcnemar_finds_a_known_difference_as_often_as_computed(only_a: int, only_b: int) -> None:
    times = 3000
    found, said = (
        rejected(outcomes(1000, only_a, only_b, times, seed=only_a)),
        stats.mcnemar_power(1000, only_a, only_b),
    )
    assert 0.5 < said < 0.95
    assert found == pytest.approx(said, abs=chance_margin(said, times))


def test_a_detectable_difference_is_found_in_8_of_10_cases() -> None:
    difference, times = stats.detectable_difference(1000, 40), 3000
    found = rejected(outcomes(1000, (40 + difference) / 2, (40 - difference) / 2, times, seed=1))
    assert found >= 0.8 - chance_margin(0.8, times)
    assert stats.mcnemar_power(1000, (40 + difference - 1) / 2, (40 - difference + 1) / 2) < 0.8


def test_the_bootstrap_interval_holds_the_true_difference_in_95_of_100_cases() -> None:
    times = 400
    counts = outcomes(2000, 90, 50, times, seed=9)
    tests = [from_counts(2000, int(a), int(b), resamples=1000) for a, b in counts]
    held = np.mean([one.low <= 40 / 2000 <= one.high for one in tests])
    assert held == pytest.approx(0.95, abs=_MARGIN * np.sqrt(0.95 * 0.05 / times))


def test_holm_gives_any_false_alarm_among_many_pairs_no_more_often_than_alpha() -> None:
    random, times = np.random.default_rng(4), 400
    alarms = 0
    for _ in range(times):  # six equally good models: each is wrong on images of its own
        right = random.random((6, 400)) > 0.05
        alarms += any(pair.adjusted <= ALPHA for pair in stats.all_pairs(right, resamples=1))
    assert alarms / times <= ALPHA + _MARGIN * np.sqrt(ALPHA * (1 - ALPHA) / times)
    better = np.stack([random.random(400) > 0.4, *(random.random((5, 400)) > 0.05)])
    groups = stats.indistinguishable(better, stats.all_pairs(better, resamples=1))
    assert groups[-1] == (0,)  # a model that is far worse stands alone
    assert not any(0 in group for group in groups[:-1])


@pytest.mark.parametrize(("seeds", "difference"), [(5, 0.0), (5, 0.002), (6, 0.0018)])
def test_welch_and_permutation_over_seeds(seeds: int, difference: float) -> None:
    random, times, deviation = np.random.default_rng(seeds), 600, 0.001
    tests = [
        stats.group_test(random.normal(0.97 + difference, deviation, seeds).tolist(),
                         random.normal(0.97, deviation, seeds).tolist())
        for _ in range(times)
    ]  # fmt: skip
    welch = float(np.mean([one.welch <= ALPHA for one in tests]))
    permutation = float(np.mean([one.permutation <= ALPHA for one in tests]))
    said = stats.welch_power(difference, deviation, seeds)
    # The power takes both groups' spread as one; Welch's degrees of freedom, estimated, make it a little smaller.
    assert said - 0.02 - chance_margin(said, times) <= welch <= said + chance_margin(said, times)
    if difference:
        assert 0.6 < said < 0.95
        assert permutation == pytest.approx(welch, abs=0.1)
    else:
        assert said == pytest.approx(ALPHA, abs=1e-4)
        assert permutation <= ALPHA + _MARGIN * np.sqrt(ALPHA * (1 - ALPHA) / times)
