"""What a comparison can see: the chance that a difference is found, and the smallest that is found 8 times in 10."""

from math import ceil, floor, inf, sqrt

import numpy as np

_SLICES = 2000  # of the distribution of V, equally likely ones


def mcnemar_power(images: int, only_a: float, only_b: float, alpha: float = 0.05) -> float:
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
    reach = 8 * sqrt(total * (1 - share)) + 10  # more or fewer disagreements have no chance to speak of
    counts = np.arange(max(0, floor(total - reach)), min(images, ceil(total + reach)) + 1)
    below = np.where(counts > 0, bdtr(np.maximum(counts - 1, 0), images, share), 0)
    weights = bdtr(counts, images, share) - below
    return float(weights @ _rejected(counts, only_a / total, alpha))


def detectable_difference(images: int, disagreements: float, power: float = 0.8, alpha: float = 0.05) -> int:
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


def welch_power(
    difference: float, deviation: float, seeds: int, alpha: float = 0.05, seeds_b: int | None = None
) -> float:
    """Chance that Welch's test says p <= alpha for two architectures whose means differ by `difference`.

    Both spread by the standard deviation `deviation` over seeds; the second has `seeds_b` seeds, or as many as the
    first. By the noncentral t distribution with ν = a + b - 2 degrees of freedom (Cohen 1988), as the mean of
    P(|Z + shift| >= t √(V / ν)) over V ~ χ²(ν): scipy's own series ends in NaN for large shifts.
    Raises ValueError unless the deviation is positive.
    """
    from scipy.special import gammaincinv, ndtr, stdtrit

    if not deviation > 0:
        raise ValueError(f"deviation: {deviation:g}. It must be positive; it takes two seeds that differ to know it.")

    other = seeds if seeds_b is None else seeds_b
    freedom = seeds + other - 2
    if min(seeds, other) < 2:
        return 0.0
    shift = abs(difference) / (deviation * sqrt(1 / seeds + 1 / other))
    middles = (np.arange(_SLICES) + 0.5) / _SLICES
    limits = stdtrit(freedom, 1 - alpha / 2) * np.sqrt(2 * gammaincinv(freedom / 2, middles) / freedom)
    return float(np.mean(ndtr(shift - limits) + ndtr(-shift - limits)))


def detectable_by_seeds(
    deviation: float, seeds: int, power: float = 0.8, alpha: float = 0.05, seeds_b: int | None = None
) -> float:
    """The smallest difference of mean accuracy that Welch's test finds with the chance `power`, as a fraction.

    Infinite with fewer than two seeds in a group.
    """
    if min(seeds, seeds if seeds_b is None else seeds_b) < 2:
        return inf
    low, high = 0.0, 100 * deviation
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if welch_power(middle, deviation, seeds, alpha, seeds_b) >= power else (middle, high)
    return high


def seeds_needed(difference: float, deviation: float, power: float = 0.8, alpha: float = 0.05, most: int = 100) -> int:
    """How many seeds each of two architectures needs for `difference` to be found with the chance `power`.

    Returns `most` + 1 where more than `most` are needed; at least 2.
    """
    low, high = 1, most + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if welch_power(difference, deviation, middle, alpha) >= power else (middle, high)
    return high


def _rejected(counts: np.ndarray, share: float, alpha: float) -> np.ndarray:
    """For each number of disagreements: the chance that the test rejects, if a share of them is a's."""
    from scipy.special import bdtr, bdtrik

    guess = np.floor(np.nan_to_num(bdtrik(alpha / 2, counts, 0.5)))
    limit = np.full(len(counts), -1.0)  # the largest number of the rarer kind that is rejected
    for step in (-1, 0, 1):
        nearby = guess + step
        fits = (nearby >= 0) & (nearby < counts) & (2 * bdtr(np.maximum(nearby, 0), counts, 0.5) <= alpha)
        limit[fits] = nearby[fits]
    chance = np.zeros(len(counts))
    some = limit >= 0
    k, n = limit[some], counts[some]
    chance[some] = bdtr(k, n, share) + bdtr(k, n, 1 - share)
    return chance
