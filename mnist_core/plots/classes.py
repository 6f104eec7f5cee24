"""Charts by class: how well each is recognised, and how many images it has."""

import pandas as pd
import plotly.graph_objects as go

from mnist_core.plots.style import GREY, PALETTE, polish
from mnist_core.text import in_plotly

_SCORES = (
    ("recall", "Recall", "circle", PALETTE[0]),
    ("precision", "Precision", "diamond", PALETTE[1]),
    ("f1", "F1", "line-ew-open", GREY),
)


def class_scores(scores: pd.DataFrame) -> go.Figure:
    """Precision, recall and F1 of each class, as points, so that the axis may start where the differences are.

    `scores` is what `scores.class_scores` returns.
    """
    figure = go.Figure()
    names = [in_plotly(name) for name in scores.index]
    for column, title, symbol, colour in _SCORES:
        line = {"color": colour, "width": 4} if column == "f1" else {"width": 0}
        figure.add_scatter(
            x=names,
            y=scores[column] * 100,
            customdata=scores["support"],
            mode="markers",
            name=title,
            marker={"symbol": symbol, "size": 20 if column == "f1" else 14, "color": colour, "line": line},
            hovertemplate=f"class <b>%{{x}}</b> (%{{customdata:,}} images)<br>{title} %{{y:.2f}}%<extra></extra>",
        )
    low, high = scores[["precision", "recall"]].min(axis=1) * 100, scores[["precision", "recall"]].max(axis=1) * 100
    for name, bottom, top in zip(names, low, high, strict=True):
        figure.add_shape(
            type="line", x0=name, x1=name, y0=bottom, y1=top, layer="below", line={"color": GREY, "width": 2}
        )
    polish(figure)
    figure.update_xaxes(title_text="Class", type="category", showgrid=False)
    figure.update_yaxes(title_text="Score (%)")
    return figure


def class_counts(counts: pd.DataFrame) -> go.Figure:
    """Number of images of each class (row) in each split (column)."""
    figure = go.Figure()
    for index, split in enumerate(counts.columns):
        figure.add_bar(
            x=[in_plotly(name) for name in counts.index],
            y=counts[split],
            name=str(split),
            marker={"color": PALETTE[index % len(PALETTE)]},
            text=counts[split],
            texttemplate="%{text:,}",
            textposition="outside",
            textangle=-90 if len(counts.columns) > 1 else 0,
            textfont={"size": 14},
            constraintext="none",
            cliponaxis=False,
            hovertemplate=f"class <b>%{{x}}</b>, {split}<br>%{{y:,}} images<extra></extra>",
        )
    polish(figure)
    figure.update_layout(barmode="group", bargap=0.25)
    figure.update_xaxes(title_text="Class", type="category", showgrid=False)
    most = counts.to_numpy().max(initial=1)
    # Leave room above the bars for the numbers.
    figure.update_yaxes(title_text="Images", tickformat=",", range=[0, 1.15 * most])
    return figure
