"""Two trained models on the same test images: exact McNemar test with its interval, and Wilson's interval of each."""

from dataclasses import dataclass
from math import sqrt

import numpy as np

# A p of at most this counts as evidence.
ALPHA = 0.05
# Confidence level of every interval: it leaves out what has a p of at most ALPHA.
LEVEL = 1 - ALPHA


@dataclass(frozen=True)
class PairedTest:
    """Two models on the same images. Only images that one of the two has right tell them apart."""

    images: int
    # Images that only model a has right; `only_b` likewise.
    only_a: int
    only_b: int
    # Accuracy of a minus accuracy of b, a fraction.
    difference: float
    # 95 % interval of the difference, given the number of disagreements.
    low: float
    high: float
    # Two-sided p of the exact McNemar test; it is at most 0.05 exactly where the interval excludes 0.
    p: float

    @property
    def disagreements(self) -> int:
        """Images that exactly one of the two has right."""
        return self.only_a + self.only_b

    @property
    def widest(self) -> tuple[float, float]:
        """At least 95 % interval of the difference on ever more images, where the number of disagreements is open, too.

        The ends of both Clopper-Pearson intervals multiplied, so that the result is as wide as they allow: of the
        share of a's among the disagreements, and of the share of disagreements among the images. It leaves out 0
        exactly where `low` to `high` does.
        """
        low, high = _lean(self.only_a, self.only_b)
        few, many = clopper_pearson(self.disagreements, self.images)
        return low * (few if low > 0 else many), high * (few if high < 0 else many)


def wilson(right: float, images: int, level: float = LEVEL) -> tuple[float, float]:
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
    # Rounding must not leave 0 or 1 just outside the interval.
    return (0.0 if right == 0 else low), (1.0 if right == images else high)


def clopper_pearson(count: int, total: int, level: float = LEVEL) -> tuple[float, float]:
    """Exact interval of a share from `count` of `total` (Clopper and Pearson 1934): holds it at least `level` often.

    It leaves out a half exactly where the two-sided binomial test, the doubled smaller tail, has p <= 1 - level.
    Of nothing it is 0 to 1. Raises ValueError unless 0 <= count <= total.
    """
    from scipy.special import betaincinv

    if not 0 <= count <= total:
        raise ValueError(f"count: {count} of {total} cannot be.")
    tail = (1 - level) / 2
    low = float(betaincinv(count, total - count + 1, tail)) if count else 0.0
    high = float(betaincinv(count + 1, total - count, 1 - tail)) if count < total else 1.0
    return low, high


def paired_test(a_right: np.ndarray, b_right: np.ndarray) -> PairedTest:
    """Compare two models by which images they have right: two bool arrays (N,) in the same order.

    The same two give the same interval in any company of others. Raises ValueError if the shapes differ or are empty.
    """
    a, b = np.asarray(a_right, dtype=bool), np.asarray(b_right, dtype=bool)
    if a.shape != b.shape or a.ndim != 1 or not a.size:
        raise ValueError(f"right: shapes {a.shape} and {b.shape}. Both models must have answered the same images.")
    return from_counts(a.size, int((a & ~b).sum()), int((b & ~a).sum()))


def from_counts(images: int, only_a: int, only_b: int) -> PairedTest:
    """The same comparison from its counts, which are all that it depends on.

    The interval belongs to the test: that of Clopper and Pearson of the share of a's among the n disagreements, from
    which follows the difference, (2 · share - 1) · n / images. It takes n as it came out; `Paired.widest` does not.
    Raises ValueError if there are more disagreements than images.
    """
    disagreements = only_a + only_b
    if min(only_a, only_b) < 0 or disagreements > images or not images:
        raise ValueError(f"only_a, only_b: {only_a} and {only_b} of {images} images cannot be.")
    low, high = (end * disagreements / images for end in _lean(only_a, only_b))
    return PairedTest(images, only_a, only_b, (only_a - only_b) / images, low, high, mcnemar(only_a, only_b))


def mcnemar(only_a: int, only_b: int) -> float:
    """Two-sided p of the exact McNemar test (1947), at most 1: 2 · P(X <= the smaller), X ~ Binomial(both together, ½).

    If neither model were better, each disagreement would fall to either side like a fair coin.
    """
    # Not scipy.stats: its import takes two seconds and fails while torch is being imported in another thread.
    from scipy.special import bdtr

    return min(1.0, 2 * float(bdtr(min(only_a, only_b), only_a + only_b, 0.5)))


def _lean(only_a: int, only_b: int) -> tuple[float, float]:
    """Interval of the difference as a part of the disagreements: from -1, where all are b's, to 1, where all are a's.

    Both ends are lower ends, of a's share and of b's, so that b against a is exactly a against b turned round.
    """
    total = only_a + only_b
    return 2 * clopper_pearson(only_a, total)[0] - 1, 1 - 2 * clopper_pearson(only_b, total)[0]
