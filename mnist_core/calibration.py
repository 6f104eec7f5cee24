"""Whether probabilities mean what they say: reliability, scores, temperature scaling, and leaving images unanswered.

Everywhere `probabilities` is (N, classes), a row an image that sums to 1, and `labels` int (N,) its true class. The
confidence of an answer is the probability of the class that it names.
"""

import numpy as np
import pandas as pd

BINS = 15  # as in Guo et al. 2017
TEMPERATURES = (0.05, 20.0)  # what a fitted temperature is kept within

_SMALLEST = float(np.finfo(np.float32).tiny)  # stands for a probability that 32 bits round to 0
_HALVINGS = 32  # of a range of 6 in the logarithm: exact to 9 digits


def reliability(probabilities: np.ndarray, labels: np.ndarray, bins: int = BINS) -> pd.DataFrame:
    """Accuracy at each level of confidence: a row for each of `bins` equal ranges (low, high] of confidence.

    Columns low, high, images, right, confidence (mean), accuracy; the last two are fractions, NaN in an empty range.
    """
    confidence, right = _answers(probabilities, labels)
    edges = np.linspace(0, 1, bins + 1)
    place = np.searchsorted(edges[1:-1], confidence, side="left")
    images = np.bincount(place, minlength=bins)
    hits = np.bincount(place, weights=right, minlength=bins).astype(np.int64)
    sure = np.bincount(place, weights=confidence, minlength=bins)
    share = np.divide(1.0, images, out=np.full(bins, np.nan), where=images > 0)
    return pd.DataFrame({
        "low": edges[:-1], "high": edges[1:], "images": images, "right": hits, "confidence": sure * share,
        "accuracy": hits * share,
    })  # fmt: skip


def expected_calibration_error(probabilities: np.ndarray, labels: np.ndarray, bins: int = BINS) -> float:
    """Mean distance between confidence and accuracy (a fraction), weighted by images: Guo et al. 2017, equation 3."""
    table = reliability(probabilities, labels, bins)
    gaps = np.abs((table["accuracy"] - table["confidence"]).to_numpy())
    return float(np.nansum(gaps * table["images"].to_numpy()) / len(labels))


def negative_log_likelihood(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Mean of -ln p(true class), in nats: the cross-entropy loss."""
    return float(-_logarithms(_of_labels(probabilities, labels)).mean())


def brier(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Mean squared distance between the probabilities and the truth, over all classes: 0 (best) to 2 (Brier 1950)."""
    own = _of_labels(probabilities, labels).astype(np.float64)
    squares = np.square(probabilities, dtype=np.float64).sum(axis=1)
    return float((squares - 2 * own + 1).mean())


def temperature(validation_probabilities: np.ndarray, labels: np.ndarray) -> float:
    """The T for which `with_temperature` has the least negative log-likelihood (Guo et al. 2017, section 4.2).

    Above 1 the network was too sure of itself, below 1 too modest. In 1 / T the loss is convex, so its slope crosses 0
    at most once and halving finds where; T stays within TEMPERATURES, where a network without a mistake would end.
    """
    logits = _logarithms(validation_probabilities)
    own = _of_labels(logits, labels)

    def falls(value: float) -> bool:
        """Whether a smaller T than this one lowers the loss."""
        return float((own - (_tempered(logits, value) * logits).sum(axis=1)).mean()) > 0

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
    return _tempered(_logarithms(probabilities), value)


def coverage(probabilities: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
    """What the accuracy is when only the surest answers are given: a row for each threshold of confidence.

    Columns coverage (share of images that are answered), accuracy of those, confidence (the least that is answered),
    images, right; from the surest to all. Images of equal confidence are answered together.
    """
    confidence, right = _answers(probabilities, labels)
    order = np.argsort(-confidence, kind="stable")
    confidence, hits = confidence[order], np.cumsum(right[order])
    last = np.flatnonzero(np.append(np.diff(confidence) != 0, True))
    images = last + 1
    return pd.DataFrame({
        "coverage": images / len(labels), "accuracy": hits[last] / images, "confidence": confidence[last],
        "images": images, "right": hits[last],
    })  # fmt: skip


def answering(table: pd.DataFrame, share: float) -> dict[str, float]:
    """The row of `coverage` with the highest threshold that still answers at least this share of the images."""
    place = int(np.searchsorted(table["coverage"].to_numpy(), share - 1e-12))
    return {str(name): float(table[name].to_numpy()[place]) for name in table.columns}


def _answers(probabilities: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Confidence of each answer, float64 (N,), and whether it is right, bool (N,)."""
    given = probabilities.argmax(axis=1)
    return _of_labels(probabilities, given).astype(np.float64), given == labels


def _of_labels(values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return np.take_along_axis(values, labels[:, None], axis=1)[:, 0]


def _logarithms(probabilities: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(probabilities, _SMALLEST, dtype=np.float64))


def _tempered(logits: np.ndarray, value: float) -> np.ndarray:
    scaled = logits / value
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
