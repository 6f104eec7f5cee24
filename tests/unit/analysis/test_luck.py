"""What many seeds say about luck, against brute force, exact sums and simulations."""

from itertools import combinations
from math import comb, isnan
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnist_core.analysis.luck import MOST_NEEDED, SEEDS_FOR_MIDDLE, Luck
from mnist_core.analysis.stats import group_test

IMAGES = 10_000


def simulated(seeds: int, spread: float = 10, images: int = IMAGES, start: int = 0) -> tuple[float, ...]:
    """Accuracies around 90.7 %, in whole images; `spread` in images."""
    counts = np.rint(0.907 * images + np.random.default_rng(start).normal(0, spread, seeds))
    return tuple((counts / images).tolist())


def lucky(*counts: int, images: int = IMAGES, **values: Any) -> Luck:
    return Luck(tuple(count / images for count in counts), values.pop("diverged", 0), images, **values)


def binomial(least: int, most: int, seeds: int, share: float) -> float:
    """Exact chance of `least` to `most` successes."""
    return sum(comb(seeds, count) * share**count * (1 - share) ** (seeds - count) for count in range(least, most + 1))


def test_mean_spread_and_ends_are_numpys() -> None:
    luck = Luck(simulated(200), 0, IMAGES)
    values = np.array(luck.accuracies)
    assert luck.mean == pytest.approx(values.mean(), abs=1e-12)
    assert luck.deviation == pytest.approx(values.std(ddof=1), abs=1e-12)
    assert (luck.lowest, luck.highest) == (values.min(), values.max())
    assert luck.middle == pytest.approx(np.quantile(values, [0.025, 0.975], method="weibull"))


@pytest.mark.parametrize("seeds", [2, 5, 20, SEEDS_FOR_MIDDLE, 100])
def test_the_middle_holds_as_many_further_seeds_as_it_says(seeds: int) -> None:
    values = np.random.default_rng(3).normal(0.9, 0.01, (600, seeds + 20))
    some = [Luck(tuple(row[:seeds].tolist()), 0, 10**8) for row in values]
    ends = np.array([luck.middle for luck in some])
    held = (values[:, seeds:] >= ends[:, :1]) & (values[:, seeds:] <= ends[:, 1:])
    assert held.mean() == pytest.approx(some[0].middle_share, abs=0.03)
    assert some[0].tells_middle == (some[0].middle_share == 0.95) == (seeds >= SEEDS_FOR_MIDDLE)
    if seeds <= SEEDS_FOR_MIDDLE:
        assert all(luck.middle == (luck.lowest, luck.highest) for luck in some)


@pytest.mark.parametrize(("reached", "seeds"), [(0, 200), (4, 200), (1, 5), (5, 5), (100, 200), (199, 200)])
def test_the_share_that_reaches_a_figure_has_the_exact_interval(reached: int, seeds: int) -> None:
    reach = lucky(*[9130] * reached, *[9110] * (seeds - reached), figure=0.9125).reach
    assert reach is not None
    assert (reach.reached, reach.seeds, reach.share) == (reached, seeds, reached / seeds)
    # At each end of the interval the count seen, or one further away, has a chance of 2.5 %.
    if reached:
        assert binomial(reached, seeds, seeds, reach.low) == pytest.approx(0.025)
    else:
        assert reach.low == 0
    if reached < seeds:
        assert binomial(0, reached, seeds, reach.high) == pytest.approx(0.025)
    else:
        assert reach.high == 1


@pytest.mark.parametrize("images", [100, 1_000, 10_000, 26_032, 60_000])
def test_a_figure_as_it_is_printed_counts_as_reached(images: int) -> None:
    for count in range(images // 3, images // 3 + 60):
        for figure in (count / images, float(np.float32(count / images)), round(count / images, 6)):
            luck = Luck((float(np.float32(count / images)), (count - 1) / images), 0, images, figure)
            assert luck.reach is not None
            assert (luck.reach.figure, luck.reach.reached) == (count, 1)


def test_a_seed_that_diverged_has_not_reached_the_figure() -> None:
    luck = lucky(9100, 9200, diverged=2, figure=0.915)
    assert luck.reach is not None
    assert (luck.seeds, luck.reach.reached, luck.reach.seeds) == (4, 1, 4)
    assert luck.mean == pytest.approx(0.915)
    assert luck.gaps.tolist() == [100]
    assert any("2 of 4" in sentence for sentence in luck.sentences())


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 60), min_size=2, max_size=45), st.integers(0, 61))
def test_pairs_are_counted_as_by_hand(counts: list[int], least: int) -> None:
    luck = lucky(*counts, images=100)
    gaps = [abs(a - b) for a, b in combinations(counts, 2)]
    assert luck.gaps.tolist() == sorted(gaps)
    assert luck.pair_share(least / 100) == np.mean([gap >= least for gap in gaps])
    assert luck.typical_gap == pytest.approx(np.median(gaps) / 100)
    # No smaller difference is exceeded by at most one pair in twenty.
    fits = [value for value in range(62) if 20 * sum(gap > value for gap in gaps) <= len(gaps)]
    assert luck.large_gap == pytest.approx(min(fits) / 100)


def test_so_many_seeds_find_the_difference_8_times_in_10_and_one_fewer_does_not() -> None:
    luck = Luck(simulated(200), 0, IMAGES, 0.9084)
    needed = luck.needed(luck.distance)
    assert needed is not None
    assert 2 < needed.low <= needed.seeds <= needed.high < 30
    random = np.random.default_rng(1)
    for seeds, enough in ((needed.seeds, True), (needed.seeds - 1, False)):
        tries = random.normal(0.9, luck.deviation, (1_500, 2, seeds)) + np.array([[0], [luck.distance]])
        difference = tries[:, 1].mean(axis=1) - tries[:, 0].mean(axis=1)
        parts = tries.var(axis=2, ddof=1) / seeds
        freedom = parts.sum(axis=1) ** 2 * (seeds - 1) / (parts**2).sum(axis=1)
        limit = np.array([_student(value) for value in freedom])
        power = np.mean(np.abs(difference) >= limit * np.sqrt(parts.sum(axis=1)))
        assert (power > 0.78) if enough else (power < 0.82)
        # The same judgement as that of the project's test.
        assert (group_test(tries[0, 0], tries[0, 1]).welch <= 0.05) == (
            abs(difference[0]) >= limit[0] * np.sqrt(parts[0].sum())
        )


def _student(freedom: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 0.975))


def test_the_range_of_seeds_needed_holds_the_true_number_8_times_in_10() -> None:
    random = np.random.default_rng(2)
    wanted = Luck(tuple(random.normal(0.9, 0.001, 4_000).tolist()), 0, 10**8).needed(0.001)
    assert wanted is not None
    held = 0
    for _ in range(40):
        found = Luck(tuple(random.normal(0.9, 0.001, 6).tolist()), 0, 10**8).needed(0.001)
        assert found is not None
        assert found.low <= found.seeds <= found.high
        held += found.low <= wanted.seeds <= found.high
    assert 0.65 <= held / 40 <= 0.95


def test_a_tiny_difference_needs_more_seeds_than_are_counted_and_a_huge_one_two() -> None:
    luck = Luck(simulated(50), 0, IMAGES)
    tiny, huge = luck.needed(0.00001), luck.needed(-0.2)
    assert tiny is not None
    assert huge is not None
    assert tiny.seeds == tiny.high == MOST_NEEDED + 1
    assert (huge.seeds, huge.low) == (2, 2)
    assert luck.needed(0) is None


def test_of_few_equal_or_no_seeds_it_says_what_is_known() -> None:
    nothing, one, equal, gone = Luck((), 0, 100), lucky(9100, figure=0.9), lucky(*[9100] * 5), Luck((), 3, IMAGES, 0.9)
    for luck in (nothing, gone):
        assert all(isnan(value) for value in (luck.mean, luck.deviation, luck.lowest, luck.highest, *luck.middle))
    for luck in (nothing, one, equal, gone):
        assert luck.needed(0.01) is None
        assert len(luck.sentences(0.01)) >= 1
    assert (one.mean, one.lowest, one.highest, one.middle) == (0.91, 0.91, 0.91, (0.91, 0.91))
    assert isnan(one.deviation)
    assert isnan(one.typical_gap)
    assert isnan(one.large_gap)
    assert isnan(one.pair_share(0.1))
    assert (equal.deviation, equal.typical_gap, equal.large_gap, equal.pair_share(0.0001)) == (0, 0, 0, 0)
    assert nothing.reach is None
    assert gone.reach is not None
    assert (gone.reach.reached, gone.reach.seeds) == (0, 3)
    no_seeds = Luck((), 0, 100, 0.9).reach
    assert no_seeds is not None
    assert (no_seeds.low, no_seeds.high) == (0, 1)
    assert isnan(no_seeds.share)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.integers(0, 500), max_size=60),
    st.integers(0, 3),
    st.none() | st.floats(0, 1),
    st.none() | st.floats(-1, 1),
    st.booleans(),
)
def test_every_sentence_is_whole_and_names_the_accuracy(
    counts: list[int], diverged: int, figure: float | None, difference: float | None, optimistic: bool
) -> None:
    luck = lucky(*counts, images=500, diverged=diverged, figure=figure, optimistic=optimistic)
    sentences = luck.sentences(difference)
    assert sentences
    for sentence in sentences:
        assert sentence.endswith(".")
        assert "nan" not in sentence
        assert "None o" in sentence or "None" not in sentence
    if luck.seeds:
        assert luck.measure in sentences[0]
    assert optimistic == ("(optimistic)" in luck.measure)
    assert all(("accuracy" in sentence) <= (luck.measure in sentence) for sentence in sentences)


def test_the_figure_comes_first_and_its_interval_is_rounded_outwards() -> None:
    few = lucky(*[9130] * 4, *range(8900, 9096), figure=0.912).sentences()
    assert few[0].startswith("4 of 200 seeds reach")
    # 0.546 to 5.041 %.
    assert "once in 50 (0.5 to 5.1 %" in few[0]
    none, below = (lucky(*range(8900, 9100), figure=figure).sentences()[0] for figure in (0.93, 0.85))
    for sentence in (none, below):
        # 1.828 %.
        assert "at most 1.9 %" in sentence
    rounded = lucky(900, 910, images=1_000, figure=0.90537).sentences()[0]
    assert "905 of 1,000 images" in rounded
    assert len({*few}) == len(few)


def test_a_chosen_difference_takes_the_place_of_the_figures() -> None:
    luck = Luck(simulated(60), 0, IMAGES)
    assert isnan(luck.distance)
    plain, asked = luck.sentences(), luck.sentences(0.002)
    assert asked[: len(plain)] == plain
    assert len(asked) == len(plain) + 2
    assert all("0.20 points" in sentence for sentence in asked[len(plain) :])
    with_figure = Luck(luck.accuracies, 0, IMAGES, 0.92)
    assert all("0.20 points" not in sentence for sentence in with_figure.sentences())
    assert any("0.20 points" in sentence for sentence in with_figure.sentences(-0.002))
    # At the mean there is no difference to find.
    middle = round(luck.mean * IMAGES) / IMAGES
    assert len(Luck(luck.accuracies, 0, IMAGES, middle).sentences()) == len(plain) + 1


@pytest.mark.parametrize(
    "values",
    [
        {"images": 0},
        {"diverged": -1},
        {"accuracies": (0.9, 90.0)},
        {"accuracies": (float("nan"),)},
        {"figure": 91.7},
        {"figure": float("nan")},
    ],
)
def test_numbers_that_cannot_be_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(values))):
        Luck(**{"accuracies": (0.9,), "diverged": 0, "images": IMAGES} | values)
