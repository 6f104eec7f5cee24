"""Runs against each other: how training, validation and test accuracy differ."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import plotly.graph_objects as go

from mnist_core.plots.style import GREY, NamedRun, accuracy_axis, errors_of, name_lines, plot_label, polish, run_styles

_TRAIN, _VALIDATION = ("circle-open", "training, last epoch"), ("circle", "validation, best epoch")
_TEST, _OPTIMISTIC = ("diamond", "test"), ("diamond-open", "test (optimistic)")
# Each kind of accuracy: its symbol and its name in the legend.
_KINDS = (_TRAIN, _VALIDATION, _TEST, _OPTIMISTIC)
# Longest name above a line, in letters.
_NAME_LENGTH = 26
# How far a name stands above its line, in rows.
_LIFT = 0.38


class ScoredRun(NamedRun, Protocol):
    """What these charts need of a run; accuracies are fractions, None while unknown."""

    @property
    def train_accuracy(self) -> float | None: ...
    @property
    def validation_accuracy(self) -> float | None: ...
    @property
    def test_accuracy(self) -> float | None: ...


def accuracy_dots(runs: Sequence[ScoredRun]) -> go.Figure:
    """Training, validation and test accuracy (%, on a scale of errors), a line a run: a wide one overfits.

    A run that chose its best epoch on the test images has no validation, and its test accuracy is marked as optimistic.
    """
    points = [
        (row, run, kind, float(errors_of(np.array(value))))
        for row, run in enumerate(runs)
        for kind, value in _points(run)
    ]
    figure, styles = go.Figure(), run_styles(runs)
    for row, run in enumerate(runs):
        errors = [error for at, *_, error in points if at == row]
        if errors:
            figure.add_scatter(
                x=[min(errors), max(errors)],
                y=[row, row],
                mode="lines",
                showlegend=False,
                hoverinfo="skip",
                line={"color": styles[run.number].colour, "width": 3},
                opacity=0.45,
            )
    for kind in _KINDS:
        (symbol, title), shown = kind, [point for point in points if point[2] == kind]
        if not shown and kind == _OPTIMISTIC:
            continue
        border = {"width": 3 if symbol.endswith("open") else 0}
        figure.add_scatter(
            x=[error for *_, error in shown],
            y=[row for row, *_ in shown],
            mode="markers",
            showlegend=False,
            customdata=[[plot_label(run, 100), 100 - error] for _, run, *_, error in shown],
            cliponaxis=False,
            marker={
                "symbol": symbol,
                "size": 16,
                "line": border,
                "color": [styles[run.number].colour for _, run, *_ in shown],
            },
            hovertemplate=f"<b>%{{customdata[0]}}</b><br>{title} %{{customdata[1]:.2f}}%<extra></extra>",
        )
        key = {"symbol": symbol, "size": 14, "color": GREY, "line": border}
        figure.add_scatter(x=[None], y=[None], mode="markers", name=title, marker=key)
    polish(figure, height=180 + 64 * max(2, len(runs)))
    figure.update_xaxes(title_text="Accuracy (%, log scale of errors)", **accuracy_axis(error for *_, error in points))
    name_lines(figure, [plot_label(run, _NAME_LENGTH) for run in runs], range(len(runs)), _LIFT)
    figure.update_yaxes(title_text="Run", showticklabels=False, showgrid=False, range=[len(runs) - 0.5, -0.75])
    return figure


def _points(run: ScoredRun) -> list[tuple[tuple[str, str], float]]:
    """The accuracies that a run knows, each with what it stands for."""
    if getattr(run, "optimistic", False):
        test = run.validation_accuracy if run.test_accuracy is None else run.test_accuracy
        held, kind = None, _OPTIMISTIC
    else:
        held, test, kind = run.validation_accuracy, run.test_accuracy, _TEST
    accuracies = [(_TRAIN, run.train_accuracy), (_VALIDATION, held), (kind, test)]
    return [(what, value) for what, value in accuracies if value is not None]
