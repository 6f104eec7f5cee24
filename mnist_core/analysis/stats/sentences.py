"""What a test found, as one plain sentence that carries what it claims."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from math import ceil, isnan
from typing import Literal

from mnist_core.analysis.stats.pairs import ALPHA, PairedTest
from mnist_core.analysis.stats.power import welch_false_alarms
from mnist_core.analysis.stats.seeds import SAME, GroupTest, smallest_p
from mnist_core.analysis.stats.selection import SelectionBias

# A bias below a hundredth of a percentage point is not worth a number.
_LEAST = 0.0001
# Welch's false alarms are mentioned when they are at least this many times as frequent as they should be.
_CAREFUL = 1.2

Evidence = Literal["none", "some", "welch only", "permutation only", "not tested"]


@dataclass(frozen=True)
class Claim:
    """What a sentence about two models or two architectures says."""

    # Evidence of a difference; "welch only" and "permutation only" where the two tests disagree.
    evidence: Evidence
    # -1: the first has the higher accuracy, 1: the second, 0: they are equal.
    ahead: int
    # The p that decides, for architectures that of Welch's test; NaN where nothing can be tested.
    p: float
    # Whether p is corrected for the number of pairs.
    corrected: bool
    # The permutation test's p, for architectures only.
    permutation: float = float("nan")
    # The smallest p that the permutation test can give.
    least: float = 0.0
    # How often Welch's test calls equal architectures different, at most; 0 where it is not worth mentioning.
    false_alarms: float = 0.0


class Sentence(str):
    """A text with what it claims."""

    claim: Claim

    def __new__(cls, text: str, claim: Claim) -> "Sentence":
        made = super().__new__(cls, text)
        made.claim = claim
        return made


def pair_verdict(name_a: str, name_b: str, test: PairedTest, p: float | None = None, alpha: float = ALPHA) -> Sentence:
    """Who is right on how many images that the other gets wrong, and whether that is evidence of a difference.

    `p` is the p to judge by where several pairs were tested (`Pair.adjusted`); left out, the pair's own.
    """
    judged = test.p if p is None else p
    evidence: Evidence = "some" if judged <= alpha else "none"
    claim = Claim(evidence, (test.only_b > test.only_a) - (test.only_a > test.only_b), judged, p is not None)
    if not test.disagreements:
        return Sentence(f"{name_a} and {name_b} are right on exactly the same images: nothing tells them apart.", claim)
    counts = (
        f"{name_a} is right on {_images(test.only_a)} that {name_b} gets wrong, "
        f"{name_b} on {test.only_b:,} that {name_a} gets wrong"
    )
    text = p_text(judged, alpha) + _corrected(claim)
    if evidence == "none":
        return Sentence(f"{counts}: no evidence of a difference, {text}.", claim)
    return Sentence(f"{counts}: evidence that {name_a if claim.ahead < 0 else name_b} is better, {text}.", claim)


def group_verdict(
    name_a: str,
    name_b: str,
    a: Sequence[float],
    b: Sequence[float],
    test: GroupTest,
    p: float | None = None,
    alpha: float = ALPHA,
    permutation: float | None = None,
    least: float | None = None,
) -> Sentence:
    """Whether two architectures differ, from the accuracies of their seeds and the tests of them.

    `p` is Welch's p to judge by where several pairs were tested, `permutation` that of the permutation test and
    `least` what this cannot be below (`GroupPair`); left out, the pair's own. Where the two tests disagree, it is said.
    """
    claim = _group_claim(a, b, test, p, alpha, permutation, least)
    better, worse = (name_a, name_b) if claim.ahead < 0 else (name_b, name_a)
    means = f"{better} is on average {points_text(abs(test.difference))[1:]} percentage points better than {worse}"
    if not claim.ahead:
        means = f"{name_a} and {name_b} have the same mean accuracy"
    return Sentence(f"{means} ({seeds_text(len(a), len(b))}){_group_evidence(claim, len(a), len(b), alpha)}", claim)


def p_text(p: float, alpha: float = ALPHA) -> str:
    """A p value in few digits, but never rounded across `alpha`: "p = 0.53", "p < 0.001"."""
    sign, number = p_digits(p, alpha)
    return f"p {sign} {number}"


def p_digits(p: float, alpha: float = ALPHA) -> tuple[str, str]:
    """The parts of `p_text`: the sign "=" or "<", and the number."""
    if p < 0.001:
        return "<", "0.001"
    texts = (f"{p:.{digits}g}" for digits in range(2, 15))
    return "=", next((text for text in texts if (float(text) <= alpha) == (p <= alpha)), repr(p))


def points_text(fraction: float) -> str:
    """A signed difference in percentage points, never rounded to the other side of 0: "+0.06", "−0.0022", "0.00"."""
    points = 100 * fraction
    text = f"{points:+.2f}"
    if float(text) == 0:
        text = f"{points:+.2g}" if points else "0.00"
    return text.replace("-", "−")


def floor_text(a: int, b: int, least: float | None = None) -> str:
    """What a permutation test of this many seeds can never show: "3 seeds each can never show p < 0.1".

    `least` is the smallest p there can be, where it is corrected for several pairs. It is rounded down, for a p that
    is a little smaller than the one that is named must not be possible.
    """
    limit = smallest_p(a, b) if least is None else least
    # Adding a millionth undoes rounding errors of the sum or product before.
    exact = Decimal(repr(limit * (1 + 1e-9)))
    rounded = exact.quantize(Decimal(1).scaleb(exact.adjusted() - 1), ROUND_FLOOR)
    return f"{seeds_text(a, b)} can never show p < {float(rounded):.2g}"


def selection_bias_text(bias: SelectionBias | None) -> str:
    """What choosing the best of so many runs does to its accuracy; "" where nothing was chosen or nothing is known."""
    if bias is None or bias.runs < 2:
        return ""
    chosen = f"This is the best of {bias.runs:,} runs, which makes its accuracy too high (selection bias)"
    unknown = "How much the seed adds can only be seen with more seeds of each."
    if bias.excess < _LEAST:
        least = f"{100 * _LEAST:.2f} points"
        if bias.by_seeds:
            return f"{chosen} by less than {least}, judged by how far the seeds lie apart."
        return f"{chosen}; the choice of images adds less than {least} to it. {unknown}"
    points = f"{100 * bias.excess:.2f} points"
    close = "all of them are" if bias.close == bias.runs else f"{bias.close:,} of them are"
    if bias.by_seeds:
        return (
            f"{chosen} by about {points}, compared with the mean of many seeds of its settings: {close} so close that "
            "luck decides which is the best (judged by how far their seeds lie apart)."
        )
    return (
        f"{chosen} by up to {points}: {close} so close that the choice of images decides which is the best. {unknown}"
    )


def seeds_text(a: int, b: int) -> str:
    """The numbers of seeds of two architectures: "3 seeds each", "2 seeds against 10"."""
    return f"{_seeds(a)} each" if a == b else f"{_seeds(a)} against {b}"


def _group_claim(
    a: Sequence[float],
    b: Sequence[float],
    test: GroupTest,
    p: float | None,
    alpha: float,
    permutation: float | None,
    least: float | None,
) -> Claim:
    ahead = 0 if abs(test.difference) < SAME else -1 if test.difference > 0 else 1
    if isnan(test.permutation):
        return Claim("not tested", ahead, test.welch, False)
    welch = test.welch if p is None else p
    exchanged = test.permutation if permutation is None else permutation
    kinds: dict[tuple[bool, bool], Evidence] = {
        (True, True): "some",
        (False, False): "none",
        (True, False): "welch only",
        (False, True): "permutation only",
    }
    evidence = kinds[welch <= alpha, exchanged <= alpha]
    alarms = welch_false_alarms(len(a), len(b), alpha) if evidence == "welch only" else 0.0
    return Claim(
        evidence,
        ahead,
        welch,
        p is not None or permutation is not None,
        exchanged,
        smallest_p(len(a), len(b)) if least is None else least,
        alarms if alarms > _CAREFUL * alpha else 0.0,
    )


def _group_evidence(claim: Claim, a: int, b: int, alpha: float) -> str:
    """How the sentence about two architectures goes on behind the means."""
    if claim.evidence == "not tested":
        return ", but one seed says nothing about chance: train more seeds of each."
    of = "of a difference between the architectures"
    permutation = f"the permutation test's {p_text(claim.permutation, alpha)}"
    if isnan(claim.p):
        is_evidence = "evidence" if claim.evidence == "permutation only" else "no evidence"
        return (
            f". Within each, all seeds have the same accuracy, so Welch's test cannot be used; {permutation}"
            f"{_corrected(claim)} is {is_evidence} {of}."
        )
    welch = f"Welch's {p_text(claim.p, alpha)}"
    if claim.evidence == "none":
        return f": no evidence {of}, {welch}{_corrected(claim)}."
    if claim.evidence == "some":
        return f": evidence {of}, {welch} and {permutation}{_corrected(claim)}."
    if claim.evidence == "permutation only":
        return f". The two tests disagree: {permutation} is evidence {of}, {welch} is not{_corrected(claim)}."
    careful = ""
    if claim.false_alarms:
        careful = (
            f" With {seeds_text(a, b)}, Welch's test calls equal architectures different in up to "
            f"{ceil(100 * claim.false_alarms)} of 100 cases instead of {100 * alpha:.2g}."
        )
    if claim.least > alpha:
        return (
            f": evidence {of} by {welch} alone{_corrected(claim)}; {permutation} cannot confirm it, as "
            f"{floor_text(a, b, claim.least)}.{careful}"
        )
    return f". The two tests disagree: {welch} is evidence {of}, {permutation} is not{_corrected(claim)}.{careful}"


def _corrected(claim: Claim) -> str:
    return " (corrected for the number of pairs)" if claim.corrected else ""


def _images(count: int) -> str:
    return f"{count:,} image" + ("" if count == 1 else "s")


def _seeds(count: int) -> str:
    return f"{count} seed" + ("" if count == 1 else "s")
