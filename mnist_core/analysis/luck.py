"""How much of a test accuracy is luck: what many seeds of one network say about a figure and about a difference.

Only the seed differs between the runs, on the same test images. Accuracies are counts of right answers and are compared
as such, in whole images. All accuracies and differences are fractions, in sentences per cent and percentage points.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from math import ceil, floor, isfinite, log10, nan, sqrt
from statistics import fmean, stdev

import numpy as np

from mnist_core.analysis.stats import clopper_pearson, seeds_needed, seeds_to_show
from mnist_core.analysis.stats.pairs import LEVEL
from mnist_core.analysis.stats.power import SPREAD_LEVEL
from mnist_core.text import decimals, fixed_decimals

# With fewer seeds than this the middle 95 % reach from the lowest to the highest and hold less than 95 % of other runs.
SEEDS_FOR_MIDDLE = round(2 / (1 - LEVEL)) - 1
# Larger numbers of seeds are not computed: nobody trains so many.
MOST_NEEDED = 1000
# A large gap is one that at most one pair in this many exceeds.
_ONE_IN = 20


@dataclass(frozen=True)
class Reach:
    """How many of the seeds reach a figure, and the ends of their share's exact 95 % interval (Clopper-Pearson)."""

    # The figure in whole test images.
    figure: int
    reached: int
    # All seeds that were trained; one that diverged has not reached the figure.
    seeds: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """The share of the seeds that reach the figure; NaN without seeds."""
        return self.reached / self.seeds if self.seeds else nan


@dataclass(frozen=True)
class SeedsNeeded:
    """How many seeds each of two networks needs; `MOST_NEEDED` + 1 stands for more than `MOST_NEEDED`."""

    seeds: int
    # 80 % interval of that number, as the spread is known from the trained seeds only.
    low: int
    high: int


@dataclass(frozen=True)
class Luck:
    """Test accuracies of one network over seeds, and what follows from them; what is unknown is NaN or None.

    Raises ValueError if a number cannot be.
    """

    # Accuracy of each seed that did not diverge.
    accuracies: tuple[float, ...]
    # Number of seeds that diverged and have no accuracy.
    diverged: int
    # Number of test images.
    images: int
    # A published or chosen accuracy.
    figure: float | None = None
    # Whether the test images chose the epoch.
    optimistic: bool = False

    def __post_init__(self) -> None:
        if self.images < 1 or self.diverged < 0:
            raise ValueError(f"images, diverged: {self.images} and {self.diverged} cannot be. Count from one image on.")
        for name, values in (("accuracies", self.accuracies), ("figure", [self.figure or 0])):
            if not all(0 <= value <= 1 for value in values):
                raise ValueError(f"{name}: an accuracy is a number from 0 to 1. Divide per cent by 100.")

    @property
    def seeds(self) -> int:
        """All seeds that were trained, also those that diverged."""
        return len(self.accuracies) + self.diverged

    @cached_property
    def counts(self) -> np.ndarray:
        """Right answers of each seed, int64 in the order of `accuracies`."""
        return np.rint(np.array(self.accuracies, dtype=np.float64) * self.images).astype(np.int64)

    @property
    def mean(self) -> float:
        """Mean accuracy."""
        return fmean(self.counts.tolist()) / self.images if self.accuracies else nan

    @property
    def deviation(self) -> float:
        """Sample standard deviation of the accuracies (n - 1 in the denominator)."""
        return stdev(self.counts.tolist()) / self.images if len(self.accuracies) > 1 else nan

    @property
    def lowest(self) -> float:
        """The lowest accuracy."""
        return int(self.counts.min()) / self.images if self.accuracies else nan

    @property
    def highest(self) -> float:
        """The highest accuracy."""
        return int(self.counts.max()) / self.images if self.accuracies else nan

    @property
    def middle(self) -> tuple[float, float]:
        """The ends of the middle 95 % of the accuracies; the lowest and the highest with fewer than 39 seeds.

        Between the i-th and the j-th of n seeds lies a further one in (j - i) / (n + 1) of all cases, whatever the
        distribution. The ends are those with 2.5 % below and above by this rule (numpy's method "weibull").
        """
        if not self.accuracies:
            return nan, nan
        low, high = np.quantile(self.counts, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], method="weibull").tolist()
        return low / self.images, high / self.images

    @property
    def middle_share(self) -> float:
        """How often a further seed lies in the middle (its ends included), at least: 0.95, less with under 39 seeds."""
        count = len(self.accuracies)
        return min(LEVEL, (count - 1) / (count + 1)) if count else nan

    @property
    def tells_middle(self) -> bool:
        """Whether there are enough seeds for `middle` to be more than the lowest and the highest."""
        return len(self.accuracies) >= SEEDS_FOR_MIDDLE

    @property
    def reach(self) -> Reach | None:
        """How many seeds have the figure or more, where there is a figure; it is rounded to whole images."""
        if self.figure is None:
            return None
        figure = round(self.figure * self.images)
        reached = int((self.counts >= figure).sum())
        return Reach(figure, reached, self.seeds, *clopper_pearson(reached, self.seeds))

    @cached_property
    def gaps(self) -> np.ndarray:
        """By how many images the two seeds of each pair lie apart: int64 in ascending order, one a pair."""
        rows, columns = np.triu_indices(len(self.counts), 1)
        return np.sort(np.abs(self.counts[rows] - self.counts[columns]))

    @property
    def typical_gap(self) -> float:
        """The median of how far two seeds lie apart, over all pairs of different seeds."""
        return float(np.median(self.gaps)) / self.images if self.gaps.size else nan

    @property
    def large_gap(self) -> float:
        """The smallest difference that at most 5 % of the pairs exceed."""
        if not self.gaps.size:
            return nan
        return int(self.gaps[-1 - self.gaps.size // _ONE_IN]) / self.images

    def pair_share(self, difference: float) -> float:
        """The share of pairs of different seeds that lie at least so far apart; it is rounded to whole images."""
        least = round(abs(difference) * self.images)
        return float(np.mean(self.gaps >= least)) if self.gaps.size else nan

    @property
    def distance(self) -> float:
        """The figure minus the mean; NaN where one of them is unknown."""
        return nan if self.figure is None else self.figure - self.mean

    def needed(self, difference: float) -> SeedsNeeded | None:
        """How many seeds each of two networks needs for Welch's test to find `difference` 8 times in 10, at p <= 0.05.

        The other network's seeds are taken to scatter as much as these (`stats.seeds_needed`). The interval comes from
        the χ² distribution of a measured variance. None without a difference or a spread.
        """
        if not abs(difference) > 0 or not self.deviation > 0:
            return None
        from scipy.special import chdtri

        freedom = len(self.accuracies) - 1
        tails = (1 - SPREAD_LEVEL) / 2, (1 + SPREAD_LEVEL) / 2
        low, high = (self.deviation * sqrt(freedom / chdtri(freedom, tail)) for tail in tails)
        seeds, fewest, most = (
            seeds_needed(abs(difference), spread, most=MOST_NEEDED) for spread in (self.deviation, low, high)
        )
        return SeedsNeeded(seeds, fewest, most)

    def sentences(self, difference: float | None = None) -> list[str]:
        """What the seeds say, as plain sentences, the answer first.

        `difference` is one that is to be told from luck; left out, that of the figure and the mean.
        """
        apart = self.distance if difference is None else difference
        parts = [_reach_sentence(self), _spread_sentence(self), _pairs_sentence(self)]
        if isfinite(apart) and round(abs(apart) * self.images):
            parts += [_difference_sentence(self, abs(apart)), _needed_sentence(self, abs(apart))]
        # That some seeds diverged belongs to the first sentence, which counts them.
        parts.insert(1, _diverged_sentence(self))
        return [part for part in parts if part]

    @property
    def measure(self) -> str:
        """What the accuracies are called."""
        return "test accuracy (optimistic)" if self.optimistic else "test accuracy"

    @property
    def places(self) -> int:
        """Decimals (of per cent) that an accuracy on so many images has: one image of 10,000 is 0.01 %."""
        return min(max(ceil(log10(self.images)) - 2, 0), 2)

    @property
    def figure_text(self) -> str:
        """The figure in per cent, with the digits that it came with: "91.7 %"; "" without one."""
        return "" if self.figure is None else f"{100 * self.figure:.6g} %"


def _reach_sentence(luck: Luck) -> str:
    """Where the figure lies among the seeds."""
    reach, seeds = luck.reach, luck.seeds
    if reach is None or not luck.accuracies:
        return ""
    what = f"a {luck.measure} of {luck.figure_text}"
    if abs(reach.figure - (luck.figure or 0) * luck.images) > 1e-6:
        what += f" ({reach.figure:,} of {luck.images:,} images)"
    if seeds == 1:
        return f"The only seed {'reaches' if reach.reached else 'does not reach'} {what}."
    low, high = _outward(reach.low, floor), _outward(reach.high, ceil)
    if not reach.reached:
        rarely = f"luck alone gets there in at most {high} % of runs (95 % interval)"
        return f"None of {seeds} seeds reaches {what}: {rarely}."
    if reach.reached == seeds:
        rarely = f"luck alone falls short of it in at most {_outward(1 - reach.low, ceil)} % of runs (95 % interval)"
        return f"All {seeds} seeds reach {what}: {rarely}."
    return (
        f"{reach.reached} of {seeds} seeds reach{'es' * (reach.reached == 1)} {what} or more: a run of this network "
        f"does so {_how_often(reach.share)} ({low} to {high} % of runs, 95 % interval)."
    )


def _diverged_sentence(luck: Luck) -> str:
    """What became of the seeds without accuracy."""
    if not luck.diverged:
        return ""
    if not luck.accuracies:
        which = "The only seed" if luck.seeds == 1 else f"All {luck.seeds} seeds"
        return f"{which} diverged: there is no {luck.measure}."
    is_one = luck.diverged == 1
    who = "it has" if is_one else "they have"
    counted = "" if luck.figure is None else f" and count{'s' * is_one} as not reaching {luck.figure_text}"
    return (
        f"{luck.diverged} of {luck.seeds} seeds diverged: {who} no {luck.measure}{counted}. All that follows is about "
        "the others."
    )


def _spread_sentence(luck: Luck) -> str:
    """Mean, spread, lowest and highest."""
    count, places = len(luck.accuracies), decimals(100 * luck.deviation, luck.places)
    # Where one seed of many differs by one image, the scatter is small, but not 0.
    while luck.deviation and not round(100 * luck.deviation, places):
        places += 1
    if not count:
        return "" if luck.diverged else "No seed has been trained yet."
    if count == 1:
        value = _percent(luck, luck.mean)
        return f"One seed has a {luck.measure} of {value} %, and one says nothing about luck: train more."
    if not luck.deviation:
        return (
            f"All {count} seeds have the same {luck.measure}, {_percent(luck, luck.mean)} %, on these {luck.images:,} "
            "test images. They need not give the same answers, and further seeds may differ."
        )
    mean, deviation, *middle = (
        fixed_decimals(100 * value, places) for value in (luck.mean, luck.deviation, *luck.middle)
    )
    start = f"The {luck.measure} is {mean} % on average and scatters by {deviation} points (standard deviation)"
    ends = _percent(luck, luck.lowest), _percent(luck, luck.highest)
    if not luck.tells_middle:
        return (
            f"{start}: {count} seeds lie between {ends[0]} and {ends[1]} %, and a further one would in about "
            f"{round(100 * luck.middle_share)} of 100 cases (for the middle 95 % it takes {SEEDS_FOR_MIDDLE} seeds)."
        )
    return (
        f"{start}: the middle 95 % of {count} seeds lie between {middle[0]} and {middle[1]} %, the lowest at "
        f"{ends[0]} %, the highest at {ends[1]} %."
    )


def _pairs_sentence(luck: Luck) -> str:
    """How far two runs lie apart that differ only in the seed."""
    pairs = luck.gaps.size
    if not pairs or not luck.deviation:
        return ""
    if pairs == 1:
        return f"Two runs that differ only in the seed lie {_points(luck, luck.large_gap)} points apart."
    rare = f"at most one pair in {_ONE_IN} more than" if pairs >= _ONE_IN else "none more than"
    return (
        f"Two runs that differ only in the seed lie {_points(luck, luck.typical_gap)} points apart in the middle "
        f"(median of {pairs:,} pairs), {rare} {_points(luck, luck.large_gap)} points."
    )


def _difference_sentence(luck: Luck, difference: float) -> str:
    """How often one run beats another by this much."""
    pairs = luck.gaps.size
    if pairs < 2 or not luck.deviation:
        return ""
    # Rounded to whole images as pairs are compared, so that the sentence holds to the last digit.
    points = _points(luck, round(difference * luck.images) / luck.images)
    share = luck.pair_share(difference)
    if share == 0:
        return f"In none of the {pairs:,} pairs does one run beat the other by {points} points or more."
    if share == 1:
        return f"In each of the {pairs:,} pairs one run beats the other by {points} points or more."
    often = _middle_percent(share)
    return f"In {often} % of the pairs one run beats the other by {points} points or more, by luck alone."


def _needed_sentence(luck: Luck, difference: float) -> str:
    """How many seeds tell this difference from luck."""
    needed = luck.needed(difference)
    if needed is None:
        return ""
    between = ""
    if needed.low < needed.high:
        between = f" ({_seeds(needed.low)} to {_seeds(needed.high)}, 80 % interval)"
    fewest = ", the fewest that can be judged at all" if needed.seeds == 2 else ""
    exchanged = ""
    if needed.seeds < seeds_to_show():
        exchanged = f" The permutation test, which does not need a normal scatter, needs {seeds_to_show()} at least."
    return (
        f"To tell a network that is {_points(luck, difference)} points better or worse from this one, it takes "
        f"{_seeds(needed.seeds)} seeds of each{between}{fewest}: then Welch's test finds the difference 8 times in 10, "
        f"if the other scatters as much.{exchanged}"
    )


def _how_often(share: float) -> str:
    """A share between 0 and 1 as a frequency: "about once in 50", "about 3 times in 10", "all but about once in 20"."""
    if share <= 0.25:
        return f"about once in {round(1 / share)}"
    if share >= 0.75:
        return f"all but about once in {round(1 / (1 - share))}"
    return f"about {round(10 * share)} times in 10"


def _outward(share: float, towards: Callable[[float], int]) -> str:
    """A share in per cent, rounded away from the interval whose end it is: more digits near 0 and near 100."""
    digits = 0 if 0.1 <= share <= 0.9 else 1
    return f"{towards(round(100 * share * 10**digits, 6)) / 10**digits:.{digits}f}"


def _middle_percent(share: float) -> str:
    """A share strictly between 0 and 1 in per cent, never rounded to 0 or 100."""
    percent = 100 * share
    digits = 0 if 9.95 <= percent <= 90 else 1 if 0.05 <= percent < 99.95 else 4
    return f"{percent:.{digits}f}"


def _percent(luck: Luck, accuracy: float) -> str:
    return fixed_decimals(100 * accuracy, luck.places)


def _points(luck: Luck, difference: float) -> str:
    return fixed_decimals(100 * difference, luck.places)


def _seeds(count: int) -> str:
    return f"more than {MOST_NEEDED:,}" if count > MOST_NEEDED else f"{count:,}"
