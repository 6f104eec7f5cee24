"""Accuracy against what it costs: one point a run with its interval, and the front that nothing beats."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log10
from typing import Any

import numpy as np
import plotly.graph_objects as go

from mnist_core.plots.style import GREY, NamedRun, accuracy_axis, errors_of, log_axis, plot_label, polish, run_styles
from mnist_core.text import in_plotly

# letters of a name beside a point
_NAME_LENGTH = 26
# Where a label may stand, the best first: plotly's word, and the label's middle in widths and heights from its point.
_PLACES = (
    ("middle right", 0.5, 0),
    ("top center", 0, 1),
    ("bottom center", 0, -1),
    ("middle left", -0.5, 0),
    ("top right", 0.5, 1),
    ("bottom right", 0.5, -1),
    ("top left", -0.5, 1),
    ("bottom left", -0.5, -1),
)
# pixels that the chart is taken to have when labels are placed
_CANVAS = (900, 380)
# width of a letter, height of a label, size of a point with some room: pixels
_LETTER, _LINE, _POINT = 8.4, 24, 22
# pixels that a line takes
_STROKE = 8
_SWEEPS = 4

# middle x, middle y, width, height
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
    # what its accuracy is, where that is not what the axis says
    kind: str = ""

    def label(self, length: int) -> str:
        """What it is called on the chart, in at most about `length` letters."""
        if self.seeds == 1:
            return plot_label(self.run, length)
        count = f" · {self.seeds} seeds"
        room = length - len(count)
        name = self.name if len(self.name) <= room else f"{self.name[: room - 1]}…"
        return in_plotly(name) + count


def accuracy_against_cost(
    points: Sequence[CostPoint], title: str, accuracy_title: str, front: Sequence[int] = (), unit: str = ""
) -> go.Figure:
    """One point a run: accuracy (%) with its interval against a cost; both axes logarithmic, accuracy in its errors.

    `title` names the cost's axis, `unit` follows a cost that is read off. The points at the places `front`, the
    cheapest first, are joined by a line.
    """
    accuracies = np.array([(point.accuracy, point.high, point.low) for point in points]).reshape(-1, 3)
    errors, least, most = errors_of(accuracies).T.tolist()
    vertical = accuracy_axis([*errors, *least, *most])
    horizontal = _horizontal([point.cost for point in points])
    labels = [point.label(_NAME_LENGTH) for point in points]
    scales = horizontal["range"], vertical["range"]
    spots = [
        (_pixel(log10(point.cost), scales[0], 0), _pixel(log10(error), scales[1], 1))
        for point, error in zip(points, errors, strict=True)
    ]
    places = _label_places(spots, [len(label) * _LETTER for label in labels], _stair([spots[place] for place in front]))
    figure, styles = go.Figure(), run_styles(point.run for point in points)
    if len(front) > 1:
        _add_front(figure, [(points[place].cost, errors[place]) for place in front])
    for point, error, high, low, label, place in zip(points, errors, least, most, labels, places, strict=True):
        style = styles[point.run.number]
        figure.add_scatter(
            x=[point.cost],
            y=[error],
            mode="markers+text",
            name=label,
            text=[f" {label} "],
            textposition=place,
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
            customdata=[
                [100 - error, 100 - low, 100 - high, f"{point.cost:,.4g}" if point.cost < 1e4 else f"{point.cost:,.0f}"]
            ],
            meta=point.label(100),
            cliponaxis=False,
            hovertemplate=f"<b>%{{meta}}</b><br>{point.kind or accuracy_title} %{{customdata[0]:.2f}}%"
            " (%{customdata[1]:.2f} to %{customdata[2]:.2f}%)<br>%{customdata[3]} " + unit + "<extra></extra>",
        )
    polish(figure)
    figure.update_layout(showlegend=False)
    figure.update_xaxes(title_text=title, **horizontal)
    figure.update_yaxes(title_text=f"{accuracy_title.capitalize()} (%, log scale of errors)", **vertical)
    return figure


def _add_front(figure: go.Figure, corners: Sequence[tuple[float, float]]) -> None:
    """A stair: up to the next run, nothing better is to be had at that cost."""
    figure.add_scatter(
        x=[cost for cost, _ in corners],
        y=[error for _, error in corners],
        mode="lines",
        hoverinfo="skip",
        line={"color": GREY, "width": 3, "dash": "dot", "shape": "hv"},
        name="Pareto front",
    )


def _stair(corners: Sequence[tuple[float, float]]) -> list[_Box]:
    """The room that the front takes, from pixels to pixels."""
    boxes = []
    for (x, y), (next_x, next_y) in pairwise(corners):
        boxes += [((x + next_x) / 2, y, next_x - x, _STROKE), (next_x, (y + next_y) / 2, _STROKE, abs(next_y - y))]
    return boxes


def _label_places(
    points: Sequence[tuple[float, float]], widths: Sequence[float], lines: Sequence[_Box] = ()
) -> list[str]:
    """Where each point's label stands: where it covers least of points, lines and other labels, tried in turn."""
    marks = [(x, y, _POINT, _POINT) for x, y in points]
    chosen = [0] * len(points)
    for _ in range(_SWEEPS):
        for i in range(len(points)):
            others = [_label_box(points[k], widths[k], chosen[k]) for k in range(len(points)) if k != i]
            costs = []
            for place, (_, across, _) in enumerate(_PLACES):
                box = _label_box(points[i], widths[i], place)
                outside = max(0, box[2] / 2 - box[0]) + max(0, box[0] + box[2] / 2 - _CANVAS[0])
                covered = sum(_overlap(box, other) for other in [*others, *lines, *marks[:i], *marks[i + 1 :]])
                # a narrow screen cuts what points outwards
                inwards = across * (points[i][0] - _CANVAS[0] / 2) < 0
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
