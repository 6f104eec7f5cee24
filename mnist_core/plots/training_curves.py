"""Learning curves: loss and accuracy of training and validation, run by run or as means over seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import unescape
from typing import Any, Protocol

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mnist_core.analysis import SpreadBand
from mnist_core.plots.curve_view import (
    CurveAxis,
    LearningRun,
    Metric,
    View,
    packed,
    per_epoch_dash,
    training_loss_label,
    validation_label,
)
from mnist_core.plots.series import POINTS, Average, MetricSeries, RunCurves, averaged, decimate, smoothed
from mnist_core.plots.style import GREY, RunStyle, plot_label, polish, run_styles, tint
from mnist_core.text import in_plotly

__all__ = [
    "MOST_MARKED_CURVES",
    "CurveAxis",
    "LearningRun",
    "Metric",
    "MetricSeries",
    "RunCurves",
    "decimate",
    "learning_curves",
    "smoothed",
]

# Points of all training curves in a figure, so that fifty runs stay quick to send and draw.
_IN_ALL = 20_000
# Opacity of raw curves. It falls with the number of curves; otherwise raw curves cover smoothed ones.
_FAINT = 0.35
# A curve that rises this many times as high as the median run's is cut off, because it would flatten the others.
_OUTLIER = 10
# Above this number of curves: no markers (drawing thousands takes seconds) and a scrolling legend.
MOST_MARKED_CURVES = 12
# Longest name in a scrolling legend, in letters.
_COLUMN = 26
# Letters of the name's beginning that are kept when its middle is left out.
_BEGINNING = 10


class CurveGroup(Protocol):
    """Runs that differ in their seed only, as `comparison.seed_groups` finds them."""

    @property
    def name(self) -> str: ...
    @property
    def one_per_seed(self) -> Sequence[LearningRun]: ...


def learning_curves(
    metrics: Mapping[str, pd.DataFrame | RunCurves],
    runs: Sequence[LearningRun],
    metric: Metric = "loss",
    x: CurveAxis = "step",
    smoothing: float = 0.6,
    log_x: bool = False,
    log_y: bool = False,
    groups: Sequence[CurveGroup] = (),
    band: SpreadBand = "standard deviation",
) -> go.Figure:
    """Training per step (smoothed, the raw values faint) and validation per epoch (dashed, with points) of some runs.

    A run that chooses its epoch on the test images has dotted test curves instead, named as optimistic. `metrics` holds
    each run's rows of the store, or its series, by its id; `smoothing` is from 0 (none) to 0.99. With `groups` each of
    them is one line instead: the mean of its seeds' smoothed curves with a band around it. A logarithmic axis of
    accuracy is one of its errors. A cross marks where a run's loss stopped being a finite number. A click on a name in
    the legend shows that line alone, another one all.
    """
    view = View(metric, x, log_x, log_y)
    members = [(group.name, group.one_per_seed) for group in groups] if groups else [("", [run]) for run in runs]
    styles = run_styles(run for _, runs_of_line in members for run in runs_of_line[:1])
    curves = {run.id: _series(metrics.get(run.id)) for _, runs_of_line in members for run in runs_of_line}
    points = min(POINTS, max(_IN_ALL // (2 * len(members) or 1), 100))
    faint = _FAINT / max(1, len(members) / 4) ** 0.5
    drawing = _CurveFigure(
        view, smoothing, points, faint, band, alone=len(members) == 1, marks=len(members) <= MOST_MARKED_CURVES
    )
    for name, runs_of_line in members:
        recorded = [run for run in runs_of_line if curves[run.id]]
        if len(recorded) > 1:
            drawing.add_group(name, recorded, curves, styles[runs_of_line[0].number])
        elif recorded:
            drawing.add_run(recorded[0], curves[recorded[0].id], styles[runs_of_line[0].number])
    if not drawing.alone:
        drawing.add_key()
    return drawing.figure()


@dataclass
class _CurveFigure:
    """Collects the traces and what the axes must show."""

    view: View
    smoothing: float
    # Most points of one training curve.
    points: int
    # Opacity of raw curves.
    faint: float
    band: SpreadBand
    alone: bool
    # Whether the curves after each epoch have markers.
    marks: bool
    # Their labels, in the order of the first run that has them.
    kinds: dict[str, None] = field(default_factory=dict)
    traces: list[dict[str, Any]] = field(default_factory=list)
    # Traces below all others: raw curves and bands.
    below: list[dict[str, Any]] = field(default_factory=list)
    places: list[np.ndarray] = field(default_factory=list)
    heights: list[np.ndarray] = field(default_factory=list)
    # The highest point of each raw curve.
    spikes: list[float] = field(default_factory=list)
    # The highest point of each run's or group's bold lines.
    peaks: list[float] = field(default_factory=list)

    def add_run(self, run: LearningRun, curves: RunCurves, style: RunStyle) -> None:
        """A run's raw and smoothed training, and its validation."""
        label, before = plot_label(run), len(self.heights)
        if (train := curves.get(f"train_{self.view.metric}")) is not None and len(train.value):
            x = self.view.across(train, run)
            if self.smoothing > 0:
                self._raw(run.id, style, x, self.view.up(train.value))
            heights = self.view.up(smoothed(train.value, self.smoothing, x))
            self._training(run.id, label, style, x, heights, training_loss_label(run))
            self._cross(run.id, label, style, x, train.value, heights)
        if (held := curves.get(f"validation_{self.view.metric}")) is not None:
            kind = validation_label(run)
            self._validation(run.id, label, style, self.view.across(held, run), self.view.up(held.value), kind)
        self._peak(before)

    def add_group(
        self, name: str, runs: Sequence[LearningRun], curves: Mapping[str, RunCurves], style: RunStyle
    ) -> None:
        """Mean and band of the runs' training and validation."""
        before, key = len(self.heights), runs[0].id
        label = f"{in_plotly(name)} · {len(runs)} seeds"
        if (train := self._average(runs, curves, f"train_{self.view.metric}", self.smoothing)) is not None:
            self._band(key, "training", style, train)
            more = ", ".join(dict.fromkeys(filter(None, map(training_loss_label, runs))))
            self._training(key, label, style, train.x, self.view.up(train.mean), more)
        for run in runs:
            if (train_curve := curves[run.id].get(f"train_{self.view.metric}")) is not None and len(train_curve.value):
                x = self.view.across(train_curve, run)
                heights = self.view.up(smoothed(train_curve.value, self.smoothing, x))
                self._cross(key, plot_label(run), style, x, train_curve.value, heights)
        if (held := self._average(runs, curves, f"validation_{self.view.metric}", 0.0)) is not None:
            self._band(key, "validation", style, held)
            self._validation(key, label, style, held.x, self.view.up(held.mean), validation_label(runs[0]))
        self._peak(before)

    def add_key(self) -> None:
        """A second legend, in grey, that explains the kinds of line; clicks do not change it."""
        common = {"type": "scatter", "x": [None], "y": [None], "hoverinfo": "skip", "legend": "legend2"}
        name = "training, smoothed" if self.smoothing > 0 else "training"
        marker = {"symbol": "circle-open", "color": GREY, "size": 10, "line": {"width": 2.5}}
        self.traces.append(common | {"mode": "lines", "line": {"color": GREY, "width": 3}, "name": name})
        for kind in self.kinds or {"validation": None}:
            style: dict[str, Any] = {"line": {"color": GREY, "width": 2, "dash": per_epoch_dash(kind)}}
            style |= {"marker": marker} if self.marks else {}
            self.traces.append(common | style | {"mode": self._mode, "name": kind})

    def figure(self) -> go.Figure:
        """The figure of all that was added."""
        view, figure = self.view, go.Figure()
        cut = self._cut()
        figure.add_traces([*self.below, *self.traces])
        names = sum(bool(trace.get("showlegend")) for trace in self.traces)
        polish(figure, height=460 if names <= MOST_MARKED_CURVES else 640)
        legend: dict[str, Any] = {"itemclick": "toggleothers", "itemdoubleclick": "toggle"}
        if names > MOST_MARKED_CURVES:
            legend |= {"font": {"size": 13}, "entrywidth": 215, "maxheight": 180}
        # Put the key into the free corner: losses fall, accuracies rise.
        low = view.metric == "loss"
        key = {
            "x": 1,
            "xanchor": "right",
            "y": 1 if low else 0,
            "yanchor": "top" if low else "bottom",
            "font": {"size": 16},
            "itemclick": False,
            "itemdoubleclick": False,
        }
        figure.update_layout(
            uirevision=f"{view.metric} {view.axis} {view.log_x} {view.log_y}",
            legend=legend,
            legend2=key,
            # For the component `line_chart`, which chooses and writes the labels of the axis by itself.
            meta={"accuracy_as_errors": view.as_errors},
        )
        places, heights = (np.concatenate([*parts, np.empty(0)]) for parts in (self.places, self.heights))
        figure.update_xaxes(**view.horizontal(places))
        figure.update_yaxes(**view.vertical(heights, np.array(self.spikes)))
        if cut:
            figure.update_yaxes(range=[0, 1.05 * cut])
        # Fixed margins: plotly finds fitting ones by drawing everything twice.
        if names > MOST_MARKED_CURVES:
            figure.update_layout(margin={"l": 84, "b": 72})
            figure.update_xaxes(automargin=False)
            figure.update_yaxes(automargin=False)
        return figure

    @property
    def _mode(self) -> str:
        return "lines+markers" if self.marks else "lines"

    def _thinned(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        shown = self.view.drawable(x, y)
        return decimate(x[shown], y[shown], self.points, log=self.view.log_x)

    def _group(self, key: str, kind: str) -> str:
        return f"{key} {kind}" if self.alone else key

    def _raw(self, key: str, style: RunStyle, x: np.ndarray, y: np.ndarray) -> None:
        x, y = self._thinned(x, y)
        self.spikes += [y.max()] if len(y) else []
        self.below.append(
            {
                "type": "scatter",
                "x": packed(x),
                "y": packed(y),
                "mode": "lines",
                "opacity": round(self.faint, 3),
                "hoverinfo": "skip",
                "line": {"color": style.colour, "width": 1},
                "legendgroup": self._group(key, "training"),
                "showlegend": False,
            }
        )

    def _training(self, key: str, label: str, style: RunStyle, x: np.ndarray, y: np.ndarray, more: str) -> None:
        more = more if self.view.metric == "loss" else ""
        x, y = self._thinned(x, y)
        self.places.append(x)
        self.heights.append(y)
        self.traces.append(
            {
                "type": "scatter",
                "x": packed(x),
                "y": packed(y),
                "mode": "lines",
                "meta": label,
                "showlegend": True,
                "line": {"color": style.colour, "width": 3 if self.smoothing > 0 else 1.5, "dash": style.dash},
                "name": f"training {more}".strip() if self.alone else label if self.marks else _short(label),
                "legendgroup": self._group(key, "training"),
                **self.view.hover("training", y, more),
            }
        )

    def _validation(self, key: str, label: str, style: RunStyle, x: np.ndarray, y: np.ndarray, kind: str) -> None:
        x, y = self._thinned(x, y)
        if not len(y):
            return
        self.kinds[kind] = None
        self.places.append(x)
        self.heights.append(y)
        marker = {
            "symbol": f"{style.symbol}-open",
            "size": 10 if len(x) <= 60 else 5,
            "color": style.colour,
            "line": {"width": 2.5 if len(x) <= 60 else 1.5},
        }
        self.traces.append(
            {
                "type": "scatter",
                "x": packed(x),
                "y": packed(y),
                "mode": self._mode,
                "meta": label,
                "name": kind,
                "showlegend": self.alone,
                "legendgroup": self._group(key, "validation"),
                "line": {"color": style.colour, "width": 2, "dash": per_epoch_dash(kind)},
                **({"marker": marker} if self.marks else {}),
                **self.view.hover(kind, y),
            }
        )

    def _band(self, key: str, kind: str, style: RunStyle, average: Average) -> None:
        defined = np.isfinite(average.low)
        ends = [self.view.up(end[defined]) for end in (average.high, average.low)]
        # Log axis: clip at 1/1000 of the mean instead of minus infinity.
        if self.view.log_y:
            ends = [np.maximum(end, 1e-3 * self.view.up(average.mean[defined])) for end in ends]
        (x, high), (back, low) = (self._thinned(average.x[defined], end) for end in ends)
        self.below.append(
            {
                "type": "scatter",
                "x": packed(np.concatenate((x, back[::-1]))),
                "mode": "lines",
                "fill": "toself",
                "y": packed(np.concatenate((high, low[::-1]))),
                "fillcolor": tint(style.colour, 0.2),
                "line": {"width": 0},
                "hoverinfo": "skip",
                "showlegend": False,
                "legendgroup": self._group(key, kind),
            }
        )

    def _cross(
        self, key: str, label: str, style: RunStyle, x: np.ndarray, values: np.ndarray, heights: np.ndarray
    ) -> None:
        lost = np.flatnonzero(~np.isfinite(values))
        if not len(lost) or not np.isfinite(heights).any():
            return
        axis = self.view.hover("", heights)["hovertemplate"].rpartition("<br>")[2]
        self.traces.append(
            {
                "type": "scatter",
                "x": packed(x[lost[:1]]),
                "y": packed(heights[[max(lost[0] - 1, 0)]]),
                "mode": "markers",
                "cliponaxis": False,
                "showlegend": False,
                "meta": label,
                "legendgroup": self._group(key, "training"),
                "marker": {"symbol": "x", "size": 14, "color": style.colour},
                "hovertemplate": f"<b>%{{meta}}</b><br>no finite loss from here on: diverged<br>{axis}",
            }
        )

    def _average(
        self, runs: Sequence[LearningRun], recorded: Mapping[str, RunCurves], name: str, smoothing: float
    ) -> Average | None:
        curves = []
        for run in runs:
            if (series := recorded[run.id].get(name)) is not None and len(series.value):
                x = np.asarray(self.view.across(series, run), dtype=np.float64)
                curves.append((series.step, x, smoothed(series.value, smoothing, x)))
        return averaged(curves, self.band) if curves else None

    def _peak(self, before: int) -> None:
        self.peaks += [
            max(float(y.max()) for y in heights)
            for heights in [[y for y in self.heights[before:] if len(y)]]
            if heights
        ]

    def _cut(self) -> float | None:
        """Where the axis ends if some lines are far above the others, such as diverged ones; crosses stay in view."""
        if self.view.metric != "loss" or self.view.log_y or not self.peaks:
            return None
        ceiling = _OUTLIER * sorted(self.peaks)[(len(self.peaks) - 1) // 2]
        if max(self.peaks) <= ceiling:
            return None
        top = max(peak for peak in self.peaks if peak <= ceiling)
        for trace in self.traces:
            if trace.get("marker", {}).get("symbol") == "x":
                trace["y"] = np.minimum(trace["y"], np.float32(top))
        return top


def _series(recorded: "pd.DataFrame | RunCurves | None") -> RunCurves:
    if recorded is None or not isinstance(recorded, pd.DataFrame):
        return {name: series for name, series in (recorded or {}).items() if len(series.value)}
    step, epoch, seconds = (recorded[name].to_numpy() for name in ("step", "epoch", "seconds"))
    values, names = recorded["value"].to_numpy(np.float64), recorded["name"].to_numpy()
    places = {name: names == name for name in recorded["name"].unique()}
    return {name: MetricSeries(step[rows], epoch[rows], seconds[rows], values[rows]) for name, rows in places.items()}


def _short(label: str) -> str:
    """A label shortened in its middle to fit the legend: names of a sweep's runs have the same beginning."""
    text = unescape(label)
    if len(text) <= _COLUMN:
        return label
    return f"{in_plotly(text[:_BEGINNING])}…{in_plotly(text[_BEGINNING + 1 - _COLUMN :])}"
