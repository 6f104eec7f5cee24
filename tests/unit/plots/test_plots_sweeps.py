"""Figures of sweeps: the right kind, right values, distinguishable colours, no run left out."""

# pyright: reportAttributeAccessIssue=false, reportArgumentType=false
# plotly has no types for the traces of a figure.

import itertools
import json
from collections.abc import Callable
from math import log10
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from mnist_core.plots.style import DARK, LIGHT, contrast
from mnist_core.plots.sweeps import sweep_figure
from mnist_core.plots.swept_curves import sweep_curves
from mnist_core.plots.swept_map import _CELLS
from mnist_core.plots.swept_scale import scale_colour, swept_scale
from tests.long_tables import as_curves
from tests.unit.plots.test_plots_style import BLINDNESS, _oklab

LABELS = {"learning_rate": "Learning <rate>", "width": "Width", "optimizer": "Optimizer"}


def table(accuracy: Callable[[dict[str, Any]], float], seeds: int = 1, **axes: list[Any]) -> pd.DataFrame:
    points = [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]
    rows = [
        {
            "run": f"r{index}",
            "number": index + 1,
            "state": "finished",
            "seed": seed,
            **point,
            "validation_accuracy": accuracy(point) + seed / 100,
            "test_accuracy": np.nan,
        }
        for index, (point, seed) in enumerate(itertools.product(points, range(seeds)))
    ]
    return pd.DataFrame(rows)


def labels(*fields: str) -> dict[str, str]:
    return {field: LABELS[field] for field in fields}


RATES = table(lambda point: 0.9 - 0.1 * point["learning_rate"], 3, learning_rate=[1.0, 0.1, 0.001])
GRID = table(lambda point: 0.5 + point["width"] / 1000, 2, width=[10, 100, 300], optimizer=["sgd", "adam"])
MANY = table(
    lambda point: 0.5 + point["width"] / 1000, width=[10, 100, 300], optimizer=["sgd", "adam"], learning_rate=[0.1, 0.0]
)


def test_the_scale_of_colours_reads_on_both_grounds_and_without_colour_vision():
    colours = [scale_colour(index / 16) for index in range(17)]
    assert min(contrast(colour, ground) for colour in colours for ground in (LIGHT, DARK)) >= 3
    for blindness in BLINDNESS.values():
        seen = [_oklab(colour, blindness) for colour in colours]
        apart = [np.linalg.norm(seen[a] - seen[b]) for a in range(17) for b in range(a + 4, 17)]
        # About 0.02 is the least visible difference.
        assert min(apart) >= 0.09


def test_every_cell_has_an_ink_that_reads():
    for share in np.linspace(0, 1, 101):
        cell = scale_colour(share, _CELLS)
        assert max(contrast(cell, ink) for ink in (LIGHT, DARK)) >= 4.3


@pytest.mark.parametrize(
    ("values", "places", "log"),
    [
        ([0.1, 0.001, 0.1], (-3, -1), True),
        # Zero lies one step below the smallest value.
        ([0.0, 1e-4, 1e-3, 1e-1], (-5, -4, -3, -1), True),
        ([10, 300, 20], (10, 20, 300), False),
        ([10, 301], (1, log10(301)), True),
        ([-1, 100], (-1, 100), False),
        (["b", "a", "b"], (0, 1), False),
        ([100, None], (0, 1), False),
        ([True, False], (0, 1), False),
    ],
)
def test_where_values_lie(values, places, log):
    scale = swept_scale(values)
    assert scale.places == pytest.approx(places)
    assert scale.log == log
    assert scale.ticks()["tickvals"] == list(scale.places)
    assert len({scale.colour(value) for value in values}) == len(set(values))


def test_one_field_is_a_line_of_means_with_intervals():
    figure = sweep_figure(RATES, labels("learning_rate"))
    rings, line = figure.data
    assert len(rings.x) == 9
    np.testing.assert_allclose(line.x, [-3, -1, 0])
    np.testing.assert_allclose(line.y, 100 - np.array([90.99, 90, 81]))
    # Student's t with 2 degrees of freedom; the seeds are 1 % apart.
    half = 4.302652729749 * 1 / np.sqrt(3)
    np.testing.assert_allclose(line.error_y.array, half, rtol=1e-6)
    np.testing.assert_allclose(line.error_y.arrayminus, half, rtol=1e-6)
    assert [note.text for note in figure.layout.annotations] == ["<b>91.0</b>", "90.0", "81.0"], "± 2.5"
    single = sweep_figure(RATES[RATES["seed"] == 0], labels("learning_rate"))
    assert len(single.data) == 1
    assert single.data[0].error_y.visible is False


def test_two_fields_are_a_map_with_the_means_in_its_cells():
    grid = GRID.copy()
    grid.loc[(grid["width"] == 100) & (grid["optimizer"] == "adam"), "validation_accuracy"] = np.nan
    figure = sweep_figure(grid, labels("width", "optimizer"))
    # Shape (optimizers, widths).
    shares = np.array(figure.data[1].z, dtype=float)
    assert np.isnan(shares).tolist() == [[False] * 3, [False, True, False]]
    assert shares[0, 0] == 0
    assert shares[0, 2] == shares[1, 2] == 1
    texts = {(note.x, note.y): note.text for note in figure.layout.annotations}
    assert len(texts) == 5
    assert texts[(0, 0)] == "<b>51.50</b>", "two seeds are too few for an interval"
    # Two settings are equally good, and both are outlined.
    assert len(figure.layout.shapes) == 2
    assert figure.layout.xaxis.ticktext == ("10", "100", "300")


def test_a_random_search_over_two_fields_is_points():
    random = np.random.default_rng(0)
    drawn = zip(10 ** random.uniform(-4, 0, 20), random.integers(1, 999, 20), strict=True)
    rows = [table(lambda _: 0.5 + random.random() / 3, learning_rate=[rate], width=[width]) for rate, width in drawn]
    figure = sweep_figure(pd.concat(rows), labels("learning_rate", "width"))
    assert len(figure.data[0].x) == 20
    assert list(figure.data[0].marker.symbol).count("star") == 1


def test_more_fields_are_lines_through_parallel_axes_with_the_best_on_top():
    figure = sweep_figure(MANY, labels("width", "optimizer", "learning_rate"))
    lines = sum(trace.x.count(None) for trace in figure.data[:-1])
    assert lines == len(MANY) == 12
    best = figure.data[-1]
    assert best.line.width > figure.data[0].line.width
    assert len(best.x) == 5
    assert "300" in best.text[0]
    assert list(figure.layout.xaxis.ticktext) == [
        "Width",
        "Optimizer",
        "Learning<br>&lt;rate&gt;",
        "Validation<br>accuracy<br>(%)",
    ]


def test_curves_are_coloured_by_value_and_never_joined_between_runs():
    rows = [(epoch, "validation_accuracy", 0.5 + epoch / 100) for epoch in (1, 2, 3)]
    metrics = {run: pd.DataFrame(rows, columns=["epoch", "name", "value"]) for run in RATES["run"][:7]}
    metrics["r0"] = pd.concat(
        [metrics["r0"], pd.DataFrame([(4, "validation_accuracy", np.nan)], columns=["epoch", "name", "value"])]
    )
    chart = sweep_curves(
        {run: as_curves(table) for run, table in metrics.items()}, RATES, "learning_rate", "Learning rate"
    )
    by_colour: dict[str, list[int]] = {}
    for line in chart.lines:
        by_colour.setdefault(line.colour, []).append(len(line.x))
    # 1, 3 and 3 runs of 3 epochs each, the lowest rate first.
    assert list(by_colour.values()) == [[3], [3, 3, 3], [3, 3, 3]]
    assert [entry.name for entry in chart.entries] == ["0.001", "0.1", "1"]
    assert [entry.dash for entry in chart.entries] == ["solid", "dash", "dot"]
    np.testing.assert_allclose(chart.lines[-1].y, [51, 52, 53])
    assert chart.lines[-1].kind == "run 3, seed 2: validation accuracy"
    (panel,) = chart.panels
    assert panel.log
    assert panel.ends[0] < 51 < 53 < panel.ends[1] < 100
    words = sweep_curves({}, GRID, "optimizer", "Optimizer", "loss")
    assert [entry.name for entry in words.entries] == ["sgd", "adam"]


FIGURES: dict[str, go.Figure] = {
    "seeds": sweep_figure(RATES, {}),
    "line": sweep_figure(RATES, labels("learning_rate")),
    "words": sweep_figure(GRID, labels("optimizer")),
    "map": sweep_figure(GRID, labels("width", "optimizer")),
    "parallel": sweep_figure(MANY, labels("width", "optimizer", "learning_rate")),
    **{
        f"empty {len(fields)}": sweep_figure(MANY.assign(validation_accuracy=np.nan), labels(*fields))
        for fields in ((), ("width",), ("width", "optimizer"), ("width", "optimizer", "learning_rate"))
    },
}


@pytest.mark.parametrize("name", FIGURES)
def test_figures_can_be_projected_on_any_ground(name: str):
    layout = FIGURES[name].to_plotly_json()["layout"]
    assert layout["paper_bgcolor"] == layout["plot_bgcolor"] == "rgba(0, 0, 0, 0)"
    assert layout["xaxis"]["tickfont"]["size"] >= 15
    assert "color" not in layout.get("font", {}), "text takes the page's colour"
    # The map's numbers lie on cells of known colour, not on the page.
    if name != "map":
        text = json.dumps(FIGURES[name].to_plotly_json(), default=str).lower()
        for colour in ("#000000", "#ffffff", '"black"', '"white"'):
            assert colour not in text
    assert "<rate>" not in (FIGURES[name].to_json() or "").replace("\\u003c", "<").replace("\\u003e", ">")


@pytest.mark.parametrize("axes", [{"learning_rate": [0.01, 0.1]}, {"width": [10, 100], "optimizer": ["sgd", "adam"]}])
def test_two_seeds_have_no_interval_in_any_figure(axes: dict[str, list[Any]]):
    def intervals(seeds: int) -> int:
        figure = sweep_figure(table(lambda _: 0.9, seeds, **axes), labels(*axes))
        bars = [trace for trace in figure.data if trace.type == "scatter" and trace.error_y.visible]
        return len(bars) + sum("±" in note.text for note in figure.layout.annotations)

    assert intervals(2) == 0
    assert intervals(3) > 0
