"""Learning curves: loss and accuracy of training and validation, run by run or as means over seeds."""

from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mnist_core.analysis import SpreadBand
from mnist_core.plots.curve_chart import CurveChart, Entry, Kind, Line, make_line, make_panel, points_of_line
from mnist_core.plots.curve_view import (
    CurveAxis,
    CurveGroup,
    LearningRun,
    Metric,
    View,
    is_optimistic,
    line_label,
    per_epoch_dash,
    short_validation_label,
    training_loss_label,
    validation_label,
)
from mnist_core.plots.series import Average, averaged, smoothed
from mnist_core.plots.style import RunStyle, run_label, run_styles
from mnist_core.store import MetricSeries, RunCurves

# Opacity of raw curves. It falls with the number of curves; otherwise raw curves cover smoothed ones.
_FAINT = 0.35
_DIVERGED = "no finite loss from here on: diverged"


# Lines that were made before: by run and metric, what they were made from, and the lines.
LineCache = MutableMapping[tuple[str, str], tuple[RunCurves, Any, tuple[Line, ...]]]


@dataclass(frozen=True)
class _Look:
    """What the lines of every run have in common."""

    view: View
    smoothing: float
    # Most points of a line.
    points: int
    # Opacity of raw curves.
    faint: float
    band: SpreadBand
    # Whether there is one run, whose training and validation then stand in the legend.
    alone: bool
    # The part of the horizontal axis that is looked at.
    window: tuple[float, float] | None


def learning_chart(
    recorded: Mapping[str, RunCurves],
    runs: Sequence[LearningRun],
    shown: Sequence[Metric] = ("loss", "accuracy"),
    x: CurveAxis = "step",
    smoothing: float = 0.6,
    log_x: bool = False,
    log_y: bool = False,
    groups: Sequence[CurveGroup] = (),
    *,
    band: SpreadBand = "standard deviation",
    window: tuple[float, float] | None = None,
    cache: LineCache | None = None,
) -> CurveChart:
    """Training per step (smoothed, the raw values faint) and validation per epoch (dashed, with points) of some runs.

    A panel for each metric in `shown`. A run that chooses its epoch on the test images has dotted test curves instead,
    named as optimistic. `recorded` holds each run's curves (`Store.curves`) by its id; `smoothing` is from 0 (none) to
    0.99. With `groups` each of them is one line instead: the mean of its seeds' smoothed curves with a band
    around it. A cross marks where a run's loss stopped being a finite number. Of `window`, a part of the horizontal
    axis, there are as many points again. With a `cache` only runs whose series are other objects are computed anew.
    """
    members = [(group.name, group.one_per_seed) for group in groups] if groups else [("", [run]) for run in runs]
    styles = run_styles(run for _, runs_of_line in members for run in runs_of_line[:1])
    curves = {run.id: _without_empty(recorded.get(run.id, {})) for _, runs_of_line in members for run in runs_of_line}
    faint = round(_FAINT / max(1, len(members) / 4) ** 0.5, 3)
    points = points_of_line(len(members) * len(shown))
    measured = [
        (name, [run for run in runs_of_line if curves[run.id]], styles[runs_of_line[0].number])
        for name, runs_of_line in members
    ]
    measured = [line for line in measured if line[1]]
    panels = []
    for metric in shown:
        view = View(metric, x, log_x, log_y)
        look = _Look(view, smoothing, points, faint, band, len(members) == 1, window)
        lines: list[Line] = []
        for _, runs_of_line, style in measured:
            if len(runs_of_line) > 1:
                lines += _group_lines(runs_of_line, curves, style, look)
            else:
                lines += _cached_lines(runs_of_line[0], curves[runs_of_line[0].id], style, look, cache)
        panels.append(make_panel(view.title, metric, log_y, lines))
    across = View(shown[0], x, log_x, log_y).x_axis(line for panel in panels for line in panel.lines)
    if len(members) == 1:
        entries = [entry for line in measured for entry in _alone_entries(*line)]
        return CurveChart(across, tuple(panels), tuple(entries), _key(smoothing, {})[1:])
    entries = [_entry(*line) for line in measured]
    kinds = _validation_kinds([runs_of_line[0] for _, runs_of_line, _ in measured])
    return CurveChart(across, tuple(panels), tuple(entries), _key(smoothing, kinds))


def _without_empty(curves: RunCurves) -> RunCurves:
    """The curves that have values; the same object if all have."""
    if all(len(series.value) for series in curves.values()):
        return curves
    return {name: series for name, series in curves.items() if len(series.value)}


def _loss_labels(runs: Sequence[LearningRun]) -> str:
    """What the training losses of these runs have in them more than the losses after each epoch."""
    return ", ".join(dict.fromkeys(filter(None, map(training_loss_label, runs))))


def _entry(name: str, runs: Sequence[LearningRun], style: RunStyle) -> Entry:
    label = line_label(runs, name)
    return Entry(runs[0].id, label, label, str(runs[0].number), style.colour, style.dash)


def _alone_entries(name: str, runs: Sequence[LearningRun], style: RunStyle) -> list[Entry]:
    """Of a single line of the chart: its training and its validation."""
    label, optimistic = line_label(runs, name), is_optimistic(runs[0])
    training = f"training {_loss_labels(runs)}".strip()
    return [
        Entry(f"{runs[0].id} training", training, label, "training", style.colour, style.dash),
        Entry(
            f"{runs[0].id} validation",
            validation_label(runs[0]),
            label,
            short_validation_label(runs[0]),
            style.colour,
            per_epoch_dash(optimistic),
        ),
    ]


def _validation_kinds(runs: Sequence[LearningRun]) -> dict[str, str]:
    """The names of the curves after each epoch of these runs, and their dashes."""
    kinds = {validation_label(run): per_epoch_dash(is_optimistic(run)) for run in runs}
    return kinds or {"validation": per_epoch_dash(False)}


def _key(smoothing: float, kinds: Mapping[str, str]) -> tuple[Kind, ...]:
    """What the kinds of lines mean; `kinds` has the names of those with a point after each epoch, and their dashes."""
    training = [Kind("training, smoothed" if smoothing > 0 else "training", "solid")]
    raw = [Kind("as measured", "solid", 1, is_faint=True)] if smoothing > 0 else []
    return (*training, *raw, *(Kind(kind, dash, 2, has_marks=True) for kind, dash in kinds.items()))


def _cached_lines(
    run: LearningRun, curves: RunCurves, style: RunStyle, look: _Look, cache: LineCache | None
) -> tuple[Line, ...]:
    if cache is None:
        return tuple(_run_lines(run, curves, style, look))
    settings = (style, look, run.steps_per_epoch, validation_label(run), training_loss_label(run))
    key = run.id, look.view.metric
    held = cache.get(key)
    if held is None or held[0] is not curves or held[1] != settings:
        held = cache[key] = curves, settings, tuple(_run_lines(run, curves, style, look))
    return held[2]


def _run_lines(run: LearningRun, curves: RunCurves, style: RunStyle, look: _Look) -> list[Line]:
    """A run's raw and smoothed training, and its validation."""
    view, lines = look.view, []
    if (train := curves.get(f"train_{view.metric}")) is not None:
        x = view.across(train, run)
        up = view.up(smoothed(train.value, look.smoothing, x))
        if look.smoothing > 0:
            raw = _training(run, (train.step, x, view.up(train.value)), style, look)
            lines.append(replace(raw, id=f"{raw.id} raw", role="raw", width=1, opacity=look.faint, dash="solid"))
        lines.append(_training(run, (train.step, x, up), style, look))
        lines += _cross(run.id, _DIVERGED, (train, x, up), style, look)
    if (held := curves.get(f"validation_{view.metric}")) is not None:
        values = held.step, view.across(held, run), view.up(held.value)
        lines += _validation(run, values, style, look)
    return lines


def _group_lines(
    runs: Sequence[LearningRun], curves: Mapping[str, RunCurves], style: RunStyle, look: _Look
) -> list[Line]:
    """Mean and band of the runs' training and validation."""
    view, lines, first = look.view, [], runs[0]
    if (average := _average(runs, curves, f"train_{view.metric}", look.smoothing, look)) is not None:
        lines += _band(first.id, "training", average, style, look)
        values = average.step, average.x, view.up(average.mean)
        lines.append(_training(first, values, style, look, _loss_labels(runs)))
    for run in runs:
        if (train := curves[run.id].get(f"train_{view.metric}")) is not None:
            x = view.across(train, run)
            up = view.up(smoothed(train.value, look.smoothing, x))
            text = f"{run_label(run)}: {_DIVERGED}"
            lines += _cross(first.id, text, (train, x, up), style, look, mark=run.id)
    if (average := _average(runs, curves, f"validation_{view.metric}", 0.0, look)) is not None:
        lines += _band(first.id, "validation", average, style, look)
        values = average.step, average.x, view.up(average.mean)
        lines += _validation(first, values, style, look)
    return lines


def _average(
    runs: Sequence[LearningRun], recorded: Mapping[str, RunCurves], name: str, smoothing: float, look: _Look
) -> Average | None:
    curves = []
    for run in runs:
        if (series := recorded[run.id].get(name)) is not None:
            x = np.asarray(look.view.across(series, run), dtype=np.float64)
            curves.append((series.step, x, smoothed(series.value, smoothing, x)))
    return averaged(curves, look.band) if curves else None


def _group(key: str, kind: str, look: _Look) -> str:
    return f"{key} {kind}" if look.alone else key


def _log(look: _Look) -> tuple[bool, bool]:
    # Accuracies are never below 0, and one of 100 % still has a position on the axis of errors.
    return look.view.log_x, look.view.log_y and look.view.metric == "loss"


def _training(
    run: LearningRun,
    values: tuple[np.ndarray, np.ndarray, np.ndarray],
    style: RunStyle,
    look: _Look,
    loss_label: str | None = None,
) -> Line:
    metric = look.view.metric
    more = training_loss_label(run) if loss_label is None else loss_label
    kind = f"training {metric} {more}".strip() if metric == "loss" else "training accuracy"
    part, group = f"train {metric}", _group(run.id, "training", look)
    line = make_line(run.id, part, group, "curve", kind, values, style, look.points, _log(look), look.window)
    return replace(line, width=3.0 if look.smoothing > 0 else 2.0)


def _validation(
    run: LearningRun, values: tuple[np.ndarray, np.ndarray, np.ndarray], style: RunStyle, look: _Look
) -> list[Line]:
    """The curve after each epoch of a run, or of the group of seeds whose first run it is."""
    part, group = f"validation {look.view.metric}", _group(run.id, "validation", look)
    kind = f"{validation_label(run)} {look.view.metric}"
    line = make_line(run.id, part, group, "curve", kind, values, style, look.points, _log(look), look.window)
    dash = per_epoch_dash(is_optimistic(run))
    return [replace(line, dash=dash, width=2.0, symbol=style.symbol)] if len(line.y) else []


def _band(key: str, kind: str, average: Average, style: RunStyle, look: _Look) -> list[Line]:
    defined = np.isfinite(average.low)
    if not defined.any():
        return []
    high, low = (look.view.up(end[defined]) for end in (average.high, average.low))
    if _log(look)[1]:
        # Log axis: clip at 1/1000 of the mean instead of minus infinity.
        low = np.maximum(low, 1e-3 * look.view.up(average.mean[defined]))
    part, group = f"{kind} band {look.view.metric}", _group(key, kind, look)
    steps, across = average.step[defined], average.x[defined]
    upper, lower = (
        make_line(key, part, group, "band", "", (steps, across, end), style, look.points, _log(look))
        for end in (high, low)
    )
    x, y = (np.concatenate((getattr(upper, name), getattr(lower, name)[::-1])) for name in ("x", "y"))
    return [replace(upper, x=x, y=y, step=np.arange(len(x)), dash="solid", width=0.0, opacity=0.2)]


def _cross(
    key: str,
    kind: str,
    values: tuple[MetricSeries, np.ndarray, np.ndarray],
    style: RunStyle,
    look: _Look,
    mark: str = "",
) -> list[Line]:
    """A cross where the loss stops being a finite number, at the height of the last curve's value before."""
    series, x, up = values
    lost = np.flatnonzero(~np.isfinite(series.value))
    if look.view.metric != "loss" or not len(lost) or not lost[0]:
        return []
    here, height = lost[:1], up[[lost[0] - 1]]
    part, group = f"{mark or 'its'} cross", _group(key, "training", look)
    values_of_cross = series.step[here], x[here], height
    cross = make_line(key, part, group, "mark", kind, values_of_cross, style, log=_log(look))
    return [replace(cross, dash="solid", width=4.0, symbol="x")] if len(cross.y) else []
