"""The chart of accuracy against cost: points with intervals, the front, and labels that can be read."""

# pyright: reportAttributeAccessIssue=false, reportArgumentType=false
# plotly has no types for the traces of a figure.

from types import SimpleNamespace

import numpy as np
import pytest

from mnist_core import plots
from mnist_core.plots import costs
from mnist_core.plots.costs import CostPoint


def _point(number: int, cost: float, accuracy: float) -> CostPoint:
    run = SimpleNamespace(number=number, name=f"net-{number}")
    return CostPoint(run, cost, accuracy, accuracy - 0.01, min(accuracy + 0.005, 1.0))


def test_a_point_a_run_with_its_interval_on_a_scale_of_errors() -> None:
    figure = plots.accuracy_against_cost([_point(1, 10_000, 0.97), _point(4, 0.5, 1.0)], "Bytes", "test accuracy")
    assert [trace.name for trace in figure.data] == ["1 · net-1", "4 · net-4"]
    first, perfect = figure.data
    assert (first.x[0], first.y[0]) == (10_000, pytest.approx(3))
    assert first.error_y.array[0] == pytest.approx(1), "the lower accuracy is the larger error"
    assert first.error_y.arrayminus[0] == pytest.approx(0.5)
    assert first.customdata[0][:3] == pytest.approx([97, 96, 97.5])
    assert 0 < perfect.y[0] < 0.01, "no error at all still has a place on a logarithmic axis"
    low, high = sorted(figure.layout.yaxis.range)
    assert low < np.log10(perfect.y[0]) < np.log10(4) < high, "intervals lie within the axis"
    assert figure.layout.xaxis.title.text == "Bytes"
    assert not plots.accuracy_against_cost([], "Bytes", "test accuracy").data


def test_the_front_is_a_stair_through_its_runs() -> None:
    points = [_point(1, 10, 0.9), _point(2, 30, 0.8), _point(3, 90, 0.95)]
    figure = plots.accuracy_against_cost(points, "Parameters", "test accuracy", front=[0, 2])
    stair = figure.data[0]
    assert (list(stair.x), list(stair.y)) == ([10, 90], [pytest.approx(10), pytest.approx(5)])
    assert stair.line.shape == "hv"
    assert len(figure.data) == 4
    assert len(plots.accuracy_against_cost(points[:1], "Parameters", "test accuracy", front=[0]).data) == 1


def test_labels_avoid_each_other() -> None:
    random = np.random.default_rng(0)
    spots = [
        (float(x), float(y)) for x, y in zip(random.uniform(250, 650, 12), random.uniform(100, 280, 12), strict=True)
    ]
    widths = [110.0] * 12
    words = [word for word, _, _ in costs._POSITIONS]

    def covered(places: list[str]) -> float:
        boxes = [
            costs._label_box(spot, width, words.index(position))
            for spot, width, position in zip(spots, widths, places, strict=True)
        ]
        return sum(costs._overlap(box, other) for i, box in enumerate(boxes) for other in boxes[:i])

    chosen = costs._label_positions(spots, widths, costs._CANVAS[0])
    assert covered(["top center"] * 12) > 1000
    assert covered(chosen) < 0.1 * covered(["top center"] * 12)
