"""What training says while it runs: a stream of typed events."""

from typing import Literal, NamedTuple

Outcome = Literal["finished", "early-stopped", "diverged"]


class RunStarted(NamedTuple):
    """The network is built and the data lie on the device."""

    parameters: int
    train_images: int
    validation_images: int
    test_images: int
    steps_per_epoch: int
    # 0, or the step that the run continues from
    first_step: int
    device: str


class StepEnd(NamedTuple):
    """Training loss and accuracy, averaged over the steps since the last StepEnd."""

    # steps done, counted over all epochs
    step: int
    # the epoch under way, from 1
    epoch: int
    loss: float
    # fraction of the images seen since then
    accuracy: float
    # of the last of these steps
    learning_rate: float
    # measured over the last report
    images_per_second: float
    # training time since the run began, pauses not counted
    seconds: float


class EpochEnd(NamedTuple):
    """An epoch is over; the model is consistent and may be saved. Validation is None without a split."""

    step: int
    epoch: int
    # mean over the epoch's images while they were learned
    train_loss: float
    train_accuracy: float
    validation_loss: float | None
    validation_accuracy: float | None
    # the best epoch so far
    best: bool
    seconds: float


class RunFinished(NamedTuple):
    """Training is over."""

    outcome: Outcome
    step: int
    # the last epoch that was completed
    epoch: int
    best_epoch: int
    # why it ended, and for a diverged run what to try
    hint: str
    seconds: float


Event = RunStarted | StepEnd | EpochEnd | RunFinished
