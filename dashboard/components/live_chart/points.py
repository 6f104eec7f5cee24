"""Messages to the live chart: a run's curves, smoothed and thinned, and of them only what the browser lacks."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from math import isfinite
from typing import Any, Literal

import numpy as np
import pandas as pd

from mnist_core.plots import smoothed, thinned

XAxis = Literal["step", "epoch", "seconds"]

# Of this many latest messages the browser may have received only one.
_OVERLAP = 2
# While a curve grows, the browser's values may differ from the exact ones by this fraction.
_TOLERANCE = 5e-5


@dataclass(frozen=True)
class CurveView:
    """The settings that curves depend on; nothing else that a person can set changes what is sent."""

    # Weight of the past in [0, 1).
    smoothing: float
    x: XAxis
    log_x: bool
    steps_per_epoch: int
    # The most points of a curve.
    points: int
    # The visible part of the horizontal axis; None if all of it is visible.
    window: tuple[float, float] | None


@dataclass(frozen=True)
class Points:
    """Measurements in the order of their steps; each array is (N,)."""

    step: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    seconds: np.ndarray = field(default_factory=lambda: np.empty(0))
    loss: np.ndarray = field(default_factory=lambda: np.empty(0))
    accuracy: np.ndarray = field(default_factory=lambda: np.empty(0))

    def joined(self, more: "Points") -> "Points":
        """These measurements and more. A run that was resumed repeats some steps; then the later report counts."""
        if not len(more.step):
            return self
        kept = int(np.searchsorted(self.step, more.step[0]))
        columns = (column.name for column in fields(self))
        return Points(*(np.concatenate((getattr(self, name)[:kept], getattr(more, name))) for name in columns))


@dataclass(frozen=True)
class Curve:
    """A curve as it is drawn; each array is (N,), and `value` a loss or an accuracy (a fraction)."""

    step: np.ndarray
    seconds: np.ndarray
    value: np.ndarray


Curves = Mapping[str, Curve]


@dataclass(frozen=True)
class SentMessage:
    """A message to the browser, and what the browser holds once it has arrived."""

    number: int
    # Id of the last row of the store that the message contains.
    row: int
    curves: Curves
    # Whether some values are not exact, but only within the tolerance.
    is_approximate: bool


@dataclass
class CurveHistory:
    """All measurements of a run that were read so far, and the messages that the browser was sent."""

    # Id of the last row that was read.
    row: int = 0
    train: Points = Points()
    validation: Points = Points()
    # The latest curves, with the settings and the row that they were made from.
    drawn: tuple[tuple[CurveView, int], Curves] | None = None
    # The latest messages, the oldest first.
    sent: list[SentMessage] = field(default_factory=list)

    def add(self, rows: pd.DataFrame) -> None:
        """Add rows of the store, all of which come after `row`."""
        if len(rows):
            self.row = int(rows["id"].to_numpy().max())
            self.train = self.train.joined(_points(rows, "train_loss", "train_accuracy"))
            self.validation = self.validation.joined(_points(rows, "validation_loss", "validation_accuracy"))

    def curves(self, view: CurveView) -> Curves:
        """The curves, computed again only if settings or measurements are new."""
        if self.drawn is None or self.drawn[0] != (view, self.row):
            self.drawn = (view, self.row), curves_of(self.train, self.validation, view)
        return self.drawn[1]

    def message(self, view: CurveView) -> tuple[dict[str, Any], SentMessage]:
        """The message to send now, and its record for `note` once it is sent.

        The browser may have missed the latest message. So a message says for each curve which points stay, of those
        that are the same in both messages before it, and which points follow. The first two messages have all points.
        """
        curves = self.curves(view)
        previous = self.sent if len(self.sent) == _OVERLAP else []
        # Once a curve stops growing, the browser gets exact values: all of them if some were approximate.
        is_growing = bool(previous) and previous[-1].row != self.row
        tolerance = _TOLERANCE if is_growing else None if any(sent.is_approximate for sent in previous) else 0.0
        number = max([time.time_ns() // 1_000_000, *(sent.number + 1 for sent in self.sent)])
        parts, contents = {}, {}
        for name, curve in curves.items():
            parts[name], contents[name] = _part(curve, [sent.curves.get(name) for sent in previous], tolerance)
        message = {
            "from": previous[0].number if previous else 0,
            "to": number,
            "curves": parts,
            "diverged": _diverged(self.train),
            "points": len(self.train.step),
            "last_step": int(self.train.step[-1]) if len(self.train.step) else 0,
        }
        is_approximate = any(not np.array_equal(contents[name].value, curve.value) for name, curve in curves.items())
        return message, SentMessage(number, self.row, contents, is_approximate)

    def note(self, sent: SentMessage) -> None:
        """Remember what was sent."""
        self.sent = [*self.sent, sent][-_OVERLAP:]


def curves_of(train: Points, validation: Points, view: CurveView) -> Curves:
    """Every curve of a run by its name: first smoothed, as on every page, and then thinned.

    Thinning keeps extremes. Smoothing after it would average them as if they were ordinary values.
    """
    x = _across(train, view)
    curves = {}
    for metric in ("loss", "accuracy"):
        raw = getattr(train, metric)
        curves[f"train_{metric}"] = _thinned(train, x, raw, view)
        if view.smoothing > 0:
            curves[f"smoothed_{metric}"] = _thinned(train, x, smoothed(raw, view.smoothing, x), view)
        held_out = getattr(validation, metric)
        curves[f"validation_{metric}"] = _thinned(validation, _across(validation, view), held_out, view)
    return curves


def _across(points: Points, view: CurveView) -> np.ndarray:
    if view.x == "seconds":
        return points.seconds
    return points.step / view.steps_per_epoch if view.x == "epoch" else points.step.astype(np.float64)


def _thinned(points: Points, x: np.ndarray, values: np.ndarray, view: CurveView) -> Curve:
    kept = thinned(x, values, view.points, view.log_x, view.window)
    return Curve(points.step[kept], points.seconds[kept], values[kept])


def _points(rows: pd.DataFrame, loss: str, accuracy: str) -> Points:
    names, steps, seconds, values = (np.asarray(rows[name]) for name in ("name", "step", "seconds", "value"))
    losses, accuracies = names == loss, names == accuracy
    by_step = dict(zip(steps[accuracies].tolist(), values[accuracies].tolist(), strict=True))
    paired = np.array([by_step.get(step, np.nan) for step in steps[losses].tolist()], dtype=np.float64)
    points = Points()
    # Split where steps go back, because a run was resumed from an earlier one.
    back = np.flatnonzero(np.diff(steps[losses]) <= 0) + 1
    columns = (steps[losses].astype(np.int64), seconds[losses].astype(np.float64), values[losses], paired)
    for parts in zip(*(np.split(column, back) for column in columns), strict=True):
        points = points.joined(Points(*parts))
    return points


def _diverged(train: Points) -> dict[str, float] | None:
    """The last measurement before the loss stopped being a finite number."""
    lost = np.flatnonzero(~np.isfinite(train.loss))
    if not len(lost) or not lost[0]:
        return None
    last = int(lost[0]) - 1
    return {"step": int(train.step[last]), "seconds": float(train.seconds[last]), "value": float(train.loss[last])}


def _part(curve: Curve, sent: Sequence[Curve | None], tolerance: float | None) -> tuple[dict[str, Any] | None, Curve]:
    """What turns any of the curves that the browser may have into this one, and the curve that it has then.

    None if the browser has this one already. For each curve that it may have, the part says which points stay: of too
    many points every other one is dropped. Over seconds, every new point moves all smoothed values a little, because
    the typical distance of points changes: values within the `tolerance` are not sent again.
    """
    earlier = [previous for previous in sent if previous is not None]
    earlier = earlier if len(earlier) == len(sent) else []
    is_sent = np.full(len(curve.step), bool(earlier))
    for previous in earlier:
        is_sent &= np.isin(curve.step, previous.step, assume_unique=True)
    count = _count_leading(is_sent)
    kept = [np.isin(previous.step, curve.step[:count], assume_unique=True) for previous in earlier]
    values = 0 if tolerance is None else count
    for previous, stays in zip(earlier, kept, strict=True):
        difference = np.abs(previous.value[stays] - curve.value[:count])
        values = min(values, _count_leading(difference <= (tolerance or 0) * np.abs(curve.value[:count])))
    if earlier and all(len(previous.step) == values == len(curve.step) for previous in earlier):
        return None, earlier[-1]
    latest = earlier[-1].value[kept[-1]][:values] if earlier else curve.value[:0]
    keep = [_run_lengths(stays) for stays in kept]
    part = {
        "keep": keep[:1] if keep[:1] == keep[1:] else keep,
        "keep_values": values,
        "step": curve.step[count:].tolist(),
        "seconds": [_short(moment) for moment in curve.seconds[count:].tolist()],
        "value": [_short(value) for value in curve.value[values:].tolist()],
    }
    return part, Curve(curve.step, curve.seconds, np.concatenate((latest, curve.value[values:])))


def _count_leading(true: np.ndarray) -> int:
    return len(true) if true.all() else int(true.argmin())


def _run_lengths(kept: np.ndarray) -> list[int]:
    """Run lengths of a mask: how many entries to leave out, to keep, to leave out, and so on; the rest is left out."""
    return np.diff(np.flatnonzero(np.diff(kept, prepend=False, append=False)), prepend=0).tolist()


def _short(value: float) -> float:
    """Five digits, which is more than a screen shows."""
    return float(f"{value:.5g}") if isfinite(value) else value
