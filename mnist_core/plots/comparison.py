"""Runs against each other: accuracy against size or cost, and how training, validation and test differ."""

from collections.abc import Sequence
from math import log10
from typing import Any, Literal, Protocol

import plotly.graph_objects as go

from mnist_core.plots.style import GREY, RunLike, accuracy_axis, errors_of, log_axis, plot_label, polish, run_style

Cost = Literal["parameters", "macs", "seconds"]
Score = Literal["validation", "test"]

_COSTS = {
    "parameters": "Parameters",
    "macs": "Multiply-accumulates for one image",
    "seconds": "Training time (seconds)",
}
_SPLITS = (("train", "circle-open", "training, last epoch"), ("validation", "circle", "validation, best epoch"),
           ("test", "diamond", "test"))  # fmt: skip
_NAME_LENGTH = 26  # letters of a name beside a point or a line
# Where a label may stand, the best first: plotly's word, and the label's middle in widths and heights from its point.
_PLACES = (("middle right", 0.5, 0), ("top center", 0, 1), ("bottom center", 0, -1), ("middle left", -0.5, 0),
           ("top right", 0.5, 1), ("bottom right", 0.5, -1), ("top left", -0.5, 1),
           ("bottom left", -0.5, -1))  # fmt: skip
_CANVAS = (900, 380)  # pixels that the chart is taken to have when labels are placed
_LETTER, _LINE, _POINT = 8.4, 24, 22  # width of a letter, height of a label, size of a point with some room: pixels
_SWEEPS = 4

_Box = tuple[float, float, float, float]  # middle x, middle y, width, height


class ScoredRun(RunLike, Protocol):
    """What these charts need of a run; accuracies are fractions, None while unknown."""

    @property
    def parameters(self) -> int | None: ...
    @property
    def macs(self) -> int | None: ...
    @property
    def seconds(self) -> float: ...
    @property
    def train_accuracy(self) -> float | None: ...
    @property
    def validation_accuracy(self) -> float | None: ...
    @property
    def test_accuracy(self) -> float | None: ...


def accuracy_against(runs: Sequence[ScoredRun], cost: Cost = "parameters", split: Score = "validation") -> go.Figure:
    """One point a run: accuracy (%) against parameters, multiply-accumulates for one image, or seconds of training.

    Both axes are logarithmic, that of accuracy in its errors. Runs that lack one of the two numbers are left out.
    """
    points = [
        (run, float(x), float(errors_of(y)))
        for run in runs
        if (x := getattr(run, cost)) and (y := getattr(run, f"{split}_accuracy")) is not None
    ]
    vertical = accuracy_axis(error for _, _, error in points)
    horizontal = _horizontal([x for _, x, _ in points])
    labels = [plot_label(run, _NAME_LENGTH) for run, _, _ in points]
    ends = horizontal["range"], vertical["range"]
    spots = [(_pixel(log10(x), ends[0], 0), _pixel(log10(error), ends[1], 1)) for _, x, error in points]
    places = _label_places(spots, [len(label) * _LETTER for label in labels])
    figure = go.Figure()
    for (run, x, error), label, place in zip(points, labels, places, strict=True):
        style = run_style(run.number)
        facts = [100 - error, *(f"{value:,.0f}" if value else "unknown" for value in (run.parameters, run.macs))]
        figure.add_scatter(
            x=[x], y=[error], mode="markers+text", name=label, text=[f" {label} "], textposition=place,
            textfont={"size": 15}, marker={"color": style.colour, "symbol": style.symbol, "size": 16},
            customdata=[[*facts, run.seconds]], meta=plot_label(run, 100), cliponaxis=False,
            hovertemplate=f"<b>%{{meta}}</b><br>{split} accuracy %{{customdata[0]:.2f}}%<br>"
            "%{customdata[1]} parameters<br>%{customdata[2]} multiply-accumulates<br>"
            "%{customdata[3]:,.1f} s of training<extra></extra>",
        )  # fmt: skip
    polish(figure)
    figure.update_layout(showlegend=False)
    figure.update_xaxes(title_text=_COSTS[cost], **horizontal)
    figure.update_yaxes(title_text=f"{split.capitalize()} accuracy (%, log scale of errors)", **vertical)
    return figure


def accuracies(runs: Sequence[ScoredRun]) -> go.Figure:
    """Training, validation and test accuracy (%, on a scale of errors), a line a run: a wide one overfits."""
    known = [
        (row, run, split, symbol, title, float(errors_of(value)))
        for row, run in enumerate(runs)
        for split, symbol, title in _SPLITS
        if (value := getattr(run, f"{split}_accuracy")) is not None
    ]
    figure = go.Figure()
    for row, run in enumerate(runs):
        errors = [error for place, *_, error in known if place == row]
        if errors:
            figure.add_scatter(
                x=[min(errors), max(errors)], y=[row, row], mode="lines", showlegend=False, hoverinfo="skip",
                line={"color": run_style(run.number).colour, "width": 3}, opacity=0.45,
            )  # fmt: skip
    for split, symbol, title in _SPLITS:
        own = [point for point in known if point[2] == split]
        border = {"width": 3 if symbol.endswith("open") else 0}
        figure.add_scatter(
            x=[error for *_, error in own], y=[row for row, *_ in own], mode="markers", showlegend=False,
            customdata=[[plot_label(run, 100), 100 - error] for _, run, *_, error in own], cliponaxis=False,
            marker={"symbol": symbol, "size": 16, "line": border,
                    "color": [run_style(run.number).colour for _, run, *_ in own]},
            hovertemplate=f"<b>%{{customdata[0]}}</b><br>{title} %{{customdata[1]:.2f}}%<extra></extra>",
        )  # fmt: skip
        key = {"symbol": symbol, "size": 14, "color": GREY, "line": border}
        figure.add_scatter(x=[None], y=[None], mode="markers", name=title, marker=key)
    polish(figure, height=150 + 44 * max(2, len(runs)))
    figure.update_xaxes(title_text="Accuracy (%, log scale of errors)", **accuracy_axis(error for *_, error in known))
    figure.update_yaxes(title_text="Run", tickvals=list(range(len(runs))), range=[len(runs) - 0.5, -0.5],
                        ticktext=[plot_label(run, _NAME_LENGTH) for run in runs])  # fmt: skip
    return figure


def _label_places(points: Sequence[tuple[float, float]], widths: Sequence[float]) -> list[str]:
    """Where each point's label stands: where it covers least of the points and of the other labels, tried in turn."""
    marks = [(x, y, _POINT, _POINT) for x, y in points]
    chosen = [0] * len(points)
    for _ in range(_SWEEPS):
        for i in range(len(points)):
            others = [_label_box(points[k], widths[k], chosen[k]) for k in range(len(points)) if k != i]
            costs = []
            for place, (_, across, _) in enumerate(_PLACES):
                box = _label_box(points[i], widths[i], place)
                outside = max(0, box[2] / 2 - box[0]) + max(0, box[0] + box[2] / 2 - _CANVAS[0])
                covered = sum(_overlap(box, other) for other in [*others, *marks[:i], *marks[i + 1 :]])
                inwards = across * (points[i][0] - _CANVAS[0] / 2) < 0  # a narrow screen cuts what points outwards
                costs.append(covered + outside * _LINE + place + (0 if inwards else len(_PLACES)))
            chosen[i] = costs.index(min(costs))
    return [_PLACES[place][0] for place in chosen]


def _label_box(point: tuple[float, float], width: float, place: int) -> _Box:
    _, across, up = _PLACES[place]
    return point[0] + across * (width + _POINT), point[1] + up * _POINT, width, _LINE


def _overlap(a: _Box, b: _Box) -> float:
    """Area that two boxes share."""
    across, up = ((a[side + 2] + b[side + 2]) / 2 - abs(a[side] - b[side]) for side in (0, 1))
    return max(0.0, across) * max(0.0, up)


def _pixel(value: float, ends: Sequence[float], side: int) -> float:
    return (value - ends[0]) / (ends[1] - ends[0]) * _CANVAS[side]


def _horizontal(values: Sequence[float]) -> dict[str, Any]:
    """A logarithmic axis with room for labels at both sides."""
    low, high = min(values, default=1e3), max(values, default=1e6)
    room = max((high / low) ** 0.12, 2)
    return log_axis(low / room, high * room)
