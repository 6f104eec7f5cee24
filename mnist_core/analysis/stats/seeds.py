"""Two architectures, each trained with several seeds: spread, Welch's test and a permutation test."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, combinations
from math import comb, nan, sqrt
from statistics import fmean, stdev, variance
from typing import Literal, get_args

import numpy as np

from mnist_core.analysis.stats.intervals import mean_interval
from mnist_core.analysis.stats.pairs import ALPHA, LEVEL

SpreadBand = Literal["standard deviation", "standard error", "95 % interval"]
SPREAD_BANDS: tuple[SpreadBand, ...] = get_args(SpreadBand)
# Up to this number all splits are tried, which is enough for 10 + 10 seeds.
_MOST_SPLITS = 200_000
_DRAWN_SPLITS = 100_000
# Accuracies nearer than this are equal: they are fractions with far smaller denominators.
SAME = 1e-9


@dataclass(frozen=True)
class GroupTest:
    """Mean accuracy of a's seeds against that of b's. What needs a second seed in each group is NaN without it."""

    # Mean of a minus mean of b, a fraction.
    difference: float
    # Welch's 95 % interval of the difference.
    low: float
    high: float
    # Two-sided p of Welch's test; also NaN where the seeds of each group are all equal.
    welch: float
    # Two-sided p of the permutation test.
    permutation: float


def group_test(a: Sequence[float], b: Sequence[float]) -> GroupTest:
    """Whether two architectures differ, from the accuracies (fractions) of their seeds; each seed counts once.

    Welch's test (1947) takes the accuracies of each group as normal, with a spread of its own. The permutation test
    (Fisher 1935) does not: if the architectures were the same, every way to divide the accuracies into two groups of
    these sizes would be as likely as the one seen, and p is the share of those whose means lie at least as far apart.
    All of them are looked at if there are at most 200,000, else 100,000 random ones and the one seen
    (Phipson and Smyth 2010). With k seeds in each group p is at least 2 / (2k choose k): 0.1 for three.
    Raises ValueError if a group is empty or holds something that is no number.
    """
    from scipy.special import stdtr

    if not len(a) or not len(b):
        raise ValueError("a, b: a group without accuracies cannot be tested. Give each at least one.")
    if not np.isfinite([*a, *b]).all():
        raise ValueError("a, b: an accuracy is not a number. Leave out the runs that have none.")
    difference = fmean(a) - fmean(b)
    if min(len(a), len(b)) < 2:
        return GroupTest(difference, nan, nan, nan, nan)
    permutation = _permutation(a, b)
    error, freedom, half = (
        float(part[0]) for part in _welch(*(np.array(side, np.float64)[:, None] for side in (a, b)))
    )
    if np.isnan(error):
        return GroupTest(difference, nan, nan, nan, permutation)
    p = 2 * float(stdtr(freedom, -abs(difference) / error))
    return GroupTest(difference, difference - half, difference + half, p, permutation)


def welch_intervals(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ends of Welch's 95 % interval of mean(a) - mean(b) for each column of a (S, N) and b (T, N), a row a seed.

    Both ends (N,) are NaN where either has a single seed, and where the seeds of each are all equal.
    """
    if min(len(a), len(b)) < 2:
        unknown = np.full(a.shape[1], nan)
        return unknown, unknown.copy()
    difference, half = a.mean(axis=0) - b.mean(axis=0), _welch(a, b)[2]
    return difference - half, difference + half


def smallest_p(a: int, b: int) -> float:
    """The smallest p that a permutation test of `a` seeds against `b` can show.

    One split in (a + b choose a); two where the groups are of one size, for there the split turned round is as extreme.
    """
    return min(1.0, (2 if a == b else 1) / comb(a + b, a))


def seeds_to_show(pairs: int = 1, alpha: float = ALPHA) -> int:
    """The fewest seeds each with which a permutation test can have p <= alpha, corrected for this many pairs alike."""
    seeds = 2
    while pairs * smallest_p(seeds, seeds) > alpha:
        seeds += 1
    return seeds


def mean_and_band(values: Sequence[float], band: SpreadBand) -> tuple[float, float, float]:
    """Mean of some seeds and the ends of a band around it; the ends are NaN for a single seed.

    Standard deviation: how far a single run lies from the mean (n - 1 in the denominator). Standard error: how far the
    mean of as many others would. 95 % interval: where the mean of all seeds is, by Student's t.
    """
    if band == "95 % interval":
        return mean_interval(values)
    mean = fmean(values)
    half = stdev(values) if len(values) > 1 else nan
    if band == "standard error":
        half /= sqrt(len(values))
    return mean, mean - half, mean + half


def pooled_deviation(groups: Sequence[Sequence[float]]) -> float:
    """One standard deviation for all groups: the root of their mean variance, weighted by n - 1; NaN if none has 2."""
    repeated = [group for group in groups if len(group) > 1]
    if not repeated:
        return nan
    return sqrt(
        sum((len(group) - 1) * variance(group) for group in repeated) / sum(len(group) - 1 for group in repeated)
    )


def _welch(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Standard error, degrees of freedom and half the 95 % interval of each column's difference of means, (N,) each.

    NaN where the seeds of each side are all equal.
    """
    from scipy.special import stdtrit

    parts = [side.var(axis=0, ddof=1) / len(side) for side in (a, b)]
    error = np.sqrt(parts[0] + parts[1])
    error = np.where(error < SAME, nan, error)
    freedom = error**4 / (parts[0] ** 2 / (len(a) - 1) + parts[1] ** 2 / (len(b) - 1))
    return error, freedom, stdtrit(freedom, (1 + LEVEL) / 2) * error


def _permutation(a: Sequence[float], b: Sequence[float]) -> float:
    values = np.array([*a, *b], dtype=np.float64)
    # After centring, the difference of means is proportional to the sum of one group.
    values -= values.mean()
    size, seen = len(a), abs(values[: len(a)].sum()) - SAME
    splits = comb(len(values), size)
    if splits <= _MOST_SPLITS:
        places = np.fromiter(chain.from_iterable(combinations(range(len(values)), size)), np.int64, splits * size)
        return float(np.mean(np.abs(values[places.reshape(splits, size)].sum(axis=1)) >= seen))
    random = np.random.default_rng(0)
    extreme = 0
    for _ in range(_DRAWN_SPLITS // 1000):
        drawn = random.permuted(np.tile(values, (1000, 1)), axis=1)
        extreme += int((np.abs(drawn[:, :size].sum(axis=1)) >= seen).sum())
    return (1 + extreme) / (1 + _DRAWN_SPLITS)
