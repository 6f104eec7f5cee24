"""Labels that may be wrong: images that the weighted runs confidently predict as another class.

The rule and its constants were chosen on training labels with planted errors: python -m benchmarks.doubtful_labels.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from mnist_core.analysis import calibration, scores

# A run with half the loss counts 2⁴ = 16 times as much.
POWER = 4
# A lower limit: a few images without a mistake would fit the lowest temperature and turn probabilities into votes.
_LOWEST_TEMPERATURE = 0.5


@dataclass(frozen=True)
class RunWorth:
    """How far a run's probabilities can be trusted, measured on images that it did not learn from."""

    # Number of images that it was measured on.
    images: int
    # The logits are divided by it; above 1 the run was overconfident.
    temperature: float
    # Cross-entropy (nats) at that temperature over these images and one more, for which only guessing is assumed.
    loss: float

    def calibrated(self, probabilities: np.ndarray) -> np.ndarray:
        """The run's probabilities (N, C) as its temperature makes them: float64 (N, C)."""
        return calibration.with_temperature(probabilities, self.temperature)


def weighing_split(held_out: Iterable[bool]) -> Literal["validation", "test"]:
    """The split whose images say what runs are worth, from whether each run held images out.

    All are measured on images of one kind: where one run has no validation images, by the test images. No run learned
    from these either; a few wrong labels among them hurt all runs alike.
    """
    return "validation" if all(held_out) else "test"


def run_worth(probabilities: np.ndarray, labels: np.ndarray) -> RunWorth:
    """What a run is worth, by its probabilities (N, C) for the images of a split and their labels int (N,), N > 0.

    The temperature takes away how sure a run is of itself and leaves what it knows: a long training makes a network too
    sure long before it makes it worse. The image that is added keeps a few lucky ones from promising perfection.
    """
    temperature = max(calibration.temperature(probabilities, labels), _LOWEST_TEMPERATURE)
    loss = scores.negative_log_likelihood(calibration.with_temperature(probabilities, temperature), labels)
    count, guess = len(labels), float(np.log(probabilities.shape[1]))
    return RunWorth(count, temperature, (count * loss + guess) / (count + 1))


def run_weights(worths: Sequence[RunWorth], power: float = POWER) -> np.ndarray:
    """How much each of R runs counts: float64 (R,), in proportion to 1 / loss^power; they add up to 1."""
    losses = np.maximum([run.loss for run in worths], scores.LEAST_PROBABILITY)
    relative = (losses.min() / losses) ** power
    return relative / relative.sum()


def suspect_labels(
    labels: np.ndarray,
    probabilities: Sequence[np.ndarray],
    worths: Sequence[RunWorth],
    agree: float = 0.0,
    confidence: float = 0.0,
    power: float = POWER,
) -> pd.DataFrame:
    """Images that the weighted runs predict as another class than their label, the most doubtful first.

    `labels` is int (N,), `probabilities` has for each run (N, C) in the order of `worths`. Each run's probabilities are
    calibrated, then averaged with the runs' weights. The order is that of the odds of the most probable other class
    against the label (the normalised margin of Northcutt et al. 2021, as a ratio). Left out are images at which runs of
    less than a share `agree` of the weight call that class, or whose confidence is below `confidence`.

    A row an image: index (its place), label, called, runs (how many call it that), weight (their share), confidence
    (the averaged probability of the class called), of_label (that of the label).
    """
    shares = run_weights(worths, power)
    mean = np.zeros(probabilities[0].shape)
    for share, trust, values in zip(shares, worths, probabilities, strict=True):
        mean += share * trust.calibrated(values)
    places = np.arange(len(labels))
    of_label = mean[places, labels]
    others = mean.copy()
    others[places, labels] = -1
    called = others.argmax(axis=1)
    sure = others[places, called]
    # Shape (R, N).
    calls = np.stack([values.argmax(axis=1) == called for values in probabilities])
    weight = shares @ calls
    table = pd.DataFrame(
        {
            "index": places,
            "label": labels,
            "called": called,
            "runs": calls.sum(axis=0),
            "weight": weight,
            "confidence": sure,
            "of_label": of_label,
        }
    )
    odds = scores.logarithms(sure) - scores.logarithms(of_label)
    doubted = np.flatnonzero((sure > of_label) & (weight >= agree - 1e-9) & (sure >= confidence - 1e-9))
    return table.iloc[doubted[np.argsort(-odds[doubted], kind="stable")], :].reset_index(drop=True)
