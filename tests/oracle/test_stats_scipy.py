"""Tests of differences against scipy.stats and against direct computations."""

from typing import Any

import numpy as np
import pytest
import scipy.stats as theirs

from mnist_core.analysis import stats
from mnist_core.analysis.stats.pairs import from_counts


@pytest.mark.parametrize(
    ("only_a", "only_b"), [(0, 0), (0, 1), (0, 6), (1, 1), (34, 28), (28, 34), (3, 19), (120, 81), (900, 1100)]
)
def test_mcnemar_is_the_binomial_test_on_the_disagreements(only_a: int, only_b: int) -> None:
    expected = theirs.binomtest(only_a, only_a + only_b, 0.5).pvalue if only_a + only_b else 1.0
    assert stats.mcnemar(only_a, only_b) == pytest.approx(expected, rel=1e-10)
    assert from_counts(10_000, only_a, only_b).p == stats.mcnemar(only_a, only_b)


@pytest.mark.parametrize(("right", "images"), [(0, 10), (10, 10), (1, 3), (979, 1000), (9_790, 10_000)])
@pytest.mark.parametrize("level", [0.8, 0.95])
def test_wilson(right: int, images: int, level: float) -> None:
    expected = theirs.binomtest(right, images).proportion_ci(level, method="wilson")
    assert stats.wilson(right, images, level) == pytest.approx((expected.low, expected.high), abs=1e-12)


@pytest.mark.parametrize(("count", "total"), [(0, 1), (1, 1), (5, 5), (1, 8), (34, 62), (0, 10_000), (1900, 4000)])
@pytest.mark.parametrize("level", [0.8, 0.95])
def test_clopper_pearson(count: int, total: int, level: float) -> None:
    expected = theirs.binomtest(count, total).proportion_ci(level, method="exact")
    assert stats.clopper_pearson(count, total, level) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_a_pairs_interval_is_that_of_the_share_among_the_disagreements() -> None:
    share = theirs.binomtest(34, 62).proportion_ci(0.95, method="exact")
    paired = from_counts(10_000, 34, 28)
    assert (paired.low, paired.high) == pytest.approx(
        ((2 * share.low - 1) * 62 / 10_000, (2 * share.high - 1) * 62 / 10_000)
    )
    often = theirs.binomtest(62, 10_000).proportion_ci(0.95, method="exact")
    assert paired.widest == pytest.approx(((2 * share.low - 1) * often.high, (2 * share.high - 1) * often.high))


def test_holm_is_the_definition_written_out() -> None:
    random = np.random.default_rng(5)
    for size in (1, 2, 7, 190):
        p = random.random(size) ** 3
        # Make a tie.
        p[-1] = p[0]
        for alpha in (0.01, 0.05, 0.3, *(value + 1e-12 for value in stats.holm(p) if value < 1)):
            rejected = set()
            # Step down until a hypothesis is not rejected.
            for step, index in enumerate(np.argsort(p, kind="stable")):
                if p[index] > alpha / (size - step):
                    break
                rejected.add(index)
            assert set(np.flatnonzero(stats.holm(p) <= alpha)) == rejected


SEEDS = [
    ([0.98, 0.981, 0.979], [0.97, 0.971, 0.972]),
    ([0.9712, 0.9705, 0.9699, 0.9731], [0.9708, 0.9711]),
    ([0.93, 0.91, 0.94, 0.92, 0.95], [0.931, 0.932, 0.933]),
    ([0.5, 0.5, 0.7], [0.5, 0.6, 0.6, 0.9]),
]


@pytest.mark.parametrize(("a", "b"), SEEDS)
def test_welch_with_its_interval(a: list[float], b: list[float]) -> None:
    expected: Any = theirs.ttest_ind(a, b, equal_var=False)
    interval = expected.confidence_interval(0.95)
    tested = stats.group_test(a, b)
    assert tested.welch == pytest.approx(expected.pvalue, rel=1e-9)
    assert (tested.low, tested.high) == pytest.approx((interval.low, interval.high), rel=1e-9)


def _apart(a: np.ndarray, b: np.ndarray, axis: int = -1) -> np.ndarray:
    return np.round(np.abs(a.mean(axis=axis) - b.mean(axis=axis)), 12)


@pytest.mark.parametrize(("a", "b"), SEEDS)
def test_the_permutation_test_looks_at_every_split(a: list[float], b: list[float]) -> None:
    expected = theirs.permutation_test((a, b), _apart, vectorized=True, n_resamples=10**6, alternative="greater")
    assert stats.group_test(a, b).permutation == pytest.approx(expected.pvalue, rel=1e-12)


def test_random_splits_come_near_to_scipys() -> None:
    random = np.random.default_rng(1)
    # There are 155 million ways to split these values.
    a, b = random.normal(0.972, 0.001, 15), random.normal(0.9718, 0.001, 15)
    expected = theirs.permutation_test(
        (a, b), _apart, vectorized=True, n_resamples=20_000, alternative="greater", rng=random
    )
    permutation = stats.group_test(list(a), list(b)).permutation
    assert permutation == pytest.approx(expected.pvalue, abs=0.01)
    assert 0.01 < permutation < 0.2


@pytest.mark.parametrize(
    ("images", "only_a", "only_b", "alpha"), [(200, 20, 8, 0.05), (50, 3, 9, 0.1), (30, 4, 0, 0.05)]
)
def test_mcnemars_power_is_the_sum_over_every_outcome(images: int, only_a: float, only_b: float, alpha: float) -> None:
    power = 0.0
    for count in range(images + 1):
        p = [stats.mcnemar(ours, count - ours) for ours in range(count + 1)]
        chance = theirs.binom.pmf(np.arange(count + 1), count, only_a / (only_a + only_b))
        share = (only_a + only_b) / images
        power += theirs.binom.pmf(count, images, share) * chance[np.array(p) <= alpha].sum()
    assert stats.mcnemar_power(images, only_a, only_b, alpha) == pytest.approx(power, abs=1e-9)
    assert 0.1 < power < 0.95


@pytest.mark.parametrize(("shift", "seeds"), [(0.5, 20), (0.8, 30), (1.5, 60)])
def test_with_many_seeds_welchs_power_is_that_of_the_noncentral_t(shift: float, seeds: int) -> None:
    """Where the estimate of the degrees of freedom is nearly exact, Welch's test equals Student's."""
    freedom = 2 * seeds - 2
    limit, moved = theirs.t.ppf(0.975, freedom), shift / np.sqrt(2 / seeds)
    expected = theirs.nct.sf(limit, freedom, moved) + theirs.nct.cdf(-limit, freedom, moved)
    assert stats.welch_power(0.001 * shift, 0.001, seeds) == pytest.approx(expected, abs=2e-3)
