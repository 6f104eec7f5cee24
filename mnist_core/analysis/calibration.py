"""Whether probabilities mean what they say: reliability, scores, temperature scaling, and leaving images unanswered.

Everywhere `probabilities` is (N, classes), a row an image that sums to 1, and `labels` int (N,) its true class. The
confidence of an answer is the probability of the class that it names.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from mnist_core.analysis.scores import logarithms
from mnist_core.analysis.stats.pairs import ALPHA, wilson

# Number of equal confidence bins, as in Guo et al. 2017.
BINS = 15
# A fitted temperature stays within this range; a network without a mistake would end at its lower limit.
TEMPERATURES = (0.05, 20.0)

_RESAMPLES = 1000
# Bootstrap weights are drawn for this many resamples at a time: 8 MB for 10,000 images.
_AT_ONCE = 200

# Each step halves a range of 6 in log T; 32 steps give 9 exact digits.
_HALVINGS = 32


def reliability(probabilities: np.ndarray, labels: np.ndarray, bins: int = BINS) -> pd.DataFrame:
    """Accuracy at each level of confidence: a row for each of `bins` equal ranges (low, high] of confidence.

    Columns low, high, images, right, confidence (mean), accuracy; the last two are fractions, NaN in an empty range.
    """
    confidence, right = _answers(probabilities, labels)
    edges = np.linspace(0, 1, bins + 1)
    bin_index = _ranges(confidence, bins)
    images = np.bincount(bin_index, minlength=bins)
    hits = np.bincount(bin_index, weights=right, minlength=bins).astype(np.int64)
    sure = np.bincount(bin_index, weights=confidence, minlength=bins)
    share = np.divide(1.0, images, out=np.full(bins, np.nan), where=images > 0)
    return pd.DataFrame(
        {
            "low": edges[:-1],
            "high": edges[1:],
            "images": images,
            "right": hits,
            "confidence": sure * share,
            "accuracy": hits * share,
        }
    )


def expected_calibration_error(probabilities: np.ndarray, labels: np.ndarray, bins: int = BINS) -> float:
    """Mean distance between confidence and accuracy (a fraction), weighted by images: Guo et al. 2017, equation 3."""
    table = reliability(probabilities, labels, bins)
    gaps = np.abs((table["accuracy"] - table["confidence"]).to_numpy())
    return float(np.nansum(gaps * table["images"].to_numpy()) / len(labels))


@dataclass(frozen=True)
class Uncertainty:
    """How precisely these images determine the calibration of one of several networks.

    The intervals are 95 % ones for all the networks together: none of them misses in at least 95 of 100 cases.
    """

    # The expected calibration error is a fraction; so are the ends of its interval.
    error: float
    error_low: float
    error_high: float
    # The gap is the mean confidence minus the accuracy; above 0 the network is overconfident.
    gap: float
    gap_low: float
    gap_high: float

    @property
    def leaning(self) -> Literal["too sure", "too modest", "unknown"]:
        """Which way confidence and accuracy differ on average, as far as the interval tells."""
        return "too sure" if self.gap_low > 0 else "too modest" if self.gap_high < 0 else "unknown"


def uncertainties(probabilities: Sequence[np.ndarray], labels: np.ndarray, bins: int = BINS) -> list[Uncertainty]:
    """Bootstrap intervals of calibration error and gap of some networks on the same images (Efron 1979).

    The error is a sum of distances, so chance only adds to it: a perfectly calibrated network has one above 0, and the
    plain bootstrap interval never holds the truth. By the triangle inequality the error measured is no further from
    the true one than the distances of all ranges from theirs add up to; the lower end is taken that far below, by the
    larger of what resampled images and what a calibrated network (Bröcker and Smith 2007) would give. The gap's
    interval is never narrower than Wilson's of the accuracy: resamples show no mistakes that happen not to be there.
    """
    answers = [_answers(table, labels) for table in probabilities]
    images, networks = len(labels), len(answers)
    # Confidence minus correctness of each image, in the bin of its confidence.
    sums = np.zeros((images, networks, bins), dtype=np.float32)
    for network, (confidence, right) in enumerate(answers):
        sums[np.arange(images), network, _ranges(confidence, bins)] = confidence - right
    exact = sums.sum(axis=0, dtype=np.float64) / images
    drawn = _resampled(sums.reshape(images, -1)).reshape(-1, networks, bins)
    error, errors = np.abs(exact).sum(axis=1), np.abs(drawn).sum(axis=2)
    below = np.maximum(
        _together(np.abs(drawn - exact).sum(axis=2), ALPHA / 2), _together(_calibrated(answers, bins), ALPHA / 2)
    )
    above = _together(errors - error, ALPHA / 2)
    gap, aside = exact.sum(axis=1), _together(np.abs((drawn - exact).sum(axis=2)), ALPHA)
    results = []
    for network, (confidence, right) in enumerate(answers):
        low, high = wilson(int(right.sum()), images, 1 - ALPHA / networks)
        mean = float(confidence.mean())
        results.append(
            Uncertainty(
                float(error[network]),
                max(0.0, float(error[network] - below[network])),
                float(error[network] + above[network]),
                float(gap[network]),
                min(mean - high, float(gap[network] - aside[network])),
                max(mean - low, float(gap[network] + aside[network])),
            )
        )
    return results


def clearly_worse(networks: Sequence[Uncertainty], best: int) -> list[int]:
    """Indices of the networks whose calibration error is larger than that of `best` by their intervals."""
    return [index for index, network in enumerate(networks) if network.error_low > networks[best].error_high]


def brier(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Mean squared distance between the probabilities and the truth, over all classes: 0 (best) to 2 (Brier 1950)."""
    of_label = _of_labels(probabilities, labels).astype(np.float64)
    squares = np.square(probabilities, dtype=np.float64).sum(axis=1)
    return float((squares - 2 * of_label + 1).mean())


def temperature(validation_probabilities: np.ndarray, labels: np.ndarray) -> float:
    """The T for which `with_temperature` has the least negative log-likelihood (Guo et al. 2017, section 4.2).

    Above 1 the network was too sure of itself, below 1 too modest. In 1 / T the loss is convex, so its slope crosses 0
    at most once and halving finds where; T stays within TEMPERATURES, where a network without a mistake would end.
    """
    logits = logarithms(validation_probabilities)
    of_label = _of_labels(logits, labels)

    def falls(value: float) -> bool:
        """Whether a smaller T than this one lowers the loss."""
        return float((of_label - (_tempered(logits, value) * logits).sum(axis=1)).mean()) > 0

    low, high = np.log(TEMPERATURES)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if falls(float(np.exp(middle))) else (middle, high)
    return float(np.exp((low + high) / 2))


def with_temperature(probabilities: np.ndarray, value: float) -> np.ndarray:
    """The probabilities of a network whose logits are divided by this temperature: float64 (N, classes).

    Logits are taken back from the probabilities; a constant that is missing in them changes nothing. The most probable
    class stays the same, so accuracy does too.
    """
    return _tempered(logarithms(probabilities), value)


def coverage(probabilities: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
    """Accuracy when only the most confident predictions count: a row for each threshold of confidence.

    Columns coverage (share of images that are answered), accuracy of those, confidence (the least that is answered),
    images, right; from the surest to all. Images of equal confidence are answered together.
    """
    confidence, right = _answers(probabilities, labels)
    order = np.argsort(-confidence, kind="stable")
    confidence, hits = confidence[order], np.cumsum(right[order])
    last = np.flatnonzero(np.append(np.diff(confidence) != 0, True))
    images = last + 1
    return pd.DataFrame(
        {
            "coverage": images / len(labels),
            "accuracy": hits[last] / images,
            "confidence": confidence[last],
            "images": images,
            "right": hits[last],
        }
    )


def row_at_coverage(table: pd.DataFrame, share: float) -> dict[str, float]:
    """The row of `coverage` with the highest threshold that still answers at least this share of the images."""
    row = int(np.searchsorted(table["coverage"].to_numpy(), share - 1e-12))
    return {str(name): float(table[name].to_numpy()[row]) for name in table.columns}


def _answers(probabilities: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Confidence of each answer, float64 (N,), and whether it is right, bool (N,)."""
    predicted = probabilities.argmax(axis=1)
    return _of_labels(probabilities, predicted).astype(np.float64), predicted == labels


def _ranges(confidence: np.ndarray, bins: int) -> np.ndarray:
    """Index of the bin (low, high] that each confidence falls into."""
    return np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], confidence, side="left")


def _resampled(values: np.ndarray) -> np.ndarray:
    """Means of the rows of `values` (N, M) over images drawn again with replacement: (_RESAMPLES, M)."""
    images, random = len(values), np.random.default_rng(0)
    parts = []
    for _ in range(_RESAMPLES // _AT_ONCE):
        drawn = random.integers(0, images, (_AT_ONCE, images)) + images * np.arange(_AT_ONCE)[:, None]
        weights = np.bincount(drawn.ravel(), minlength=_AT_ONCE * images).reshape(_AT_ONCE, images)
        parts.append(weights.astype(np.float32) @ values / images)
    return np.concatenate(parts).astype(np.float64)


def _calibrated(answers: Sequence[tuple[np.ndarray, np.ndarray]], bins: int) -> np.ndarray:
    """Calibration errors that networks as sure as these have by chance if they are calibrated: (_RESAMPLES, networks).

    How many of a range's images are right is drawn as if all had its mean confidence, which scatters a little more.
    """
    random, errors = np.random.default_rng(1), []
    for confidence, _ in answers:
        bin_index = _ranges(confidence, bins)
        images = np.bincount(bin_index, minlength=bins)
        sure = np.bincount(bin_index, weights=confidence, minlength=bins)
        chance = np.clip(sure / np.maximum(images, 1), 0, 1)
        right = random.binomial(images, chance, size=(_RESAMPLES, bins))
        errors.append(np.abs(right - sure).sum(axis=1) / len(confidence))
    return np.stack(errors, axis=1)


def _together(values: np.ndarray, missed: float) -> np.ndarray:
    """A limit for each column of (resamples, networks) such that a share `missed` of the rows exceeds any of them."""
    scale = values.std(axis=0)
    scale[scale == 0] = 1
    middle = values.mean(axis=0)
    return middle + scale * np.quantile(((values - middle) / scale).max(axis=1), 1 - missed)


def _of_labels(values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return np.take_along_axis(values, labels[:, None], axis=1)[:, 0]


def _tempered(logits: np.ndarray, value: float) -> np.ndarray:
    scaled = logits / value
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
