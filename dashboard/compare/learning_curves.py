"""Learning curves of the chosen runs in one chart, run by run or as means over seeds, and their best values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.compare.workspace import baseline_of
from dashboard.components import curve_chart, data_table, explained, table_rows
from dashboard.controls import compared_runs, run_columns, show_replay
from dashboard.frame import cached_by_run, choose_option, errors_as_messages, number_ranges
from mnist_core.analysis import SPREAD_BANDS, SeedGroup, SpreadBand, measures, seed_groups
from mnist_core.config import have_same_pictures
from mnist_core.plots import CurveAxis, CurveChart, DifferenceChart, Metric, difference_chart, learning_chart, run_label
from mnist_core.store import Run, RunCurves
from mnist_core.text import decimals, in_markdown

_METRICS: list[Metric] = ["loss", "accuracy"]
_AXES: list[CurveAxis] = ["step", "epoch", "seconds", "images"]
# Where two curves are compared, by what the horizontal axis counts.
_SAME_PLACE: Mapping[CurveAxis, str] = {
    "step": "at the same step",
    "epoch": "at the same epoch",
    "seconds": "after the same seconds of training",
    "images": "after as many images",
}
# A table of at most so many lines is as high as they need.
_SHORT_TABLE = 12


@dataclass(frozen=True)
class _Choice:
    """Values of the controls."""

    metric: Metric
    x: CurveAxis
    smoothing: float
    log_x: bool
    log_y: bool
    # None: each run has its own line.
    band: SpreadBand | None
    # Id of the run from which differences are drawn; "" where the values themselves are.
    baseline: str


@dataclass(frozen=True)
class _Drawn:
    """The chart, best and last values of each line, and their number."""

    chart: CurveChart
    extremes: pd.DataFrame
    # Decimals of each row, by column of `extremes`.
    decimals: dict[str, list[int]]
    lines: int
    # Where differences are drawn, what has to be said of them.
    differences: DifferenceChart | None


def show_learning_curves(runs: Sequence[Run]) -> None:
    """Loss or accuracy over the course of training, of all runs or groups of seeds in one chart."""
    choice = _controls(runs)
    drawn = _drawn(runs, choice)
    if drawn is None:
        st.info("None of these runs has learned a step yet.")
        return
    what = f"{choice.metric} minus the baseline's" if drawn.differences else choice.metric
    label = f"Learning curves: {what} of {drawn.lines} lines across {choice.x}"
    curve_chart("curves", drawn.chart, label)
    if drawn.differences:
        st.caption(_differences_explained(choice, drawn.differences, runs))
    else:
        st.caption(_explained(choice, drawn.lines, runs))
    if choice.metric == "loss" and not drawn.differences and (note := measures.training_loss_note(runs)):
        st.caption(note)
    height = None if drawn.lines <= _SHORT_TABLE else 460
    rows = table_rows(drawn.extremes, _columns(choice.metric, runs), drawn.decimals)
    data_table("extremes", rows, "Best and last values of each line", height)
    _replay(runs)


@st.fragment
def _replay(runs: Sequence[Run]) -> None:
    """A switch; when it is on, what the networks answered in the course of their training."""
    help = "What each network answered for twenty images at any moment of its training, side by side under one slider."
    if st.toggle("How they learned", key="replay", bind="query-params", help=help):
        with errors_as_messages():
            show_replay(runs)


@cached_by_run(max_entries=20)
def _drawn(runs: Sequence[Run], choice: _Choice) -> _Drawn | None:
    """The chart and its table, cached for all who open the same link; None if no run has learned a step."""
    names = (f"train_{choice.metric}", f"validation_{choice.metric}", "epoch_train_loss")
    curves_by_run = {}
    for run in runs:
        with errors_as_messages(kept=True):
            curves_by_run[run.id] = compared_runs.load_curves(run, names)
    runs = [run for run in runs if run.id in curves_by_run]
    if all(len(series.value) == 0 for curves in curves_by_run.values() for series in curves.values()):
        return None
    seed_groups_shown = seed_groups(runs) if choice.band else []
    lines = seed_groups_shown or [SeedGroup(run.name, (run,)) for run in runs]
    extremes, digits = _extremes(lines, curves_by_run, choice.metric, grouped=bool(seed_groups_shown))
    if differences := _differences(lines, curves_by_run, choice):
        return _Drawn(differences.chart, extremes, digits, len(differences.chart.entries), differences)
    chart = learning_chart(
        curves_by_run,
        runs,
        [choice.metric],
        choice.x,
        choice.smoothing,
        choice.log_x,
        choice.log_y,
        seed_groups_shown,
        band=choice.band or SPREAD_BANDS[0],
    )
    return _Drawn(chart, extremes, digits, len(lines), None)


def _differences(
    lines: Sequence[SeedGroup], curves_by_run: Mapping[str, RunCurves], choice: _Choice
) -> DifferenceChart | None:
    """The lines minus that of the baseline; None where differences are not asked for or nothing has been measured."""
    pinned = next((line for line in lines if choice.baseline in {run.id for run in line.runs}), None)
    if not choice.baseline or pinned is None:
        return None
    data_set = pinned.runs[0].dataset
    comparable = [line for line in lines if line.runs[0].dataset == data_set]
    drawn = difference_chart(
        curves_by_run,
        comparable,
        comparable.index(pinned),
        choice.metric,
        choice.x,
        choice.log_x,
    )
    return drawn if drawn.chart.lines else None


def _controls(runs: Sequence[Run]) -> _Choice:
    with st.container(horizontal=True, vertical_alignment="bottom", key="curve-controls"):
        metric: Metric = choose_option(
            "Of",
            _METRICS,
            default="loss",
            key="metric",
            help=explained("What the vertical axis shows.", "Cross-entropy, loss", "Accuracy"),
        )
        x: CurveAxis = choose_option(
            "Across",
            _AXES,
            default="step",
            key="x",
            help=explained(
                "What the horizontal axis counts. For runs with different batch sizes, choose epoch or seconds.",
                "Epoch",
            ),
        )
        baseline = _choose_difference(runs)
        smoothing = st.slider(
            "Smoothing",
            0.0,
            0.99,
            0.8,
            0.01,
            key="smoothing",
            bind="query-params",
            width=220,
            disabled=bool(baseline),
            help=explained(
                "How strongly the bold training curve is smoothed: the weight of earlier values in a moving average "
                "along the axis. The measured curve stays faint behind it, with all its spikes.",
                "Smoothing",
            ),
        )
        log_x = st.toggle("Log x", key="log_x", bind="query-params", help="Logarithmic horizontal axis.")
        log_y = st.toggle(
            "Log y",
            key="log_y",
            bind="query-params",
            disabled=bool(baseline),
            help="Logarithmic vertical axis: of the loss, or of the errors. Differences are drawn on a linear one.",
        )
        band = _choose_band(bool(baseline))
    return _Choice(metric, x, smoothing, log_x, log_y, band, baseline)


def _choose_difference(runs: Sequence[Run]) -> str:
    """Id of the baseline from which differences are drawn; "" where none can be, or the values are drawn."""
    baseline = baseline_of(runs)
    if baseline is None or baseline.validation_accuracy is None or len(_compared(baseline, runs)) < 2:
        return ""
    is_chosen = st.toggle(
        f"Difference from {in_markdown(run_label(baseline, 24))}",
        key="curve_difference",
        bind="query-params",
        help=explained(
            "Draws how far every other line is above or below the pinned baseline after each epoch; the baseline "
            "becomes the zero line.",
            "Baseline",
        ),
    )
    return baseline.id if is_chosen else ""


def _choose_band(are_differences: bool) -> SpreadBand | None:
    """Whether seeds become one line, and the band around it; None: each run has its own line."""
    together = st.toggle(
        "Seeds as one line",
        key="curve_seeds",
        bind="query-params",
        help=explained(
            "Runs that differ only in their seed become one line: their mean, with a band around it. A single run "
            "stays as it is.",
            "Seed",
        ),
    )
    if not together:
        return None
    return st.selectbox(
        "Band",
        list(SPREAD_BANDS),
        key="curve_band",
        bind="query-params",
        width=220,
        disabled=are_differences,
        help=explained(
            "Standard deviation: how far single seeds lie from their mean. Standard error: how uncertain that mean "
            "is. 95 % interval: where the mean of many more seeds most likely lies (Student's t). "
            "Differences from a baseline always have their 95 % interval (Welch).",
            "Standard deviation",
            "Interval (95 %)",
        ),
    )


def _explained(choice: _Choice, lines: int, runs: Sequence[Run]) -> str:
    text = (
        f"Bold: training, the mean of the seeds. Band: {choice.band}; a single run has none."
        if choice.band
        else "Bold: training, smoothed; faint: as measured, with every spike."
        if choice.smoothing
        else "Training is drawn as measured, with every spike."
    )
    isolate = " Click a name to see that line alone, and again to see all." if lines > 1 else ""
    if any(not run.optimistic for run in runs):
        text += " Dashed with marks: validation."
    if any(run.optimistic for run in runs):
        text += (
            " Dotted with marks: the test images after each epoch. They chose the best epoch, so this is optimistic."
        )
    return text + isolate


def _compared(baseline: Run, runs: Sequence[Run]) -> list[Run]:
    """The runs that were measured after an epoch on images like those of the baseline, which is among them."""
    return [
        run
        for run in runs
        if (run.dataset, run.optimistic) == (baseline.dataset, baseline.optimistic)
        and run.validation_accuracy is not None
    ]


def _differences_explained(choice: _Choice, drawn: DifferenceChart, runs: Sequence[Run]) -> str:
    """What the lines of differences are, how they were read off, what the band is, and which runs have none."""
    baseline = next(run for run in runs if run.id == choice.baseline)
    compared = _compared(baseline, runs)
    unit = "percentage points" if choice.metric == "accuracy" else "nats"
    what = measures.validation_heading(compared, choice.metric)
    sentences = [
        f"{what} after each epoch minus that of the baseline {_SAME_PLACE[choice.x]}, in {unit}: above 0 it is higher."
    ]
    if drawn.is_interpolated:
        sentences.append(
            "Where two runs were not measured at the same places, values between two measurements are read off along a "
            "straight line."
        )
    if drawn.has_bands:
        sentences.append(
            "Band: Welch's 95 % interval of the difference of the means, at each place by itself. A line without one "
            "has a single seed on one side: its difference may be luck."
        )
    else:
        sentences.append("No line has an interval, because that takes two seeds on each side: it may all be luck.")
    if drawn.chart.panels[0].is_cut:
        sentences.append("The bands are far higher than the lines and run off the axis.")
    if others := [run.number for run in runs if run not in compared]:
        many = f"runs {number_ranges(others)}" if len(others) > 1 else f"run {others[0]}"
        sentences.append(f"Left out: {many}, not measured after an epoch on images like those of the baseline.")
    if any(have_same_pictures(run.data, baseline.data, "validation") is False for run in compared):
        sentences.append("Not all had the same validation images, so a part of a difference may be theirs.")
    return " ".join(sentences)


def _extremes(
    shown: Sequence[SeedGroup], curves_by_run: Mapping[str, RunCurves], metric: Metric, grouped: bool
) -> tuple[pd.DataFrame, dict[str, list[int]]]:
    """Best and last values of each line as a table, and how many decimals the spread of its seeds supports."""
    digits: list[tuple[int, int, int]] = []
    most = 2 if metric == "accuracy" else 4
    rows, lines = [], run_columns.line_images([group.one_per_seed[0] for group in shown])
    for group, line in zip(shown, lines, strict=True):
        values_of_seeds = np.array([_best_and_last(curves_by_run[run.id], metric) for run in group.one_per_seed])
        begun = np.isfinite(values_of_seeds[:, 0])
        values = values_of_seeds[begun] if begun.any() else values_of_seeds[:1]
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
    decimals_by_column = {"Best": best_digits, "±": best_digits, "Last": last_digits, "Training loss": loss_digits}
    unneeded = [] if grouped else ["Seeds", "±"]
    unneeded += ["On"] * (frame["On"].nunique() < 2) + ["Loss"] * all(label == "" for label in frame["Loss"])
    return frame.drop(columns=unneeded), decimals_by_column


def _best_and_last(curves: RunCurves, metric: Metric) -> tuple[float, float, float, float]:
    """Best value after an epoch, that epoch, last value, and lowest training loss of an epoch; NaN where missing."""
    held, loss = curves[f"validation_{metric}"], curves["epoch_train_loss"].value
    scale, sign = (100, -1) if metric == "accuracy" else (1, 1)
    measured = np.flatnonzero(np.isfinite(held.value))
    lowest = loss[np.isfinite(loss)].min(initial=np.inf)
    least = float(lowest) if np.isfinite(lowest) else np.nan
    if not len(measured):
        return np.nan, np.nan, np.nan, least
    best = measured[np.argmin(sign * held.value[measured])]
    return scale * float(held.value[best]), float(held.epoch[best]), scale * float(held.value[-1]), least


def _columns(metric: Metric, runs: Sequence[Run]) -> dict[str, Any]:
    column = st.column_config
    form = "%.2f%%" if metric == "accuracy" else "%.4f"
    mean = " If the line has several seeds, their mean."
    heading = measures.validation_heading(runs, metric)
    heading = heading[:1].lower() + heading[1:]
    return {
        "Line": column.ImageColumn("Line", width=58, pinned=True, help="Colour and dash on the chart."),
        "Name": column.TextColumn(width="medium"),
        "Seeds": column.NumberColumn(width=64, help="How many runs with different seeds the line is the mean of."),
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
            "Training loss is", width="small", help="What this loss contains beyond the loss after each epoch."
        ),
    }
