"""Two trained models on the same test images: exact McNemar test, paired bootstrap, and Wilson's interval of each."""

from dataclasses import dataclass
from math import sqrt

import numpy as np

_LEVEL = 0.95


@dataclass(frozen=True)
class Paired:
    """Two models on the same images. Only images that one of the two has right tell them apart."""

    images: int
    only_a: int  # images that a has right and b wrong
    only_b: int
    difference: float  # accuracy of a minus that of b, a fraction
    low: float  # 95 % paired bootstrap interval of the difference
    high: float
    p: float  # exact McNemar test, two-sided

    @property
    def disagreements(self) -> int:
        """Images that exactly one of the two has right."""
        return self.only_a + self.only_b


def wilson(right: int, images: int, level: float = 0.95) -> tuple[float, float]:
    """Interval of an accuracy from `right` of `images` answers (Wilson 1927): never below 0 or above 1, not even near.

    With z = Φ⁻¹((1 + level) / 2) and p = right / images: (p + z²/2n ± z √(p(1 - p)/n + z²/4n²)) / (1 + z²/n).
    Raises ValueError unless 0 <= right <= images and images > 0.
    """
    from scipy.special import ndtri

    if images <= 0 or not 0 <= right <= images:
        raise ValueError(f"right: {right} of {images} images cannot be. Count right answers among at least one image.")
    z2 = float(ndtri((1 + level) / 2)) ** 2
    share = right / images
    middle = share + z2 / (2 * images)
    half = sqrt(z2 * (share * (1 - share) / images + z2 / (4 * images**2)))
    low, high = (middle - half) / (1 + z2 / images), (middle + half) / (1 + z2 / images)
    # Rounding must not leave 0 or 1 just outside.
    return (0.0 if right == 0 else low), (1.0 if right == images else high)


def paired(a_right: np.ndarray, b_right: np.ndarray, resamples: int = 10_000, seed: int = 0) -> Paired:
    """Compare two models by which images they have right: two bool arrays (N,) in the same order.

    The same two give the same interval in any company of others. Raises ValueError if the shapes differ or are empty.
    """
    a, b = np.asarray(a_right, dtype=bool), np.asarray(b_right, dtype=bool)
    if a.shape != b.shape or a.ndim != 1 or not a.size:
        raise ValueError(f"right: shapes {a.shape} and {b.shape}. Both models must have answered the same images.")
    return from_counts(a.size, int((a & ~b).sum()), int((b & ~a).sum()), resamples, seed)


def from_counts(images: int, only_a: int, only_b: int, resamples: int = 10_000, seed: int = 0) -> Paired:
    """The same comparison from its counts, which are all that it depends on."""
    low, high = _bootstrap(images, only_a, only_b, resamples, seed)
    return Paired(images, only_a, only_b, (only_a - only_b) / images, low, high, mcnemar(only_a, only_b))


def mcnemar(only_a: int, only_b: int) -> float:
    """Two-sided p of the exact McNemar test (1947), at most 1: 2 · P(X <= the smaller), X ~ Binomial(both together, ½).

    If neither model were better, each disagreement would fall to either side like a fair coin.
    """
    from scipy.special import bdtr  # scipy.stats takes two seconds, and trips over a torch that is being imported

    return min(1.0, 2 * float(bdtr(min(only_a, only_b), only_a + only_b, 0.5)))


def _bootstrap(images: int, only_a: int, only_b: int, resamples: int, seed: int) -> tuple[float, float]:
    """The paired percentile bootstrap interval (Efron 1979) of the difference of the accuracies.

    Drawing N images anew with replacement changes the difference only by how many of each of three kinds are drawn:
    only a right, only b right, neither of these. Their numbers are multinomial with the observed shares, so that they
    are drawn outright: the same distribution as resampling images one by one, hundreds of times faster. (How many of
    the first two kinds there are is binomial, and how many of those are a's is binomial again.)
    """
    disagreements = only_a + only_b
    if not disagreements:
        return 0.0, 0.0
    more, less = max(only_a, only_b), min(only_a, only_b)  # so that b against a is a against b turned round
    random = np.random.default_rng(seed)
    drawn = random.binomial(images, disagreements / images, size=resamples)
    of_more = random.binomial(drawn, more / (more + less))
    tail = (1 - _LEVEL) / 2
    low, high = np.quantile((2 * of_more - drawn) / images, [tail, 1 - tail]).tolist()
    return (low, high) if only_a >= only_b else (-high, -low)
