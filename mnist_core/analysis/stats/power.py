"""What a comparison can see: the chance that a difference is found, and the smallest that is found 8 times in 10."""

from math import ceil, floor, inf, sqrt

import numpy as np

from mnist_core.analysis.stats.pairs import ALPHA, clopper_pearson

# The power at which a difference is called detectable: it is found 8 times in 10.
POWER = 0.8
# Confidence level of the ranges that come from not knowing a spread or a number of disagreements exactly.
SPREAD_LEVEL = 0.8

# The distribution of each variance is cut into this many equally likely slices; into fewer where many ratios of spreads
# are tried.
_SLICES, _FEWER_SLICES = 64, 24
# Ratios of two standard deviations that are tried.
_RATIOS = np.geomspace(1e-3, 1e3, 25)
_HALVINGS = 30


def mcnemar_power(images: int, only_a: float, only_b: float, alpha: float = ALPHA) -> float:
    """Chance that the exact McNemar test says p <= alpha, for two models that truly differ.

    `only_a` and `only_b` are how many of `images` images on average only the one or only the other has right. With
    q = only_a / (only_a + only_b): Σ over n of P(n disagreements) · P(X <= k or X >= n - k), X ~ Binomial(n, q), where
    k is the largest number with 2 · P(Binomial(n, ½) <= k) <= alpha. Exact, no normal approximation.
    Raises ValueError if there are more disagreements than images.
    """
    from scipy.special import bdtr

    total = only_a + only_b
    if not 0 <= total <= images or min(only_a, only_b) < 0:
        raise ValueError(f"only_a, only_b: {only_a:g} and {only_b:g} of {images} images cannot be.")
    if total == 0:
        return 0.0
    share = total / images
    # Numbers of disagreements beyond this reach have a negligible probability.
    reach = 8 * sqrt(total * (1 - share)) + 10
    counts = np.arange(max(0, floor(total - reach)), min(images, ceil(total + reach)) + 1)
    below = np.where(counts > 0, bdtr(np.maximum(counts - 1, 0), images, share), 0)
    weights = bdtr(counts, images, share) - below
    return float(weights @ _rejected(counts, only_a / total, alpha))


def detectable_difference(images: int, disagreements: float, power: float = POWER, alpha: float = ALPHA) -> int:
    """The smallest difference, in images, that the exact McNemar test finds with the chance `power`.

    `disagreements` is how many images exactly one of the two models has right, right as a rule for two of their kind:
    the more they disagree by chance, the larger a difference must be. A difference larger than that makes as many
    disagreements, all to one side. Returns `images` + 1 where even that would not do.
    """

    def found(difference: int) -> bool:
        total = min(max(disagreements, difference), images)
        return mcnemar_power(images, (total + difference) / 2, (total - difference) / 2, alpha) >= power

    low, high = 0, 1
    while high <= images and not found(high):
        low, high = high, 2 * high
    high = min(high, images + 1)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if found(middle) else (middle, high)
    return high


def detectable_range(images: int, disagreements: int, power: float = POWER, alpha: float = ALPHA) -> tuple[int, int]:
    """`detectable_difference` at both ends of what the number of disagreements may be on average.

    `disagreements` are those counted on one set of `images` images; of their share it is Clopper and Pearson's 80 %
    interval.
    """
    low, high = (images * share for share in clopper_pearson(disagreements, images, SPREAD_LEVEL))
    return detectable_difference(images, low, power, alpha), detectable_difference(images, high, power, alpha)


def welch_power(
    difference: float,
    deviation: float,
    seeds: int,
    alpha: float = ALPHA,
    seeds_b: int | None = None,
    deviation_b: float | None = None,
) -> float:
    """Chance that Welch's test says p <= alpha for two architectures whose means differ by `difference`.

    Their accuracies are normal over seeds with the standard deviations `deviation` and `deviation_b`, and have `seeds`
    and `seeds_b` seeds; what is left out of the second is that of the first. Given the two variances that are measured,
    each its own χ² variable, the degrees of freedom and so the limit are known, and the difference of the means is
    normal and independent of them: the chance is the mean of P(|Z + shift| >= limit) over both variances.
    Without a difference it is the chance of a false alarm, which is not alpha where the seeds are few and unequal in
    number. Raises ValueError unless both deviations are numbers, neither below 0 and one above.
    """
    spreads = deviation, deviation if deviation_b is None else deviation_b
    counts = seeds, seeds if seeds_b is None else seeds_b
    _check(*spreads)
    if min(counts) < 2:
        return 0.0
    limits = _limits(np.array([spreads[0]]), np.array([spreads[1]]), counts, alpha)
    return float(_chances(np.array([abs(difference) / _error(*spreads, counts)]), limits)[0])


def welch_false_alarms(seeds: int, seeds_b: int, alpha: float = ALPHA) -> float:
    """How often Welch's test says p <= alpha for two equally good architectures, at most: whatever their spreads."""
    if min(seeds, seeds_b) < 2:
        return 0.0
    limits = _limits(_RATIOS, np.ones_like(_RATIOS), (seeds, seeds_b), alpha, _FEWER_SLICES)
    return float(_chances(np.zeros(len(_RATIOS)), limits).max())


def detectable_by_seeds(
    deviation: float,
    seeds: int,
    power: float = POWER,
    alpha: float = ALPHA,
    seeds_b: int | None = None,
    deviation_b: float | None = None,
) -> float:
    """The smallest difference of mean accuracy that Welch's test finds with the chance `power`, as a fraction.

    Spreads and seeds as in `welch_power`. Infinite with fewer than two seeds in a group.
    """
    spreads = deviation, deviation if deviation_b is None else deviation_b
    counts = seeds, seeds if seeds_b is None else seeds_b
    _check(*spreads)
    if min(counts) < 2:
        return inf
    limits = _limits(np.array([spreads[0]]), np.array([spreads[1]]), counts, alpha)
    return float(_shifts(limits, power)[0]) * _error(*spreads, counts)


def detectable_by_seeds_range(
    deviations: tuple[float, float], seeds: tuple[int, int], power: float = POWER, alpha: float = ALPHA
) -> tuple[float, float]:
    """80 % interval of `detectable_by_seeds`, whose spreads are known from these very seeds only.

    A measured variance s² of k seeds means a true one of (k - 1) s² / χ² with k - 1 degrees of freedom (Fisher's
    fiducial argument); the interval is what the middle 80 % of both groups' χ² give. Its lower end is taken from one
    spread for both groups where that is lower: a few seeds look more unequal than they are.
    """
    _check(*deviations)
    if min(seeds) < 2:
        return inf, inf
    table = _shifts(_limits(_RATIOS, np.ones_like(_RATIOS), seeds, alpha, _FEWER_SLICES), power)
    first, second = _variances_behind(deviations, seeds)
    with np.errstate(divide="ignore"):
        ratios = np.log(np.sqrt(first / second))
    detectable = np.interp(ratios, np.log(_RATIOS), table) * np.sqrt(first / seeds[0] + second / seeds[1])
    low, high = np.quantile(detectable, [(1 - SPREAD_LEVEL) / 2, (1 + SPREAD_LEVEL) / 2]).tolist()
    freedom = sum(seeds) - 2
    pooled = sum((count - 1) * value**2 for count, value in zip(seeds, deviations, strict=True)) / freedom
    least = sqrt(pooled / _chi_square(freedom, np.array([(1 + SPREAD_LEVEL) / 2]))[0])
    return min(low, detectable_by_seeds(least, seeds[0], power, alpha, seeds[1])), high


def seeds_needed(
    difference: float,
    deviation: float,
    power: float = POWER,
    alpha: float = ALPHA,
    most: int = 100,
    deviation_b: float | None = None,
) -> int:
    """How many seeds each of two architectures needs for `difference` to be found with the chance `power`.

    Returns `most` + 1 where more than `most` are needed; at least 2.
    """
    low, high = 1, most + 1
    while high - low > 1:
        middle = (low + high) // 2
        chance = welch_power(difference, deviation, middle, alpha, deviation_b=deviation_b)
        low, high = (low, middle) if chance >= power else (middle, high)
    return high


def seeds_needed_range(
    difference: float,
    deviations: tuple[float, float],
    seeds: tuple[int, int],
    power: float = POWER,
    alpha: float = ALPHA,
    most: int = 100,
) -> tuple[int, int]:
    """80 % interval of `seeds_needed`, for spreads that are known from `seeds` seeds only.

    With as many seeds each it is the sum of both variances that counts: the interval is that of the sum, by the same
    argument as in `detectable_by_seeds_range`.
    """
    _check(*deviations)
    sums = np.add(*_variances_behind(deviations, seeds))
    measured = deviations[0] ** 2 + deviations[1] ** 2
    low, high = (
        seeds_needed(difference, sqrt(scale) * deviations[0], power, alpha, most, sqrt(scale) * deviations[1])
        for scale in np.quantile(sums / measured, [(1 - SPREAD_LEVEL) / 2, (1 + SPREAD_LEVEL) / 2]).tolist()
    )
    return low, high


def _check(*deviations: float) -> None:
    if not (all(value >= 0 for value in deviations) and 0 < max(deviations) < inf):
        raise ValueError(
            f"deviation: {' and '.join(f'{value:g}' for value in deviations)}. One must be positive; it takes two "
            "seeds that differ to know it."
        )


def _error(deviation: float, other: float, seeds: tuple[int, int]) -> float:
    """The standard error of the difference of two means."""
    return sqrt(deviation**2 / seeds[0] + other**2 / seeds[1])


def _chi_square(freedom: int, shares: np.ndarray) -> np.ndarray:
    """The values of χ² / freedom that are not reached by these shares of all."""
    from scipy.special import gammaincinv

    return 2 * gammaincinv(freedom / 2, shares) / freedom


def _middles(slices: int) -> np.ndarray:
    """Shares in the middles of this many equal slices of a distribution."""
    return (np.arange(slices) + 0.5) / slices


def _variances_behind(deviations: tuple[float, float], seeds: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """True variances behind those measured, equally likely pairs: two arrays (_SLICES, _SLICES) that fit together."""
    first, second = (
        value**2 / _chi_square(count - 1, _middles(_SLICES)) for value, count in zip(deviations, seeds, strict=True)
    )
    return np.repeat(first[:, None], _SLICES, axis=1), np.repeat(second[None, :], _SLICES, axis=0)


def _limits(
    deviations: np.ndarray, others: np.ndarray, seeds: tuple[int, int], alpha: float, slices: int = _SLICES
) -> np.ndarray:
    """How many true standard errors apart two means must lie for p <= alpha: (spreads, slices * slices).

    For each pair of true spreads and for each of equally likely pairs of measured variances.
    """
    from scipy.special import stdtrit

    # Each group's part of the squared standard error: the true one, then the measured one.
    parts = [values**2 / count for values, count in zip((deviations, others), seeds, strict=True)]
    first = parts[0][:, None, None] * _chi_square(seeds[0] - 1, _middles(slices))[:, None]
    second = parts[1][:, None, None] * _chi_square(seeds[1] - 1, _middles(slices))
    measured = first + second
    freedom = measured**2 / (first**2 / (seeds[0] - 1) + second**2 / (seeds[1] - 1))
    limits = stdtrit(freedom, 1 - alpha / 2) * np.sqrt(measured / (parts[0] + parts[1])[:, None, None])
    return limits.reshape(len(deviations), -1)


def _chances(shifts: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """The chance of each row's limits (rows, M) to be reached, for true differences of this many standard errors."""
    from scipy.special import ndtr

    return np.mean(ndtr(shifts[:, None] - limits) + ndtr(-shifts[:, None] - limits), axis=1)


def _shifts(limits: np.ndarray, power: float) -> np.ndarray:
    """For each row of the limits the smallest true difference, in standard errors, that has the chance `power`."""
    low, high = np.zeros(len(limits)), limits.max(axis=1) + 10
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        enough = _chances(middle, limits) >= power
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return high


def _rejected(counts: np.ndarray, share: float, alpha: float) -> np.ndarray:
    """For each number of disagreements: the chance that the test rejects, if a share of them is a's."""
    from scipy.special import bdtr, bdtrik

    guess = np.floor(np.nan_to_num(bdtrik(alpha / 2, counts, 0.5)))
    # The largest count of the rarer kind of disagreement at which the test still rejects.
    limit = np.full(len(counts), -1.0)
    for step in (-1, 0, 1):
        nearby = guess + step
        fits = (nearby >= 0) & (nearby < counts) & (2 * bdtr(np.maximum(nearby, 0), counts, 0.5) <= alpha)
        limit[fits] = nearby[fits]
    chance = np.zeros(len(counts))
    some = limit >= 0
    k, n = limit[some], counts[some]
    chance[some] = bdtr(k, n, share) + bdtr(k, n, 1 - share)
    return chance
