"""What the figures of a sweep share: settings with their intervals, swept axes, the scale of colours, hover texts."""

from collections.abc import Mapping, Sequence
from math import isnan, log10, nan
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from mnist_core.analysis import mean_by_setting, ranking_label
from mnist_core.plots.style import accuracy_axis
from mnist_core.plots.swept_scale import COLOURS, SweptScale
from mnist_core.text import decimals, fixed_decimals, in_plotly

# Student's interval of two seeds is thirteen times their standard error: it would span the chart and say nothing.
FEWEST_SEEDS = 3


def setting_rows(table: pd.DataFrame, fields: Sequence[str], measure: str) -> list[dict[str, Any]]:
    """Each setting that has results: its fields, n, mean, low and high (see intervals.by_setting).

    The ends of the interval are NaN where it is of fewer than three seeds.
    """
    rows = mean_by_setting(table, fields, measure)
    rows.loc[rows["n"] < FEWEST_SEEDS, ["low", "high"]] = nan
    return [{str(name): value for name, value in row.items()} for row in rows.to_dict("records")]


def swept_axis(scale: SweptScale) -> dict[str, Any]:
    """An axis for swept values, with room at both ends."""
    ticks = scale.ticks()
    if "ticktext" in ticks:
        ticks["ticktext"] = [shortened(text) for text in ticks["ticktext"]]
    if not scale.places:
        return ticks
    room = 0.06 * (scale.places[-1] - scale.places[0]) or 0.5
    return {**ticks, "range": [scale.places[0] - room, scale.places[-1] + room]}


def add_colour_bar(figure: go.Figure, label: str, places: Sequence[float], ticks: Mapping[str, Any]) -> None:
    """A horizontal scale of colours above the figure."""
    figure.add_scatter(
        x=[None],
        y=[None],
        mode="markers",
        showlegend=False,
        hoverinfo="skip",
        marker={
            "color": [min(places)],
            "cmin": min(places),
            "cmax": max(places),
            "colorscale": plotly_scale(),
            "showscale": True,
            "colorbar": {
                "orientation": "h",
                "x": 0.5,
                "y": 1.02,
                "yanchor": "bottom",
                "thickness": 16,
                "len": 1,
                "title": {"text": in_plotly(label), "side": "top", "font": {"size": 18}},
                "tickfont": {"size": 16},
                "outlinewidth": 0,
                **ticks,
            },
        },
    )


def accuracy_ticks(heights: Sequence[float]) -> dict[str, Any]:
    """Ticks that name accuracies (%) on an axis or colour bar of -log10(errors in %), between these heights."""
    axis = accuracy_axis([10.0**-height for height in heights])
    ticks = [(-log10(tick), text) for tick, text in zip(axis["tickvals"], axis["ticktext"], strict=True)]
    shown = [tick for tick in ticks if min(heights) <= tick[0] <= max(heights)]
    return {"tickvals": [position for position, _ in shown], "ticktext": [text for _, text in shown]}


def plotly_scale() -> list[list[Any]]:
    """The scale of colours as plotly reads it."""
    return [[index / (len(COLOURS) - 1), colour] for index, colour in enumerate(COLOURS)]


def mean_text(row: Mapping[str, Any]) -> str:
    """A setting's mean in per cent, with as many digits as half its interval supports."""
    return fixed_decimals(100 * row["mean"], _places(row))


def half_text(row: Mapping[str, Any]) -> str:
    """Half a setting's interval in percentage points, or nothing where there is none."""
    return "" if isnan(row["high"]) else fixed_decimals(50 * (row["high"] - row["low"]), _places(row))


def interval_text(row: Mapping[str, Any]) -> str:
    """A setting's interval in words, or how many seeds are too few for one; nothing for a single run."""
    if isnan(row["high"]):
        return f" (mean of {row['n']} seeds, too few for an interval)" if row["n"] > 1 else ""
    low, high = (fixed_decimals(100 * end, _places(row)) for end in (max(row["low"], 0), min(row["high"], 1)))
    return f" ({low} to {high}, {row['n']} seeds)"


def _places(row: Mapping[str, Any]) -> int:
    return decimals(50 * (row["high"] - row["low"]), 2)


def measure_name(measure: str) -> str:
    """A column of accuracies in words: "Validation accuracy"."""
    return ranking_label(measure).capitalize()


def shortened(text: str, length: int = 24) -> str:
    """A text cut for a tick, where plotly reads some HTML."""
    return in_plotly(text if len(text) <= length else f"{text[: length - 1]}…")
