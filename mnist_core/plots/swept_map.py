"""Accuracy by two swept settings: a heat map with its numbers, or coloured points where most cells are empty."""

from collections.abc import Mapping, Sequence
from math import log10
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.colors import sequential

from mnist_core.config import format_value
from mnist_core.plots.style import DARK, FAINT, LIGHT, PALETTE, contrast, errors_of, polish
from mnist_core.plots.swept_scale import SweptScale, scale_colour, swept_scale
from mnist_core.plots.swept_style import (
    accuracy_ticks,
    add_colour_bar,
    half_text,
    interval_text,
    mean_text,
    measure_name,
    setting_rows,
    shortened,
    swept_axis,
)
from mnist_core.text import in_plotly

# The cells are opaque and choose their own text colour, so they are readable on any background.
_CELLS = tuple(sequential.Cividis)
_BEST = PALETTE[3]
# With more cells than this on a side, numbers do not fit.
_MOST_CELLS = 14
# If more than this share of the cells is empty, the settings are drawn as points instead.
_EMPTY_SHARE = 0.5


def swept_map(table: pd.DataFrame, labels: Mapping[str, str], measure: str = "validation_accuracy") -> go.Figure:
    """Accuracy by two settings: cells with the mean (%) and half its interval, brighter is better, the best outlined.

    A random search, which leaves most cells empty, is drawn as coloured points instead.
    """
    fields = tuple(labels)
    settings = setting_rows(table, fields, measure)
    columns, rows = (swept_scale(table[field].tolist()) for field in fields)
    size = len(columns.values) * len(rows.values)
    planned = len(set(zip(*(table[field].tolist() for field in fields), strict=True)))
    if size > 4 and planned < _EMPTY_SHARE * size:
        return _points(settings, labels, (columns, rows), measure)
    share = _shares(settings)
    cells = {
        (columns.values.index(row[fields[0]]), rows.values.index(row[fields[1]])): index
        for index, row in enumerate(settings)
    }
    figure = go.Figure()
    _add_cells(figure, settings, cells, share, (len(columns.values), len(rows.values)), labels)
    if max(len(columns.values), len(rows.values)) <= _MOST_CELLS:
        _write(figure, settings, cells, share, len(columns.values))
    polish(figure, height=max(380, min(900, 120 + 76 * len(rows.values))))
    for (x, y), index in cells.items():
        if settings[index]["mean"] == max(row["mean"] for row in settings):
            figure.add_shape(
                type="rect", x0=x - 0.5, x1=x + 0.5, y0=y - 0.5, y1=y + 0.5, line={"color": _BEST, "width": 5}
            )
    for update, scale, label in zip(
        (figure.update_xaxes, figure.update_yaxes), (columns, rows), labels.values(), strict=True
    ):
        names = [shortened(format_value(value)) for value in scale.values]
        update(
            title_text=in_plotly(label),
            tickmode="array",
            tickvals=list(range(len(names))),
            ticktext=names,
            showgrid=False,
            ticks="",
            range=[-0.5, len(names) - 0.5],
        )
    figure.update_layout(showlegend=False)
    return figure


def _add_cells(
    figure: go.Figure,
    settings: Sequence[Mapping[str, Any]],
    cells: Mapping[tuple[int, int], int],
    share: Sequence[float],
    size: tuple[int, int],
    labels: Mapping[str, str],
) -> None:
    """All cells of a map of (columns, rows) in a faint grey, and those with a setting coloured by their share."""
    width, height = size
    grid = [[cells.get((x, y)) for x in range(width)] for y in range(height)]
    figure.add_heatmap(
        z=[[0] * width] * height,
        colorscale=[[0, FAINT], [1, FAINT]],
        showscale=False,
        xgap=3,
        ygap=3,
        hoverinfo="skip",
    )
    figure.add_heatmap(
        z=[[None if index is None else share[index] for index in row] for row in grid],
        zmin=0,
        zmax=1,
        text=[["" if index is None else _hover(settings[index], labels) for index in row] for row in grid],
        colorscale=[[index / (len(_CELLS) - 1), colour] for index, colour in enumerate(_CELLS)],
        showscale=False,
        xgap=3,
        ygap=3,
        hoverongaps=False,
        hovertemplate="%{text}<extra></extra>",
    )


def _points(
    settings: Sequence[Mapping[str, Any]], labels: Mapping[str, str], scales: Sequence[SweptScale], measure: str
) -> go.Figure:
    best = max((row["mean"] for row in settings), default=None)
    x, y = ([scale.place(row[field]) for row in settings] for field, scale in zip(labels, scales, strict=True))
    figure = go.Figure()
    figure.add_scatter(
        x=x,
        y=y,
        mode="markers",
        cliponaxis=False,
        showlegend=False,
        marker={
            "size": [30 if row["mean"] == best else 20 for row in settings],
            "symbol": ["star" if row["mean"] == best else "circle" for row in settings],
            "color": [scale_colour(share) for share in _shares(settings)],
            "opacity": 1,
            "line": {"width": 0},
        },
        text=[_hover(row, labels) for row in settings],
        hovertemplate="%{text}<extra></extra>",
    )
    polish(figure, height=520)
    heights = [-log10(error) for error in errors_of(np.array([row["mean"] for row in settings]))]
    if len(set(heights)) > 1:
        add_colour_bar(figure, f"{measure_name(measure)} (%)", heights, accuracy_ticks(heights))
    for update, scale, label in zip((figure.update_xaxes, figure.update_yaxes), scales, labels.values(), strict=True):
        update(title_text=in_plotly(label), **swept_axis(scale))
    return figure


def _write(
    figure: go.Figure,
    settings: Sequence[Mapping[str, Any]],
    cells: Mapping[tuple[int, int], int],
    share: Sequence[float],
    columns: int,
) -> None:
    """Write the mean into each cell in a readable colour, and half the interval below it where there are seeds."""
    size = 20 if columns <= 4 else 16 if columns <= 7 else 13
    notes = []
    for (x, y), index in cells.items():
        row = settings[index]
        ink = _ink(scale_colour(share[index], _CELLS))
        half = f"<br>±{half_text(row)}" if half_text(row) else ""
        notes.append(
            {
                "x": x,
                "y": y,
                "text": f"<b>{mean_text(row)}</b>{half}",
                "showarrow": False,
                "captureevents": False,
                "font": {"size": size, "color": ink},
            }
        )
    figure.update_layout(annotations=notes)


def _ink(cell: str) -> str:
    return max((DARK, LIGHT), key=lambda ink: contrast(ink, cell))


def _shares(settings: Sequence[Mapping[str, Any]]) -> list[float]:
    """Where each accuracy lies between the worst (0) and the best (1), by the logarithm of its errors."""
    heights = [-log10(error) for error in errors_of(np.array([row["mean"] for row in settings]))]
    low, high = min(heights, default=0.0), max(heights, default=0.0)
    return [(height - low) / (high - low) if high > low else 1.0 for height in heights]


def _hover(row: Mapping[str, Any], labels: Mapping[str, str]) -> str:
    words = [f"{in_plotly(label)} <b>{in_plotly(format_value(row[field]))}</b>" for field, label in labels.items()]
    return "<br>".join([*words, f"{mean_text(row)}%{interval_text(row)}"])
