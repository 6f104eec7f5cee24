"""All curves of a sweep, coloured by the swept value."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mnist_core.analysis import ON_TEST
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
    kinds = table["chosen_on"].tolist() if "chosen_on" in table and split == "validation" else [split] * len(table)
    kind_of = dict(zip(table["run"], [{"train": "training", "–": "validation"}.get(k, k) for k in kinds], strict=True))
    name = f"validation_{metric}" if split == "validation" else f"epoch_train_{metric}"
    scale = swept_scale(table[field].tolist())
    figure = go.Figure()
    heights: list[float] = []
    for value in scale.values:
        x: list[float | None] = []
        y: list[float | None] = []
        details: list[list[Any]] = []
        own = table[[format_value(other) == format_value(value) for other in table[field].tolist()]]
        for run, number, seed in zip(own["run"], own["number"], own["seed"], strict=True):
            rows = metrics.get(run)
            if rows is None or rows.empty:
                continue
            rows = rows[(rows["name"] == name) & rows["value"].between(-1e30, 1e30)]
            values = rows["value"].tolist()
            ups = errors_of(np.array(values)).tolist() if metric == "accuracy" else [max(v, 1e-9) for v in values]
            x += [*rows["epoch"].tolist(), None]
            y += [*ups, None]
            heights += ups
            kind = kind_of[run]
            details += [[number, seed, 100 * v if metric == "accuracy" else v, kind] for v in values]
            details += [[number, seed, None, kind]]
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
    what = _axis_title(metric, set(kind_of.values()))
    figure.update_xaxes(title_text="Epoch", rangemode="tozero")
    if metric == "accuracy":
        figure.update_yaxes(title_text=f"{what}<br>(%, log scale of errors)", **accuracy_axis(heights))
    else:
        axis = log_axis(0.8 * min(heights), 1.25 * max(heights)) if heights else log_axis(0.01, 10)
        figure.update_yaxes(title_text=f"{what}<br>(cross-entropy, nats)", **axis)
    return figure


def _axis_title(metric: str, kinds: set[str]) -> str:
    """Of the vertical axis, by the images that its curves are of."""
    if len(kinds) > 1:
        return f"{metric.capitalize()} after each epoch"
    kind = next(iter(kinds), "validation")
    return f"Test {metric} (optimistic)" if kind == ON_TEST else f"{kind.capitalize()} {metric}"
