"""More than two models: every pair tested, corrected for their number, and the groups that cannot be told apart."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mnist_core.stats.pairs import Paired, from_counts


@dataclass(frozen=True)
class Pair:
    """Two of several models, by their places in the order given."""

    a: int
    b: int
    paired: Paired
    adjusted: float  # its p after Holm's correction for all pairs


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


def all_pairs(right: np.ndarray, resamples: int = 10_000, seed: int = 0) -> list[Pair]:
    """Every two of the models, in order: (0, 1), (0, 2) ... `right` is bool (models, N): who has which image right."""
    table = np.asarray(right, dtype=bool)
    counts = table.sum(axis=1)
    both = np.rint(table.astype(np.float32) @ table.T.astype(np.float32)).astype(np.int64)  # exact below 2²⁴ images
    places = [(a, b) for a in range(len(table)) for b in range(a + 1, len(table))]
    found = [
        from_counts(table.shape[1], int(counts[a] - both[a, b]), int(counts[b] - both[a, b]), resamples, seed)
        for a, b in places
    ]
    adjusted = holm(np.array([one.p for one in found]))
    return [
        Pair(a, b, one, float(value)) for (a, b), one, value in zip(places, found, adjusted, strict=True)
    ]  # fmt: skip


def indistinguishable(right: np.ndarray, pairs: Sequence[Pair], alpha: float = 0.05) -> list[tuple[int, ...]]:
    """The groups of models that cannot be told apart: maximal sets of places in which no pair is significant.

    A pair is significant if its adjusted p is at most alpha. A model may be in several groups (a like b and b like c
    does not make a like c), and one unlike all others is a group of its own. Within a group the best model comes first,
    and the group of the best model comes first. Not being told apart is no proof of being equal.
    """
    accuracy = np.asarray(right).mean(axis=1)
    order = np.argsort(-accuracy, kind="stable").tolist()
    rank = {place: position for position, place in enumerate(order)}
    alike: dict[int, set[int]] = {position: set() for position in range(len(order))}
    for pair in pairs:
        if pair.adjusted > alpha:
            alike[rank[pair.a]].add(rank[pair.b])
            alike[rank[pair.b]].add(rank[pair.a])
    groups = sorted(tuple(sorted(group)) for group in _cliques(set(), set(alike), set(), alike))
    return [tuple(order[position] for position in group) for group in groups]


def _cliques(chosen: set[int], open_: set[int], done: set[int], alike: dict[int, set[int]]) -> Iterator[set[int]]:
    """All maximal sets whose members are all alike (Bron and Kerbosch 1973, with a pivot)."""
    if not open_ and not done:
        if chosen:
            yield set(chosen)
        return
    pivot = max(open_ | done, key=lambda place: len(alike[place] & open_))
    for place in sorted(open_ - alike[pivot]):
        yield from _cliques(chosen | {place}, open_ & alike[place], done & alike[place], alike)
        open_ = open_ - {place}
        done = done | {place}
