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
    first_step: int  # 0, or the step that the run continues from
    device: str


class StepEnd(NamedTuple):
    """Training loss and accuracy, averaged over the steps since the last StepEnd."""

    step: int  # steps done, counted over all epochs
    epoch: int  # the epoch under way, from 1
    loss: float
    accuracy: float  # fraction of the images seen since then
    learning_rate: float  # of the last of these steps
    images_per_second: float  # measured over the last report
    seconds: float  # training time since the run began, pauses not counted


class EpochEnd(NamedTuple):
    """An epoch is over; the model is consistent and may be saved. Validation is None without a split."""

    step: int
    epoch: int
    train_loss: float  # mean over the epoch's images while they were learned
    train_accuracy: float
    validation_loss: float | None
    validation_accuracy: float | None
    best: bool  # the best epoch so far
    seconds: float


class RunFinished(NamedTuple):
    """Training is over."""

    outcome: Outcome
    step: int
    epoch: int  # the last epoch that was completed
    best_epoch: int
    hint: str  # why it ended, and for a diverged run what to try
    seconds: float


Event = RunStarted | StepEnd | EpochEnd | RunFinished
