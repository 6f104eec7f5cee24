"""The confusion matrix with the mistakes highlighted, and that of one run minus another's."""

from collections.abc import Callable, Sequence

import numpy as np
import plotly.graph_objects as go

from mnist_core.plots.style import (
    A_COLOUR,
    B_COLOUR,
    DARK,
    GREY,
    LIGHT,
    MISTAKE,
    PALETTE,
    contrast,
    mixed,
    polish,
    tint,
)
from mnist_core.text import in_plotly

# With more classes than this, numbers appear only on hovering.
_MOST_WRITTEN = 20
# The diagonal is grey, so that the mistakes stand out.
_RIGHT_SHARE = 0.22


def confusion_matrix(matrix: np.ndarray, classes: Sequence[str], dark: bool = False) -> go.Figure:
    """Counts (C, C) with true classes as rows and predicted ones as columns; redder means more mistakes (log scale).

    Every cell can be clicked: its customdata begins with the indices of the true and of the predicted class. `dark`
    says whether the page is dark, for the colour of the counts.
    """
    wrong = np.array(matrix, dtype=np.float64)
    np.fill_diagonal(wrong, 0)
    share = _shares(wrong)
    figure = go.Figure()
    _fill(figure, np.where(share > 0, share, np.nan), MISTAKE)
    _fill(figure, np.where(np.eye(len(classes), dtype=bool), _RIGHT_SHARE, np.nan), GREY)

    def note(row: int, column: int) -> tuple[str, str, float]:
        right = row == column
        fill, opacity = (GREY, _RIGHT_SHARE) if right else (MISTAKE, share[row, column])
        return f"{matrix[row, column]:,}", fill, opacity

    _write_numbers(figure, matrix, note, dark)
    totals = matrix.sum(axis=1)
    details = [
        [int(count), int(total), count / max(total, 1)]
        for counts, total in zip(matrix, totals, strict=True)
        for count in counts
    ]
    hover = "%{customdata[4]:,} of %{customdata[5]:,} images (%{customdata[6]:.1%})<extra></extra>"
    # An outline that is visible on red and on grey.
    _add_cells(figure, classes, details, hover, PALETTE[0])
    return _finished(figure, classes)


def confusion_difference(
    a: np.ndarray, b: np.ndarray, names: tuple[str, str], classes: Sequence[str], dark: bool = False
) -> go.Figure:
    """Confusion matrix of one run minus another's, of which `a` and `b`, both (C, C), are the counts.

    Blue cells hold more images of the first run, orange ones more of the second (log scale); a quiet 0 stands where
    both put equally many. Clicks and `dark` as in `confusion_matrix`.
    """
    difference = a - b
    share = _shares(np.abs(difference))
    figure = go.Figure()
    for mask, colour in ((difference > 0, A_COLOUR), (difference < 0, B_COLOUR)):
        _fill(figure, np.where(mask, share, np.nan), colour)

    def note(row: int, column: int) -> tuple[str, str, float]:
        value = difference[row, column]
        text = f"{value:+,}".replace("-", "−") if value else "0"
        return text, A_COLOUR if value > 0 else B_COLOUR, share[row, column]

    _write_numbers(figure, a + b, note, dark)
    details = np.stack((a, b, difference), axis=2).reshape(-1, 3).tolist()
    hover = (
        f"{in_plotly(names[0])}: %{{customdata[4]:,}} images, {in_plotly(names[1])}: %{{customdata[5]:,}}<br>"
        "difference %{customdata[6]:+,}<extra></extra>"
    )
    _add_cells(figure, classes, details, hover, GREY)
    return _finished(figure, classes)


def _shares(counts: np.ndarray) -> np.ndarray:
    """How strongly each cell of counts (C, C) has its colour, on a logarithmic scale: 0 for none, at most 1."""
    relative = np.log1p(counts) / max(np.log1p(counts.max(initial=0)), np.log(2))
    return np.where(counts > 0, 0.12 + 0.88 * relative, 0)


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


def _write_numbers(
    figure: go.Figure, counts: np.ndarray, note: Callable[[int, int], tuple[str, str, float]], dark: bool
) -> None:
    """Numbers in the cells with images, as annotations: the texts of points fade when one of them is chosen.

    `note` says for a row and a column the text, the colour of the cell and how opaque that is.
    """
    if len(counts) > _MOST_WRITTEN:
        return
    notes = []
    for row, column in np.argwhere(counts).tolist():
        text, colour, share = note(row, column)
        cell = mixed(colour, DARK if dark else LIGHT, float(share))
        ink = max((DARK, LIGHT), key=lambda ink, cell=cell: contrast(ink, cell)) if share else GREY
        notes.append(
            {
                "x": column,
                "y": row,
                "text": f"<b>{text}</b>" if row == column else text,
                "showarrow": False,
                "font": {"size": 17, "color": ink},
                "captureevents": False,
            }
        )
    figure.update_layout(annotations=notes)


def _add_cells(
    figure: go.Figure, classes: Sequence[str], details: Sequence[Sequence[float]], hover: str, outline: str
) -> None:
    """An invisible point a cell, because heat maps can be neither selected nor outlined when clicked.

    The customdata of a cell holds the indices and the names of its true and its predicted class, then its `details`.
    """
    names = [in_plotly(str(name)) for name in classes]
    rows, columns = (indices.ravel().tolist() for indices in np.indices((len(names), len(names))))
    figure.add_scatter(
        x=columns,
        y=rows,
        customdata=[
            [row, column, names[row], names[column], *more]
            for row, column, more in zip(rows, columns, details, strict=True)
        ],
        mode="markers",
        name="cells",
        marker={"symbol": "square-open", "size": 40, "color": outline, "opacity": 0, "line": {"width": 5}},
        selected={"marker": {"opacity": 1}},
        unselected={"marker": {"opacity": 0}},
        hovertemplate=f"true <b>%{{customdata[2]}}</b>, predicted <b>%{{customdata[3]}}</b><br>{hover}",
    )


def _finished(figure: go.Figure, classes: Sequence[str]) -> go.Figure:
    count, names = len(classes), [in_plotly(str(name)) for name in classes]
    polish(figure, height=max(420, min(900, 130 + 50 * count)))
    ticks = {"tickmode": "array", "tickvals": list(range(count)), "ticktext": names, "showgrid": False, "ticks": ""}
    figure.update_xaxes(title_text="Predicted class", range=[-0.5, count - 0.5], **ticks)
    figure.update_yaxes(title_text="True class", range=[count - 0.5, -0.5], **ticks)
    figure.update_layout(showlegend=False, hoverdistance=-1, clickmode="event+select", dragmode=False)
    return figure
