"""What a sweep found: accuracy against one swept setting, a map of two, and lines through many."""

from collections.abc import Mapping, Sequence
from math import isnan, log10
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mnist_core.config import format_value
from mnist_core.plots.style import GREY, PALETTE, accuracy_axis, errors_of, polish
from mnist_core.plots.swept_map import swept_map
from mnist_core.plots.swept_parallel import swept_parallel
from mnist_core.plots.swept_scale import swept_scale
from mnist_core.plots.swept_style import interval_text, mean_text, measure_name, setting_rows, swept_axis
from mnist_core.text import in_plotly

__all__ = ["sweep_figure", "swept_line", "swept_map", "swept_parallel"]

# With more points than this, numbers beside them would overlap.
_MOST_LABELS = 8


def sweep_figure(table: pd.DataFrame, labels: Mapping[str, str], measure: str = "validation_accuracy") -> go.Figure:
    """The figure that fits the number of swept fields: line, map, or parallel coordinates.

    `table` has a row a run (see `sweeps.sweep_table`), `labels` the swept columns with their names, `measure` the
    column of accuracies (fractions). Runs without a result yet are left out.
    """
    if not labels:
        return swept_line(table.assign(all="all seeds"), "all", "Setting", measure)
    if len(labels) == 1:
        return swept_line(table, *next(iter(labels.items())), measure)
    return (swept_map if len(labels) == 2 else swept_parallel)(table, labels, measure)


def swept_line(table: pd.DataFrame, field: str, label: str, measure: str = "validation_accuracy") -> go.Figure:
    """Accuracy against one setting: the mean over seeds, from three on with its 95 % interval; each run as a ring.

    The horizontal axis is logarithmic where numbers span more than a factor of 30; the vertical one is in errors.
    """
    scale = swept_scale(table[field].tolist())
    rows = sorted(setting_rows(table, [field], measure), key=lambda row: scale.place(row[field]))
    xs = [scale.place(row[field]) for row in rows]
    means = np.array([row["mean"] for row in rows])
    low, high = (
        errors_of(np.array([row["mean"] if isnan(row[end]) else row[end] for row in rows])) for end in ("low", "high")
    )
    several = any(row["n"] > 1 for row in rows)
    certain = any(not isnan(row["low"]) for row in rows)
    figure = go.Figure()
    if several:
        _add_runs(figure, table, field, label, measure)
    figure.add_scatter(
        x=xs,
        y=errors_of(means),
        mode="lines+markers" if scale.numeric else "markers",
        name="mean and its 95 % interval" if certain else "mean of the seeds" if several else "run",
        showlegend=several,
        cliponaxis=False,
        line={"color": PALETTE[0], "width": 3},
        marker={"size": 14, "color": PALETTE[0]},
        error_y=_error_bars(low - errors_of(means), errors_of(means) - high) | {"visible": certain},
        customdata=[[in_plotly(format_value(row[field])), mean_text(row), interval_text(row)] for row in rows],
        hovertemplate=f"{in_plotly(label)} <b>%{{customdata[0]}}</b><br>%{{customdata[1]}}%%{{customdata[2]}}"
        "<extra></extra>",
    )
    polish(figure)
    if len(rows) <= _MOST_LABELS:
        _write_means(figure, rows, xs, np.minimum(high, _errors_of_best(table, field, measure, rows)).tolist())
    measured = errors_of(table[measure].dropna().to_numpy(np.float64))
    # The interval of few seeds may span everything; cut it so that the points stay visible.
    ends = np.clip([*low, *high], measured.min(initial=100) / 4, measured.max(initial=0.01) * 4)
    figure.update_xaxes(title_text=in_plotly(label), **swept_axis(scale))
    figure.update_yaxes(
        title_text=f"{measure_name(measure)} (%, log scale of errors)", **accuracy_axis([*measured, *ends])
    )
    return figure


def _error_bars(above: np.ndarray, below: np.ndarray) -> dict[str, Any]:
    """Plotly's bars that reach so far above and below each point."""
    look = {"thickness": 3, "width": 9, "color": PALETTE[0]}
    return {"type": "data", "symmetric": False, "array": above, "arrayminus": below, **look}


def _errors_of_best(table: pd.DataFrame, field: str, measure: str, rows: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """The error (%) of each setting's best run, (settings,)."""
    best: dict[Any, float] = {}
    for value, accuracy in zip(table[field].tolist(), table[measure].tolist(), strict=True):
        # A run without a result has NaN, which is not larger than anything.
        if accuracy > best.get(value, -1.0):
            best[value] = accuracy
    return errors_of(np.array([best[row[field]] for row in rows]))


def _write_means(
    figure: go.Figure, rows: Sequence[Mapping[str, Any]], xs: Sequence[float], tops: Sequence[float]
) -> None:
    """Each setting's mean above its point, its interval and its runs, the best one bold."""
    most = max((row["mean"] for row in rows), default=0.0)
    for x, row, top in zip(xs, rows, tops, strict=True):
        best = row["mean"] == most
        figure.add_annotation(
            x=x,
            y=log10(top),
            text=f"<b>{mean_text(row)}</b>" if best else mean_text(row),
            yshift=20,
            showarrow=False,
            font={"size": 20 if best else 17},
        )


def _add_runs(figure: go.Figure, table: pd.DataFrame, field: str, label: str, measure: str) -> None:
    """Each run as a grey ring."""
    measured = table.dropna(subset=[measure])
    scale = swept_scale(table[field].tolist())
    details = zip(measured[field].tolist(), measured[measure].tolist(), measured["seed"].tolist(), strict=True)
    figure.add_scatter(
        x=[scale.place(value) for value in measured[field].tolist()],
        y=errors_of(measured[measure].to_numpy(np.float64)),
        mode="markers",
        name="each run",
        cliponaxis=False,
        marker={"symbol": "circle-open", "size": 11, "color": GREY, "line": {"width": 2}},
        customdata=[[in_plotly(format_value(value)), 100 * accuracy, seed] for value, accuracy, seed in details],
        hovertemplate=f"{in_plotly(label)} <b>%{{customdata[0]}}</b>, seed %{{customdata[2]}}<br>"
        "%{customdata[1]:.2f}%<extra></extra>",
    )
