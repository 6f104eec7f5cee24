"""What statistics mean: symmetry, limits, groups, sentences, and what is refused."""

import re
from math import inf, isnan
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from mnist_core.analysis import stats
from mnist_core.analysis.stats import power
from mnist_core.analysis.stats.pairs import PairedTest, from_counts
from mnist_core.analysis.stats.seeds import GroupTest
from mnist_core.plots import significance as plots


def right_of(*wrong: range, images: int = 400) -> np.ndarray:
    """Correctness (models, images): each model is wrong on exactly these images."""
    table = np.ones((len(wrong), images), dtype=bool)
    for row, places in zip(table, wrong, strict=True):
        row[list(places)] = False
    return table


def test_the_paired_comparison_turned_round_is_the_same_one() -> None:
    a, b = right_of(range(28), range(100, 134))
    forward, other = stats.paired_test(a, b), stats.paired_test(b, a)
    assert (forward.only_a, forward.only_b, forward.images, forward.disagreements) == (34, 28, 400, 62)
    assert forward.difference == pytest.approx(6 / 400)
    assert (other.low, other.high, other.p, other.difference) == (
        -forward.high,
        -forward.low,
        forward.p,
        -forward.difference,
    )
    assert forward.p == pytest.approx(0.5258, abs=1e-4)


def test_points_keep_their_sign() -> None:
    assert [stats.points_text(value) for value in (0.0006, -0.00001234, 0.00004, -0.123456, 0.0, -0.0, 1)] == [
        "+0.06",
        "−0.0012",
        "+0.004",
        "−12.35",
        "0.00",
        "0.00",
        "+100.00",
    ]


def test_the_difference_is_coloured_only_as_it_is_judged() -> None:
    paired = stats.paired_test(*right_of(range(1), range(10, 30)))
    assert paired.p < 0.001
    colours = {
        p: traces(plots.accuracy_difference(_Run(1), _Run(2), paired, p))[0].marker.color for p in (paired.p, 0.06)
    }
    assert colours[0.06] == plots.GREY != colours[paired.p]


def test_the_same_answers_leave_nothing_to_test() -> None:
    a = right_of(range(5))[0]
    paired = stats.paired_test(a, a)
    assert paired == PairedTest(400, 0, 0, 0.0, 0.0, 0.0, 1.0)
    # On other images the models might differ: with 0 of 400, on up to 1 - 0.025^(1/400) of them.
    low, high = paired.widest
    assert (low, high) == pytest.approx((0.025 ** (1 / 400) - 1, 1 - 0.025 ** (1 / 400)))


def test_a_pair_has_the_same_interval_in_any_company() -> None:
    right = right_of(range(20), range(30, 60), range(50, 52))
    pairs = stats.all_pairs(right)
    assert [(pair.a, pair.b) for pair in pairs] == [(0, 1), (0, 2), (1, 2)]
    for pair in pairs:
        assert pair.paired == stats.paired_test(right[pair.a], right[pair.b])
    assert [pair.adjusted for pair in pairs] == stats.holm(np.array([pair.paired.p for pair in pairs])).tolist()
    assert any(pair.adjusted > pair.paired.p for pair in pairs)


def test_holm() -> None:
    assert stats.holm(np.array([0.01, 0.04, 0.03, 0.005])) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert stats.holm(np.array([0.9, 0.8])).tolist() == [1.0, 1.0]
    assert stats.holm(np.array([])).size == 0
    assert stats.all_pairs(right_of(range(3))) == []


def test_a_run_between_two_others_is_in_both_groups() -> None:
    right = right_of(range(40), range(25), range(52), range(200), images=1000)
    right[0, 500:] = right[1, 500:] = right[2, 500:] = True
    pairs = stats.all_pairs(right)
    alike = {(pair.a, pair.b) for pair in pairs if pair.adjusted > 0.05}
    groups = stats.indistinguishable(right, pairs)
    assert all(
        set(group) != set(other) and not set(group) < set(other)
        for group in groups
        for other in groups
        if group is not other
    )
    for a, b in [(pair.a, pair.b) for pair in pairs]:
        assert any({a, b} <= set(group) for group in groups) == ((a, b) in alike)
    assert groups[-1] == (3,)
    assert groups[0][0] == 1


def test_groups_are_maximal_and_the_best_comes_first() -> None:
    right = np.array([[True] * 90 + [False] * 10, [True] * 95 + [False] * 5, [True] * 80 + [False] * 20])
    near, far = 0.5, 0.001
    pairs = [
        stats.Pair(a, b, stats.paired_test(right[a], right[b]), p)
        for a, b, p in ((0, 1, near), (0, 2, near), (1, 2, far))
    ]
    assert stats.indistinguishable(right, pairs) == [(1, 0), (0, 2)]
    assert stats.indistinguishable(right, pairs, alpha=0.0001) == [(1, 0, 2)]
    assert stats.indistinguishable(right, pairs, alpha=0.6) == [(1,), (0,), (2,)]
    assert stats.indistinguishable(right[:1], []) == [(0,)]


def test_who_is_close_to_the_best_by_intervals_for_all_together() -> None:
    assert stats.close_to_best([980, 975, 900], [1000] * 3) == [1]
    # With 100 images, 98 % is not certain to be more than 95 %.
    assert stats.close_to_best([98, 9_500], [100, 10_000]) == [1]
    assert stats.close_to_best([980, 950], [1000] * 2) == []
    assert stats.close_to_best([50], [100]) == []
    # These two differ significantly if only they are compared, but not as two of ten.
    assert stats.wilson(952, 1000, 0.975)[1] < stats.wilson(979, 1000, 0.975)[0]
    assert stats.close_to_best([979, 952], [1000] * 2) == []
    assert stats.close_to_best([979, 952, *[500] * 8], [1000] * 10) == [1]


def test_seeds() -> None:
    tested = stats.group_test([0.98, 0.981, 0.979], [0.97, 0.971, 0.972])
    assert tested.permutation == stats.smallest_p(3, 3) == pytest.approx(0.1)
    assert tested.difference == pytest.approx(0.009)
    assert tested.low < 0.009 < tested.high
    assert tested.welch < 0.001
    assert stats.smallest_p(2, 2) == pytest.approx(1 / 3)
    assert stats.smallest_p(5, 5) == pytest.approx(2 / 252)
    assert stats.smallest_p(2, 5) == stats.group_test([0.1, 0.2], [0.5, 0.6, 0.7, 0.8, 0.9]).permutation
    same = stats.group_test([0.9, 0.91], [0.91, 0.9])
    assert (same.welch, same.permutation) == pytest.approx((1, 1))


def test_a_single_seed_says_nothing_and_no_spread_leaves_welch_out() -> None:
    alone = stats.group_test([0.98], [0.97, 0.971])
    assert alone.difference == pytest.approx(0.0095)
    assert all(isnan(value) for value in (alone.low, alone.high, alone.welch, alone.permutation))
    still = stats.group_test([0.98, 0.98, 0.98], [0.97, 0.97, 0.97])
    assert isnan(still.welch)
    assert still.permutation == pytest.approx(0.1)


def test_bands() -> None:
    values = [0.97, 0.98, 0.99, 0.98]
    mean, low, high = stats.mean_and_band(values, "standard deviation")
    deviation = float(np.std(values, ddof=1))
    assert (mean, high - mean, mean - low) == pytest.approx((0.98, deviation, deviation))
    assert stats.mean_and_band(values, "standard error")[2] - mean == pytest.approx(deviation / 2)
    assert stats.mean_and_band(values, "95 % interval")[2] - mean == pytest.approx(3.182446 * deviation / 2, rel=1e-6)
    for band in stats.SPREAD_BANDS:
        mean, low, high = stats.mean_and_band([0.9], band)
        assert mean == 0.9
        assert isnan(low)
        assert isnan(high)
    assert stats.pooled_deviation([values, [0.5]]) == pytest.approx(deviation)
    assert stats.pooled_deviation([[0.1, 0.2], [0.5, 0.7, 0.9]]) == pytest.approx(np.sqrt((0.005 + 0.08) / 3))
    assert isnan(stats.pooled_deviation([[0.9], [0.8]]))


def test_what_can_be_seen() -> None:
    # Six disagreements on one side suffice, but only a mean of 8 reaches 6 often enough.
    assert stats.detectable_difference(10_000, 0) == 8
    differences = [stats.detectable_difference(10_000, disagreements) for disagreements in (20, 62, 200, 1000)]
    assert differences == sorted(differences)
    assert differences[1] == 23
    assert stats.detectable_difference(10_000, 62, alpha=0.05 / 190) > differences[1]
    # Five images can never be significant.
    assert stats.detectable_difference(5, 5) == 6
    assert stats.mcnemar_power(1000, 0, 0) == 0
    assert stats.detectable_by_seeds(0.001, 1) == inf
    least = stats.detectable_by_seeds(0.001, 5)
    assert stats.welch_power(least, 0.001, 5) == pytest.approx(0.8, abs=1e-6)
    assert least > stats.detectable_by_seeds(0.001, 10)
    assert stats.welch_power(0.001, 0.001, 1) == 0
    assert stats.welch_power(1, 0.001, 3) == pytest.approx(1)
    # The textbook's group size for an effect of one standard deviation.
    assert stats.seeds_needed(0.001, 0.001) == 17
    assert stats.seeds_needed(0.0001, 0.001) == 101
    assert stats.detectable_by_seeds_range((0.001, 0.001), (5, 1)) == (inf, inf)
    low, high = stats.detectable_by_seeds_range((0.001, 0.003), (5, 3))
    assert low < stats.detectable_by_seeds(0.001, 5, seeds_b=3, deviation_b=0.003) < high
    assert stats.detectable_by_seeds_range((0.003, 0.001), (3, 5)) == pytest.approx((low, high))
    assert stats.detectable_by_seeds_range((0.01, 0.03), (5, 3)) == pytest.approx((10 * low, 10 * high))
    # One of the two spreads is 0.
    few, many = stats.seeds_needed_range(0.001, (0.001, 0.0), (5, 3))
    assert 2 <= few <= stats.seeds_needed(0.001, 0.001, deviation_b=0.0) <= many


def test_the_sentence_about_two_models_has_their_counts_and_its_claim() -> None:
    none = PairedTest(10_000, 34, 28, 0.0006, -0.001, 0.002, 0.5258)
    sentence = stats.pair_verdict("A", "B", none)
    assert re.findall(r"[0-9,]+ image\w*|[AB] on [0-9,]+|p = [0-9.]+[0-9]", sentence) == [
        "34 images",
        "B on 28",
        "p = 0.53",
    ]
    assert (sentence.claim.evidence, sentence.claim.ahead, sentence.claim.corrected) == ("none", -1, False)
    some = PairedTest(10_000, 1, 1200, -0.1199, -0.13, -0.11, 1e-9)
    sentence = stats.pair_verdict("A", "B", some)
    assert re.findall(r"[0-9,]+ image\w*|[AB] on [0-9,]+|[AB] is better, p < [0-9.]+[0-9]", sentence) == [
        "1 image",
        "B on 1,200",
        "B is better, p < 0.001",
    ]
    assert (sentence.claim.evidence, sentence.claim.ahead) == ("some", 1)
    sentence = stats.pair_verdict("A", "B", some, p=0.06)
    assert (sentence.claim.evidence, sentence.claim.p, sentence.claim.corrected) == ("none", 0.06, True)
    assert "p = 0.06 (corrected" in sentence
    assert stats.pair_verdict("A", "B", PairedTest(10, 0, 0, 0, 0, 0, 1)).claim.ahead == 0


def test_p_is_never_rounded_across_the_line() -> None:
    assert [stats.p_text(p) for p in (0.53123, 0.0502, 0.04996, 0.0005, 1.0)] == [
        "p = 0.53",
        "p = 0.0502",
        "p = 0.05",
        "p < 0.001",
        "p = 1",
    ]


def number_in(text: str, after: str) -> float:
    match = re.search(re.escape(after) + r"([\d.e-]*\d)", text)
    assert match, text
    return float(match[1])


def test_what_a_permutation_test_can_never_show_is_never_said_too_high() -> None:
    """The text rounds down the smallest possible p, by less than a hundredth."""
    for a in range(2, 12):
        for b in range(2, 12):
            for least in (stats.smallest_p(a, b), min(1.0, 3 * stats.smallest_p(a, b)), 0.123456):
                bound = number_in(stats.floor_text(a, b, least), "p < ")
                assert 0.9 * least < bound <= least * (1 + 1e-9)
    assert stats.floor_text(3, 3).startswith("3 seeds each ")
    assert number_in(stats.floor_text(3, 3), "p < ") == 0.1
    # The exact value is 2 / 70 = 0.02857.
    assert number_in(stats.floor_text(4, 4), "p < ") == 0.028
    # The exact value is 1 / 56 = 0.01786.
    assert number_in(stats.floor_text(3, 5), "p < ") == 0.017


def apart(*sizes: int) -> list[list[float]]:
    """Groups of seeds that do not overlap, which a permutation test detects best."""
    return [[0.5 + 0.05 * group + 0.001 * seed for seed in range(size)] for group, size in enumerate(sizes)]


@pytest.mark.parametrize("pairs", [1, 3, 10, 45])
def test_as_many_seeds_as_are_advised_can_show_a_difference_and_one_less_cannot(pairs: int) -> None:
    groups, seeds = {1: 2, 3: 3, 10: 5, 45: 10}[pairs], stats.seeds_to_show(pairs)
    best = [[pair.permutation for pair in stats.group_pairs(apart(*[count] * groups))] for count in (seeds, seeds - 1)]
    assert len(best[0]) == pairs
    assert max(best[0]) <= 0.05 < min(best[1])


@pytest.mark.parametrize("sizes", [(3, 3), (2, 10), (3, 3, 3), (2, 3, 7), (3, 6, 6, 6), (2, 2, 8, 8)])
def test_the_smallest_corrected_p_is_reached_or_close_and_never_undercut(sizes: tuple[int, ...]) -> None:
    pairs = stats.group_pairs(apart(*sizes))
    floors = np.array([stats.smallest_p(*pair.seeds) for pair in pairs])
    random = np.random.default_rng(2)
    # Any p values that these tests can have, mostly the smallest possible ones.
    for _ in range(300):
        p = np.minimum(1, floors * random.choice([1, 1, 2, 5, 40], len(floors)))
        for pair, adjusted in zip(pairs, stats.holm(p), strict=True):
            assert adjusted >= pair.least - 1e-12
    assert all(pair.permutation >= pair.least - 1e-12 for pair in pairs)
    at_best = stats.holm(floors)
    assert any(pair.least == pytest.approx(value) for pair, value in zip(pairs, at_best, strict=True))


GROUPS = [
    ([0.98, 0.981, 0.979], [0.97, 0.971, 0.972]),
    ([0.98] * 3, [0.98] * 3),
    ([0.98] * 5, [0.979] * 5),
    ([0.98, 0.97], [0.97, 0.98]),
    # The means are less than 0.005 points apart.
    ([0.980001, 0.980002, 0.980003, 0.980004], [0.98, 0.980001, 0.980002, 0.979999]),
    ([0.9800010, 0.9800011, 0.9800012], [0.9800000, 0.9800001, 0.9800002]),
    ([0.9812, 0.9811], [0.9801, 0.9795, 0.9806, 0.9800, 0.9809, 0.9803, 0.9797, 0.9804, 0.9790, 0.9805]),
    ([0.9850, 0.9852, 0.9851, 0.9853, 0.9850], [0.9806, 0.9812, 0.9799, 0.9803, 0.9801]),
    ([0.98, 0.98, 0.98, 0.98, 0.98, 0.9], [0.979, 0.9791, 0.9789, 0.9790, 0.9792, 0.9788]),
    ([0.97], [0.98, 0.981]),
]


@pytest.mark.parametrize(("a", "b"), [*GROUPS, *((b, a) for a, b in GROUPS)])
@pytest.mark.parametrize("tested", [1, 3, 10])
def test_a_sentence_about_architectures_claims_what_the_tests_say(a: list[float], b: list[float], tested: int) -> None:
    outcome = stats.group_test(a, b)
    corrected: tuple[Any, ...] = ()
    if tested > 1:
        corrected = (
            min(1.0, tested * outcome.welch),
            0.05,
            min(1.0, tested * outcome.permutation),
            min(1.0, tested * stats.smallest_p(len(a), len(b))),
        )
    sentence = stats.group_verdict("first", "second", a, b, outcome, *corrected)
    claim, factor = sentence.claim, tested if tested > 1 else 1
    apart = float(np.mean(a) - np.mean(b))
    assert claim.ahead == (0 if abs(apart) < 1e-9 else -1 if apart > 0 else 1)
    if min(len(a), len(b)) < 2:
        assert claim.evidence == "not tested"
        return
    welch, exchanged = min(1, factor * outcome.welch) <= 0.05, min(1, factor * outcome.permutation) <= 0.05
    assert claim.evidence == {(True, True): "some", (False, False): "none", (True, False): "welch only"}.get(
        (welch, exchanged), "permutation only"
    )
    assert claim.corrected == (tested > 1)
    # A sentence that names a better one states neither a difference of 0 nor equal means.
    if claim.ahead:
        assert number_in(sentence, "on average ") == pytest.approx(100 * abs(outcome.difference), rel=0.1, abs=0.005)
        assert number_in(sentence, "on average ") > 0
    else:
        assert claim.evidence == "none"
    # The sentence names both p values.
    if claim.evidence in ("welch only", "permutation only"):
        assert stats.p_text(claim.permutation) in sentence
        assert stats.p_text(claim.p) in sentence or isnan(claim.p)
    if claim.evidence != "welch only":
        assert not claim.false_alarms


def test_too_many_false_alarms_are_told_where_only_welch_sees_a_difference() -> None:
    few = [0.9812, 0.9811], [0.9801, 0.9795, 0.9813, 0.9800, 0.9809, 0.9803, 0.9797, 0.9804, 0.9790, 0.9805]
    claim = stats.group_verdict("a", "b", *few, stats.group_test(*few)).claim
    assert claim.evidence == "welch only"
    assert claim.false_alarms == pytest.approx(0.117, abs=0.002)
    even = [0.98, 0.981, 0.979], [0.97, 0.971, 0.972]
    assert not stats.group_verdict("a", "b", *even, stats.group_test(*even)).claim.false_alarms


@pytest.mark.parametrize("images", [100, 10_000])
@pytest.mark.parametrize("only_a", [0, 1, 5, 7, 30])
@pytest.mark.parametrize("only_b", [0, 1, 5, 30])
@pytest.mark.parametrize("factor", [None, 1, 3])
def test_a_sentence_about_models_claims_what_the_test_says(
    images: int, only_a: int, only_b: int, factor: int | None
) -> None:
    paired = from_counts(images, only_a, only_b)
    judged = paired.p if factor is None else min(1.0, factor * paired.p)
    sentence = stats.pair_verdict("first", "second", paired, None if factor is None else judged)
    assert (sentence.claim.evidence, sentence.claim.p) == ("some" if judged <= 0.05 else "none", judged)
    assert sentence.claim.ahead == int(np.sign(only_b - only_a))
    assert sentence.claim.corrected == (factor is not None)
    assert sentence.claim.ahead or sentence.claim.evidence == "none"
    if paired.disagreements:
        better = "first" if only_a > only_b else "second"
        assert (f"{better} is better" in sentence) == (judged <= 0.05)
        assert stats.p_text(judged) in sentence


def test_the_sentence_about_architectures() -> None:
    a, b = [0.98, 0.981, 0.979], [0.97, 0.971, 0.972]
    sentence = stats.group_verdict("a", "b", a, b, stats.group_test(a, b))
    assert (sentence.claim.evidence, sentence.claim.ahead, sentence.claim.least) == ("welch only", -1, 0.1)
    assert sentence.claim.permutation == pytest.approx(0.1)
    assert sentence.startswith("a is on average 0.90 ")
    assert "(3 seeds each)" in sentence
    assert "Welch's p < 0.001 alone" in sentence
    turned = stats.group_verdict("b", "a", b, a, stats.group_test(b, a), p=0.2)
    assert turned.startswith("a is on average 0.90 ")
    assert (turned.claim.evidence, turned.claim.p, turned.claim.corrected) == ("none", 0.2, True)
    assert "Welch's p = 0.2 (corrected" in turned
    alone = stats.group_test([0.98], b)
    assert stats.group_verdict("a", "b", [0.98], b, alone).claim.evidence == "not tested"
    still = GroupTest(0.0, np.nan, np.nan, np.nan, 1.0)
    assert stats.group_verdict("a", "b", [0.9, 0.9], [0.9, 0.9], still).claim.ahead == 0


@pytest.mark.parametrize(("a", "b"), [((4,), (5,)), ((0,), (0,)), ((2, 2), (2, 2))])
def test_answers_to_other_images_are_refused(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="the same images"):
        stats.paired_test(np.ones(a, dtype=bool), np.ones(b, dtype=bool))


def test_impossible_counts_are_refused() -> None:
    for right, images in ((1, 0), (-1, 5), (6, 5)):
        with pytest.raises(ValueError, match="cannot be"):
            stats.wilson(right, images)
    with pytest.raises(ValueError, match="cannot be"):
        stats.mcnemar_power(10, 8, 5)
    with pytest.raises(ValueError, match="without accuracies"):
        stats.group_test([], [0.9])
    for deviation in (0, -1, np.nan):
        for ask in (stats.seeds_needed, stats.welch_power):
            with pytest.raises(ValueError, match="two seeds"):
                ask(0.1, deviation, 3)
        with pytest.raises(ValueError, match="two seeds"):
            stats.detectable_by_seeds(deviation, 3)
        for compute in (stats.detectable_by_seeds_range, lambda *spread: stats.seeds_needed_range(0.1, *spread)):
            with pytest.raises(ValueError, match="two seeds"):
                compute((deviation, 0.0), (3, 3))


def test_what_is_no_number_is_refused() -> None:
    for a, b in (([0.9, np.nan, 0.91], [0.8, 0.81]), ([0.9], [np.inf])):
        with pytest.raises(ValueError, match="not a number"):
            stats.group_test(a, b)
    with pytest.raises(ValueError, match="could not be tested"):
        stats.holm(np.array([0.01, np.nan, 0.2]))


class _Run:
    def __init__(self, number: int, name: str = "<b>bold</b> & co") -> None:
        self.number, self.name = number, name


def traces(figure: go.Figure) -> list[Any]:
    return list(figure.data)


def notes(figure: go.Figure) -> list[Any]:
    return list(figure.layout["annotations"])


def test_the_matrix_has_each_pair_twice_with_opposite_signs() -> None:
    images, p = np.array([[0, 30, 2], [-30, 0, -28], [-2, 28, 0]]), np.ones((3, 3))
    p[0, 1] = p[1, 0] = 0.01
    figure = plots.pair_matrix([_Run(4), _Run(7), _Run(9)], images, p)
    better, worse, none = ([np.isfinite(trace.z)] for trace in traces(figure)[:3])
    assert np.argwhere(better[0]).tolist() == [[0, 1]]
    assert np.argwhere(worse[0]).tolist() == [[1, 0]]
    assert none[0].sum() == 4
    texts = {(note.y, note.x): note.text for note in notes(figure)}
    assert len(texts) == 6
    assert texts[0, 1].startswith("<b>+30</b>")
    assert texts[1, 0].startswith("<b>−30</b>")
    assert "p=.01" in texts[1, 0]
    assert "p=1" in texts[0, 2]
    assert [list(facts[:2]) for facts in traces(figure)[3].customdata] == [
        [4, 7],
        [4, 9],
        [7, 4],
        [7, 9],
        [9, 4],
        [9, 7],
    ]


def test_pictures_of_two_runs_and_of_standings() -> None:
    a, b = _Run(1), _Run(2)
    paired = stats.paired_test(*right_of(range(28), range(100, 134)))
    alone = plots.right_alone(a, b, paired)
    assert [bar.x[0] for bar in traces(alone)] == [34, 28]
    assert "<b>" not in notes(alone)[0].text
    (point,) = traces(plots.accuracy_difference(a, b, paired, paired.p))
    assert (point.x[0] - point.error_x.arrayminus[0], point.x[0] + point.error_x.array[0]) == pytest.approx(
        (100 * paired.low, 100 * paired.high)
    )
    rows = [plots.Standing(run, 0.98, *stats.wilson(980, 1000)) for run in (a, b)]
    bare, grouped = plots.standings(rows), plots.standings(rows, [(0, 1)])
    assert len(traces(bare)) == 2
    assert list(traces(grouped)[2].y) == [0, 1]
    dot = traces(bare)[0]
    assert (100 - dot.x[0] - dot.error_x.array[0], 100 - dot.x[0] + dot.error_x.arrayminus[0]) == pytest.approx(
        (100 * rows[0].low, 100 * rows[0].high)
    )


def test_every_seed_is_a_dot() -> None:
    values = {0: 0.97, 1: 0.98, 7: 0.975}
    rows = [
        plots.SeedAccuracies("many", _Run(1), values, *stats.mean_and_band(list(values.values()), "standard error")),
        plots.SeedAccuracies("one", _Run(2), {3: 0.9}, *stats.mean_and_band([0.9], "standard error")),
    ]
    mean, dots, dot, *legend = traces(plots.seed_spread(rows, "standard error"))
    assert [facts[0] for facts in dots.customdata] == [0, 1, 7]
    assert dots.x == pytest.approx([3, 2, 2.5])
    assert mean.x[0] == pytest.approx(2.5)
    assert mean.error_x.array[0] == pytest.approx(100 * (rows[0].mean - rows[0].low))
    assert dot.x == pytest.approx([10])
    assert [entry.name for entry in legend] == ["a seed", "mean, standard error"]


def test_the_variances_behind_a_measured_spread_are_those_of_scipy():
    from scipy.stats import chi2

    shares = (np.arange(power._SLICES) + 0.5) / power._SLICES
    first, second = power._variances_behind((0.2, 0.3), (3, 8))
    np.testing.assert_allclose(first[:, 0], 0.2**2 * 2 / chi2.ppf(shares, 2))
    np.testing.assert_allclose(second[0], 0.3**2 * 7 / chi2.ppf(shares, 7))


@pytest.mark.parametrize("counts", [(10, -1, 3), (10, 3, -1), (10, 6, 5), (0, 0, 0)])
def test_disagreements_that_cannot_be_are_refused(counts: tuple[int, int, int]):
    with pytest.raises(ValueError, match="cannot be"):
        from_counts(*counts)
