"""Axes of learning curves: what they count, and how values become heights."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from mnist_core.plots.curve_chart import Line, XAxis, x_ends
from mnist_core.plots.style import NamedRun, run_label
from mnist_core.store import MetricSeries
from mnist_core.text import cut_middle, one_line

Metric = Literal["loss", "accuracy"]
CurveAxis = Literal["step", "epoch", "seconds", "images"]

_AXES = {
    "step": ("Step (batches learned)", "step ", ""),
    "epoch": ("Epoch", "epoch ", ""),
    "seconds": ("Training time (seconds)", "", " s"),
    "images": ("Images learned, repeats counted", "", " images"),
}


class LearningRun(NamedRun, Protocol):
    """What learning curves need of a run; `train_images` only across images."""

    @property
    def id(self) -> str: ...
    @property
    def steps_per_epoch(self) -> int | None: ...
    @property
    def train_images(self) -> int | None: ...


class CurveGroup(Protocol):
    """Runs that differ in their seed only, as `comparison.seed_groups` finds them."""

    @property
    def name(self) -> str: ...
    @property
    def one_per_seed(self) -> Sequence[LearningRun]: ...


def line_label(runs: Sequence[LearningRun], name: str, length: int = 44) -> str:
    """What the line of a run is called, or that of the mean of several seeds with a common `name`."""
    if len(runs) == 1:
        return run_label(runs[0], length)
    return f"{cut_middle(one_line(name), length)} · {len(runs)} seeds"


def validation_label(run: LearningRun) -> str:
    """The images behind a run's curve after each epoch: "validation", or "test (optimistic)" where those choose it."""
    return getattr(run, "validation_label", "validation")


def short_validation_label(run: LearningRun) -> str:
    """The same where there is little room."""
    return "test" if is_optimistic(run) else "validation"


def training_loss_label(run: LearningRun) -> str:
    """What a run's training loss has in it more than the loss after each epoch; "" where it is the same one."""
    return getattr(run, "training_loss_label", "")


def is_optimistic(run: LearningRun) -> bool:
    """Whether a run's curve after each epoch is of the test images, because those choose its best epoch."""
    return getattr(run, "optimistic", False)


def per_epoch_dash(optimistic: bool) -> str:
    """The dash of a curve after each epoch: another one where the images are not held out."""
    return "dot" if optimistic else "dash"


@dataclass(frozen=True)
class View:
    """One metric across one axis, either of them logarithmic."""

    metric: Metric
    axis: CurveAxis
    log_x: bool
    log_y: bool

    def across(self, series: MetricSeries, run: LearningRun) -> np.ndarray:
        """Places on the horizontal axis; NaN where the run does not know how many images a step has."""
        if self.axis == "images":
            each = (run.train_images or np.nan) / (run.steps_per_epoch or np.nan)
            return series.step * each
        if self.axis == "epoch" and run.steps_per_epoch:
            return series.step / run.steps_per_epoch
        return {"step": series.step, "epoch": series.epoch, "seconds": series.seconds}[self.axis]

    def up(self, values: np.ndarray) -> np.ndarray:
        """Heights of losses, or of accuracies (fractions) in per cent."""
        return values if self.metric == "loss" else 100 * values

    @property
    def title(self) -> str:
        """Title of the vertical axis."""
        if self.metric == "loss":
            return "Loss (cross-entropy, nats)"
        return "Accuracy (%, log scale of errors)" if self.log_y else "Accuracy (%)"

    def x_axis(self, lines: Iterable[Line]) -> XAxis:
        """The horizontal axis of these lines."""
        return XAxis(self.axis, *_AXES[self.axis], self.log_x, x_ends(lines, self.log_x))
