"""What a test found, as one plain sentence."""

from collections.abc import Sequence
from math import isnan

from mnist_core.stats.pairs import Paired
from mnist_core.stats.seeds import GroupTest, smallest_p


def verdict(name_a: str, name_b: str, found: Paired, p: float | None = None, alpha: float = 0.05) -> str:
    """Who is right on how many images that the other gets wrong, and whether that is evidence of a difference.

    `p` is the p to judge by where several pairs were tested (`Pair.adjusted`); left out, the pair's own.
    """
    if not found.disagreements:
        return f"{name_a} and {name_b} are right on exactly the same images: nothing tells them apart."
    counts = (
        f"{name_a} is right on {_images(found.only_a)} that {name_b} gets wrong, "
        f"{name_b} on {found.only_b:,} that {name_a} gets wrong"
    )
    judged = found.p if p is None else p
    said = p_text(judged, alpha) + ("" if p is None else " (corrected for the number of pairs)")
    if judged > alpha:
        return f"{counts}: no evidence of a difference, {said}."
    better = name_a if found.difference > 0 else name_b
    return f"{counts}: evidence that {better} is better, {said}."


def group_verdict(
    name_a: str,
    name_b: str,
    a: Sequence[float],
    b: Sequence[float],
    found: GroupTest,
    p: float | None = None,
    alpha: float = 0.05,
) -> str:
    """Whether two architectures differ, from the accuracies of their seeds and the test of them.

    `p` is Welch's p to judge by where several pairs were tested; left out, the pair's own.
    """
    seeds = f"{_seeds(len(a))} each" if len(a) == len(b) else f"{_seeds(len(a))} against {len(b)}"
    points = 100 * abs(found.difference)
    if points < 0.005:
        means = f"{name_a} and {name_b} have the same mean accuracy"
    else:
        better, worse = (name_a, name_b) if found.difference > 0 else (name_b, name_a)
        means = f"{better} is on average {points:.2f} percentage points better than {worse}"
    if isnan(found.permutation):
        return f"{means} ({seeds}), but one seed says nothing about chance: train more seeds of each."
    if isnan(found.welch):
        return f"{means} ({seeds}). Their seeds do not differ, so Welch's test has nothing to go by."
    judged = found.welch if p is None else p
    said = p_text(judged, alpha) + ("" if p is None else " (corrected for the number of pairs)")
    evidence = "evidence" if judged <= alpha else "no evidence"
    return f"{means} ({seeds}): {evidence} of a difference between the architectures, Welch's {said}."


def p_text(p: float, alpha: float = 0.05) -> str:
    """A p value in few digits, but never rounded across `alpha`: "p = 0.53", "p < 0.001"."""
    if p < 0.001:
        return "p < 0.001"
    texts = (f"{p:.{digits}g}" for digits in range(2, 15))
    return "p = " + next((text for text in texts if (float(text) <= alpha) == (p <= alpha)), repr(p))


def floor_text(a: int, b: int) -> str:
    """What a permutation test of so many seeds can never show: "3 seeds each can never show p < 0.1"."""
    least = smallest_p(a, b)
    who = f"{_seeds(a)} each" if a == b else f"{_seeds(a)} against {b}"
    return f"{who} can never show p < {least:.2g}"


def _images(count: int) -> str:
    return f"{count:,} image" + ("" if count == 1 else "s")


def _seeds(count: int) -> str:
    return f"{count} seed" + ("" if count == 1 else "s")
