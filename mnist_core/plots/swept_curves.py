"""All curves of a sweep, coloured by the swept value."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mnist_core.analysis import HELD_OUT, ON_TEST
from mnist_core.config import format_value
from mnist_core.plots.style import accuracy_axis, errors_of, log_axis, polish
from mnist_core.plots.swept_scale import swept_scale
from mnist_core.plots.swept_style import add_colour_bar, shortened
from mnist_core.text import in_plotly


def sweep_curves(
    metrics: Mapping[str, pd.DataFrame],
    table: pd.DataFrame,
    field: str,
    label: str,
    metric: Literal["accuracy", "loss"] = "accuracy",
    split: Literal["validation", "train"] = "validation",
) -> go.Figure:
    """Every run's curve over epochs, coloured by its value of one swept field, with the scale of colours above.

    `metrics` holds each run's rows of the store by its id, `table` a row a run (see `sweeps.sweep_table`). Accuracies
    are drawn on a scale of errors (%), losses on a logarithmic one. The axis and each point say on which images the
    epochs were chosen, where the table's column `chosen_on` does.
    """
    kinds = _kinds_of_images(table, split)
    name = f"validation_{metric}" if split == "validation" else f"epoch_train_{metric}"
    scale = swept_scale(table[field].tolist())
    figure = go.Figure()
    heights: list[float] = []
    for value in scale.values:
        runs = table.loc[[format_value(other) == format_value(value) for other in table[field].tolist()], :]
        x, y, details = _joined_curves(metrics, runs, name, metric, kinds)
        heights += [height for height in y if height is not None]
        figure.add_scatter(
            x=x,
            y=y,
            customdata=details,
            mode="lines+markers",
            name=shortened(format_value(value)),
            line={"color": scale.colour(value), "width": 3},
            marker={"size": 6},
            opacity=0.9,
            showlegend=not scale.numeric,
            connectgaps=False,
            hovertemplate=f"<b>{in_plotly(label)} {in_plotly(format_value(value))}</b>, run %{{customdata[0]}}, "
            f"seed %{{customdata[1]}}<br>epoch %{{x}}: %{{customdata[3]}} {metric} "
            + ("%{customdata[2]:.2f}%" if metric == "accuracy" else "%{customdata[2]:.4g}")
            + "<extra></extra>",
        )
    polish(figure)
    if scale.numeric and len(scale.values) > 1:
        add_colour_bar(figure, label, scale.places, scale.ticks())
    title = _axis_title(metric, set(kinds.values()))
    figure.update_xaxes(title_text="Epoch", rangemode="tozero")
    if metric == "accuracy":
        figure.update_yaxes(title_text=f"{title}<br>(%, log scale of errors)", **accuracy_axis(heights))
    else:
        axis = log_axis(0.8 * min(heights), 1.25 * max(heights)) if heights else log_axis(0.01, 10)
        figure.update_yaxes(title_text=f"{title}<br>(cross-entropy, nats)", **axis)
    return figure


def _kinds_of_images(table: pd.DataFrame, split: str) -> dict[str, str]:
    """By run id, in words, the images that its curve was measured on."""
    if split == "train":
        return dict.fromkeys(table["run"], "training")
    if "chosen_on" not in table:
        return dict.fromkeys(table["run"], HELD_OUT)
    kinds = [ON_TEST if kind == ON_TEST else HELD_OUT for kind in table["chosen_on"]]
    return dict(zip(table["run"], kinds, strict=True))


def _joined_curves(
    metrics: Mapping[str, pd.DataFrame], runs: pd.DataFrame, name: str, metric: str, kinds: Mapping[str, str]
) -> tuple[list[float | None], list[float | None], list[list[Any]]]:
    """The curves of some runs as x, y and hover details of one trace, with a gap (None) after each run."""
    x: list[float | None] = []
    y: list[float | None] = []
    details: list[list[Any]] = []
    for run, number, seed in zip(runs["run"], runs["number"], runs["seed"], strict=True):
        rows = metrics.get(run)
        if rows is None or rows.empty:
            continue
        rows = rows[(rows["name"] == name) & rows["value"].between(-1e30, 1e30)]
        values = rows["value"].tolist()
        x += [*rows["epoch"].tolist(), None]
        y += [*(errors_of(np.array(values)).tolist() if metric == "accuracy" else [max(v, 1e-9) for v in values]), None]
        details += [[number, seed, 100 * v if metric == "accuracy" else v, kinds[run]] for v in values]
        details += [[number, seed, None, kinds[run]]]
    return x, y, details


def _axis_title(metric: str, kinds: set[str]) -> str:
    """Title of the vertical axis, by the images that the curves were measured on."""
    if len(kinds) > 1:
        return f"{metric.capitalize()} after each epoch"
    kind = next(iter(kinds), HELD_OUT)
    return f"Test {metric} (optimistic)" if kind == ON_TEST else f"{kind.capitalize()} {metric}"
