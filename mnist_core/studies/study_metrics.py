"""The metrics that studies report: what each is called and measured in, and how many decimals it deserves."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["accuracy", "loss", "count", "seconds"]
_MOST_DECIMALS: Mapping[Kind, int] = {"accuracy": 2, "loss": 4, "count": 0, "seconds": 0}


@dataclass(frozen=True)
class StudyMetric:
    """A metric of reported.csv: accuracies are in per cent, losses in nats."""

    label: str
    kind: Kind
    # The accuracy on a batch of 50 images moves in steps of two per cent, so it gets no decimals.
    whole: bool = False

    @property
    def decimals(self) -> int:
        """Most decimals that a value is written with."""
        return 0 if self.whole else _MOST_DECIMALS[self.kind]


METRICS: Mapping[str, StudyMetric] = {
    "test_accuracy": StudyMetric("test accuracy (%)", "accuracy"),
    "best_test_accuracy": StudyMetric("best test accuracy (%)", "accuracy"),
    "test_loss": StudyMetric("test loss", "loss"),
    "test_errors": StudyMetric("test errors", "count"),
    "train_accuracy": StudyMetric("training accuracy (%)", "accuracy"),
    "train_loss": StudyMetric("training loss", "loss"),
    "running_train_loss": StudyMetric("training loss, mean of all epochs", "loss"),
    "train_batch_loss": StudyMetric("loss of the batch", "loss"),
    "train_batch_accuracy": StudyMetric("accuracy of the batch (%)", "accuracy", whole=True),
    "parameters": StudyMetric("parameters", "count"),
    "wall_seconds": StudyMetric("time of all runs", "seconds"),
}
