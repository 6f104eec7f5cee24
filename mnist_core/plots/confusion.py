"""The confusion matrix, drawn so that the mistakes are what one sees."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from mnist_core.plots.style import FAINT, MISTAKE, PALETTE, polish, tint

_MOST_WRITTEN = 20  # with more classes, counts are shown on hovering only
_CHOSEN = PALETTE[0]  # outline of the clicked cell; stands out from red and from grey
_WHITE_FROM = 0.62  # shade of the mistake colour from which white is easier to read than the page's own text


def confusion_matrix(matrix: np.ndarray, classes: Sequence[str]) -> go.Figure:
    """Counts (C, C) with true classes as rows and predicted ones as columns; darker means more mistakes (log scale).

    Every cell can be clicked: its customdata begins with the true and the predicted class's places.
    """
    count = len(classes)
    wrong = np.array(matrix, dtype=np.float64)
    np.fill_diagonal(wrong, 0)
    shade = np.log1p(wrong) / max(np.log1p(wrong.max(initial=0)), np.log(2))  # (C, C), 0 to 1
    shade = np.where(wrong > 0, 0.12 + 0.88 * shade, np.nan)
    names = [str(name) for name in classes]
    figure = go.Figure()
    neutral = np.where(np.eye(count, dtype=bool), 1.0, np.nan)
    for values, colours in (
        (neutral, (FAINT, FAINT)),
        (shade, (tint(MISTAKE, 0), tint(MISTAKE, 1))),
    ):
        figure.add_heatmap(
            z=values, zmin=0, zmax=1, colorscale=[[0, colours[0]], [1, colours[1]]], showscale=False, xgap=2, ygap=2,
            hoverinfo="skip",
        )  # fmt: skip
    if count <= _MOST_WRITTEN:
        _write_counts(figure, matrix, shade)
    _add_cells(figure, matrix, names)
    polish(figure, height=max(420, min(900, 130 + 50 * count)))
    ticks = {"tickmode": "array", "tickvals": list(range(count)), "ticktext": names, "showgrid": False, "ticks": ""}
    figure.update_xaxes(title_text="Predicted class", range=[-0.5, count - 0.5], constrain="domain", **ticks)
    figure.update_yaxes(title_text="True class", range=[count - 0.5, -0.5], **ticks)
    figure.update_layout(showlegend=False, hoverdistance=-1, clickmode="event+select", dragmode=False)
    return figure


def _write_counts(figure: go.Figure, matrix: np.ndarray, shade: np.ndarray) -> None:
    """The counts; on dark cells in white, elsewhere in the page's text colour. Points' texts fade when one is chosen."""
    notes = []
    for row, column in zip(*np.nonzero(matrix), strict=True):
        text = f"{matrix[row, column]:,}"
        notes.append({
            "x": int(column), "y": int(row), "text": f"<b>{text}</b>" if row == column else text, "showarrow": False,
            "font": {"size": 16} | ({"color": "#ffffff"} if shade[row, column] >= _WHITE_FROM else {}),
            "captureevents": False,
        })  # fmt: skip
    figure.update_layout(annotations=notes)


def _add_cells(figure: go.Figure, matrix: np.ndarray, names: list[str]) -> None:
    """An invisible point a cell, because heat maps can be neither selected nor outlined when clicked."""
    count = len(names)
    rows, columns = (places.ravel() for places in np.indices((count, count)))
    totals = matrix.sum(axis=1)
    details = [
        [
            int(row), int(column), names[row], names[column], int(matrix[row, column]), int(totals[row]),
            matrix[row, column] / totals[row] if totals[row] else 0.0,
        ]
        for row, column in zip(rows, columns, strict=True)
    ]  # fmt: skip
    figure.add_scatter(
        x=columns, y=rows, customdata=details, mode="markers", name="cells",
        marker={"symbol": "square-open", "size": 40, "color": _CHOSEN, "opacity": 0, "line": {"width": 5}},
        selected={"marker": {"opacity": 1}}, unselected={"marker": {"opacity": 0}},
        hovertemplate="true <b>%{customdata[2]}</b>, predicted <b>%{customdata[3]}</b><br>"
        "%{customdata[4]:,} of %{customdata[5]:,} images (%{customdata[6]:.1%})<extra></extra>",
    )  # fmt: skip
