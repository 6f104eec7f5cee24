"""The typed events that training yields while it runs."""

from typing import Literal, NamedTuple

Outcome = Literal["finished", "early-stopped", "diverged"]


class RunStarted(NamedTuple):
    """The network is built and the data lie on the device."""

    parameters: int
    train_images: int
    validation_images: int
    test_images: int
    steps_per_epoch: int
    # 0, or the step from which the run continues.
    first_step: int
    device: str


class StepEnd(NamedTuple):
    """Training loss and accuracy, averaged over the steps since the last StepEnd."""

    # Steps completed over all epochs.
    step: int
    # The current epoch, counted from 1.
    epoch: int
    loss: float
    # Fraction of correct images since the last StepEnd.
    accuracy: float
    # Learning rate of the last of these steps.
    learning_rate: float
    # Measured since the last report.
    images_per_second: float
    # Training time since the run began, without pauses.
    seconds: float


class EpochEnd(NamedTuple):
    """An epoch is over; the model is consistent and may be saved. Validation is None without a split."""

    step: int
    epoch: int
    # Mean over the images of the epoch, each measured when it was learned from.
    train_loss: float
    train_accuracy: float
    validation_loss: float | None
    validation_accuracy: float | None
    # Whether this is the best epoch so far.
    best: bool
    seconds: float


class RunFinished(NamedTuple):
    """Training is over."""

    outcome: Outcome
    step: int
    # The last completed epoch.
    epoch: int
    best_epoch: int
    # Why the run ended; for a diverged run also what to try.
    hint: str
    seconds: float


Event = RunStarted | StepEnd | EpochEnd | RunFinished
