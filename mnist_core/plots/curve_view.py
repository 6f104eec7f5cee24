"""Axes of learning curves: what they count, how values become heights, and hover texts."""

from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np

from mnist_core.plots.series import MetricSeries
from mnist_core.plots.style import NamedRun, accuracy_axis, errors_of, log_axis

Metric = Literal["loss", "accuracy"]
CurveAxis = Literal["step", "epoch", "seconds", "images"]

_AXES = {
    "step": ("Step (batches learned)", "step %{x:,.0f}"),
    "epoch": ("Epoch", "epoch %{x:.4~g}"),
    "seconds": ("Training time (seconds)", "%{x:,.4~g} s"),
    "images": ("Images learned, repeats counted", "%{x:,.0f} images"),
}


class LearningRun(NamedRun, Protocol):
    """What learning curves need of a run; `train_images` only across images."""

    @property
    def id(self) -> str: ...
    @property
    def steps_per_epoch(self) -> int | None: ...
    @property
    def train_images(self) -> int | None: ...


def validation_label(run: LearningRun) -> str:
    """The images behind a run's curve after each epoch: "validation", or "test (optimistic)" where those choose it."""
    return getattr(run, "validation_label", "validation")


def training_loss_label(run: LearningRun) -> str:
    """What a run's training loss has in it more than the loss after each epoch; "" where it is the same one."""
    return getattr(run, "training_loss_label", "")


def per_epoch_dash(label: str) -> str:
    """The dash of a curve after each epoch: another one where the images are not held out."""
    return "dash" if label == "validation" else "dot"


@dataclass(frozen=True)
class View:
    """One metric across one axis, either of them logarithmic."""

    metric: Metric
    axis: CurveAxis
    log_x: bool
    log_y: bool

    @property
    def as_errors(self) -> bool:
        """Whether heights are errors (%): a logarithmic axis of accuracy is one of them."""
        return self.metric == "accuracy" and self.log_y

    def across(self, series: MetricSeries, run: LearningRun) -> np.ndarray:
        """Places on the horizontal axis; NaN where the run does not know how many images a step has."""
        if self.axis == "images":
            each = (run.train_images or np.nan) / (run.steps_per_epoch or np.nan)
            return series.step * each
        if self.axis == "epoch" and run.steps_per_epoch:
            return series.step / run.steps_per_epoch
        return {"step": series.step, "epoch": series.epoch, "seconds": series.seconds}[self.axis]

    def up(self, values: np.ndarray) -> np.ndarray:
        """Heights of losses or of accuracies (fractions)."""
        if self.metric == "loss":
            return values
        return errors_of(values) if self.as_errors else 100 * values

    def drawable(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Which points can be drawn on the axes."""
        return np.isfinite(x) & np.isfinite(y) & ((x > 0) | (not self.log_x)) & ((y > 0) | (not self.log_y))

    def hover(self, kind: str, y: np.ndarray, more: str = "") -> dict[str, Any]:
        """Hover text of a trace with these heights, after its `meta`; `more` names what else the loss contains."""
        position = f"<br>{_AXES[self.axis][1]}<extra></extra>"
        if self.metric == "loss":
            return {
                "hovertemplate": f"<b>%{{meta}}</b><br>{kind} loss{f' {more}' if more else ''} %{{y:.4g}}{position}"
            }
        text = f"<b>%{{meta}}</b><br>{kind} accuracy %{{{'customdata' if self.as_errors else 'y'}:.2f}}%{position}"
        return {"hovertemplate": text} | ({"customdata": packed(100 - y)} if self.as_errors else {})

    def horizontal(self, places: np.ndarray) -> dict[str, Any]:
        """The horizontal axis of curves that lie at these places."""
        title = {"title_text": _AXES[self.axis][0]}
        if not self.log_x:
            return title | {"type": "linear"}
        return title | (log_axis(0.95 * places.min(), 1.05 * places.max()) if len(places) else log_axis(1, 1000))

    def vertical(self, heights: np.ndarray, spikes: np.ndarray) -> dict[str, Any]:
        """The vertical axis of bold curves with these heights.

        Of the faint curves behind them it shows the highest loss too, `spikes`, but not the lowest: the loss of one
        lucky batch may lie far below everything else on a logarithmic axis.
        """
        if self.metric == "loss":
            title = {"title_text": "Loss (cross-entropy, nats)"}
        else:
            title = {"title_text": "Accuracy (%, log scale of errors)" if self.log_y else "Accuracy (%)"}
        if self.as_errors:
            return title | accuracy_axis(heights.tolist())
        if not self.log_y:
            return title | {"type": "linear", "rangemode": "tozero" if self.metric == "loss" else "normal"}
        top = max([*heights, *spikes], default=10 / 1.25)
        return title | log_axis(0.8 * heights.min() if len(heights) else 0.01, 1.25 * top)


def packed(values: np.ndarray) -> np.ndarray:
    """Numbers as a figure sends them: in base64 and at half the size, which is far finer than a pixel."""
    return np.asarray(values, dtype=np.float32)
