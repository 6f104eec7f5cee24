"""Runs image by image: who is right, which classes each is better at, whose mistakes are whose, what was forgotten."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from mnist_core.analysis import p_text, points_text
from mnist_core.plots.style import (
    A_COLOUR,
    B_COLOUR,
    FAINT,
    GREY,
    MISTAKE,
    PALETTE,
    NamedRun,
    accuracy_axis,
    errors_of,
    name_lines,
    plot_label,
    polish,
    run_styles,
    tint,
)
from mnist_core.text import in_plotly

# Height of a row of dots, in pixels.
_ROW = 44
# Distance between two columns of dots, as a share of the longest bar.
_DOT_STEP = 0.18
_NAME_LENGTH = 26


@dataclass(frozen=True)
class AgreementRow:
    """Some images in the chart of who is right."""

    # A label in words.
    name: str
    images: int
    # Which runs have these images right, for a row of dots; empty for a row without dots.
    right: tuple[bool, ...] = ()
    # How many of the runs have them right.
    kind: Literal["all", "some", "none"] = "some"


def who_is_right(bars: Sequence[AgreementRow], runs: Sequence[NamedRun], chosen: int) -> go.Figure:
    """A row a group of images: filled dots for the runs that have them right, and a bar as long as they are many.

    One bar that is much longer than the others is cut, and says so. A click anywhere in a row selects it: the first
    of its customdata is its index in `bars`. The row `chosen` is marked.
    """
    longest = _longest_bar(bars)
    lengths = [min(float(bar.images), longest) for bar in bars]
    cut = [length < bar.images for bar, length in zip(bars, lengths, strict=True)]
    dots = len(bars[0].right)
    step = min(_DOT_STEP, 0.9 / max(dots, 1)) * longest
    start, end = -(dots + 0.4) * step, (1.75 if any(cut) else 1.3) * longest
    figure, styles = go.Figure(), run_styles(runs)
    _mark_row(figure, chosen, start, end)
    figure.add_bar(
        x=lengths,
        y=list(range(len(bars))),
        orientation="h",
        width=0.62,
        hoverinfo="skip",
        cliponaxis=False,
        marker={
            "color": [_bar_colour(bar, dots) for bar in bars],
            "opacity": [0.45 if is_cut else 1 for is_cut in cut],
        },
        text=[f" {bar.images:,}{' (cut)' * is_cut}" for bar, is_cut in zip(bars, cut, strict=True)],
        textposition="outside",
        textfont={"size": 17},
        constraintext="none",
    )
    for column in range(dots):
        number = runs[column].number
        _add_dots(figure, bars, number, styles[number].colour, column, start + (column + 0.6) * step)
    _add_click_targets(figure, bars, start, end)
    polish(figure, height=60 + _ROW * len(bars) + (24 if dots else 0))
    figure.update_layout(barmode="overlay", showlegend=False, clickmode="event+select", dragmode=False)
    figure.update_xaxes(visible=False, range=[start, end], fixedrange=True)
    figure.update_yaxes(
        tickvals=list(range(len(bars))),
        # Rows in which only some runs are right need no name: the dots show it.
        ticktext=["" if 0 < sum(bar.right) < dots else in_plotly(bar.name) for bar in bars],
        range=[len(bars) - 0.45, -1.1 if dots else -0.55],
        showgrid=False,
        fixedrange=True,
    )
    return figure


def class_accuracies(table: pd.DataFrame, runs: Sequence[NamedRun], classes: Sequence[str]) -> go.Figure:
    """Accuracy (%, on a scale of errors) of each run on the images of each class, one dot a run.

    `table` as agreement.class_accuracy returns it.
    """
    figure = go.Figure()
    step, styles = 0.6 / max(len(runs), 4), run_styles(runs)
    for index, run in enumerate(runs):
        style = styles[run.number]
        shift = (index - (len(runs) - 1) / 2) * step
        figure.add_scatter(
            x=np.arange(len(classes)) + shift,
            y=errors_of(table[run.number].to_numpy()),
            mode="markers",
            name=plot_label(run, _NAME_LENGTH),
            customdata=[[in_plotly(name), 100 * value] for name, value in zip(classes, table[run.number], strict=True)],
            marker={"symbol": style.symbol, "size": 13, "color": style.colour},
            cliponaxis=False,
            meta=plot_label(run),
            hovertemplate="<b>%{meta}</b><br>class %{customdata[0]}: %{customdata[1]:.2f}%<extra></extra>",
        )
    for index in range(len(classes) - 1):
        figure.add_vline(x=index + 0.5, line={"color": FAINT, "width": 1})
    polish(figure)
    _class_axis(figure, classes)
    shown_errors = errors_of(table.to_numpy()[table.notna().to_numpy()])
    figure.update_yaxes(title_text="Accuracy (%, log scale of errors)", **accuracy_axis(shown_errors))
    return figure


def class_differences(table: pd.DataFrame, a: NamedRun, b: NamedRun, classes: Sequence[str]) -> go.Figure:
    """Accuracy of run a minus run b (percentage points) in each class with its interval.

    `table` as agreement.class_differences. A full dot: the interval of this class alone leaves out 0; a ring:
    it does not.
    """
    difference, low, high = (100 * table[name].to_numpy() for name in ("difference", "low", "high"))
    sure = (low > 0) | (high < 0)
    colours = [A_COLOUR if value > 0 else B_COLOUR if value < 0 else GREY for value in difference]
    figure = go.Figure()
    figure.add_hline(y=0, line={"color": GREY, "width": 2})
    for x, colour, bottom, top in zip(table["class"], colours, low, high, strict=True):
        figure.add_shape(type="line", x0=x, x1=x, y0=bottom, y1=top, layer="below", line={"color": colour, "width": 4})
    figure.add_scatter(
        x=table["class"],
        y=difference,
        mode="markers",
        showlegend=False,
        cliponaxis=False,
        marker={
            "size": 17,
            "color": colours,
            "symbol": ["circle" if is_sure else "circle-open" for is_sure in sure],
            "line": {"width": 3, "color": colours},
        },
        customdata=[
            [
                in_plotly(str(classes[row["class"]])),
                row["images"],
                row["only_a"],
                row["only_b"],
                points_text(row["low"]),
                points_text(row["high"]),
                p_text(row["p"]),
                p_text(row["adjusted"]),
            ]
            for row in table.to_dict("records")
        ],
        hovertemplate="class <b>%{customdata[0]}</b> (%{customdata[1]:,} images)<br>%{y:+.2f} points, "
        "95 % interval %{customdata[4]} to %{customdata[5]} (this class alone)<br>%{customdata[6]}, corrected for "
        f"{len(table)} classes: %{{customdata[7]}}<br>"
        f"only run {a.number} is right on %{{customdata[2]:,}}, only run {b.number} on %{{customdata[3]:,}}"
        "<extra></extra>",
    )
    polish(figure)
    _class_axis(figure, classes)
    figure.update_yaxes(title_text=f"Run {a.number} minus run {b.number} (points)", tickformat="+~g")
    return figure


def forgetting_course(table: pd.DataFrame) -> go.Figure:
    """Images right after each epoch, and below how many were learned and forgotten since the one before.

    `table` as forgetting.forgetting_course returns it, of at least two epochs.
    """
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.08, row_heights=[0.4, 0.6])
    hover = "epoch %{x}<br>%{customdata:,} images "
    figure.add_scatter(
        x=table["epoch"],
        y=table["right"],
        customdata=table["right"],
        mode="lines+markers",
        showlegend=False,
        line={"color": GREY, "width": 3},
        marker={"size": 9},
        hovertemplate=f"{hover}right<extra></extra>",
        row=1,
        col=1,
    )
    # Leave out the first epoch: all images that are right then were learned, and thousands would hide the rest.
    later = table.iloc[1:]
    few = len(later) <= 12
    for name, sign, colour in (("learned", 1, PALETTE[0]), ("forgotten", -1, MISTAKE)):
        figure.add_bar(
            x=later["epoch"],
            y=sign * later[name],
            customdata=later[name],
            name=f"{name} since the epoch before",
            marker={"color": colour},
            text=later[name] if few else None,
            texttemplate="%{text:,}" if few else None,
            textposition="outside",
            textfont={"size": 15},
            cliponaxis=False,
            constraintext="none",
            hovertemplate=f"{hover}{name}<extra></extra>",
            row=2,
            col=1,
        )
    polish(figure, height=520)
    most = 1.25 * max(1, int(later[["learned", "forgotten"]].to_numpy().max(initial=1)))
    figure.update_layout(barmode="relative", bargap=0.3)
    figure.update_yaxes(title_text="Right", tickformat=",", nticks=4, row=1, col=1)
    figure.update_yaxes(title_text="Changed", range=[-most, most], zeroline=True, zerolinecolor=GREY, row=2, col=1)
    figure.update_yaxes(tickvals=[0], ticktext=["0"], row=2, col=1)
    figure.update_xaxes(title_text="Epoch", row=2, col=1)
    if few:
        figure.update_xaxes(tickvals=table["epoch"].tolist())
    return figure


def accuracy_without(table: pd.DataFrame, runs: Sequence[NamedRun]) -> go.Figure:
    """Accuracy (%, on a scale of errors) of each run on all images (ring) and without some (dot), a line a run.

    `table` as agreement.accuracy_without returns it, its rows in the order of `runs`.
    """
    shares = [table[name].to_numpy() for name in ("accuracy", "accuracy_without")]
    before, after = (errors_of(values) for values in shares)
    rows = list(range(len(runs)))
    styles = run_styles(runs)
    colours = [styles[run.number].colour for run in runs]
    figure = go.Figure()
    name_lines(figure, [plot_label(run, _NAME_LENGTH) for run in runs], rows, lift=0.38)
    for row in rows:
        figure.add_shape(
            type="line",
            x0=before[row],
            x1=after[row],
            y0=row,
            y1=row,
            layer="below",
            line={"color": colours[row], "width": 3},
        )
    for share, name, symbol in zip(shares, ("all images", "without them"), ("circle-open", "circle"), strict=True):
        border = {"width": 3 if symbol == "circle-open" else 0}
        figure.add_scatter(
            x=errors_of(share),
            y=rows,
            mode="markers",
            showlegend=False,
            cliponaxis=False,
            meta=name,
            marker={"symbol": symbol, "size": 16, "color": colours, "line": border},
            customdata=[[plot_label(run, 100), 100 * value] for run, value in zip(runs, share, strict=True)],
            hovertemplate="<b>%{customdata[0]}</b><br>%{meta}: %{customdata[1]:.2f}%<extra></extra>",
        )
        figure.add_scatter(
            x=[None],
            y=[None],
            mode="markers",
            name=name,
            marker={"symbol": symbol, "size": 14, "color": GREY, "line": border},
        )
    polish(figure, height=150 + 64 * max(2, len(runs)))
    # NaN stands for a run without any image left.
    drawn = [error for error in (*before, *after) if error == error]
    figure.update_xaxes(title_text="Accuracy (%, log scale of errors)", **accuracy_axis(drawn))
    figure.update_yaxes(title_text="Run", showticklabels=False, showgrid=False, range=[len(runs) - 0.5, -0.75])
    return figure


def _longest_bar(bars: Sequence[AgreementRow]) -> float:
    """Length, in images, at which bars are cut: that of the longest unless it is three times the next one."""
    counts = sorted((bar.images for bar in bars), reverse=True)
    if len(counts) < 2 or counts[0] < 3 * counts[1]:
        return float(max(1, counts[0]))
    return float(max(1.4 * counts[1], 1))


def _mark_row(figure: go.Figure, row: int, start: float, end: float) -> None:
    """A frame around one row."""
    figure.add_shape(
        type="rect",
        x0=start,
        x1=end,
        y0=row - 0.46,
        y1=row + 0.46,
        layer="below",
        line={"width": 2, "color": PALETTE[0]},
        fillcolor=tint(PALETTE[0], 0.1),
    )


def _add_click_targets(figure: go.Figure, bars: Sequence[AgreementRow], start: float, end: float) -> None:
    """Invisible bars as wide as the rows, which take the clicks: a bar of two images is hard to hit."""
    figure.add_bar(
        x=[end - start] * len(bars),
        base=start,
        y=list(range(len(bars))),
        orientation="h",
        width=0.98,
        name="rows",
        marker={"color": "rgba(0, 0, 0, 0)"},
        selected={"marker": {"opacity": 0}},
        unselected={"marker": {"opacity": 0}},
        customdata=[[row, in_plotly(bar.name), bar.images] for row, bar in enumerate(bars)],
        hovertemplate="<b>%{customdata[1]}</b><br>%{customdata[2]:,} images<extra></extra>",
    )


def _add_dots(figure: go.Figure, bars: Sequence[AgreementRow], number: int, colour: str, column: int, x: float) -> None:
    """A column of dots, filled where the run is right, below the run's number."""
    figure.add_scatter(
        x=[x] * len(bars),
        y=list(range(len(bars))),
        mode="markers",
        hoverinfo="skip",
        marker={
            "symbol": ["circle" if bar.right[column] else "circle-open" for bar in bars],
            "size": 15,
            "color": [colour if bar.right[column] else GREY for bar in bars],
            "line": {"width": 2},
        },
    )
    figure.add_annotation(x=x, y=-0.8, text=f"<b>{number}</b>", showarrow=False, font={"size": 13, "color": colour})


def _bar_colour(bar: AgreementRow, dots: int) -> str:
    if bar.kind == "none":
        return MISTAKE
    return PALETTE[0] if dots and 0 < sum(bar.right) < dots else GREY


def _class_axis(figure: go.Figure, classes: Sequence[str]) -> None:
    figure.update_xaxes(
        title_text="Class",
        showgrid=False,
        tickvals=list(range(len(classes))),
        ticktext=[in_plotly(name) for name in classes],
        range=[-0.6, len(classes) - 0.4],
    )
