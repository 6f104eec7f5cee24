"""Many swept settings at once: parallel coordinates in lines that can be seen from the back of a room."""

from collections.abc import Mapping, Sequence
from math import log10
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mnist_core.config import format_value
from mnist_core.plots.style import FAINT, GREY, errors_of, polish
from mnist_core.plots.swept_scale import scale_colour, swept_scale
from mnist_core.plots.swept_style import (
    accuracy_ticks,
    interval_text,
    mean_text,
    measure_name,
    setting_rows,
    shortened,
    swept_axis,
)
from mnist_core.text import in_plotly

# Lines of similar accuracy share one trace, so that hundreds of settings stay quick to draw.
_SHADES = 12
# How far lines that meet in one value are spread, so that each can be followed.
_FAN = 0.04


def swept_parallel(table: pd.DataFrame, labels: Mapping[str, str], measure: str = "validation_accuracy") -> go.Figure:
    """A line a setting through one axis for each field and one of accuracy (log scale of errors); the best is thick.

    Colours go from blue (worst) to red (best); in a shared value the better lines lie above the worse.
    """
    rows = sorted(setting_rows(table, list(labels), measure), key=lambda row: row["mean"])
    heights = [-log10(error) for error in errors_of(np.array([row["mean"] for row in rows]))]
    columns, figure = [], go.Figure()
    for column, field in enumerate(labels):
        scale = swept_scale(table[field].tolist())
        low, high = swept_axis(scale).get("range", (0.0, 1.0))
        values = [scale.place(row[field]) for row in rows]
        columns.append(_fanned([(value - low) / (high - low) for value in values]))
        ticks = scale.ticks()
        named = ticks.get("tickvals", [low, high]), ticks.get("ticktext", [f"{low:.3g}", f"{high:.3g}"])
        _add_axis(figure, column, named, (low, high))
    if heights:
        low, high = min(heights) - 0.02, max(heights) + 0.02
        columns.append([(height - low) / (high - low) for height in heights])
        ticks = accuracy_ticks([low, high])
        _add_axis(figure, len(labels), (ticks["tickvals"], ticks["ticktext"]), (low, high))
        _add_lines(figure, rows, columns, labels)
    polish(figure, height=540)
    names = [*labels.values(), f"{measure_name(measure)} (%)"]
    figure.update_layout(showlegend=False)
    figure.update_xaxes(
        tickvals=list(range(len(names))),
        ticktext=[_stacked(name) for name in names],
        ticks="",
        range=[-0.3, len(names) - 0.5],
        showgrid=False,
        side="top",
        tickangle=0,
        ticklabeloverflow="allow",
    )
    figure.update_yaxes(visible=False, range=[-0.04, 1.06])
    return figure


def _add_lines(
    figure: go.Figure,
    settings: Sequence[Mapping[str, Any]],
    columns: Sequence[Sequence[float]],
    labels: Mapping[str, str],
) -> None:
    """The lines from worst to best, so that the best lie on top."""
    lines = list(zip(*columns, strict=True))
    shades = [min(int(line[-1] * _SHADES), _SHADES - 1) for line in lines]
    for shade in sorted(set(shades)):
        members = [index for index in range(len(settings)) if shades[index] == shade]
        rows, heights = [settings[index] for index in members], [lines[index] for index in members]
        _add_bundle(figure, rows, heights, labels, scale_colour(shade / (_SHADES - 1)), 2.5)
    _add_bundle(figure, settings[-1:], lines[-1:], labels, scale_colour(1), 7)


def _add_bundle(
    figure: go.Figure,
    rows: Sequence[Mapping[str, Any]],
    lines: Sequence[Sequence[float]],
    labels: Mapping[str, str],
    colour: str,
    width: float,
) -> None:
    y: list[float | None] = []
    text: list[str] = []
    for row, line in zip(rows, lines, strict=True):
        words = [f"{in_plotly(label)} <b>{in_plotly(format_value(row[field]))}</b>" for field, label in labels.items()]
        y += [*line, None]
        text += ["<br>".join([*words, f"{mean_text(row)}%{interval_text(row)}"])] * (len(line) + 1)
    figure.add_scatter(
        x=[*range(len(lines[0])), None] * len(lines),
        y=y,
        mode="lines+markers",
        text=text,
        line={"color": colour, "width": width},
        marker={"size": 2 * width, "color": colour},
        opacity=0.85,
        connectgaps=False,
        hovertemplate="%{text}<extra></extra>",
    )


def _add_axis(
    figure: go.Figure, x: int, ticks: tuple[Sequence[float], Sequence[str]], ends: tuple[float, float]
) -> None:
    """A vertical axis between these ends with its names to the right of it."""
    figure.add_shape(type="line", x0=x, x1=x, y0=0, y1=1, line={"color": GREY, "width": 2}, layer="below")
    for tick, name in zip(*ticks, strict=True):
        height = (tick - ends[0]) / (ends[1] - ends[0])
        if -0.01 <= height <= 1.01:
            figure.add_annotation(
                x=x,
                y=height,
                text=shortened(name),
                showarrow=False,
                xanchor="left",
                xshift=9,
                font={"size": 16},
                bgcolor=FAINT,
                borderpad=2,
            )


def _fanned(heights: Sequence[float]) -> list[float]:
    """Heights in the order of accuracy, those of one value spread evenly around it."""
    spread = list(heights)
    for value in set(heights):
        equal = [index for index, height in enumerate(heights) if height == value]
        for rank, index in enumerate(equal):
            spread[index] = value + _FAN * ((rank + 0.5) / len(equal) - 0.5) * 2 if len(equal) > 1 else value
    return spread


def _stacked(label: str) -> str:
    """A label with each word on a line of its own, so that neighbours do not touch on a narrow screen."""
    return "<br>".join(in_plotly(label).split(" "))
