"""Charts of statistical significance: differences and accuracies with intervals, pairs of runs, seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from mnist_core.analysis import ALPHA, PairedTest, p_digits, p_text, points_text, run_numbers
from mnist_core.plots.style import (
    DARK,
    GREY,
    LIGHT,
    PALETTE,
    NamedRun,
    RunStyle,
    accuracy_axis,
    contrast,
    errors_of,
    mixed,
    name_lines,
    plot_label,
    polish,
    run_styles,
    tint,
)
from mnist_core.text import cut_middle, decimals, fixed_decimals, in_plotly

# Longest name above a line, in letters: as many as fit on a phone.
_NAME_LENGTH, _BESIDE_GROUPS = 40, 30
# Height of a line with its name above it, in pixels.
_ROW = 62
# Colours of a cell whose row's run is better, and worse.
_BETTER, _WORSE = PALETTE[0], PALETTE[1]
# Opacity of a grey cell.
_NO_EVIDENCE = 0.16


def right_alone(a: NamedRun, b: NamedRun, test: PairedTest) -> go.Figure:
    """Two bars: the images that only a has right, and those that only b has right."""
    figure, styles = go.Figure(), run_styles((a, b))
    for row, (run, count) in enumerate(((a, test.only_a), (b, test.only_b))):
        figure.add_bar(
            x=[count],
            y=[row],
            orientation="h",
            width=0.5,
            marker={"color": styles[run.number].colour},
            text=[f"<b>{count:,}</b>"],
            textposition="outside",
            textfont={"size": 22},
            cliponaxis=False,
            hovertemplate=f"only <b>{plot_label(run, 100)}</b> is right: %{{x:,}} images<extra></extra>",
        )
    name_lines(figure, [plot_label(run, _NAME_LENGTH) for run in (a, b)], [0, 1], lift=0.42)
    polish(figure, height=220)
    most = max(test.only_a, test.only_b, 1)
    figure.update_layout(showlegend=False)
    figure.update_xaxes(
        title_text="Images that only this run has right", range=[0, 1.15 * most], tickformat=",d", nticks=6
    )
    figure.update_yaxes(visible=False, range=[1.4, -0.75])
    return figure


def accuracy_difference(a: NamedRun, b: NamedRun, test: PairedTest, p: float) -> go.Figure:
    """The difference in accuracy (percentage points) with its 95 % interval, beside the line of no difference.

    In the colour of the better run where `p`, the one that is judged by, is evidence; grey where it is not.
    """
    better = a if test.difference >= 0 else b
    colour = run_styles((a, b))[better.number].colour if p <= ALPHA else GREY
    low, middle, high = (100 * value for value in (test.low, test.difference, test.high))
    figure = go.Figure()
    figure.add_vline(x=0, line={"color": GREY, "width": 2, "dash": "dash"})
    figure.add_scatter(
        x=[middle],
        y=[0],
        mode="markers",
        cliponaxis=False,
        marker={"size": 20, "color": colour},
        error_x=_whisker([high - middle], [middle - low], colour),
        hovertemplate=f"difference {points_text(test.difference)} points<br>95 % interval of this pair alone "
        f"{points_text(test.low)} to {points_text(test.high)}<extra></extra>",
    )
    reach = 1.25 * max(abs(low), abs(high), 100 / test.images)
    for side, run in ((-1, b), (1, a)):
        figure.add_annotation(
            x=side * reach,
            y=0.8,
            text=f"{'←' if side < 0 else ''} run {run.number} better {'→' if side > 0 else ''}",
            showarrow=False,
            xanchor="left" if side < 0 else "right",
            font={"size": 17},
        )
    polish(figure, height=220)
    figure.update_layout(showlegend=False)
    figure.update_xaxes(title_text="Difference in accuracy (percentage points)", range=[-reach, reach], nticks=7)
    figure.update_yaxes(visible=False, range=[-0.8, 1])
    return figure


@dataclass(frozen=True)
class Standing:
    """A run with its accuracy on the test images and the ends of its interval, as fractions."""

    run: NamedRun
    accuracy: float
    low: float
    high: float


def standings(rows: Sequence[Standing], groups: Sequence[Sequence[int]] = ()) -> go.Figure:
    """Accuracies (%, on a scale of errors) with their intervals, a line a run in the order given.

    `groups` holds indices of `rows` that cannot be told apart; each is a bar at the right, with a dot at its runs.
    """
    figure, styles = go.Figure(), run_styles(standing.run for standing in rows)
    for row, standing in enumerate(rows):
        style = styles[standing.run.number]
        x, low, high = (float(errors_of(np.array(v))) for v in (standing.accuracy, standing.low, standing.high))
        figure.add_scatter(
            x=[x],
            y=[row],
            mode="markers",
            cliponaxis=False,
            xaxis="x",
            marker={"size": 15, "color": style.colour, "symbol": style.symbol},
            error_x=_whisker([low - x], [x - high], style.colour),
            hovertemplate=f"<b>{plot_label(standing.run, 100)}</b><br>accuracy {100 * standing.accuracy:.2f}%<br>"
            f"95 % interval {100 * standing.low:.2f} to {100 * standing.high:.2f}%<extra></extra>",
        )
    _add_group_bars(figure, rows, groups, styles)
    width, length = (0.7, _BESIDE_GROUPS) if groups else (1, _NAME_LENGTH)
    name_lines(figure, [plot_label(standing.run, length) for standing in rows], range(len(rows)), 0.36, width)
    polish(figure, height=100 + (34 if groups else 0) + _ROW * len(rows))
    ends = [float(error) for standing in rows for error in errors_of(np.array([standing.low, standing.high]))]
    figure.update_layout(
        showlegend=False,
        xaxis={"title": {"text": "Accuracy (%, log scale of errors)"}, "domain": [0, width]} | accuracy_axis(ends),
        yaxis={"visible": False, "range": [len(rows) - 0.4, -1.25 if groups else -0.75]},
    )
    if groups:
        _add_group_axis(figure, len(groups))
    return figure


def pair_matrix(runs: Sequence[NamedRun], images: np.ndarray, p: np.ndarray, dark: bool = False) -> go.Figure:
    """Every pair in a cell: how many images more the run of the row has right, and the adjusted p.

    `images` and `p` are (R, R), p symmetric. Blue: evidence that the row is better, orange: that it is worse, grey:
    no evidence. Cells can be clicked: customdata begins with the numbers of the two runs. `dark` says whether the page
    is dark, for the colour of the texts.
    """
    count, ground = len(runs), DARK if dark else LIGHT
    others = ~np.eye(count, dtype=bool)
    strength = np.log1p(np.abs(images)) / max(np.log1p(np.abs(images).max(initial=0)), 1)
    evidence = (p <= ALPHA) & others
    share = np.where(evidence, 0.3 + 0.7 * strength, _NO_EVIDENCE)
    figure = go.Figure()
    for mask, colour in (
        (evidence & (images > 0), _BETTER),
        (evidence & (images < 0), _WORSE),
        (~evidence & others, GREY),
    ):
        figure.add_heatmap(
            z=np.where(mask, share, np.nan),
            zmin=0,
            zmax=1,
            showscale=False,
            xgap=3,
            ygap=3,
            hoverinfo="skip",
            colorscale=[[0, tint(colour, 0)], [1, tint(colour, 1)]],
        )
    pairs = [(int(row), int(column)) for row, column in zip(*np.nonzero(others), strict=True)]
    notes = []
    for row, column in pairs:
        value = int(images[row, column])
        colour = (_BETTER if value > 0 else _WORSE) if evidence[row, column] else GREY
        cell = mixed(colour, ground, float(share[row, column]))
        notes.append(_pair_note(row, column, value, float(p[row, column]), cell, count))
    _add_pair_cells(figure, pairs, runs, images, p)
    polish(figure, height=max(300, min(1000, 90 + 84 * count)))
    ticks: dict[str, Any] = {"tickmode": "array", "tickvals": list(range(count)), "showgrid": False, "ticks": ""}
    figure.update_xaxes(range=[-0.5, count - 0.5], ticktext=[str(run.number) for run in runs], side="top", **ticks)
    figure.update_yaxes(range=[count - 0.5, -0.5], ticktext=[str(run.number) for run in runs], **ticks)
    figure.update_layout(
        annotations=notes, showlegend=False, hoverdistance=-1, clickmode="event+select", dragmode=False
    )
    return figure


@dataclass(frozen=True)
class SeedAccuracies:
    """An architecture: its name, the run that gives it its colour, accuracies by seed, mean and band, as fractions."""

    name: str
    run: NamedRun
    # Accuracy by seed.
    accuracies: Mapping[int, float]
    mean: float
    # The ends of the band are NaN with a single seed.
    low: float
    high: float


def seed_spread(rows: Sequence[SeedAccuracies], band: str) -> go.Figure:
    """A line an architecture: every seed a dot, their mean a diamond, the band (called `band`) around it."""
    figure, styles = go.Figure(), run_styles(row.run for row in rows)
    errors: list[float] = []
    names: list[str] = []
    for y, row in enumerate(rows):
        if not np.isnan(row.low):
            errors += _add_mean(figure, row, y + 0.16, styles[row.run.number].colour, band)
        errors += _add_seeds(figure, row, y - 0.1, styles[row.run.number].colour)
        count = len(row.accuracies)
        names.append(f"{in_plotly(cut_middle(row.name, _NAME_LENGTH))} · {count} seed" + ("" if count == 1 else "s"))
    for name, symbol in (("a seed", "circle"), (f"mean, {band}", "diamond")):
        figure.add_scatter(
            x=[None],
            y=[None],
            mode="markers",
            name=name,
            marker={"symbol": symbol, "size": 14, "color": GREY},
            showlegend=True,
        )
    figure.for_each_trace(lambda trace: trace.update(showlegend=trace.name is not None))
    name_lines(figure, names, [y - 0.1 for y in range(len(rows))], 0.36)
    polish(figure, height=150 + (_ROW + 16) * len(rows))
    figure.update_xaxes(title_text="Test accuracy (%, log scale of errors)", **accuracy_axis(errors))
    figure.update_yaxes(visible=False, range=[len(rows) - 0.4, -0.85])
    return figure


def _add_mean(figure: go.Figure, row: SeedAccuracies, y: float, colour: str, band: str) -> list[float]:
    """The mean with its band; returns the errors at the band's ends."""
    mean, low, high = (float(errors_of(np.array(value))) for value in (row.mean, row.low, row.high))
    digits = decimals(50 * (row.high - row.low), 2)
    ends = [fixed_decimals(100 * value, digits) for value in (row.mean, row.low, row.high)]
    figure.add_scatter(
        x=[mean],
        y=[y],
        mode="markers",
        cliponaxis=False,
        marker={"size": 17, "symbol": "diamond", "color": colour},
        error_x=_whisker([low - mean], [mean - high], colour),
        hovertemplate=f"<b>{in_plotly(row.name)}</b><br>mean {ends[0]}%<br>{band} {ends[1]} to {ends[2]}%"
        "<extra></extra>",
    )
    return [low, high]


def _add_seeds(figure: go.Figure, row: SeedAccuracies, y: float, colour: str) -> list[float]:
    """A dot for each seed; returns their errors."""
    errors = errors_of(np.array(list(row.accuracies.values())))
    figure.add_scatter(
        x=errors,
        y=[y] * len(errors),
        mode="markers",
        cliponaxis=False,
        customdata=[[seed, 100 * value] for seed, value in row.accuracies.items()],
        marker={"size": 13, "color": tint(colour, 0.55), "line": {"width": 1.5, "color": colour}},
        hovertemplate=f"<b>{in_plotly(row.name)}</b><br>seed %{{customdata[0]}}: %{{customdata[1]:.2f}}%"
        "<extra></extra>",
    )
    return errors.tolist()


def _signed(value: int) -> str:
    return f"{value:+,}".replace("-", "−")


def _pair_note(row: int, column: int, value: int, p: float, cell: str, count: int) -> dict[str, Any]:
    """The text of one cell of `count` by `count`, in the colour that has most contrast with the colour `cell`."""
    large, small = (18, 13) if count <= 6 else (15, 12) if count <= 10 else (12, 10)
    return {
        "x": column,
        "y": row,
        "showarrow": False,
        "captureevents": False,
        "text": f"<b>{_signed(value)}</b><br><span style='font-size:{small}px'>{in_plotly(_short_p(p))}</span>",
        "font": {"size": large, "color": max((DARK, LIGHT), key=lambda ink: contrast(ink, cell))},
    }


def _add_pair_cells(
    figure: go.Figure,
    pairs: Sequence[tuple[int, int]],
    runs: Sequence[NamedRun],
    images: np.ndarray,
    p: np.ndarray,
) -> None:
    """An invisible point a cell, because heat maps cannot be selected by a click."""
    figure.add_scatter(
        x=[column for _, column in pairs],
        y=[row for row, _ in pairs],
        customdata=[
            [runs[row].number, runs[column].number, _signed(int(images[row, column])), p_text(float(p[row, column]))]
            for row, column in pairs
        ],
        name="cells",
        mode="markers",
        marker={"symbol": "square", "size": 34, "opacity": 0},
        selected={"marker": {"opacity": 0}},
        unselected={"marker": {"opacity": 0}},
        hovertemplate="run <b>%{customdata[0]}</b> against run <b>%{customdata[1]}</b><br>%{customdata[2]} images"
        f"<br>%{{customdata[3]}}{', corrected (Holm)' if len(runs) > 2 else ''}<extra></extra>",
    )


def _add_group_bars(
    figure: go.Figure, rows: Sequence[Standing], groups: Sequence[Sequence[int]], styles: Mapping[int, RunStyle]
) -> None:
    """A bar for each group of runs that cannot be told apart, on a second horizontal axis."""
    for column, group in enumerate(groups):
        figure.add_scatter(
            x=[column] * len(group),
            y=list(group),
            mode="lines+markers",
            xaxis="x2",
            cliponaxis=False,
            line={"color": tint(GREY, 0.45), "width": 10},
            marker={"size": 17, "color": [styles[rows[index].run.number].colour for index in group]},
            hovertemplate=f"cannot be told apart: {run_numbers([rows[index].run for index in group])}<extra></extra>",
        )


def _add_group_axis(figure: go.Figure, groups: int) -> None:
    """The second horizontal axis, at the right, with its heading."""
    figure.update_layout(
        xaxis2={"domain": [0.74, 1], "visible": False, "range": [-0.6, max(groups - 0.4, 2.6)], "anchor": "y"}
    )
    figure.add_annotation(
        x=0.74,
        xref="paper",
        y=1,
        yref="paper",
        xanchor="left",
        yanchor="top",
        showarrow=False,
        align="left",
        text="Cannot be<br>told apart",
        font={"size": 16},
    )


def _whisker(plus: list[float], minus: list[float], colour: str) -> dict[str, Any]:
    return {"type": "data", "array": plus, "arrayminus": minus, "thickness": 4, "width": 10, "color": colour}


def _short_p(p: float) -> str:
    """A p that fits into a small cell: "p=.53"."""
    sign, number = p_digits(p)
    return f"p{sign}{number.lstrip('0')}"
