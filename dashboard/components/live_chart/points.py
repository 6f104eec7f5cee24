"""What the live chart is sent of a run: its curves, smoothed and thinned, and of them only what the browser lacks."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from math import isfinite
from typing import Any, Literal

import numpy as np
import pandas as pd

from mnist_core.plots import decimate_growing, smoothed

XAxis = Literal["step", "epoch", "seconds"]

# messages of which the browser may have missed all but one
_OVERLAP = 2
# of a value: what may lie between it and the browser's while the curve grows
_CLOSE = 5e-5


@dataclass(frozen=True)
class CurveView:
    """How curves are looked at: what is sent depends on this, and on nothing else that a person can set."""

    # weight of the past in [0, 1)
    smoothing: float
    x: XAxis
    log_x: bool
    steps_per_epoch: int
    # of a curve, at most
    points: int
    # part of the horizontal axis that is looked at; None: all of it
    window: tuple[float, float] | None


@dataclass(frozen=True)
class Points:
    """Measurements in the order of their steps: each array (N,)."""

    step: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    seconds: np.ndarray = field(default_factory=lambda: np.empty(0))
    loss: np.ndarray = field(default_factory=lambda: np.empty(0))
    accuracy: np.ndarray = field(default_factory=lambda: np.empty(0))

    def joined(self, more: "Points") -> "Points":
        """With more measurements: a run that was resumed repeats some steps, and the later report counts."""
        if not len(more.step):
            return self
        kept = int(np.searchsorted(self.step, more.step[0]))
        columns = (column.name for column in fields(self))
        return Points(*(np.concatenate((getattr(self, name)[:kept], getattr(more, name))) for name in columns))


@dataclass(frozen=True)
class Curve:
    """A curve as it is drawn: each array (N,); the value is a loss or an accuracy (fraction)."""

    step: np.ndarray
    seconds: np.ndarray
    value: np.ndarray


Curves = Mapping[str, Curve]


@dataclass(frozen=True)
class SentMessage:
    """A message to the browser, and what the browser holds once it has arrived."""

    number: int
    # the last one that it knows of
    row: int
    curves: Curves
    # whether some values are only close to what they should be
    loose: bool


@dataclass
class CurveHistory:
    """All measurements of a run that were read so far, and what the browser was sent of them."""

    # the last one that was read
    row: int = 0
    train: Points = Points()
    validation: Points = Points()
    # the latest curves, and what they were made of
    drawn: tuple[tuple[CurveView, int], Curves] | None = None
    # the latest messages, oldest first
    sent: list[SentMessage] = field(default_factory=list)

    def add(self, rows: pd.DataFrame) -> None:
        """Add rows of the store, all of which come after `row`."""
        if len(rows):
            self.row = int(rows["id"].to_numpy().max())
            self.train = self.train.joined(_points(rows, "train_loss", "train_accuracy"))
            self.validation = self.validation.joined(_points(rows, "validation_loss", "validation_accuracy"))

    def curves(self, look: CurveView) -> Curves:
        """The curves, made anew only where there is something new."""
        if self.drawn is None or self.drawn[0] != (look, self.row):
            self.drawn = (look, self.row), curves_of(self.train, self.validation, look)
        return self.drawn[1]

    def message(self, look: CurveView) -> tuple[dict[str, Any], SentMessage]:
        """What to send now, and what to `note` once it is sent.

        The browser may have missed the latest message. So of each curve it is told how many points it keeps, which are
        the same in both messages before this one, and which points follow. Before there are two it is sent everything.
        """
        curves = self.curves(look)
        held = self.sent if len(self.sent) == _OVERLAP else []
        # None at rest: then the browser gets the exact values, all of them if some were only close.
        growing = bool(held) and held[-1].row != self.row
        close = _CLOSE if growing else None if any(sent.loose for sent in held) else 0.0
        number = max([time.time_ns() // 1_000_000, *(sent.number + 1 for sent in self.sent)])
        parts, contents = {}, {}
        for name, curve in curves.items():
            parts[name], contents[name] = _part(curve, [sent.curves.get(name) for sent in held], close)
        message = {
            "from": held[0].number if held else 0,
            "to": number,
            "curves": parts,
            "diverged": _diverged(self.train),
            "points": len(self.train.step),
            "last_step": int(self.train.step[-1]) if len(self.train.step) else 0,
        }
        loose = any(not np.array_equal(contents[name].value, curve.value) for name, curve in curves.items())
        return message, SentMessage(number, self.row, contents, loose)

    def note(self, sent: SentMessage) -> None:
        """Remember what was sent."""
        self.sent = [*self.sent, sent][-_OVERLAP:]


def curves_of(train: Points, validation: Points, look: CurveView) -> Curves:
    """Every curve of a run by its name: first smoothed, as on every page, and only then thinned.

    Smoothing what was thinned would average the extremes that were kept, each as if it were an ordinary value.
    """
    x = _across(train, look)
    curves = {}
    for metric in ("loss", "accuracy"):
        raw = getattr(train, metric)
        curves[f"train_{metric}"] = _thinned(train, x, raw, look)
        if look.smoothing > 0:
            curves[f"smoothed_{metric}"] = _thinned(train, x, smoothed(raw, look.smoothing, x), look)
        held_out = getattr(validation, metric)
        curves[f"validation_{metric}"] = _thinned(validation, _across(validation, look), held_out, look)
    return curves


def _across(points: Points, look: CurveView) -> np.ndarray:
    if look.x == "seconds":
        return points.seconds
    return points.step / look.steps_per_epoch if look.x == "epoch" else points.step.astype(np.float64)


def _thinned(points: Points, x: np.ndarray, values: np.ndarray, look: CurveView) -> Curve:
    kept = decimate_growing(x, values, look.points, look.log_x, look.window)
    return Curve(points.step[kept], points.seconds[kept], values[kept])


def _points(rows: pd.DataFrame, loss: str, accuracy: str) -> Points:
    names, steps, seconds, values = (np.asarray(rows[name]) for name in ("name", "step", "seconds", "value"))
    losses, accuracies = names == loss, names == accuracy
    by_step = dict(zip(steps[accuracies].tolist(), values[accuracies].tolist(), strict=True))
    paired = np.array([by_step.get(step, np.nan) for step in steps[losses].tolist()], dtype=np.float64)
    points = Points()
    # Parts in which steps ascend: a run that was resumed goes back to an earlier step.
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


def _part(curve: Curve, held: Sequence[Curve | None], close: float | None) -> tuple[dict[str, Any] | None, Curve]:
    """What brings the browser from any of the curves that it may hold to this one, and what it holds then.

    None where it holds this one already. Of each curve that it may hold it is told which points stay: where points
    become too many, every other one goes. XAxis seconds every new point moves all smoothed values a little, as the
    typical distance of points moves: values that are `close` are left as they are.
    """
    before = [sent for sent in held if sent is not None]
    before = before if len(before) == len(held) else []
    is_sent = np.full(len(curve.step), bool(before))
    for sent in before:
        is_sent &= np.isin(curve.step, sent.step, assume_unique=True)
    count = _count_leading(is_sent)
    kept = [np.isin(sent.step, curve.step[:count], assume_unique=True) for sent in before]
    values = 0 if close is None else count
    for sent, stays in zip(before, kept, strict=True):
        difference = np.abs(sent.value[stays] - curve.value[:count])
        values = min(values, _count_leading(difference <= (close or 0) * np.abs(curve.value[:count])))
    if before and all(len(sent.step) == values == len(curve.step) for sent in before):
        return None, before[-1]
    latest = before[-1].value[kept[-1]][:values] if before else curve.value[:0]
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
    """How many to leave out, how many to keep, how many to leave out, and so on; what follows is left out."""
    return np.diff(np.flatnonzero(np.diff(kept, prepend=False, append=False)), prepend=0).tolist()


def _short(value: float) -> float:
    """Five digits are more than a screen shows."""
    return float(f"{value:.5g}") if isfinite(value) else value
