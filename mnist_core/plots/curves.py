"""Learning curves: loss and accuracy of training and validation over steps, epochs or time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mnist_core.plots.style import GREY, RunLike, accuracy_axis, errors_of, log_axis, plot_label, polish, run_style

POINTS = 500  # a trace has at most this many, so that ten runs stay quick to send and draw

_OUTLIER = 10  # a run that reaches this many times as high as the median run would flatten the others

Metric = Literal["loss", "accuracy"]
Axis = Literal["step", "epoch", "seconds"]

_AXES = {"step": ("Step (batches learned)", "step %{x:,.0f}"), "epoch": ("Epoch", "epoch %{x:.4~g}"),
         "seconds": ("Training time (seconds)", "%{x:,.4~g} s")}  # fmt: skip


class LearningRun(RunLike, Protocol):
    """What learning curves need of a run."""

    @property
    def id(self) -> str: ...
    @property
    def steps_per_epoch(self) -> int | None: ...


def learning_curves(
    metrics: Mapping[str, pd.DataFrame],
    runs: Sequence[LearningRun],
    metric: Metric = "loss",
    x: Axis = "step",
    smoothing: float = 0.6,
    log_x: bool = False,
    log_y: bool = False,
) -> go.Figure:
    """Training per step (smoothed, the raw values faint) and validation per epoch (dashed, with points) of some runs.

    `metrics` holds each run's rows of the store by its id; `smoothing` is from 0 (none) to 0.99. A logarithmic axis of
    accuracy is one of its errors. A cross marks where a run's loss stopped being a finite number.
    """
    view = _View(metric, x, smoothing, log_x, log_y, alone=len(runs) == 1)
    figure = go.Figure()
    bold: list[tuple[np.ndarray, np.ndarray]] = []  # all but the raw curves: what the axes must show
    peaks: list[float] = []  # the highest place of each run
    for run in runs:
        table = metrics.get(run.id)
        if table is not None and not table.empty:
            places = view.across(table, run)
            values = table["value"].to_numpy(np.float64)
            names = table["name"].to_numpy()
            for kind, add in (("train", _add_training), ("validation", _add_validation)):
                own = names == f"{kind}_{metric}"
                bold.append(add(figure, run, places[own], values[own], view))
            peaks += [max(heights) for heights in [[*bold[-2][1], *bold[-1][1]]] if heights]
    if not view.alone:
        _add_key(figure, smoothing)
    polish(figure)
    figure.update_layout(uirevision=f"{metric} {x} {log_x} {log_y}")
    across, up = (np.concatenate([curve[side] for curve in bold] or [np.empty(0)]) for side in (0, 1))
    figure.update_xaxes(title_text=_AXES[x][0], **_horizontal(across, view))
    figure.update_yaxes(title_text=view.title, **_vertical(up, view))
    if metric == "loss" and not log_y:
        _cut_outliers(figure, peaks)
    return figure


def smoothed(values: np.ndarray, smoothing: float) -> np.ndarray:
    """Exponential moving average of (N,) values, each weighing `smoothing` times the next; NaN where one is not finite.

    Divided by the sum of its weights, so that the first values are not drawn towards 0 (Kingma and Ba 2015, section 3).
    """
    found = np.isfinite(values)
    result = np.full(len(values), np.nan)
    result[found] = pd.Series(values[found]).ewm(alpha=1 - smoothing, adjust=True).mean()
    return result


def decimate(x: np.ndarray, y: np.ndarray, points: int = POINTS, log: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """At most `points` (4 or more) of the points, x ascending: the lowest and the highest of each stretch of the axis.

    The first and the last point stay; stretches are equally wide on a linear or, with `log`, logarithmic axis.
    """
    if len(x) <= points:
        return x, y
    place = np.log(x) if log else np.asarray(x, dtype=np.float64)
    stretches = (points - 2) // 2
    span = place[-1] - place[0]
    bins = np.minimum(((place - place[0]) * (stretches / span if span else 0)).astype(int), stretches - 1)
    order = np.lexsort((y, bins))  # by stretch, then by height
    starts = np.flatnonzero(np.diff(bins[order], prepend=-1))
    ends = np.append(starts[1:], len(x)) - 1
    kept = np.unique(np.concatenate(([0, len(x) - 1], order[starts], order[ends])))
    return x[kept], y[kept]


@dataclass(frozen=True)
class _View:
    """What is drawn, and how values become heights."""

    metric: Metric
    axis: Axis
    smoothing: float
    log_x: bool
    log_y: bool
    alone: bool

    @property
    def as_errors(self) -> bool:
        return self.metric == "accuracy" and self.log_y

    @property
    def title(self) -> str:
        if self.metric == "loss":
            return "Loss (cross-entropy, nats)"
        return "Accuracy (%, log scale of errors)" if self.log_y else "Accuracy (%)"

    def across(self, table: pd.DataFrame, run: LearningRun) -> np.ndarray:
        if self.axis == "epoch" and run.steps_per_epoch:
            return table["step"].to_numpy(np.float64) / run.steps_per_epoch
        return table[self.axis].to_numpy(np.float64)

    def up(self, values: np.ndarray) -> np.ndarray:
        if self.metric == "loss":
            return values
        return errors_of(values) if self.as_errors else 100 * values

    def drawable(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.isfinite(y) & ((x > 0) | (not self.log_x)) & ((y > 0) | (not self.log_y))

    def thinned(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        shown = self.drawable(x, y)
        return decimate(x[shown], y[shown], log=self.log_x)

    def hover(self, kind: str, y: np.ndarray) -> dict[str, Any]:
        place = f"<br>{_AXES[self.axis][1]}<extra></extra>"
        if self.metric == "loss":
            return {"hovertemplate": f"<b>%{{meta}}</b><br>{kind} loss %{{y:.4g}}{place}"}
        shown = 100 - y if self.as_errors else y
        text = f"<b>%{{meta}}</b><br>{kind} accuracy %{{customdata:.2f}}%{place}"
        return {"customdata": shown, "hovertemplate": text}


def _add_training(
    figure: go.Figure, run: LearningRun, x: np.ndarray, values: np.ndarray, view: _View
) -> tuple[np.ndarray, np.ndarray]:
    style = run_style(run.number)
    if view.smoothing > 0:
        raw_x, raw_y = view.thinned(x, view.up(values))
        figure.add_scatter(
            x=raw_x, y=raw_y, mode="lines", line={"color": style.colour, "width": 1}, opacity=0.35,
            legendgroup=run.id, showlegend=False, hoverinfo="skip",
        )  # fmt: skip
    heights = view.up(smoothed(values, view.smoothing))
    line_x, line_y = view.thinned(x, heights)
    figure.add_scatter(
        x=line_x, y=line_y, mode="lines",
        line={"color": style.colour, "width": 3 if view.smoothing > 0 else 1.5, "dash": style.dash},
        name="training" if view.alone else plot_label(run), meta=plot_label(run), showlegend=True,
        legendgroup=f"{run.id} training" if view.alone else run.id, **view.hover("training", line_y),
    )  # fmt: skip
    lost = np.flatnonzero(~np.isfinite(values))
    if len(lost) and len(line_y):
        before = max(lost[0] - 1, 0)
        figure.add_scatter(
            x=x[lost[:1]], y=heights[before : before + 1], mode="markers", cliponaxis=False, showlegend=False,
            marker={"symbol": "x", "size": 14, "color": style.colour}, legendgroup=run.id, meta=plot_label(run),
            hovertemplate=f"<b>%{{meta}}</b><br>no finite loss from {_AXES[view.axis][1]} on: diverged<extra></extra>",
        )  # fmt: skip
    return line_x, line_y


def _add_validation(
    figure: go.Figure, run: LearningRun, x: np.ndarray, values: np.ndarray, view: _View
) -> tuple[np.ndarray, np.ndarray]:
    style = run_style(run.number)
    x, y = view.thinned(x, view.up(values))
    if len(y):
        figure.add_scatter(
            x=x, y=y, mode="lines+markers", name="validation", showlegend=view.alone, meta=plot_label(run),
            legendgroup=f"{run.id} validation" if view.alone else run.id,
            line={"color": style.colour, "width": 2, "dash": "dash"},
            marker={"symbol": f"{style.symbol}-open", "size": 10 if len(x) <= 60 else 5, "color": style.colour,
                    "line": {"width": 2.5}},
            **view.hover("validation", y),
        )  # fmt: skip
    return x, y


def _add_key(figure: go.Figure, smoothing: float) -> None:
    """What the two kinds of line mean, in grey, once for all runs."""
    name = "training, smoothed" if smoothing > 0 else "training"
    figure.add_scatter(x=[None], y=[None], mode="lines", line={"color": GREY, "width": 3}, name=name, hoverinfo="skip")
    figure.add_scatter(
        x=[None], y=[None], mode="lines+markers", line={"color": GREY, "width": 2, "dash": "dash"},
        marker={"symbol": "circle-open", "color": GREY, "size": 10, "line": {"width": 2.5}}, name="validation",
        hoverinfo="skip",
    )  # fmt: skip


def _horizontal(places: np.ndarray, view: _View) -> dict[str, Any]:
    if not view.log_x:
        return {"type": "linear"}
    return log_axis(0.95 * places.min(), 1.05 * places.max()) if len(places) else log_axis(1, 1000)


def _cut_outliers(figure: go.Figure, peaks: Sequence[float]) -> None:
    """End the axis below the runs that are far above the others, such as diverged ones; their crosses stay in view."""
    if not peaks or max(peaks) <= (ceiling := _OUTLIER * sorted(peaks)[(len(peaks) - 1) // 2]):
        return
    top = max(peak for peak in peaks if peak <= ceiling)
    figure.update_yaxes(range=[0, 1.05 * top])
    figure.for_each_trace(
        lambda trace: trace.update(y=np.minimum(trace.y, top)), selector=lambda trace: trace.marker.symbol == "x"
    )


def _vertical(heights: np.ndarray, view: _View) -> dict[str, Any]:
    """Type and range of the vertical axis: of what is drawn boldly, as one raw batch may lie far below it."""
    if view.as_errors:
        return accuracy_axis(heights.tolist())
    if not view.log_y:
        return {"type": "linear", "rangemode": "tozero" if view.metric == "loss" else "normal"}
    return log_axis(0.8 * heights.min(), 1.25 * heights.max()) if len(heights) else log_axis(0.01, 10)
