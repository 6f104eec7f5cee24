"""The confusion matrix, with the mistakes highlighted."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from mnist_core.plots.style import DARK, LIGHT, MISTAKE, PALETTE, contrast, mixed, polish, tint
from mnist_core.text import in_plotly

# With more classes than this, counts appear only on hovering.
_MOST_WRITTEN = 20
# The diagonal is grey, so that the mistakes stand out.
_RIGHT, _RIGHT_SHARE = "#808080", 0.22
# Outline of the selected cell, visible on red and on grey.
_CHOSEN = PALETTE[0]


def confusion_matrix(matrix: np.ndarray, classes: Sequence[str], dark: bool = False) -> go.Figure:
    """Counts (C, C) with true classes as rows and predicted ones as columns; redder means more mistakes (log scale).

    Every cell can be clicked: its customdata begins with the places of the true and of the predicted class. `dark`
    says whether the page is dark, for the colour of the counts.
    """
    count = len(classes)
    wrong = np.array(matrix, dtype=np.float64)
    np.fill_diagonal(wrong, 0)
    relative = np.log1p(wrong) / max(np.log1p(wrong.max(initial=0)), np.log(2))
    # Shape (C, C): how strongly a cell has the colour of mistakes.
    share = np.where(wrong > 0, 0.12 + 0.88 * relative, 0)
    names = [in_plotly(name) for name in classes]
    figure = go.Figure()
    _fill(figure, np.where(share > 0, share, np.nan), MISTAKE)
    _fill(figure, np.where(np.eye(count, dtype=bool), _RIGHT_SHARE, np.nan), _RIGHT)
    if count <= _MOST_WRITTEN:
        _write_counts(figure, matrix, share, DARK if dark else LIGHT)
    _add_cells(figure, matrix, names)
    polish(figure, height=max(420, min(900, 130 + 50 * count)))
    ticks = {"tickmode": "array", "tickvals": list(range(count)), "ticktext": names, "showgrid": False, "ticks": ""}
    figure.update_xaxes(title_text="Predicted class", range=[-0.5, count - 0.5], **ticks)
    figure.update_yaxes(title_text="True class", range=[count - 0.5, -0.5], **ticks)
    figure.update_layout(showlegend=False, hoverdistance=-1, clickmode="event+select", dragmode=False)
    return figure


def _fill(figure: go.Figure, shares: np.ndarray, colour: str) -> None:
    """Cells in a colour as opaque as their share; NaN stays empty."""
    figure.add_heatmap(
        z=shares,
        zmin=0,
        zmax=1,
        colorscale=[[0, tint(colour, 0)], [1, tint(colour, 1)]],
        showscale=False,
        xgap=2,
        ygap=2,
        hoverinfo="skip",
    )


def _write_counts(figure: go.Figure, matrix: np.ndarray, share: np.ndarray, ground: str) -> None:
    """The counts, as annotations: the texts of points fade when one of them is chosen."""
    notes = []
    for row, column in zip(*np.nonzero(matrix), strict=True):
        right = row == column
        cell = mixed(_RIGHT, ground, _RIGHT_SHARE) if right else mixed(MISTAKE, ground, float(share[row, column]))
        text = f"{matrix[row, column]:,}"
        notes.append(
            {
                "x": int(column),
                "y": int(row),
                "text": f"<b>{text}</b>" if right else text,
                "showarrow": False,
                "font": {"size": 17, "color": max((DARK, LIGHT), key=lambda ink: contrast(ink, cell))},
                "captureevents": False,
            }
        )
    figure.update_layout(annotations=notes)


def _add_cells(figure: go.Figure, matrix: np.ndarray, names: list[str]) -> None:
    """An invisible point a cell, because heat maps can be neither selected nor outlined when clicked."""
    totals = matrix.sum(axis=1)
    rows, columns = (places.ravel().tolist() for places in np.indices(matrix.shape))
    details = [
        [
            row,
            column,
            names[row],
            names[column],
            int(matrix[row, column]),
            int(totals[row]),
            matrix[row, column] / max(totals[row], 1),
        ]
        for row, column in zip(rows, columns, strict=True)
    ]
    figure.add_scatter(
        x=columns,
        y=rows,
        customdata=details,
        mode="markers",
        name="cells",
        marker={"symbol": "square-open", "size": 40, "color": _CHOSEN, "opacity": 0, "line": {"width": 5}},
        selected={"marker": {"opacity": 1}},
        unselected={"marker": {"opacity": 0}},
        hovertemplate="true <b>%{customdata[2]}</b>, predicted <b>%{customdata[3]}</b><br>"
        "%{customdata[4]:,} of %{customdata[5]:,} images (%{customdata[6]:.1%})<extra></extra>",
    )
