"""Chart of luck: the test accuracies of many seeds of one network, and where a figure lies among them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import floor

import numpy as np
import plotly.graph_objects as go

from mnist_core.analysis import Luck
from mnist_core.plots.style import GREY, PALETTE, polish, tint
from mnist_core.text import decimals, fixed_decimals, in_plotly

# A seed that does not reach the figure, or that has none to reach; one that does has another shape as well.
_BELOW, _REACHED = (PALETTE[0], "circle"), (PALETTE[1], "diamond")
# Pixels: the width of the plot that dots are made for, the largest dot, the highest pile, and the room above for names.
_WIDTH, _LARGEST, _PILE, _ROOM = 860, 30, 190, 44
# Pixels of axis, title and legend, and the lowest and highest plot between them.
_FRAME, _LEAST = 158, 150
# Dots of this size need not be larger: each stands at its exact accuracy.
_EXACT = 18
# A span is good if its dots have at least this share of the largest size, and piles stand at most so many dots apart.
_NEARLY, _CLOSE = 0.8, 1.6
# How many images a pile may span.
_SPANS = [digit * 10**power for power in range(6) for digit in (1, 2, 5)]
# Room beside the outermost dot or line, as a share of what lies between the two.
_BESIDE = 0.06
# The axis shows at least this many images on each side.
_FEWEST_IMAGES = 5
# Width of a letter of the figure's name in pixels.
_LETTER = 12


@dataclass(frozen=True)
class _Piles:
    """Where each seed's dot stands: those within a span of images are piled up, the dots one unit high."""

    # Of each seed: its place in test accuracy (%), and which dot of its pile it is, from 1.
    x: np.ndarray
    y: np.ndarray
    # The diameter of a dot in pixels.
    dot: float

    @property
    def highest(self) -> int:
        """The number of dots in the highest pile."""
        return int(self.y.max(initial=0))


def seed_dots(luck: Luck, name: str = "published", seeds: Sequence[int] = ()) -> go.Figure:
    """A dot a seed, piled up where accuracies are alike; mean, middle 95 %, and the figure, called `name`, as a line.

    Dots that reach the figure have a colour and a shape of their own: none lies left of its line. `seeds` holds the
    numbers of the seeds in the order of `luck.accuracies`, for the hover text.
    """
    low, high = _ends(luck)
    piles = _pile_up(luck, high - low)
    plot = max(piles.dot * (piles.highest + 0.5) + _ROOM, _LEAST)
    # The axis begins at the lower edge of the lowest dots.
    foot, top = 0.4, 0.4 + plot / piles.dot
    figure = go.Figure()
    if luck.accuracies:
        _add_middle(figure, luck, (foot, top))
    if luck.reach:
        # At whole images, as seeds are compared with it.
        percent = 100 * luck.reach.figure / luck.images
        _add_figure(figure, luck, percent, in_plotly(name), (low, high), (foot, top))
    _add_seeds(figure, luck, piles, seeds)
    polish(figure, height=round(plot) + _FRAME)
    # A legend that is clicked must not take seeds away from the count.
    figure.update_layout(legend={"itemclick": False, "itemdoubleclick": False})
    title = "Test accuracy (optimistic, %)" if luck.optimistic else "Test accuracy (%)"
    figure.update_xaxes(title_text=title, range=[low, high], nticks=9, showgrid=False)
    figure.update_yaxes(title_text="Seeds", range=[foot, top], tickvals=_ticks(piles.highest))
    if not luck.accuracies:
        figure.add_annotation(
            text="no test accuracy",
            x=0.02,
            y=0.5,
            xref="paper",
            yref="paper",
            xanchor="left",
            showarrow=False,
            font={"size": 19},
        )
    return figure


def _ends(luck: Luck) -> tuple[float, float]:
    """Ends of the axis (%): around all seeds and the figure, never below 0 or above 100."""
    values = [100 * value for value in (luck.lowest, luck.highest) if luck.accuracies]
    values += [] if luck.figure is None else [100 * luck.figure]
    if not values:
        return 0.0, 100.0
    room = max(_BESIDE * (max(values) - min(values)), 100 * _FEWEST_IMAGES / luck.images if luck.accuracies else 1)
    return max(min(values) - room, 0.0), min(max(values) + room, 100.0)


def _pile_up(luck: Luck, width: float) -> _Piles:
    """Piles of dots on an axis of this width (%): exact where dots can be large, else of the widest span that is good.

    The wider a span, the smoother the shape; good are spans whose dots are nearly as large as they can be and stand
    close. Piles begin at the figure, so that none holds seeds from both sides of it.
    """
    if not luck.accuracies:
        return _Piles(np.empty(0), np.empty(0), _LARGEST)
    first = luck.reach.figure if luck.reach else 0
    pixels = _WIDTH * 100 / luck.images / width
    spans = [(span, _dot((luck.counts - first) // span, span * pixels)) for span in _SPANS]
    best = max(dot for _, dot in spans)
    span, dot = spans[0]
    if dot < min(best, _EXACT):
        good = [(span, dot) for span, dot in spans if dot >= _NEARLY * best and span * pixels <= _CLOSE * dot]
        span, dot = max(good, default=max(spans, key=lambda entry: entry[1]))
    piles = (luck.counts - first) // span
    # No dot stands beyond the lowest or the highest accuracy.
    middles = np.clip(first + piles * span + (span - 1) / 2, luck.counts.min(), luck.counts.max())
    return _Piles(100 * middles / luck.images, _places(luck.counts, piles), dot)


def _dot(piles: np.ndarray, apart: float) -> float:
    """The largest diameter of dots that do not overlap, in pixels, for piles numbered in steps of `apart` pixels."""
    numbers, heights = np.unique(piles, return_counts=True)
    nearest = int(np.diff(numbers).min(initial=10**9))
    return min(_LARGEST, apart * nearest, _PILE / int(heights.max()))


def _places(counts: np.ndarray, piles: np.ndarray) -> np.ndarray:
    """Of each seed, which dot of its pile it is, from 1: the lower accuracies lie below."""
    seen: Counter[int] = Counter()
    places = np.empty(len(counts), dtype=np.int64)
    for index in np.argsort(counts, kind="stable"):
        seen[int(piles[index])] += 1
        places[index] = seen[int(piles[index])]
    return places


def _ticks(highest: int) -> list[int]:
    """Whole numbers of seeds to be named, up to the highest pile."""
    step = next(span for span in _SPANS if highest <= 5 * span)
    return list(range(step, highest + 1, step))


def _add_middle(figure: go.Figure, luck: Luck, height: tuple[float, float]) -> None:
    """The band of the middle 95 %, or of all seeds where they are too few, and the mean."""
    digits = decimals(100 * luck.deviation, luck.places)
    mean, low, high = (fixed_decimals(100 * value, digits) for value in (luck.mean, *luck.middle))
    if luck.deviation > 0:
        figure.add_scatter(
            x=[100 * luck.middle[end] for end in (0, 0, 1, 1)],
            y=[height[0], height[1], height[1], height[0]],
            mode="lines",
            fill="toself",
            fillcolor=tint(GREY, 0.2),
            line={"width": 0},
            hoverinfo="skip",
            name=f"{'middle 95 %' if luck.tells_middle else 'lowest to highest'}: {low} to {high} %",
        )
    figure.add_scatter(
        x=[100 * luck.mean] * 2,
        y=list(height),
        mode="lines",
        line={"color": GREY, "width": 3, "dash": "dash"},
        hovertemplate=f"mean {mean}%<extra></extra>",
        name=f"mean: {mean} %",
    )


def _add_figure(
    figure: go.Figure, luck: Luck, percent: float, name: str, ends: tuple[float, float], height: tuple[float, float]
) -> None:
    """The line of the figure, with its name beside its upper end."""
    text = f"{name} {luck.figure_text}"
    figure.add_scatter(
        x=[percent] * 2,
        y=list(height),
        mode="lines",
        line={"color": _REACHED[0], "width": 4},
        hovertemplate=f"{text}<extra></extra>",
        showlegend=False,
        name=text,
    )
    # Away from the mean, unless there is no room.
    room = _WIDTH * (np.array([percent - ends[0], ends[1] - percent]) / (ends[1] - ends[0])) - _LETTER * len(text)
    left = bool(room[1] < min(0, room[0]) or (percent < 100 * luck.mean and room[0] >= 0))
    figure.add_annotation(
        x=percent,
        y=1,
        yref="paper",
        yanchor="top",
        xanchor="right" if left else "left",
        xshift=-8 if left else 8,
        text=f"<b>{text}</b>",
        showarrow=False,
        font={"size": 20, "color": _REACHED[0]},
    )


def _add_seeds(figure: go.Figure, luck: Luck, piles: _Piles, seeds: Sequence[int]) -> None:
    """The dots, in one trace for each side of the figure."""
    count, reach = len(luck.accuracies), luck.reach
    reached = luck.counts >= reach.figure if reach else np.zeros(count, dtype=bool)
    diverged = f", {luck.diverged} diverged" if luck.diverged else ""
    sides = [(~reached, _BELOW, f"{_seeds(count)}{diverged}")]
    if reach:
        sides = [
            (reached, _REACHED, f"reach {luck.figure_text}: {reach.reached} of {_seeds(reach.seeds)}{diverged}"),
            (~reached, _BELOW, f"below: {_seeds(count - reach.reached)}"),
        ]
    names = [f"seed {seed}" for seed in seeds] or ["a seed"] * count
    for rank, (mask, (colour, symbol), name) in enumerate(sides):
        chosen = np.flatnonzero(mask).tolist()
        marker = {"symbol": symbol, "color": colour}
        figure.add_scatter(
            x=piles.x[chosen],
            y=piles.y[chosen],
            mode="markers",
            cliponaxis=False,
            showlegend=False,
            marker={"size": floor(10 * piles.dot) / 10} | marker,
            customdata=[[names[index], _percent(luck, index)] for index in chosen],
            hovertemplate=f"<b>%{{customdata[0]}}</b><br>{luck.measure} %{{customdata[1]}}%<extra></extra>",
        )
        # Of one size in the legend, and there even without a seed.
        figure.add_scatter(x=[None], y=[None], mode="markers", name=name, legendrank=rank, marker={"size": 15} | marker)


def _percent(luck: Luck, index: int) -> str:
    return fixed_decimals(100 * int(luck.counts[index]) / luck.images, luck.places)


def _seeds(count: int) -> str:
    return f"{count} seed" + ("" if count == 1 else "s")
