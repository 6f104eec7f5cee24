"""Thousands of simulated comparisons: false alarms are as rare, and differences detected as often, as claimed."""

from typing import Any

import numpy as np
import pytest
from scipy.stats import binom, poisson, ttest_ind

from mnist_core.analysis import stats
from mnist_core.analysis.stats.pairs import from_counts

ALPHA = 0.05
# A simulated share deviates by more than this many standard errors once in 16,000 cases.
_MARGIN = 4.0


def outcomes(images: int, only_a: float, only_b: float, times: int, seed: int) -> np.ndarray:
    """Counts of (only a, only b) in so many test sets, each of this many images drawn one by one: (times, 2)."""
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
    alarms = rejected(outcomes(1000, half, half, times, seed=disagreements))
    assert alarms <= ALPHA
    assert alarms == pytest.approx(stats.mcnemar_power(1000, half, half), abs=chance_margin(ALPHA, times))
    assert stats.mcnemar_power(1000, half, half) <= ALPHA


@pytest.mark.parametrize(("only_a", "only_b"), [(30, 12), (60, 30), (9, 1)])
def test_mcnemar_finds_a_known_difference_as_often_as_computed(only_a: int, only_b: int) -> None:
    times = 3000
    detected, computed = (
        rejected(outcomes(1000, only_a, only_b, times, seed=only_a)),
        stats.mcnemar_power(1000, only_a, only_b),
    )
    assert 0.5 < computed < 0.95
    assert detected == pytest.approx(computed, abs=chance_margin(computed, times))


@pytest.mark.parametrize("pairs", [1, 190])
def test_a_detectable_difference_is_found_in_8_of_10_cases(pairs: int) -> None:
    alpha, times = ALPHA / pairs, 3000
    difference = stats.detectable_difference(1000, 60, alpha=alpha)
    detected = rejected(outcomes(1000, (60 + difference) / 2, (60 - difference) / 2, times, seed=1), alpha)
    assert detected >= 0.8 - chance_margin(0.8, times)
    assert stats.mcnemar_power(1000, (60 + difference - 1) / 2, (60 - difference + 1) / 2, alpha) < 0.8


@pytest.mark.parametrize("disagreements", [4, 20])
def test_its_range_holds_that_of_the_true_number_of_disagreements(disagreements: int) -> None:
    true = stats.detectable_difference(1000, disagreements)
    counts = np.arange(int(binom.ppf(1e-4, 1000, disagreements / 1000)), 3 * disagreements)
    ranges = np.array([stats.detectable_range(1000, int(count)) for count in counts])
    right = (ranges[:, 0] <= true) & (true <= ranges[:, 1])
    assert binom.pmf(counts, 1000, disagreements / 1000) @ right >= 0.8 - 1e-3


def test_interval_and_p_never_contradict_each_other() -> None:
    tables = [(a, b) for a in range(86) for b in range(86 - a)] + [(480, 400), (5300, 4700), (0, 9999), (4901, 5099)]
    assert len(tables) > 3659
    for only_a, only_b in tables:
        paired = from_counts(10_000, only_a, only_b)
        for low, high in ((paired.low, paired.high), paired.widest):
            assert (low > 0 or high < 0) == (paired.p <= ALPHA), (only_a, only_b)
            assert low <= paired.difference <= high


def intervals(most: int, images: int) -> tuple[np.ndarray, np.ndarray]:
    """The interval and the widest one of every table of this many disagreements: (most + 1, most + 1, 2) each."""
    pairs = [[from_counts(images, a, b) for b in range(most + 1)] for a in range(most + 1)]
    return (
        np.array([[(pair.low, pair.high) for pair in row] for row in pairs]),
        np.array([[pair.widest for pair in row] for row in pairs]),
    )


def held(ends: np.ndarray, true: float | np.ndarray) -> np.ndarray:
    """Which intervals (..., 2) hold the true value."""
    return (ends[..., 0] <= true + 1e-12) & (true - 1e-12 <= ends[..., 1])


def test_a_pairs_interval_holds_the_difference_in_95_of_100_cases() -> None:
    """Coverage, summed over all outcomes, of the interval and of the widest one."""
    images, most = 10_000, 110
    conditional, widest = intervals(most, images)
    counts = np.arange(most + 1)
    for share in (0.5, 0.6, 0.8, 0.95, 1.0):
        for total in (1, 3, 8, 25, 60, 110):
            chance = binom.pmf(counts[: total + 1], total, share)
            ends = conditional[counts[: total + 1], total - counts[: total + 1]]
            assert chance @ held(ends, (2 * share - 1) * total / images) >= 0.95
    for only_a in (0.5, 1, 3, 5, 10, 20, 40, 60):
        for part in (0, 0.1, 0.3, 0.6, 1):
            only_b = part * only_a
            chance = np.outer(poisson.pmf(counts, only_a), poisson.pmf(counts, only_b))
            assert (chance * held(widest, (only_a - only_b) / images)).sum() >= 0.95


def test_holm_gives_any_false_alarm_among_many_pairs_no_more_often_than_alpha() -> None:
    random, times = np.random.default_rng(4), 400
    alarms = 0
    # Six equally good models, each wrong on different images.
    for _ in range(times):
        right = random.random((6, 400)) > 0.05
        alarms += any(pair.adjusted <= ALPHA for pair in stats.all_pairs(right))
    assert alarms / times <= ALPHA + _MARGIN * np.sqrt(ALPHA * (1 - ALPHA) / times)
    better = np.stack([random.random(400) > 0.4, *(random.random((5, 400)) > 0.05)])
    groups = stats.indistinguishable(better, stats.all_pairs(better))
    # A much worse model forms a group by itself.
    assert groups[-1] == (0,)
    assert not any(0 in group for group in groups[:-1])


Seeds = tuple[int, int]
SIZES: list[Seeds] = [(2, 2), (3, 3), (2, 10), (10, 2), (3, 20), (20, 20)]
RATIOS = [0.1, 1.0, 10.0]
# Without cases that are another one with both groups changed.
NOT_MIRRORED = [
    (seeds, ratio)
    for seeds in SIZES
    for ratio in RATIOS
    if seeds[0] < seeds[1] or (seeds[0] == seeds[1] and ratio >= 1)
]


def welch_rejected(
    difference: float, spreads: tuple[float, float], seeds: Seeds, alpha: float, times: int = 20_000
) -> float:
    """How often Welch's test says p <= alpha of two groups of normal accuracies."""
    random = np.random.default_rng([*seeds, round(1e6 * spreads[0]), times])
    a = random.normal(difference, spreads[0], (times, seeds[0]))
    b = random.normal(0, spreads[1], (times, seeds[1]))
    result: Any = ttest_ind(a, b, axis=1, equal_var=False)
    return float(np.mean(result.pvalue <= alpha))


@pytest.mark.parametrize("seeds", SIZES)
@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("pairs", [1, 10])
def test_the_smallest_difference_that_welch_finds_is_found_in_8_of_10_cases(
    seeds: Seeds, ratio: float, pairs: int
) -> None:
    spreads, alpha = (0.001 * ratio, 0.001), ALPHA / pairs
    difference = stats.detectable_by_seeds(spreads[0], seeds[0], 0.8, alpha, seeds[1], spreads[1])
    for share in (1.0, 0.6):
        claimed = stats.welch_power(share * difference, spreads[0], seeds[0], alpha, seeds[1], spreads[1])
        assert claimed == pytest.approx(welch_rejected(share * difference, spreads, seeds, alpha), abs=0.015)
        assert claimed == pytest.approx(0.8, abs=1e-3) or share < 1


@pytest.mark.parametrize("seeds", SIZES)
def test_welchs_false_alarms_are_as_many_as_said(seeds: Seeds) -> None:
    ratios = (0.1, 0.5, 1.0, 2.0, 10.0)
    simulated = [welch_rejected(0, (0.001 * ratio, 0.001), seeds, ALPHA) for ratio in ratios]
    for ratio, share in zip(ratios, simulated, strict=True):
        computed = stats.welch_power(0, 0.001 * ratio, seeds[0], seeds_b=seeds[1], deviation_b=0.001)
        assert share == pytest.approx(computed, abs=chance_margin(computed, 20_000) + 0.002)
    most = stats.welch_false_alarms(*seeds)
    assert max(simulated) == pytest.approx(most, abs=0.012)
    assert most >= ALPHA - 0.002


@pytest.mark.parametrize(("difference", "spreads"), [(0.001, (0.001, 0.001)), (0.002, (0.003, 0.0005))])
@pytest.mark.parametrize("pairs", [1, 10])
def test_as_many_seeds_as_are_needed_find_the_difference(
    difference: float, spreads: tuple[float, float], pairs: int
) -> None:
    needed = stats.seeds_needed(difference, spreads[0], alpha=ALPHA / pairs, deviation_b=spreads[1])
    detected = [welch_rejected(difference, spreads, (count, count), ALPHA / pairs) for count in (needed - 1, needed)]
    assert detected[0] < 0.8 + 0.015
    assert detected[1] > 0.8 - 0.015


def test_among_ten_pairs_judged_by_holm_it_is_found_in_8_of_10_cases_at_least() -> None:
    """Five architectures with three seeds each, the first of them better than the others."""
    random, times, deviation = np.random.default_rng(8), 200, 0.001
    difference = stats.detectable_by_seeds(deviation, 3, alpha=ALPHA / 10)
    better = np.array([difference, 0, 0, 0, 0])[:, None]
    detected = [
        next(iter(stats.group_pairs((0.9 + better + random.normal(0, deviation, (5, 3))).tolist()))).welch
        for _ in range(times)
    ]
    assert np.mean(np.array(detected) <= ALPHA) >= 0.8 - chance_margin(0.8, times)


Drawn = tuple[float, float]


def drawn_spreads(seeds: Seeds, ratio: float, times: int) -> list[Drawn]:
    """Standard deviations that so many seeds measure; the true ones are 0.001 times the ratio, and 0.001."""
    random, freedom = np.random.default_rng([*seeds, times]), np.array(seeds) - 1
    measured = np.array([0.001 * ratio, 0.001]) * np.sqrt(random.chisquare(freedom, (times, 2)) / freedom)
    return [(float(a), float(b)) for a, b in measured]


def difference_held(seeds: Seeds, ratio: float, alpha: float, times: int) -> float:
    """How often the range contains the difference that follows from the true spreads."""
    true = stats.detectable_by_seeds(0.001 * ratio, seeds[0], 0.8, alpha, seeds[1], 0.001)
    ranges = [stats.detectable_by_seeds_range(pair, seeds, alpha=alpha) for pair in drawn_spreads(seeds, ratio, times)]
    return float(np.mean([low <= true <= high for low, high in ranges]))


def test_the_range_holds_the_difference_that_the_true_spread_gives_in_8_of_10_cases() -> None:
    for seeds in ((3, 3), (2, 10)):
        assert difference_held(seeds, 1.0, ALPHA, 30) >= 0.8 - chance_margin(0.8, 30)


@pytest.mark.parametrize("seeds", SIZES)
def test_the_ranges_are_the_same_when_both_groups_change_places(seeds: Seeds) -> None:
    here, there = (0.002, 0.0007), (0.0007, 0.002)
    ranges = [
        stats.detectable_by_seeds_range(here, seeds),
        stats.detectable_by_seeds_range(there, (seeds[1], seeds[0])),
    ]
    assert ranges[0] == pytest.approx(ranges[1])
    needed = [
        stats.seeds_needed_range(0.003, here, seeds),
        stats.seeds_needed_range(0.003, there, (seeds[1], seeds[0])),
    ]
    assert needed[0] == needed[1]


@pytest.mark.long
@pytest.mark.parametrize(("seeds", "ratio"), NOT_MIRRORED)
@pytest.mark.parametrize("pairs", [1, 10])
def test_the_ranges_hold_it_for_all_sizes_and_spreads(seeds: Seeds, ratio: float, pairs: int) -> None:
    alpha, times = ALPHA / pairs, 300
    margin = chance_margin(0.8, times)
    assert difference_held(seeds, ratio, alpha, times) >= 0.8 - margin
    difference = 0.4 * stats.detectable_by_seeds(0.001 * ratio, seeds[0], 0.8, alpha, seeds[1], 0.001)
    needed = stats.seeds_needed(difference, 0.001 * ratio, alpha=alpha, deviation_b=0.001)
    ranges = [
        stats.seeds_needed_range(difference, pair, seeds, alpha=alpha) for pair in drawn_spreads(seeds, ratio, times)
    ]
    assert np.mean([few <= needed <= many for few, many in ranges]) >= 0.8 - margin


@pytest.mark.parametrize("difference", [0.0, 0.0024])
def test_the_permutation_test_over_seeds(difference: float) -> None:
    random, times, deviation = np.random.default_rng(5), 600, 0.001
    tests = [
        stats.group_test(
            random.normal(0.97 + difference, deviation, 5).tolist(), random.normal(0.97, deviation, 5).tolist()
        )
        for _ in range(times)
    ]
    welch = float(np.mean([test.welch <= ALPHA for test in tests]))
    permutation = float(np.mean([test.permutation <= ALPHA for test in tests]))
    if difference:
        assert permutation == pytest.approx(welch, abs=0.1)
    else:
        assert permutation <= ALPHA + _MARGIN * np.sqrt(ALPHA * (1 - ALPHA) / times)
