"""Whether confidence means what it says: reliability diagrams, and accuracy against coverage."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from mnist_core.plots.style import (
    GREY,
    NamedRun,
    RunStyle,
    accuracy_axis,
    errors_of,
    log_axis,
    plot_label,
    polish,
    run_styles,
    tint,
)
from mnist_core.text import share_text

# A bin with fewer images is drawn faint and not joined by the line: its accuracy is mostly chance.
ENOUGH = 10

# Points of one run's curve; a screen cannot show more.
_MOST_POINTS = 300
# Error bars are drawn for at most this many runs: those of more runs overlap.
_FEW = 2
# Below this coverage the accuracy depends on single images, so the axis is not stretched for it.
_LEAST = 0.05


def reliability_diagram(
    tables: Sequence[pd.DataFrame], runs: Sequence[NamedRun], intervals: Sequence[np.ndarray]
) -> go.Figure:
    """Accuracy (%) over confidence (%), a line a run above the number of its images; perfect lies on the diagonal.

    `tables` are of `calibration.reliability`; `intervals`, float (bins, 2), hold each accuracy's ends as fractions and
    are drawn for a few runs.
    """
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.74, 0.26], vertical_spacing=0.04)
    styles = run_styles(runs)
    figure.add_scatter(
        x=[0, 100],
        y=[0, 100],
        mode="lines",
        line={"color": GREY, "width": 2, "dash": "dot"},
        hoverinfo="skip",
        showlegend=False,
        row=1,
        col=1,
    )
    for table, run, ends in zip(tables, runs, intervals, strict=True):
        _add_reliability(figure, table, run, styles[run.number], ends, with_intervals=len(runs) <= _FEW)
        figure.add_bar(
            x=50 * (table["low"] + table["high"]).to_numpy(),
            y=table["images"],
            name=plot_label(run, 100),
            showlegend=False,
            marker={"color": tint(styles[run.number].colour, 0.65)},
            meta=plot_label(run, 100),
            hovertemplate="<b>%{meta}</b><br>%{y:,} images<extra></extra>",
            row=2,
            col=1,
        )
    polish(figure, height=560)
    most = max((int(table["images"].to_numpy().max()) for table in tables), default=1)
    figure.update_layout(bargap=0.06)
    figure.update_xaxes(range=[0, 101], dtick=20)
    figure.update_xaxes(title_text="Confidence (%)", row=2, col=1)
    figure.update_yaxes(title_text="Accuracy (%)", range=[-2, 103], dtick=20, row=1, col=1)
    figure.update_yaxes(title_text="Images", **log_axis(0.7, max(2 * most, 10), is_short=True), row=2, col=1)
    return figure


def _add_reliability(
    figure: go.Figure, table: pd.DataFrame, run: NamedRun, style: RunStyle, ends: np.ndarray, with_intervals: bool
) -> None:
    """One run's accuracy in each bin of confidence: a line through the bins with enough images, and a point a bin."""
    filled = (table["images"] > 0).to_numpy()
    bins = table.loc[filled, :]
    accuracy, confidence = 100 * bins["accuracy"].to_numpy(), 100 * bins["confidence"].to_numpy()
    low, high = 100 * ends[filled].T
    enough = (bins["images"] >= ENOUGH).to_numpy()
    figure.add_scatter(
        x=confidence[enough],
        y=accuracy[enough],
        mode="lines",
        hoverinfo="skip",
        showlegend=False,
        line={"color": style.colour, "width": 3, "dash": style.dash},
        row=1,
        col=1,
    )
    figure.add_scatter(
        x=confidence,
        y=accuracy,
        mode="markers",
        name=plot_label(run, 26),
        showlegend=False,
        marker={"symbol": style.symbol, "size": 11, "color": style.colour, "opacity": np.where(enough, 1, 0.3)},
        error_y={
            "type": "data",
            "symmetric": False,
            "array": high - accuracy,
            "arrayminus": accuracy - low,
            "thickness": 1.5,
            "width": 3,
            "color": tint(style.colour, 0.45),
            "visible": with_intervals,
        },
        customdata=np.stack((bins["images"], low, high), axis=1),
        meta=plot_label(run, 100),
        cliponaxis=False,
        hovertemplate="<b>%{meta}</b><br>%{x:.1f}% sure on average, right on %{y:.1f}%"
        " (%{customdata[1]:.1f} to %{customdata[2]:.1f}%)<br>%{customdata[0]:,} images<extra></extra>",
        row=1,
        col=1,
    )


def coverage_curves(tables: Sequence[pd.DataFrame], runs: Sequence[NamedRun], share: float) -> go.Figure:
    """Accuracy (%, on a scale of errors) of the surest answers over the share of images that are answered (%).

    `tables` are of `calibration.coverage`; a line stands at `share` (a fraction).
    """
    shown = [_thinned(table) for table in tables]
    heights = [errors_of(table["accuracy"].to_numpy()) for table in shown]
    ends = [
        value
        for table, errors in zip(shown, heights, strict=True)
        for value in errors[table["coverage"].to_numpy() > _LEAST].tolist()
    ]
    figure, styles = go.Figure(), run_styles(runs)
    figure.add_vline(x=100 * share, line={"color": GREY, "width": 2, "dash": "dot"})
    for table, errors, run in zip(shown, heights, runs, strict=True):
        style = styles[run.number]
        shares = zip(table["accuracy"], table["confidence"], strict=True)
        figure.add_scatter(
            x=100 * table["coverage"],
            y=errors,
            mode="lines",
            name=plot_label(run, 26),
            meta=plot_label(run, 100),
            line={"color": style.colour, "width": 3, "dash": style.dash},
            customdata=[[share_text(share, 2) for share in row] for row in shares],
            hovertemplate="<b>%{meta}</b><br>answers the surest %{x:.1f}%, right on %{customdata[0]}<br>"
            "abstains below %{customdata[1]} confidence<extra></extra>",
        )
    polish(figure, height=440)
    figure.update_layout(showlegend=False)
    figure.update_xaxes(title_text="Answered (%, surest first)", range=[0, 101], dtick=20)
    figure.update_yaxes(title_text="Accuracy of these answers (%)", **accuracy_axis(ends))
    return figure


def _thinned(table: pd.DataFrame) -> pd.DataFrame:
    """At most about `_MOST_POINTS` rows, evenly spread over the coverage; the first and the last are kept."""
    wanted = np.linspace(0, 1, _MOST_POINTS)
    rows = np.minimum(np.searchsorted(table["coverage"].to_numpy(), wanted - 1e-12), len(table) - 1)
    return table.iloc[np.unique(rows)]
