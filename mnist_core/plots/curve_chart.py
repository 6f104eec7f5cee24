"""A chart of curves as plain values: what the browser's component and plotly draw alike.

Smoothing, averaging, thinning, colours and dashes are done when a chart is made, so whoever draws it only draws.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from mnist_core.plots.series import POINTS, thinned
from mnist_core.plots.style import LEAST_ERROR, RunStyle, accuracy_ends

PanelMetric = Literal["loss", "accuracy", "loss difference", "accuracy difference"]
# "raw" lines are faint and lie behind, "band" lines are the outline of an area, "mark" lines are single crosses.
Role = Literal["curve", "raw", "band", "mark"]
# Points of all lines of a chart together, so that fifty runs stay quick to send and draw.
_POINTS_IN_ALL = 20_000
# A curve that rises this many times as high as the median one is cut off, because it would flatten the others.
_OUTLIER = 10
# The largest number that is drawn; float32 ends a little above.
_LARGEST = 1e38


@dataclass(frozen=True)
class Line:
    """A line of a panel; the arrays are (N,), `x` and `y` float32 in the units of the axes."""

    # Unique within the chart, and the same when the chart is made again from more values.
    id: str
    # Id of the run that it is of, or of the first one whose mean it is.
    run: str
    # Id of the entry that it belongs to.
    group: str
    role: Role
    # What it shows, for whoever points at it: "training loss".
    kind: str
    x: np.ndarray
    y: np.ndarray
    # Identity of each point among those of the same line.
    step: np.ndarray
    # "#rrggbb"
    colour: str
    # "solid", "dash", "dot" or "dashdot".
    dash: str = "solid"
    # In pixels.
    width: float = 3.0
    opacity: float = 1.0
    # Plotly's name of a marker at each point; "" for none.
    symbol: str = ""


@dataclass(frozen=True)
class Entry:
    """A name of the legend, which stands for all lines of its group."""

    group: str
    name: str
    # What whoever points at a line is told first.
    label: str
    # The name where there is no room for it, such as a run's number.
    short: str
    colour: str
    dash: str


@dataclass(frozen=True)
class Kind:
    """A kind of line that the chart has besides the names: solid for training, dashed for validation."""

    name: str
    dash: str
    width: float = 3.0
    is_faint: bool = False
    has_marks: bool = False


@dataclass(frozen=True)
class Panel:
    """Lines over one vertical axis."""

    title: str
    # What the lines are of, in the units of `y`: losses, accuracies (%), or differences of them (percentage points).
    metric: PanelMetric
    # Of accuracies (%) a logarithmic axis is one of errors: 99 and 99.5 lie as far apart as 90 and 95.
    log: bool
    # Lowest and highest value of the axis, in units of `y`.
    ends: tuple[float, float]
    # In the order in which they are drawn.
    lines: tuple[Line, ...]
    # Whether the axis ends below some lines, which lie far above the others.
    is_cut: bool = False

    @property
    def least_error(self) -> float | None:
        """The smallest error (%) of an axis of errors, which is logarithmic and has no 0; None of other axes."""
        return LEAST_ERROR if self.log and self.metric == "accuracy" else None


@dataclass(frozen=True)
class XAxis:
    """The horizontal axis of all panels; `before` and `after` stand around a value that is read off."""

    # What it counts: "step", "epoch", "seconds" or "images".
    name: str
    title: str
    before: str
    after: str
    log: bool
    ends: tuple[float, float]


@dataclass(frozen=True)
class CurveChart:
    """One or more panels over the same horizontal axis."""

    x: XAxis
    panels: tuple[Panel, ...]
    entries: tuple[Entry, ...]
    kinds: tuple[Kind, ...]

    @property
    def lines(self) -> tuple[Line, ...]:
        """The lines of all panels."""
        return tuple(line for panel in self.panels for line in panel.lines)


def points_of_line(lines: int) -> int:
    """The most points of each line, if there are so many training curves in the chart."""
    return min(POINTS, max(_POINTS_IN_ALL // (2 * max(1, lines)), 100))


def make_line(
    run: str,
    part: str,
    group: str,
    role: Role,
    kind: str,
    values: tuple[np.ndarray, np.ndarray, np.ndarray],
    style: RunStyle,
    points: int = POINTS,
    log: tuple[bool, bool] = (False, False),
    window: tuple[float, float] | None = None,
) -> Line:
    """A line of `values` (step, x, y; each (N,)), thinned to `points`, in the style of a run.

    `part` says which of the run's lines it is, within the chart.
    Points without a position on axes that are logarithmic (`log`: horizontal, vertical) are left out. Of the part
    `window` of the horizontal axis as many points again are kept.
    """
    step, x, y = values
    y = np.where((y > 0) | (not log[1]), y, np.nan)
    kept = thinned(x, y, points, log[0], window)
    across, up = (np.clip(column[kept], -_LARGEST, _LARGEST).astype(np.float32) for column in (x, y))
    return Line(f"{run} {part}", run, group, role, kind, across, up, step[kept], style.colour, style.dash)


def make_panel(title: str, metric: Literal["loss", "accuracy"], log: bool, lines: Iterable[Line]) -> Panel:
    """A panel whose axis shows all these lines, except what lies far above the median line of losses.

    On a logarithmic axis of losses the lowest value is that of curves: the loss of one lucky batch, in a raw line,
    may lie far below everything else.
    """
    lines = sorted(lines, key=lambda line: {"raw": 0, "band": 0, "curve": 1, "mark": 2}[line.role])
    curves = [line.y for line in lines if line.role == "curve" and len(line.y)]
    every = [line.y for line in lines if line.role != "mark" and len(line.y)]
    if not curves:
        return Panel(title, metric, log, (0.01, 10.0) if log and metric == "loss" else (0.0, 1.0), tuple(lines))
    low, high = min(float(y.min()) for y in curves), max(float(y.max()) for y in every)
    if metric == "accuracy" and log:
        return Panel(title, metric, log, accuracy_ends(low, max(float(y.max()) for y in curves)), tuple(lines))
    if log:
        return Panel(title, metric, log, (0.8 * low, 1.25 * high), tuple(lines))
    if metric == "accuracy":
        low = min(float(y.min()) for y in every)
        room = 0.05 * (high - low or 1.0)
        return Panel(title, metric, log, (low - room, high + room), tuple(lines))
    top = _cut(lines)
    if top is None:
        return Panel(title, metric, log, (0.0, 1.05 * high or 1.0), tuple(lines))
    shown = [replace(line, y=np.minimum(line.y, np.float32(top))) if line.role == "mark" else line for line in lines]
    return Panel(title, metric, log, (0.0, 1.05 * top), tuple(shown), is_cut=True)


def x_ends(lines: Iterable[Line], log: bool) -> tuple[float, float]:
    """Lowest and highest value of a horizontal axis that shows these lines."""
    columns = [line.x for line in lines if len(line.x)]
    if not columns:
        return (1.0, 1000.0) if log else (0.0, 1.0)
    low, high = min(float(x.min()) for x in columns), max(float(x.max()) for x in columns)
    return (0.95 * low, 1.05 * high) if log else (min(low, 0.0), high if high > min(low, 0.0) else 1.0)


def _cut(lines: Sequence[Line]) -> float | None:
    """Where the axis ends if some runs are far above the others, such as diverged ones; crosses stay in view."""
    peaks: dict[str, float] = {}
    for line in lines:
        if line.role == "curve" and len(line.y):
            peaks[line.run] = max(peaks.get(line.run, -np.inf), float(line.y.max()))
    ceiling = _OUTLIER * sorted(peaks.values())[(len(peaks) - 1) // 2]
    return max(peak for peak in peaks.values() if peak <= ceiling) if max(peaks.values()) > ceiling else None
