"""The chart of seeds: every seed is a dot on the right side of the figure, and dots do not overlap."""

# pyright: reportAttributeAccessIssue=false, reportArgumentType=false
# plotly has no types for the traces of a figure.

from itertools import combinations
from typing import Any

import numpy as np
import pytest

from mnist_core.analysis import Luck
from mnist_core.plots import luck as charts
from mnist_core.plots.style import DARK, LIGHT, contrast

IMAGES = 10_000


def simulated(seeds: int, spread: float = 10) -> tuple[float, ...]:
    counts = np.rint(9070 + np.random.default_rng(4).normal(0, spread, seeds))
    return tuple((counts / IMAGES).tolist())


def dots(figure: Any) -> list[tuple[float, float, str, float]]:
    """Place, height, colour and size of each seed's dot."""
    return [
        (x, y, trace.marker.color, trace.marker.size)
        for trace in figure.data
        if trace.mode == "markers"
        for x, y in zip(trace.x, trace.y, strict=True)
        if x is not None
    ]


def lines(figure: Any) -> list[Any]:
    return [trace for trace in figure.data if trace.mode == "lines"]


CASES = [(seeds, figure) for seeds in (1, 2, 5, 20, 200) for figure in (None, 0.9, 0.907, 0.9085, 0.925)]


@pytest.mark.parametrize("spread", [0.5, 10, 300])
@pytest.mark.parametrize(("seeds", "figure"), CASES)
def test_every_seed_is_a_dot_of_its_own_near_its_accuracy(seeds: int, figure: float | None, spread: float) -> None:
    luck = Luck(simulated(seeds, spread), 0, IMAGES, figure)
    chart = charts.seed_dots(luck)
    drawn = dots(chart)
    assert len(drawn) == len({(x, y) for x, y, *_ in drawn}) == seeds
    low, high = chart.layout.xaxis.range
    assert all(low <= x <= high for x, *_ in drawn)
    # The piles from left to right hold the accuracies from the lowest to the highest, none far from its place.
    places = np.sort([x for x, *_ in drawn])
    wide = drawn[0][3] * (high - low) / 860
    assert np.abs(places - 100 * np.sort(luck.accuracies)).max() <= max(wide, 0.01)
    # Piles have no holes.
    for place in {x for x, *_ in drawn}:
        heights = sorted(y for x, y, *_ in drawn if x == place)
        assert heights == list(range(1, len(heights) + 1))


@pytest.mark.parametrize(("seeds", "figure"), CASES)
def test_dots_that_reach_the_figure_lie_right_of_its_line(seeds: int, figure: float | None) -> None:
    luck = Luck(simulated(seeds), 0, IMAGES, figure)
    chart = charts.seed_dots(luck)
    by_colour = {
        colour: [x for x, _, other, _ in dots(chart) if other == colour] for colour in {dot[2] for dot in dots(chart)}
    }
    if luck.reach is None or figure is None:
        assert len(by_colour) == 1
        return
    (line,) = [trace for trace in lines(chart) if list(trace.x) == pytest.approx([100 * figure] * 2)]
    reached = by_colour.pop(line.line.color, [])
    assert len(reached) == luck.reach.reached
    assert all(x >= 100 * figure - 1e-9 for x in reached)
    assert all(x < 100 * figure for xs in by_colour.values() for x in xs)
    (note,) = chart.layout.annotations
    assert note.x == pytest.approx(100 * figure)
    assert "published" in note.text
    assert luck.figure_text in note.text


@pytest.mark.parametrize("seeds", [5, 20, 38, 39, 200])
def test_mean_and_middle_stand_where_they_are(seeds: int) -> None:
    luck = Luck(simulated(seeds), 0, IMAGES)
    band, mean = lines(charts.seed_dots(luck))
    assert [min(band.x), max(band.x)] == pytest.approx([100 * end for end in luck.middle])
    assert list(mean.x) == pytest.approx([100 * luck.mean] * 2)
    assert ("95 %" in band.name) == luck.tells_middle


@pytest.mark.parametrize("seeds", [5, 20, 200])
def test_dots_neither_overlap_nor_leave_the_plot(seeds: int) -> None:
    luck = Luck(simulated(seeds), 0, IMAGES, 0.9085)
    chart = charts.seed_dots(luck)
    drawn = dots(chart)
    size, (low, high), (foot, top) = drawn[0][3], chart.layout.xaxis.range, chart.layout.yaxis.range
    assert size >= 12
    assert chart.layout.height <= 500
    high_pixels = chart.layout.height - charts._FRAME
    for (x, y, *_), (other, above, *_) in combinations(drawn, 2):
        across, up = (x - other) / (high - low) * 860, (y - above) / (top - foot) * high_pixels
        # Only the outermost piles may move inwards, by at most half a dot.
        assert np.hypot(across, up) >= 0.49 * size
    assert max(y for _, y, *_ in drawn) < top


def test_hovering_names_the_seed_and_its_exact_accuracy() -> None:
    luck = Luck(simulated(20), 0, IMAGES, 0.907)
    chart = charts.seed_dots(luck, seeds=range(100, 120))
    named = {row[0]: row[1] for trace in chart.data for row in (() if trace.customdata is None else trace.customdata)}
    assert named == {f"seed {100 + index}": f"{100 * accuracy:.2f}" for index, accuracy in enumerate(luck.accuracies)}
    assert all(
        row[0] == "a seed"
        for trace in charts.seed_dots(luck).data
        for row in (() if trace.customdata is None else trace.customdata)
    )


def test_a_figure_between_two_images_stands_at_the_one_it_is_compared_with() -> None:
    chart = charts.seed_dots(Luck((0.905, 0.904), 0, 1_000, 0.90537))
    assert chart.layout.annotations[0].x == pytest.approx(90.5)
    assert min(x for x, _, colour, _ in dots(chart) if colour == charts._REACHED[0]) == pytest.approx(90.5)


def test_few_equal_or_no_seeds_have_a_chart_too() -> None:
    for luck, drawn in (
        (Luck((), 0, IMAGES), 0),
        (Luck((), 3, IMAGES, 0.9), 0),
        (Luck((0.9,), 0, IMAGES), 1),
        (Luck((0.9,) * 20, 1, IMAGES, 0.9), 20),
        (Luck((1.0, 0.0), 0, 5, 1.0), 2),
    ):
        chart = charts.seed_dots(luck)
        assert len(dots(chart)) == drawn
        low, high = chart.layout.xaxis.range
        assert 0 <= low < high <= 100


def test_the_legend_counts_the_seeds_and_the_axes_say_what_they_show() -> None:
    luck = Luck(simulated(20), 2, IMAGES, 0.907, optimistic=True)
    chart = charts.seed_dots(luck, name="<b>chosen")
    assert luck.reach is not None
    assert any(f"{luck.reach.reached} of 22 seeds, 2 diverged" in (trace.name or "") for trace in chart.data)
    assert "optimistic" in chart.layout.xaxis.title.text
    assert chart.layout.yaxis.title.text == "Seeds"
    assert all(tick == int(tick) for tick in chart.layout.yaxis.tickvals)
    assert "&lt;b&gt;chosen" in chart.layout.annotations[0].text
    assert "optimistic" not in charts.seed_dots(Luck(luck.accuracies, 0, IMAGES)).layout.xaxis.title.text


def test_colours_and_shapes_tell_the_sides_apart_on_both_grounds() -> None:
    sides = {charts._BELOW, charts._REACHED}
    assert len({colour for colour, _ in sides}) == len({symbol for _, symbol in sides}) == 2
    for ground in (LIGHT, DARK):
        assert all(contrast(colour, ground) >= 3 for colour, _ in sides)
    chart = charts.seed_dots(Luck(simulated(20), 0, IMAGES, 0.907))
    assert chart.layout.paper_bgcolor == chart.layout.plot_bgcolor == "rgba(0, 0, 0, 0)"
