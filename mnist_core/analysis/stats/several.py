"""More than two: every pair tested, corrected for their number; models that cannot be told apart; groups of seeds."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mnist_core.analysis.stats.pairs import ALPHA, PairedTest, from_counts, wilson
from mnist_core.analysis.stats.seeds import GroupTest, group_test, smallest_p


@dataclass(frozen=True)
class Pair:
    """Two of several models, by their places in the order given."""

    a: int
    b: int
    paired: PairedTest
    # p after Holm's correction for all pairs; the interval in `paired` is of this pair alone.
    adjusted: float


@dataclass(frozen=True)
class GroupPair:
    """Two of several groups of seeds, by their places in the order given; each has two seeds or more."""

    a: int
    b: int
    seeds: tuple[int, int]
    # The test of this pair alone, with the interval of this pair alone.
    test: GroupTest
    # Welch's p after Holm's correction for all pairs that it can test; NaN where it cannot.
    welch: float
    # The permutation test's p after Holm's correction for all pairs.
    permutation: float
    # The smallest value that `permutation` can have with these numbers of seeds.
    least: float
    # Number of pairs that were tested.
    tested: int


def holm(p: np.ndarray) -> np.ndarray:
    """p values (M,) adjusted for testing all of them (Holm 1979): the chance of any false alarm stays at most alpha.

    The i-th smallest is multiplied by M - i + 1, made no smaller than those before it, and at most 1.
    Raises ValueError if one is NaN: what could not be tested is not to be counted.
    """
    raw = np.asarray(p, dtype=np.float64)
    if np.isnan(raw).any():
        raise ValueError("p: not a number. Leave out what could not be tested.")
    order = np.argsort(raw, kind="stable")
    stepped = np.maximum.accumulate(raw[order] * np.arange(len(raw), 0, -1))
    adjusted = np.empty_like(raw)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


def all_pairs(right: np.ndarray) -> list[Pair]:
    """Every two of the models, in order: (0, 1), (0, 2) ... `right` is bool (models, N): who has which image right."""
    table = np.asarray(right, dtype=bool)
    counts = table.sum(axis=1)
    # float32 holds these counts exactly up to 2²⁴ images.
    both = np.rint(table.astype(np.float32) @ table.T.astype(np.float32)).astype(np.int64)
    places = [(a, b) for a in range(len(table)) for b in range(a + 1, len(table))]
    tests = [from_counts(table.shape[1], int(counts[a] - both[a, b]), int(counts[b] - both[a, b])) for a, b in places]
    adjusted = holm(np.array([test.p for test in tests]))
    return [Pair(a, b, test, float(value)) for (a, b), test, value in zip(places, tests, adjusted, strict=True)]


def group_pairs(groups: Sequence[Sequence[float]]) -> list[GroupPair]:
    """Every two of the groups of accuracies (fractions) that have two seeds or more, in order, tested and corrected."""
    places = [index for index, group in enumerate(groups) if len(group) > 1]
    pairs = [(a, b) for position, a in enumerate(places) for b in places[position + 1 :]]
    tests = [group_test(groups[a], groups[b]) for a, b in pairs]
    seeds = [(len(groups[a]), len(groups[b])) for a, b in pairs]
    welch = np.array([test.welch for test in tests])
    testable = ~np.isnan(welch)
    welch[testable] = holm(welch[testable])
    permutation = holm(np.array([test.permutation for test in tests]))
    floors = np.array([smallest_p(*counts) for counts in seeds])
    return [
        GroupPair(
            *pairs[row],
            seeds[row],
            tests[row],
            float(welch[row]),
            float(permutation[row]),
            _least_adjusted(floors, row),
            len(pairs),
        )
        for row in range(len(pairs))
    ]


def _least_adjusted(floors: np.ndarray, index: int) -> float:
    """The smallest adjusted p (Holm) that the pair at `index` can have, where `floors` are the smallest raw p values.

    It is smallest behind as many others as come first at best, which its factor then leaves out; but these are no
    larger than itself, and each of them is multiplied by the factor of its own rank.
    """
    count = len(floors)
    first = np.sort(np.delete(floors, index))
    before = np.maximum.accumulate(np.append(0.0, first * np.arange(count, 1, -1)))
    possible = np.maximum(before, np.maximum(floors[index], np.append(0.0, first)) * (count - np.arange(count)))
    return float(min(1.0, possible.min()))


def indistinguishable(right: np.ndarray, pairs: Sequence[Pair], alpha: float = ALPHA) -> list[tuple[int, ...]]:
    """The groups of models that cannot be told apart: maximal sets of places in which no pair is significant.

    A pair is significant if its adjusted p is at most alpha. A model may be in several groups (a like b and b like c
    does not make a like c), and one unlike all others is a group of its own. Within a group the best model comes first,
    and the group of the best model comes first. Not being told apart is no proof of being equal.
    """
    accuracy = np.asarray(right).mean(axis=1)
    order = np.argsort(-accuracy, kind="stable").tolist()
    rank = {model: position for position, model in enumerate(order)}
    alike: dict[int, set[int]] = {position: set() for position in range(len(order))}
    for pair in pairs:
        if pair.adjusted > alpha:
            alike[rank[pair.a]].add(rank[pair.b])
            alike[rank[pair.b]].add(rank[pair.a])
    groups = sorted(tuple(sorted(group)) for group in _cliques(set(), set(alike), set(), alike))
    return [tuple(order[position] for position in group) for group in groups]


def close_to_best(right: Sequence[float], images: Sequence[int]) -> list[int]:
    """The places of the models whose accuracy may be that of the best one, which has the largest share right, or more.

    Those whose Wilson interval overlaps with the best one's, at a level that holds for all together (Bonferroni). For
    models that did not answer the same images, or whose rightness on each image is itself a mean: Wilson's interval of
    such means is wider than need be. Without the best one itself.
    """
    level = 1 - ALPHA / max(1, len(right))
    shares = [count_right / count for count_right, count in zip(right, images, strict=True)]
    ends = [wilson(min(count_right, count), count, level) for count_right, count in zip(right, images, strict=True)]
    best = int(np.argmax(shares))
    return [model for model, (_, high) in enumerate(ends) if model != best and high >= ends[best][0]]


def _cliques(chosen: set[int], open_: set[int], done: set[int], alike: dict[int, set[int]]) -> Iterator[set[int]]:
    """All maximal sets whose members are all alike (Bron and Kerbosch 1973, with a pivot)."""
    if not open_ and not done:
        if chosen:
            yield set(chosen)
        return
    pivot = max(open_ | done, key=lambda model: len(alike[model] & open_))
    for model in sorted(open_ - alike[pivot]):
        yield from _cliques(chosen | {model}, open_ & alike[model], done & alike[model], alike)
        open_ = open_ - {model}
        done = done | {model}
