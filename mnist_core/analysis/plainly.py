"""The verdict of a comparison in one plain sentence, the first thing that a section says."""

from collections import Counter
from collections.abc import Sequence

from mnist_core.analysis.stats.pairs import ALPHA
from mnist_core.analysis.stats.sentences import p_text
from mnist_core.analysis.stats.several import Pair
from mnist_core.analysis.verdict import Verdict
from mnist_core.store import Run
from mnist_core.text import cut_middle, one_line

# Letters of a name in a sentence.
_LETTERS = 28
# The most names that a sentence lists; of more it says how many there are.
_MOST_NAMED = 3


def spoken_names(runs: Sequence[Run]) -> list[str]:
    """What a sentence calls each run: its name, or its number where another run has the same name or it has none."""
    names = [cut_middle(one_line(run.name), _LETTERS) for run in runs]
    often = Counter(names)
    return [
        f"run {run.number}" if not name or often[name] > 1 else f"“{name}”" if "," in name else name
        for name, run in zip(names, runs, strict=True)
    ]


def plain_summary(verdict: Verdict, baseline: Run | None = None) -> str:
    """Which of the runs is better and whether luck alone explains it; against the baseline where there is one.

    One sentence or two as plain text. It says of a pair what `Verdict.sentence` claims, by the same p.
    """
    runs = verdict.predictions.runs
    names = spoken_names(runs)
    pinned = next((index for index, run in enumerate(runs) if baseline is not None and run.id == baseline.id), None)
    if len(runs) == 1:
        return _alone(verdict, names[0])
    if len(runs) == 2:
        return _pair(verdict, verdict.pairs[0], names)
    return _best(verdict, names) if pinned is None else _against(verdict, names, pinned)


def likelihood_of_luck(p: float) -> str:
    """How often luck alone would make so large a difference, in words that people use."""
    if p > ALPHA:
        return "luck alone may explain it"
    often = "less than 1 time in 1,000" if p < 0.001 else f"at most 1 time in {100 if p <= 0.01 else 20}"
    return f"luck alone would do this {often}"


def _alone(verdict: Verdict, name: str) -> str:
    images, (low, high) = verdict.predictions.images, verdict.interval(0)
    right = verdict.count_right(0)
    return (
        f"{_capital(name)} is wrong on {images - right:,} of {images:,} test images: an accuracy of "
        f"{right / images:.2%} (95 % interval {100 * low:.2f} to {high:.2%})."
    )


def _pair(verdict: Verdict, pair: Pair, names: Sequence[str]) -> str:
    claim = verdict.sentence(pair, "", "").claim
    first, second = (pair.b, pair.a) if claim.ahead > 0 else (pair.a, pair.b)
    chance = f"{likelihood_of_luck(claim.p)} ({_p(claim.p, len(verdict.pairs))})"
    if claim.evidence == "some":
        return f"{_capital(names[first])} is better than {names[second]}; {chance}."
    if not claim.ahead:
        return f"{_capital(names[first])} and {names[second]} are right equally often: nothing tells which is better."
    return f"{_capital(names[first])} is right more often than {names[second]}, but {chance}."


def _best(verdict: Verdict, names: Sequence[str]) -> str:
    """Of three runs or more: which is the best, and which cannot be told apart from it."""
    count, best = len(names), verdict.best
    like = verdict.like_the_best
    if len(like) == count - 1 and len(verdict.alike[0]) == count:
        return f"None of these {count} can be told apart from another: luck alone may explain every difference."
    if not like:
        worst = max(verdict.pair(best, other).adjusted for other in range(count) if other != best)
        chance = f"{likelihood_of_luck(worst)} ({_p(worst, len(verdict.pairs))})"
        return f"{_capital(names[best])} is better than each of the other {count - 1}; {chance}."
    equal = verdict.count_right(best) == verdict.count_right(verdict.order[1])
    most = "is right as often as any" if equal else "is right most often"
    text = (
        f"{_capital(names[best])} {most}, but {_listed([names[index] for index in like])} may be as "
        "good: luck alone may explain the difference."
    )
    behind = [index for index in range(count) if index != best and index not in like]
    return f"{text} {_capital(_listed([names[index] for index in behind]))} {_are(behind)} worse." if behind else text


def _against(verdict: Verdict, names: Sequence[str], baseline: int) -> str:
    """Which runs are better than the baseline, which worse, and which cannot be told apart from it."""
    parts: dict[str, list[str]] = {"better": [], "worse": [], "": []}
    for index, name in enumerate(names):
        if index != baseline:
            claim = verdict.sentence(verdict.pair(index, baseline), "", "").claim
            parts["" if claim.evidence == "none" else "better" if claim.ahead < 0 else "worse"].append(name)
    texts = [f"{_listed(found)} {_are(found)} {word}" for word, found in parts.items() if found and word]
    if alike := parts[""]:
        texts.append(f"{_listed(alike)} cannot be told apart from it")
    return f"Against the baseline {names[baseline]}: {'; '.join(texts)} (at p ≤ {ALPHA:g}, corrected for all pairs)."


def _p(p: float, pairs: int) -> str:
    return p_text(p) + (f", corrected for {pairs} pairs" if pairs > 1 else "")


def _listed(names: Sequence[str]) -> str:
    if len(names) > _MOST_NAMED:
        return f"{len(names)} others"
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _are(items: Sequence[object]) -> str:
    return "are" if len(items) > 1 else "is"


def _capital(name: str) -> str:
    """A sentence begins with a capital letter, but a run's own name stays as it is."""
    return f"R{name[1:]}" if name.startswith("run ") else name
