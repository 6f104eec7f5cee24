"""Learning curves of the chosen runs over one another, run by run or as means over seeds, and their best values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from dashboard.components import data_table, line_chart, table_rows
from dashboard.controls import compared_runs, run_table
from dashboard.frame import choose_option, errors_as_messages
from mnist_core.analysis import SPREAD_BANDS, SeedGroup, SpreadBand, measures, seed_groups
from mnist_core.plots import MOST_MARKED_CURVES, CurveAxis, Metric, RunCurves, learning_curves, run_label
from mnist_core.store import Run
from mnist_core.text import decimals

_METRICS: list[Metric] = ["loss", "accuracy"]
_AXES: list[CurveAxis] = ["step", "epoch", "seconds", "images"]


@dataclass(frozen=True)
class _Choice:
    """What the controls say."""

    metric: Metric
    x: CurveAxis
    smoothing: float
    log_x: bool
    log_y: bool
    # None: each run has a line of its own
    band: SpreadBand | None


@dataclass(frozen=True)
class _Drawn:
    """The chart, of many lines as JSON for `line_chart`; best and last values of each line; how many lines."""

    figure: go.Figure | str
    extremes: pd.DataFrame
    # of the columns of `extremes` that are means over seeds
    decimals: dict[str, list[int]]
    lines: int


def show_learning_curves(runs: Sequence[Run]) -> None:
    """Loss or accuracy over the course of training, all runs or groups of seeds over one another."""
    st.subheader("Learning curves")
    choice = _controls()
    drawn = _drawn(tuple((run.id, run.state, run.step, run.name) for run in runs), choice, runs)
    if drawn is None:
        st.info("None of these runs has learned a step yet.")
        return
    if isinstance(drawn.figure, str):
        label = f"Learning curves: {choice.metric} of {drawn.lines} lines across {choice.x}"
        line_chart("many-curves", drawn.figure, label)
    else:
        st.plotly_chart(drawn.figure, key="curves", config=compared_runs.PLOTLY_CONFIG)
    st.caption(_explained(choice, drawn.lines, runs))
    if choice.metric == "loss" and (note := measures.training_loss_note(runs)):
        st.caption(note)
    height = None if drawn.lines <= MOST_MARKED_CURVES else 460
    rows = table_rows(drawn.extremes, _columns(choice.metric, runs), drawn.decimals)
    data_table("extremes", rows, "Best and last values of each line", height)


@st.cache_resource(show_spinner=False, max_entries=20)
def _drawn(as_they_are: tuple[tuple[object, ...], ...], choice: _Choice, _runs: Sequence[Run]) -> _Drawn | None:
    """What is shown, made once for all who open the same link; None if no run has learned a step."""
    names = (f"train_{choice.metric}", f"validation_{choice.metric}", "epoch_train_loss")
    found = {}
    for run in _runs:
        with errors_as_messages():
            found[run.id] = compared_runs.load_curves(run, names)
    runs = [run for run in _runs if run.id in found]
    if all(len(series.value) == 0 for own in found.values() for series in own.values()):
        return None
    together = seed_groups(runs) if choice.band else []
    figure = learning_curves(
        found,
        runs,
        choice.metric,
        choice.x,
        choice.smoothing,
        choice.log_x,
        choice.log_y,
        together,
        choice.band or SPREAD_BANDS[0],
    )
    lines = together or [SeedGroup(run.name, (run,)) for run in runs]
    extremes, digits = _extremes(lines, found, choice.metric, grouped=bool(together))
    return _Drawn(figure if len(lines) <= MOST_MARKED_CURVES else str(figure.to_json()), extremes, digits, len(lines))


def _controls() -> _Choice:
    with st.container(horizontal=True, vertical_alignment="bottom", key="curve-controls"):
        metric: Metric = choose_option(
            "Of",
            _METRICS,
            default="loss",
            key="metric",
            help="Loss is what training lowers; accuracy is the share of right answers.",
        )
        x: CurveAxis = choose_option(
            "Across",
            _AXES,
            default="step",
            key="x",
            help="What the horizontal axis counts. Runs of other batch sizes compare best by epoch or seconds.",
        )
        smoothing = st.slider(
            "Smoothing",
            0.0,
            0.99,
            0.8,
            0.01,
            key="smoothing",
            bind="query-params",
            width=220,
            help="Weight of the past in the bold training curve: a moving average in which a value counts for the "
            "stretch of the axis that it stands for. The raw curve stays faint behind it, its spikes included.",
        )
        log_x = st.toggle("Log x", key="log_x", bind="query-params", help="Logarithmic horizontal axis.")
        log_y = st.toggle(
            "Log y", key="log_y", bind="query-params", help="Logarithmic axis of the loss, or of the errors."
        )
        together = st.toggle(
            "Seeds as one line",
            key="curve_seeds",
            bind="query-params",
            help="Runs that differ in their seed only become one line, their mean, with a band around it. A lone run "
            "stays as it is.",
        )
        band: SpreadBand = SPREAD_BANDS[0]
        if together:
            band = st.selectbox(
                "Band",
                list(SPREAD_BANDS),
                key="curve_band",
                bind="query-params",
                width=220,
                help="Standard deviation: how far single seeds lie from their mean. Standard error: how far the mean "
                "may lie from that of all seeds. 95 % interval: where the mean of all seeds lies, by Student's t.",
            )
    return _Choice(metric, x, smoothing, log_x, log_y, band if together else None)


def _explained(choice: _Choice, lines: int, runs: Sequence[Run]) -> str:
    text = (
        f"Bold: training, the mean of the seeds. Band: {choice.band}; a lone run has none."
        if choice.band
        else "Bold: training, smoothed; faint: as measured, with every spike."
        if choice.smoothing
        else "Solid: training, as measured, with every spike."
    )
    isolate = " A click on a name shows that line alone, another one brings all back." if lines > 1 else ""
    marks = " with marks" if lines <= MOST_MARKED_CURVES else ""
    per_epoch = {
        measures.HELD_OUT: f" Dashed{marks}: validation.",
        measures.ON_TEST: f" Dotted{marks}: the test "
        "images after each epoch, which chose the best one, so this is optimistic.",
    }
    labels = {run.validation_label for run in runs}
    return text + "".join(said for label, said in per_epoch.items() if label in labels) + isolate


def _extremes(
    shown: Sequence[SeedGroup], found: Mapping[str, RunCurves], metric: Metric, grouped: bool
) -> tuple[pd.DataFrame, dict[str, list[int]]]:
    """Best and last values of each line as a table, and how many decimals the spread of its seeds supports."""
    digits: list[tuple[int, int, int]] = []
    most = 2 if metric == "accuracy" else 4
    rows, lines = [], run_table.line_images([group.one_per_seed[0] for group in shown])
    for group, line in zip(shown, lines, strict=True):
        every = np.array([_best_and_last(found[run.id], metric) for run in group.one_per_seed])
        begun = np.isfinite(every[:, 0])
        values = every[begun] if begun.any() else every[:1]
        best, epoch, last, loss = values.mean(0)
        spread = values.std(axis=0, ddof=1) if len(values) > 1 else np.full(4, np.nan)
        first = group.one_per_seed[0]
        rows.append(
            {
                "Line": line,
                "Name": group.name if len(values) > 1 else run_label(first),
                "Seeds": len(values),
                "Best": best,
                "±": spread[0],
                "Epoch": epoch,
                "Last": last,
                "On": first.validation_label,
                "Training loss": loss,
                "Loss": first.training_loss_label,
            }
        )
        digits.append((decimals(spread[0], most), decimals(spread[2], most), decimals(spread[3], 4)))
    frame = pd.DataFrame(rows)
    best_digits, last_digits, loss_digits = map(list, zip(*digits, strict=True))
    places = {"Best": best_digits, "±": best_digits, "Last": last_digits, "Training loss": loss_digits}
    unneeded = [] if grouped else ["Seeds", "±"]
    unneeded += ["On"] * (frame["On"].nunique() < 2) + ["Loss"] * all(label == "" for label in frame["Loss"])
    return frame.drop(columns=unneeded), places


def _best_and_last(curves: RunCurves, metric: Metric) -> tuple[float, float, float, float]:
    """Best value after an epoch and that epoch, the last one, lowest training loss of an epoch; NaN where none is."""
    held, loss = curves[f"validation_{metric}"], curves["epoch_train_loss"].value
    scale, sign = (100, -1) if metric == "accuracy" else (1, 1)
    known = np.flatnonzero(np.isfinite(held.value))
    lowest = loss[np.isfinite(loss)].min(initial=np.inf)
    least = float(lowest) if np.isfinite(lowest) else np.nan
    if not len(known):
        return np.nan, np.nan, np.nan, least
    at = known[np.argmin(sign * held.value[known])]
    return scale * float(held.value[at]), float(held.epoch[at]), scale * float(held.value[-1]), least


def _columns(metric: Metric, runs: Sequence[Run]) -> dict[str, Any]:
    column = st.column_config
    form = "%.2f%%" if metric == "accuracy" else "%.4f"
    mean = " The mean where a line is of several seeds."
    heading = measures.validation_heading(runs, metric)
    heading = heading[:1].lower() + heading[1:]
    return {
        "Line": column.ImageColumn("Line", width=58, pinned=True, help="Colour and dash on the chart."),
        "Name": column.TextColumn(width="medium"),
        "Seeds": column.NumberColumn(width=64, help="Runs with different seeds that the line is of."),
        "Best": column.NumberColumn(
            f"Best: {heading}",
            format=form,
            help=f"{metric.title()} on the images that choose the best epoch, at its best.{mean}",
        ),
        "±": column.NumberColumn("± sd", format=form, help="Standard deviation of the best values between seeds."),
        "Epoch": column.NumberColumn("at epoch", format="%.4g", help=f"The first epoch with that value.{mean}"),
        "Last": column.NumberColumn(f"Last: {heading}", format=form, help=f"After the last epoch.{mean}"),
        "On": column.TextColumn(
            "Measured on",
            width="small",
            help="Validation: images held out of training. Test: the test images chose the best epoch, so the best "
            "value is optimistic.",
        ),
        "Training loss": column.NumberColumn(
            "Lowest training loss", format="%.4f", help=f"Of a whole epoch, not of one lucky batch.{mean}"
        ),
        "Loss": column.TextColumn(
            "Training loss is", width="small", help="What it has in it more than the loss after each epoch."
        ),
    }
