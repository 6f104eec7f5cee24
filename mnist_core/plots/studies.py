"""The charts that the published studies drew: accuracy against model number, clipped logits."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mnist_core.plots.style import GREY, MISTAKE, PALETTE, polish
from mnist_core.text import decimals, fixed_decimals, in_plotly

_REPORTED, _MEASURED, _HONEST = GREY, PALETTE[0], PALETTE[1]
# Longest label that fits below its point, in letters.
_SHORT = 7
# A zoomed axis spans at least this many percentage points.
_LEAST_ZOOM = 5.0
# Leaves out the box beside the hover text in which plotly repeats the trace's name.
_NO_BOX = "<extra></extra>"


def accuracy_by_model(table: pd.DataFrame, zoomed: bool = False, title: str = "Model") -> go.Figure:
    """Accuracy (%) of each model of an experiment: as reported, as measured, and with the honest protocol.

    `table` has a row a model, in order: variant, reported, mean, std, honest_mean, honest_std (per cent, NaN where
    unknown). The axis shows 0 to 100, or `zoomed` what lies near the best: models far below it become triangles at
    the foot.
    """
    numbers = np.arange(len(table))
    labels = [str(label) for label in table["variant"]]
    figure = go.Figure()
    low, high = _zoom(table) if zoomed else (0.0, 102.0)
    for column, spread, name, colour, symbol, shift in (
        ("reported", None, "reported", _REPORTED, "diamond-open", -0.16),
        ("mean", "std", "measured as published (chosen on test images)", _MEASURED, "circle", 0.0),
        ("honest_mean", "honest_std", "measured honestly", _HONEST, "square", 0.16),
    ):
        heights = table[column].to_numpy(np.float64)
        if np.isnan(heights).all():
            continue
        below = heights < low
        error = table[spread].fillna(0).to_numpy(np.float64) if spread else None
        figure.add_scatter(
            x=numbers + shift,
            y=np.where(below, low, heights),
            mode="markers",
            name=name,
            cliponaxis=False,
            marker={
                "color": colour,
                "size": 13,
                "line": {"width": 3 if symbol.endswith("open") else 0},
                "symbol": ["triangle-down" if under else symbol for under in below],
            },
            error_y=None if error is None else {"array": np.where(below, 0, error), "thickness": 2.5, "width": 5},
            customdata=np.column_stack([np.array(labels, dtype=object), heights, _texts(table, column, spread)]),
            hovertemplate=f"<b>%{{customdata[0]}}</b><br>{name}: %{{customdata[2]}}%{_NO_BOX}",
        )
    short = all(len(label) <= _SHORT for label in labels)
    polish(figure, height=400)
    figure.update_xaxes(
        title_text=title if short else f"{title} number",
        tickvals=numbers.tolist(),
        ticktext=labels if short else [str(number) for number in numbers],
        range=[-0.6, len(labels) - 0.4],
        tickangle=0,
    )
    figure.update_yaxes(title_text="Test accuracy (%)", range=[low, high])
    return figure


def _texts(table: pd.DataFrame, column: str, spread: str | None) -> np.ndarray:
    """The column's values as texts, with as many digits as their standard deviations support."""
    values = table[column].tolist()
    spreads = table[spread].tolist() if spread else [float("nan")] * len(values)
    return np.array(
        [fixed_decimals(value, decimals(std, 2)) for value, std in zip(values, spreads, strict=True)], dtype=object
    )


def clipped_logits(table: pd.DataFrame, classes: Sequence[str]) -> go.Figure:
    """Bars a class: how many of its own images have its logit clipped to 0 (%), and how many are answered rightly.

    `table` is that of `explain_linear.clipped_logits`.
    """
    figure = go.Figure()
    for column, name, colour in (
        ("own", "its logit is clipped to zero", MISTAKE),
        ("right", "answered rightly", _MEASURED),
    ):
        figure.add_bar(
            x=list(map(in_plotly, classes)),
            y=100 * table[column],
            name=name,
            marker={"color": colour},
            meta=name,
            hovertemplate=f"class %{{x}}: %{{y:.2f}}% of its test images<br>%{{meta}}{_NO_BOX}",
        )
    polish(figure, height=360)
    figure.update_layout(barmode="group", bargap=0.25)
    figure.update_xaxes(title_text="Class", type="category")
    figure.update_yaxes(title_text="Share of its test images (%)", range=[0, 102])
    return figure


def _zoom(table: pd.DataFrame) -> tuple[float, float]:
    """An axis around the best accuracies: as far down as three times their distance from the median, or 5 points."""
    values = table[["reported", "mean", "honest_mean"]].to_numpy(np.float64)
    values = values[np.isfinite(values)]
    if not len(values):
        return 0.0, 102.0
    best = values.max()
    near = values[values >= best - max(3 * (best - np.median(values)), _LEAST_ZOOM)]
    room = max(0.15 * (best - near.min()), 0.2)
    return float(near.min() - room), float(min(best + room, 100.2))
