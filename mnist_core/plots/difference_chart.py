"""Values after each epoch as differences from those of a baseline, which becomes the zero line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mnist_core.analysis import welch_intervals
from mnist_core.plots.curve_chart import (
    CurveChart,
    Entry,
    Kind,
    Line,
    Panel,
    PanelMetric,
    Role,
    make_line,
    points_of_line,
)
from mnist_core.plots.curve_view import (
    CurveAxis,
    CurveGroup,
    LearningRun,
    Metric,
    View,
    is_optimistic,
    line_label,
    per_epoch_dash,
    validation_label,
)
from mnist_core.plots.style import RunStyle, run_styles
from mnist_core.store import RunCurves
from mnist_core.text import cut_middle

# Points of the zero line, so that the pointer finds one nearby.
_ZEROS = 60
# A band reaches beyond the axis if it is so many times as high as all lines: it would flatten them.
_HIGHEST_BAND = 3.0


@dataclass(frozen=True)
class DifferenceChart:
    """A chart of differences and what has to be said of it."""

    chart: CurveChart
    # Whether some values were read off between two measurements, because two runs were not measured at the same places.
    is_interpolated: bool
    # Whether some line has an interval.
    has_bands: bool


@dataclass(frozen=True)
class _Difference:
    """Mean of some seeds minus mean of the baseline's along training; each array (N,), the interval NaN if unknown."""

    x: np.ndarray
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    is_interpolated: bool


def difference_chart(
    recorded: Mapping[str, RunCurves],
    groups: Sequence[CurveGroup],
    baseline: int,
    metric: Metric,
    x: CurveAxis = "step",
    log_x: bool = False,
) -> DifferenceChart:
    """The values after each epoch of each group of seeds minus those of group `baseline`, an index.

    Both are compared at the same place on the horizontal axis; between two measurements a curve is read off along a
    straight line. A difference begins and ends where one of the seeds of either side does; seeds without any value are
    left out. Its band is Welch's 95 % interval, which takes two seeds on each side; a group may be a single run. A
    group that was measured on test images after each epoch has no line if the baseline was not, and the reverse.
    """
    view = View(metric, x, log_x, log_y=False)
    styles = run_styles(group.one_per_seed[0] for group in groups)
    zero = groups[baseline].one_per_seed[0]
    measured, curves_of_baseline = _curves(groups[baseline], recorded, view)
    entries = [_entry(measured or [zero], zero, groups[baseline].name, styles[zero.number], is_baseline=True)]
    lines: list[Line] = []
    is_interpolated = False
    for index, group in enumerate(groups):
        first = group.one_per_seed[0]
        if index == baseline or is_optimistic(first) != is_optimistic(zero):
            continue
        runs, curves = _curves(group, recorded, view)
        if (difference := _difference(curves, curves_of_baseline)) is not None:
            is_interpolated |= difference.is_interpolated
            lines += _lines(first, difference, styles[first.number], view, points_of_line(len(groups)))
            entries.append(_entry(runs, first, group.name, styles[first.number], is_baseline=False))
    has_bands = any(line.role == "band" for line in lines)
    if lines:
        lines.append(_zero_line(zero.id, lines, styles[zero.number], view))
    title = _title(metric, entries[0].label, validation_label(zero))
    kind = Kind(validation_label(zero), per_epoch_dash(is_optimistic(zero)), 2, has_marks=True)
    panel = _panel(title, metric, lines)
    return DifferenceChart(
        CurveChart(view.x_axis(lines), (panel,), tuple(entries), (kind,)), is_interpolated, has_bands
    )


def _curves(
    group: CurveGroup, recorded: Mapping[str, RunCurves], view: View
) -> tuple[list[LearningRun], list[tuple[np.ndarray, np.ndarray]]]:
    """The seeds that were measured after an epoch, and places and values of each."""
    runs, curves = [], []
    for run in group.one_per_seed:
        series = recorded.get(run.id, {}).get(f"validation_{view.metric}")
        if series is None:
            continue
        x = np.asarray(view.across(series, run), dtype=np.float64)
        if (placed := np.isfinite(x)).any():
            runs.append(run)
            curves.append((x[placed], np.asarray(series.value, dtype=np.float64)[placed]))
    return runs, curves


def _difference(
    own: Sequence[tuple[np.ndarray, np.ndarray]], baseline: Sequence[tuple[np.ndarray, np.ndarray]]
) -> _Difference | None:
    """The difference at the places of `own`; None where the two sides have no place in common."""
    if not own or not baseline:
        return None
    places = np.unique(np.concatenate([x for x, _ in own]))
    a, b = (
        np.stack([np.interp(places, *curve, left=np.nan, right=np.nan) for curve in side]) for side in (own, baseline)
    )
    defined = np.isfinite(a).all(axis=0) & np.isfinite(b).all(axis=0)
    if not defined.any():
        return None
    places, a, b = places[defined], a[:, defined], b[:, defined]
    low, high = welch_intervals(a, b)
    is_interpolated = any(not np.isin(places, x).all() for x, _ in (*own, *baseline))
    return _Difference(places, a.mean(axis=0) - b.mean(axis=0), low, high, is_interpolated)


def _lines(run: LearningRun, difference: _Difference, style: RunStyle, view: View, points: int) -> list[Line]:
    """A line and, where it is known, the band around it."""
    numbers, log = np.arange(len(difference.x)), (view.log_x, False)
    kind = f"{validation_label(run)} {view.metric}"

    def line_of(part: str, role: Role, at: np.ndarray, heights: np.ndarray) -> Line:
        values = numbers[at], difference.x[at], view.up(heights[at])
        return make_line(run.id, part, run.id, role, kind if role == "curve" else "", values, style, points, log)

    line = line_of("difference", "curve", np.isfinite(difference.mean), difference.mean)
    line = replace(line, dash=per_epoch_dash(is_optimistic(run)), width=2.0, symbol=style.symbol)
    has_band = np.isfinite(difference.low)
    if not has_band.any():
        return [line]
    upper, lower = (line_of("band", "band", has_band, end) for end in (difference.high, difference.low))
    x, y = (np.concatenate((getattr(upper, axis), getattr(lower, axis)[::-1])) for axis in ("x", "y"))
    return [replace(upper, x=x, y=y, step=np.arange(len(x)), dash="solid", width=0.0, opacity=0.2), line]


def _zero_line(run: str, lines: Sequence[Line], style: RunStyle, view: View) -> Line:
    """The baseline, across the whole axis, so that it is seen where the others have a single point."""
    low, high = view.x_axis(lines).ends
    x = np.geomspace(low, high, _ZEROS) if view.log_x else np.linspace(low, high, _ZEROS)
    values = np.arange(_ZEROS), x, np.zeros(_ZEROS)
    return make_line(run, "zero", run, "curve", "the baseline", values, style, log=(view.log_x, False))


def _entry(runs: Sequence[LearningRun], first: LearningRun, name: str, style: RunStyle, is_baseline: bool) -> Entry:
    label = line_label(runs, name)
    shown = f"{label} (baseline)" if is_baseline else label
    return Entry(first.id, shown, label, str(first.number), style.colour, style.dash)


def _title(metric: Metric, baseline: str, measured_on: str) -> str:
    unit = "percentage points" if metric == "accuracy" else "nats"
    return f"{measured_on.capitalize()} {metric} minus that of\n{cut_middle(baseline, 28)}, in {unit}"


def _panel(title: str, metric: Metric, lines: Sequence[Line]) -> Panel:
    """A panel with 0 on its axis; bands that are many times as high as all lines run off it."""
    ordered = tuple(sorted(lines, key=lambda line: line.role != "band"))
    curves, edges = (
        np.concatenate([np.zeros(1), *(line.y for line in lines if line.role == role)]) for role in ("curve", "band")
    )
    low, high = float(curves.min()), float(curves.max())
    most = _HIGHEST_BAND * (high - low)
    low, high = min(low, max(float(edges.min()), low - most)), max(high, min(float(edges.max()), high + most))
    room = 0.05 * (high - low or 1.0)
    ends = low - room, high + room
    is_cut = bool(((edges < ends[0]) | (edges > ends[1])).any())
    name: PanelMetric = "accuracy difference" if metric == "accuracy" else "loss difference"
    return Panel(title, name, False, ends, ordered, is_cut)
