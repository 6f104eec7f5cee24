"""Learning curves of means over each epoch, as the published studies drew them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from mnist_core.plots.curve_chart import (
    CurveChart,
    Entry,
    Kind,
    Line,
    make_line,
    make_panel,
    points_of_line,
)
from mnist_core.plots.curve_view import (
    LearningRun,
    Metric,
    View,
    is_optimistic,
    per_epoch_dash,
    short_validation_label,
    training_loss_label,
    validation_label,
)
from mnist_core.plots.style import MISTAKE, PALETTE, RunStyle, run_label, run_styles
from mnist_core.store import MetricSeries, RunCurves


def epoch_curves(
    recorded: Mapping[str, RunCurves],
    runs: Sequence[LearningRun],
    metric: Metric = "loss",
    names: Mapping[str, str] | None = None,
) -> CurveChart:
    """Means over each epoch: training in the run's dash, validation dashed, test images that choose the epoch dotted.

    A single run is in blue and red, as in the course. `recorded` holds each run's curves by its id (epoch_train_loss
    and validation_loss, or the same of accuracy, which is drawn in per cent); `names` what the legend calls a run
    instead of its number and name.
    """
    alone, styles, points = len(runs) == 1, run_styles(runs), points_of_line(len(runs))
    view = View(metric, "epoch", log_x=False, log_y=False)
    lines: list[Line] = []
    entries: list[Entry] = []
    # The kinds of curves after each epoch, with their dashes.
    kinds: dict[str, str] = {}
    for run in runs:
        curves, held = recorded.get(run.id, {}), validation_label(run)
        if not any(len(series.value) for series in curves.values()):
            continue
        label = (names or {}).get(run.id) or run_label(run)
        style = RunStyle(PALETTE[0], "solid", "circle") if alone else styles[run.number]
        for kind, column in (("training", f"epoch_train_{metric}"), (held, f"validation_{metric}")):
            line = _line(curves.get(column), run, kind, view, style, points)
            if kind == held:
                if not len(line.y):
                    continue
                kinds[held] = per_epoch_dash(is_optimistic(run))
                line = replace(line, dash=kinds[held], width=2.0, symbol=style.symbol)
            if alone:
                colour = MISTAKE if kind == held else line.colour
                line = replace(line, group=f"{run.id} {kind}", colour=colour)
                short = short_validation_label(run) if kind == held else kind
                entries.append(Entry(line.group, kind, label, short, colour, line.dash))
            lines.append(line)
        if not alone:
            entries.append(Entry(run.id, label, label, str(run.number), style.colour, style.dash))
    key = [] if alone else [Kind("training", "solid")]
    key += [] if alone else [Kind(kind, dash, 2, has_marks=True) for kind, dash in kinds.items()]
    panel = make_panel(view.title, metric, False, lines)
    return CurveChart(view.x_axis(lines), (panel,), tuple(entries), tuple(key))


def _line(series: MetricSeries | None, run: LearningRun, kind: str, view: View, style: RunStyle, points: int) -> Line:
    more = training_loss_label(run) if (kind, view.metric) == ("training", "loss") else ""
    epochs = np.empty(0) if series is None else series.epoch.astype(np.float64)
    values = np.empty(0) if series is None else view.up(series.value)
    text = f"{kind} {view.metric} {more}".strip()
    return make_line(run.id, kind, run.id, "curve", text, (epochs, epochs, values), style, points)
