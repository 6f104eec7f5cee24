"""Charts by class: how well each is recognised, how many images it has, how probable it is."""

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from mnist_core.plots.style import GREY, PALETTE, RunLike, plot_label, polish, run_style, tint

_SIDE_BY_SIDE = 4
_SCORES = (("recall", "Recall", "circle", PALETTE[0]), ("precision", "Precision", "diamond", PALETTE[1]),
           ("f1", "F1", "line-ew-open", GREY))  # fmt: skip


def class_scores(scores: pd.DataFrame) -> go.Figure:
    """Precision, recall and F1 of each class, as points, so that the axis may start where the differences are.

    `scores` is what `results.class_scores` returns.
    """
    figure = go.Figure()
    names = [str(name) for name in scores.index]
    for column, title, symbol, colour in _SCORES:
        line = {"color": colour, "width": 4} if column == "f1" else {"width": 0}
        figure.add_scatter(
            x=names, y=scores[column] * 100, customdata=scores["support"], mode="markers", name=title,
            marker={"symbol": symbol, "size": 20 if column == "f1" else 14, "color": colour, "line": line},
            hovertemplate=f"class <b>%{{x}}</b> (%{{customdata:,}} images)<br>{title} %{{y:.2f}}%<extra></extra>",
        )  # fmt: skip
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
    for place, split in enumerate(counts.columns):
        figure.add_bar(
            x=[str(name) for name in counts.index], y=counts[split], name=str(split),
            marker={"color": PALETTE[place % len(PALETTE)]}, text=counts[split], texttemplate="%{text:,}",
            textposition="outside", textangle=-90 if len(counts.columns) > 1 else 0, textfont={"size": 14},
            constraintext="none", cliponaxis=False,
            hovertemplate=f"class <b>%{{x}}</b>, {split}<br>%{{y:,}} images<extra></extra>",
        )  # fmt: skip
    polish(figure)
    figure.update_layout(barmode="group", bargap=0.25)
    figure.update_xaxes(title_text="Class", type="category", showgrid=False)
    most = counts.to_numpy().max(initial=1)
    figure.update_yaxes(title_text="Images", tickformat=",", range=[0, 1.15 * most])  # the numbers stand above the bars
    return figure


def probabilities(frame: pd.DataFrame, runs: Sequence[RunLike], truth: str | None = None) -> go.Figure:
    """How probable each class (row, 0 to 1) is to each run (column, in the order of `runs`) for one image.

    Each run's answer is drawn in its full colour; `truth` names the right class, if it is known.
    """
    wide = max(1, min(len(runs), _SIDE_BY_SIDE))
    deep = max(1, -(-len(runs) // wide))
    names = [str(name) for name in frame.index]
    ticks = [f"<b>{name}</b> ✓" if name == truth else name for name in names]
    tall = 60 + 30 * len(names)
    titles = [_answer(run, frame.iloc[:, place]) for place, run in enumerate(runs)]
    figure = make_subplots(
        rows=deep, cols=wide, shared_yaxes=True, subplot_titles=titles,
        horizontal_spacing=0.05, vertical_spacing=0.22 / deep,
    )  # fmt: skip
    for place, run in enumerate(runs):
        values, colour = frame.iloc[:, place] * 100, run_style(run.number).colour
        figure.add_bar(
            y=list(range(len(names))), x=values, orientation="h", row=place // wide + 1, col=place % wide + 1,
            marker={"color": [colour if value == values.max() else tint(colour, 0.45) for value in values]},
            text=[f"{value:.1f}" if value >= 0.05 else "" for value in values], textposition="outside",
            textfont={"size": 15}, cliponaxis=False, showlegend=False, customdata=names, meta=plot_label(run),
            hovertemplate="<b>%{meta}</b><br>class %{customdata}: %{x:.3g}%<extra></extra>",
        )  # fmt: skip
    polish(figure, height=deep * tall + 60)
    figure.update_annotations(font={"size": 17})
    figure.update_layout(margin={"t": 56, "r": 24}, bargap=0.25)
    figure.update_xaxes(range=[0, 112], tickvals=[0, 50, 100])
    figure.update_xaxes(title_text="Probability (%)", row=deep)
    figure.update_yaxes(tickvals=list(range(len(names))), ticktext=ticks, autorange="reversed", showgrid=False)
    figure.update_yaxes(title_text="Class", col=1)
    return figure


def _answer(run: RunLike, column: pd.Series) -> str:
    return f"{plot_label(run)}<br><b>{column.idxmax()}</b> ({column.max():.1%})"
