"""How much the best of several runs owes to having been chosen as the best."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean

import numpy as np

# Number of simulated searches.
_DRAWN = 400
# A setting this many standard errors behind the best cannot have won by chance.
_REACH = 4.0


@dataclass(frozen=True)
class SelectionBias:
    """How far the accuracy of the best run lies above what its setting gives, on average over such searches."""

    # Expected excess, a fraction.
    excess: float
    # Number of runs that the best was chosen from.
    runs: int
    # Number of those whose settings are so close to the best that chance may have decided among them.
    close: int
    # True: the scatter was measured on seeds of one setting. False: only the scatter by the choice of images is known.
    by_seeds: bool


def selection_bias(groups: Sequence[Sequence[float]], noise: float = 0.0) -> SelectionBias | None:
    """Expected selection bias of the best of all runs, from the accuracies (fractions) of each setting's seeds.

    The highest of many accuracies is one that chance has raised. By how much is estimated from simulated searches among
    the settings near the best. Their means are shrunk towards each other until they differ only by what chance does not
    explain; chance is added to each run again; the bias is the mean of the chance in the run that comes out best. The
    scatter is that of seeds of one setting, pooled over the settings near the best: settings that are far behind or
    scatter wildly cannot win. With one seed of each, the scatter is `noise`, the largest standard deviation that the
    choice of images can give an accuracy (`image_noise`); the bias is then relative to more and more images.
    So it is where all seeds near the best agree, which two may do by chance. None where neither scatter is known, or
    without a run.
    """
    settings = sorted((list(group) for group in groups if len(group)), key=lambda group: -fmean(group))
    if not settings:
        return None
    near, scatter = _near_the_best(settings, noise)
    chance = scatter or noise
    if not chance:
        return None
    counts = np.array([len(group) for group in near])
    means = np.array([fmean(group) for group in near])
    spread = float(means.var(ddof=1)) if len(near) > 1 else 0.0
    beyond = max(0.0, spread - chance**2 * float(np.mean(1 / counts)))
    # Observed means scatter by chance as well; shrunk, they differ as much as the settings themselves do.
    drawn_together = means * sqrt(beyond / spread) if spread else means
    added = np.random.default_rng(0).normal(0, chance, (_DRAWN, int(counts.sum())))
    winners = (np.repeat(drawn_together, counts) + added).argmax(axis=1)
    excess = float(added[np.arange(_DRAWN), winners].mean()) if counts.sum() > 1 else 0.0
    return SelectionBias(max(0.0, excess), sum(map(len, settings)), int(counts.sum()), scatter > 0)


def image_noise(accuracy: float, images: int) -> float:
    """Standard deviation of an accuracy over sets of this many images: √(p (1 - p) / N), with p kept off 0 and 1.

    Runs are tested on the same images, which make some of that chance common to all: it is the most that can tell them
    apart. 0 where the number of images is not known.
    """
    if images < 1:
        return 0.0
    share = (accuracy * images + 1) / (images + 2)
    return sqrt(share * (1 - share) / images)


def _near_the_best(settings: Sequence[Sequence[float]], noise: float) -> tuple[list[Sequence[float]], float]:
    """Of settings in order of their means, the best ones among which chance may have decided.

    With the standard deviation of their seeds, pooled: 0 where none has two seeds.
    """
    best = fmean(settings[0])
    near: list[Sequence[float]] = []
    squares, freedom = 0.0, 0
    for group in settings:
        chance, middle = max(sqrt(squares / max(1, freedom)), noise), fmean(group)
        if near and best - middle > _REACH * chance / sqrt(len(group)):
            break
        near.append(group)
        squares += sum((value - middle) ** 2 for value in group)
        freedom += len(group) - 1
    return near, sqrt(squares / max(1, freedom))
