"""All curves of a sweep, coloured by the swept value."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import numpy as np
import pandas as pd

from mnist_core.config import EPOCH_CHOICE_LABELS, format_value
from mnist_core.plots.curve_chart import CurveChart, Entry, Line, make_line, make_panel, points_of_line
from mnist_core.plots.curve_view import View
from mnist_core.plots.style import DASHES, SYMBOLS, RunStyle
from mnist_core.plots.swept_scale import swept_scale
from mnist_core.store import MetricSeries, RunCurves


def sweep_curves(
    recorded: Mapping[str, RunCurves],
    table: pd.DataFrame,
    field: str,
    label: str,
    metric: Literal["accuracy", "loss"] = "accuracy",
    split: Literal["validation", "train"] = "validation",
) -> CurveChart:
    """Every run's curve over epochs, coloured by its value of one swept field; the legend has the values, in order.

    `recorded` holds each run's curves by its id, `table` a row a run (see `sweeps.sweep_table`). Accuracies
    are drawn on a scale of errors (%), losses on a logarithmic one. The axis and each curve say on which images the
    epochs were chosen, where the table's column `chosen_on` does.
    """
    images = _images_of_runs(table, split)
    name = f"validation_{metric}" if split == "validation" else f"epoch_train_{metric}"
    scale = swept_scale(table[field].tolist())
    lines, entries = [], []
    points = points_of_line(len(table))
    for index, value in enumerate(scale.values):
        text, dash = format_value(value), tuple(DASHES)[index % len(DASHES)]
        style = RunStyle(scale.colour(value), dash, SYMBOLS[index % len(SYMBOLS)])
        entries.append(Entry(text, text, f"{label} {text}", text, style.colour, dash))
        runs = table.loc[[format_value(other) == text for other in table[field].tolist()], :]
        for run, number, seed in zip(runs["run"], runs["number"], runs["seed"], strict=True):
            kind = f"run {number}, seed {seed}: {_LABELS[images[run]]} {metric}"
            lines += _run_line(recorded.get(run, {}).get(name), run, text, name, kind, style, points)
    title = _axis_title(metric, set(images.values()))
    unit = "%, log scale of errors" if metric == "accuracy" else "cross-entropy, nats"
    panel = make_panel(f"{title} ({unit})", metric, True, lines)
    across = View(metric, "epoch", log_x=False, log_y=True).x_axis(lines)
    return CurveChart(across, (panel,), tuple(entries), ())


def _run_line(
    series: MetricSeries | None, run: str, group: str, name: str, kind: str, style: RunStyle, points: int
) -> list[Line]:
    if series is None or not len(series.value):
        return []
    # NaN is not below anything.
    drawn = np.abs(series.value) <= 1e30
    epochs, values = series.epoch[drawn].astype(np.float64), series.value[drawn]
    heights = 100 * values if name.endswith("accuracy") else np.maximum(values, 1e-9)
    line = make_line(run, "curve", group, "curve", kind, (epochs, epochs, heights), style, points)
    return [replace(line, symbol="circle", opacity=0.9)]


_Images = Literal["train", "validation", "test"]
_LABELS: Mapping[_Images, str] = {
    "train": "training",
    "validation": EPOCH_CHOICE_LABELS["validation"],
    "test": EPOCH_CHOICE_LABELS["test"],
}


def _images_of_runs(table: pd.DataFrame, split: Literal["validation", "train"]) -> dict[str, _Images]:
    """By run id, the images that its curve was measured on; those of the test where they choose its epoch."""
    if split == "train" or "chosen_on" not in table:
        return dict.fromkeys(table["run"], split)
    images: list[_Images] = ["test" if choice == "test" else "validation" for choice in table["chosen_on"]]
    return dict(zip(table["run"], images, strict=True))


def _axis_title(metric: str, images: set[_Images]) -> str:
    """Title of the vertical axis, by the images that the curves were measured on."""
    if len(images) > 1:
        return f"{metric.capitalize()} after each epoch"
    words = {"train": f"Training {metric}", "validation": f"Validation {metric}", "test": f"Test {metric} (optimistic)"}
    return words[next(iter(images), "validation")]
