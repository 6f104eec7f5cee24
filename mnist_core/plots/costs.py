"""Accuracy against what it costs: one point a run with its interval, and the front that nothing beats."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log10
from typing import Any

import numpy as np
import plotly.graph_objects as go

from mnist_core.plots.style import (
    GREY,
    NamedRun,
    RunStyle,
    accuracy_axis,
    errors_of,
    log_axis,
    plot_label,
    polish,
    run_styles,
)
from mnist_core.text import cut_middle, in_plotly

# Longest name beside a point, in letters.
_NAME_LENGTH = 26
# Possible positions of a label, the best first: plotly's name, and the offset of the label's centre from its point in
# widths and heights of the label.
_POSITIONS = (
    ("middle right", 0.5, 0),
    ("top center", 0, 1),
    ("bottom center", 0, -1),
    ("middle left", -0.5, 0),
    ("top right", 0.5, 1),
    ("bottom right", 0.5, -1),
    ("top left", -0.5, 1),
    ("bottom left", -0.5, -1),
)
# Size that the chart is assumed to have when labels are placed, in pixels.
_CANVAS = (900, 380)
# Width of a letter, height of a label, size of a point with a margin: in pixels.
_LETTER, _LINE, _POINT = 8.4, 24, 22
# Width of the front's line with a margin, in pixels.
_STROKE = 8
_SWEEPS = 4
# Of so many points each has its label; of more, a label is left out that would cover more than this share of others.
_ALL_LABELLED, _MOST_COVERED = 8, 0.15

# Centre x, centre y, width, height.
_Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class CostPoint:
    """A run, or a group of seeds by its first run: what it costs (above 0), and its accuracy with an interval.

    Accuracies are fractions; a group has a name of its own and more than one seed.
    """

    run: NamedRun
    cost: float
    accuracy: float
    low: float
    high: float
    name: str = ""
    seeds: int = 1
    # The kind of accuracy, where it is not the one that the axis names.
    kind: str = ""

    def label(self, length: int) -> str:
        """What it is called on the chart, in at most about `length` letters."""
        if self.seeds == 1:
            return plot_label(self.run, length)
        count = f" · {self.seeds} seeds"
        return in_plotly(cut_middle(self.name, length - len(count))) + count


def accuracy_against_cost(
    points: Sequence[CostPoint],
    title: str,
    accuracy_title: str,
    front: Sequence[int] = (),
    unit: str = "",
    type_scale: float = 1,
) -> go.Figure:
    """One point a run: accuracy (%) with its interval against a cost; both axes logarithmic, accuracy in its errors.

    `title` names the cost's axis, `unit` follows a cost that is read off. `front` holds the indices of the
    points on the Pareto front, the cheapest first; a line joins them. Labels are placed for type that will be shown
    `type_scale` times as large.
    """
    accuracies = np.array([(point.accuracy, point.high, point.low) for point in points]).reshape(-1, 3)
    errors, least, most = errors_of(accuracies).T.tolist()
    vertical = accuracy_axis([*errors, *least, *most])
    horizontal = _horizontal([point.cost for point in points])
    labels = [point.label(_NAME_LENGTH) for point in points]
    scales = horizontal["range"], vertical["range"]
    width, height = (side / type_scale for side in _CANVAS)
    spots = [
        (_pixel(log10(point.cost), scales[0], width), _pixel(log10(error), scales[1], height))
        for point, error in zip(points, errors, strict=True)
    ]
    widths, stair = [len(label) * _LETTER for label in labels], _stair([spots[index] for index in front])
    positions = _label_positions(spots, widths, width, stair)
    shown = _labels_that_fit(spots, widths, positions, [*front, *(i for i in range(len(points)) if i not in front)])
    figure, styles = go.Figure(), run_styles(point.run for point in points)
    if len(front) > 1:
        _add_front(figure, [(points[index].cost, errors[index]) for index in front])
    for index, (point, *ends, label, position) in enumerate(
        zip(points, errors, least, most, labels, positions, strict=True)
    ):
        name = point.kind or accuracy_title
        trace = _point_trace(point, ends, label, position, styles[point.run.number], name, unit)
        figure.add_trace(trace if index in shown else trace.update(mode="markers"))
    polish(figure)
    figure.update_layout(showlegend=False)
    figure.update_xaxes(title_text=title, **horizontal)
    figure.update_yaxes(title_text=f"{accuracy_title.capitalize()} (%, log scale of errors)", **vertical)
    return figure


def _point_trace(
    point: CostPoint, errors: Sequence[float], label: str, position: str, style: RunStyle, accuracy: str, unit: str
) -> go.Scatter:
    """A point with its label; `errors` (%) are its own, the least and the most of its interval."""
    error, high, low = errors
    cost = f"{point.cost:,.4g}" if point.cost < 1e4 else f"{point.cost:,.0f}"
    return go.Scatter(
        x=[point.cost],
        y=[error],
        mode="markers+text",
        name=label,
        text=[f" {label} "],
        textposition=position,
        textfont={"size": 15},
        marker={"color": style.colour, "symbol": style.symbol, "size": 16},
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [low - error],
            "arrayminus": [error - high],
            "color": style.colour,
            "thickness": 2,
            "width": 5,
        },
        customdata=[[100 - error, 100 - low, 100 - high, cost]],
        meta=point.label(100),
        cliponaxis=False,
        hovertemplate=f"<b>%{{meta}}</b><br>{accuracy} %{{customdata[0]:.2f}}%"
        " (%{customdata[1]:.2f} to %{customdata[2]:.2f}%)<br>%{customdata[3]} " + unit + "<extra></extra>",
    )


def _add_front(figure: go.Figure, corners: Sequence[tuple[float, float]]) -> None:
    """A step line: below the cost of the next run no better accuracy is available."""
    figure.add_scatter(
        x=[cost for cost, _ in corners],
        y=[error for _, error in corners],
        mode="lines",
        hoverinfo="skip",
        line={"color": GREY, "width": 3, "dash": "dot", "shape": "hv"},
        name="Pareto front",
    )


def _stair(corners: Sequence[tuple[float, float]]) -> list[_Box]:
    """Boxes (in pixels) that the line of the front covers."""
    boxes = []
    for (x, y), (next_x, next_y) in pairwise(corners):
        boxes += [((x + next_x) / 2, y, next_x - x, _STROKE), (next_x, (y + next_y) / 2, _STROKE, abs(next_y - y))]
    return boxes


def _label_positions(
    points: Sequence[tuple[float, float]], widths: Sequence[float], wide: float, lines: Sequence[_Box] = ()
) -> list[str]:
    """The position of each point's label that overlaps least with points, lines and other labels, found in turn.

    The chart is `wide` pixels wide.
    """
    marks = [(x, y, _POINT, _POINT) for x, y in points]
    chosen = [0] * len(points)
    for _ in range(_SWEEPS):
        for i in range(len(points)):
            others = [_label_box(points[k], widths[k], chosen[k]) for k in range(len(points)) if k != i]
            costs = []
            for position, (_, across, _) in enumerate(_POSITIONS):
                box = _label_box(points[i], widths[i], position)
                outside = max(0, box[2] / 2 - box[0]) + max(0, box[0] + box[2] / 2 - wide)
                covered = sum(_overlap(box, other) for other in [*others, *lines, *marks[:i], *marks[i + 1 :]])
                # A narrow screen cuts off labels that point outwards.
                inwards = across * (points[i][0] - wide / 2) < 0
                costs.append(covered + outside * _LINE + position + (0 if inwards else len(_POSITIONS)))
            chosen[i] = costs.index(min(costs))
    return [_POSITIONS[position][0] for position in chosen]


def _labels_that_fit(
    points: Sequence[tuple[float, float]], widths: Sequence[float], positions: Sequence[str], order: Sequence[int]
) -> set[int]:
    """Indices of the labels to write: of few points all, of many those that cover no label before them in `order`."""
    if len(points) <= _ALL_LABELLED:
        return set(order)
    names = [name for name, _, _ in _POSITIONS]
    boxes = [_label_box(points[i], widths[i], names.index(positions[i])) for i in range(len(points))]
    kept: list[int] = []
    for index in order:
        area = boxes[index][2] * boxes[index][3]
        if sum(_overlap(boxes[index], boxes[other]) for other in kept) <= _MOST_COVERED * area:
            kept.append(index)
    return set(kept)


def _label_box(point: tuple[float, float], width: float, position: int) -> _Box:
    _, across, up = _POSITIONS[position]
    return point[0] + across * (width + _POINT), point[1] + up * _POINT, width, _LINE


def _overlap(a: _Box, b: _Box) -> float:
    """Area that two boxes share."""
    across, up = ((a[side + 2] + b[side + 2]) / 2 - abs(a[side] - b[side]) for side in (0, 1))
    return max(0.0, across) * max(0.0, up)


def _pixel(value: float, ends: Sequence[float], length: float) -> float:
    return (value - ends[0]) / (ends[1] - ends[0]) * length


def _horizontal(values: Sequence[float]) -> dict[str, Any]:
    """A logarithmic axis with room for labels at both sides."""
    low, high = min(values, default=1e3), max(values, default=1e6)
    room = max((high / low) ** 0.12, 2)
    return log_axis(low / room, high * room)
