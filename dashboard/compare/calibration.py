"""Whether a run is as often right as it says: reliability, temperature scaling, and accuracy if it may skip images."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.compare.legend import show_legend
from dashboard.components import data_table, explained, table_rows
from dashboard.controls import compared_runs, load_predictions, run_columns
from dashboard.frame import cached_by_run, choose_option, show_figure
from mnist_core.analysis import Predictions, Uncertainty, calibration, measures, scores, stats
from mnist_core.plots import calibration as plots
from mnist_core.store import Run
from mnist_core.text import share_text

_BINS = [10, 15, 20, 30]
_INTERVAL, _INTERVAL_AFTER = "95 % interval (%)", "95 % interval after (%)"


@dataclass(frozen=True)
class _Scores:
    """How well one set of probabilities is calibrated."""

    table: pd.DataFrame
    # Wilson interval of the accuracy in each bin, float (bins, 2).
    intervals: np.ndarray
    confidence: float
    right: int
    images: int
    error: float
    loss: float
    brier: float

    @property
    def accuracy(self) -> float:
        return self.right / self.images


def show_calibration(runs: Sequence[Run]) -> None:
    """Reliability before and after temperature scaling, the scores, and accuracy against coverage."""
    predictions = compared_runs.gather_predictions(runs)
    if predictions is None:
        return
    st.header("When it says 90%, is it right on 90%?", anchor=False)
    bins = choose_option(
        "Ranges of confidence",
        _BINS,
        default=calibration.BINS,
        key="calibration_bins",
        help="Confidence is divided into this many equal ranges. Each range is one point and one bar.",
    )
    with st.spinner("Fitting temperatures on the validation images …"):
        temperatures = {run.id: _temperature(run) for run in predictions.runs}
    before = {run.id: _scores(run, bins, 1.0, predictions) for run in predictions.runs}
    after = {
        run.id: _scores(run, bins, value, predictions)
        for run in predictions.runs
        if (value := temperatures[run.id]) is not None
    }
    probabilities = [predictions.probabilities[run.id] for run in predictions.runs]
    uncertainties = _uncertainties(predictions.runs, "as trained", bins, probabilities, predictions.labels)
    uncertainty_after = _uncertainties_after(
        [run for run in predictions.runs if run.id in after], predictions, bins, temperatures
    )
    st.markdown(_sentence(predictions.runs, before, uncertainties))
    show_legend(predictions.runs)
    for column, title, by_run in zip(
        st.columns(2, gap="medium"), ("As trained", "With its temperature"), (before, after), strict=True
    ):
        with column:
            st.markdown(f"### {title}")
            _show_diagram(title, [run for run in predictions.runs if run.id in by_run], by_run)
    st.caption(
        "On the dotted diagonal a network is right as often as it expects to be. Below it the network is too sure of "
        "itself, above it too modest. The bars count images, on a logarithmic scale. A point of fewer than "
        f"{plots.ENOUGH} images is faint, because it says little."
    )
    uncertainty_before = {run.id: uncertainty for run, uncertainty in zip(predictions.runs, uncertainties, strict=True)}
    _show_table(predictions.runs, before, after, temperatures, (uncertainty_before, uncertainty_after))
    _show_abstaining(predictions)


def _show_diagram(title: str, runs: Sequence[Run], scores: dict[str, _Scores]) -> None:
    if not runs:
        st.info(
            "A temperature is fitted on validation images, but none of these runs has any. Hold images out when you "
            "train."
        )
        return
    shown = [scores[run.id] for run in runs]
    figure = plots.reliability_diagram([scored.table for scored in shown], runs, [scored.intervals for scored in shown])
    show_figure(figure, key=f"calibration {title}")


def _sentence(runs: Sequence[Run], scores: dict[str, _Scores], uncertainties: Sequence[Uncertainty]) -> str:
    """How sure and how often right each run is (of many, the best and the worst), and which is best calibrated."""
    ranked = sorted(range(len(runs)), key=lambda index: uncertainties[index].error)
    shown = ranked if len(runs) < 3 else [ranked[0], ranked[-1]]
    lines = [_confidence_sentence(runs[index], scores[runs[index].id], uncertainties[index]) for index in shown]
    if len(runs) > 1:
        lines.append(_ranking_sentence(runs, uncertainties, ranked[0]))
    return "  \n".join(lines)


def _confidence_sentence(run: Run, scores: _Scores, uncertainty: Uncertainty) -> str:
    """How sure a run is on average, how often it is right, and whether that is more than chance."""
    # "Too modest by 3 points" needs no minus sign.
    sign = -1 if uncertainty.leaning == "too modest" else 1
    low, high = sorted((sign * uncertainty.gap_low, sign * uncertainty.gap_high))
    gap = (
        f"{stats.points_text(sign * uncertainty.gap)} points (95 % interval {stats.points_text(low)} to "
        f"{stats.points_text(high)})"
    )
    leanings = {
        "too sure": f"too sure of itself, by {gap}",
        "too modest": f"too modest, by {gap}",
        "unknown": f"the difference of {gap} may be chance",
    }
    return (
        f"**Run {run.number}** is {scores.confidence:.2%} sure on average and right on {scores.accuracy:.2%}: "
        f"{leanings[uncertainty.leaning]}."
    )


def _ranking_sentence(runs: Sequence[Run], uncertainties: Sequence[Uncertainty], best: int) -> str:
    """Which runs are worse calibrated than the one with the smallest error, as far as the intervals tell."""
    error = (
        f"{uncertainties[best].error:.2%} ({uncertainties[best].error_low:.2%} to {uncertainties[best].error_high:.2%})"
    )
    text = f"Run {runs[best].number} has the smallest calibration error, {error}"
    worse = [runs[index] for index in calibration.clearly_worse(uncertainties, best)]
    if not worse:
        return (
            f"{text}, but its interval overlaps with all others: these images do not show which run is best calibrated."
        )
    if len(worse) == len(runs) - 1:
        return f"{text}, and is calibrated better than {'the other' if len(worse) == 1 else 'all others'}."
    return (
        f"{text}, and is calibrated better than {measures.run_numbers(worse)}; with the others its interval overlaps."
    )


def _show_table(
    runs: Sequence[Run],
    before: dict[str, _Scores],
    after: dict[str, _Scores],
    temperatures: dict[str, float | None],
    uncertainties: tuple[dict[str, Uncertainty], dict[str, Uncertainty]],
) -> None:
    """Scores and uncertainties of each run, before and after temperature scaling."""
    rows = []
    for run, line in zip(runs, run_columns.line_images(runs), strict=True):
        now, then = before[run.id], after.get(run.id)
        rows.append(
            {
                "Line": line,
                "Run": run.number,
                "Name": run.name,
                "Accuracy": 100 * now.accuracy,
                "Confidence": 100 * now.confidence,
                "Calibration error": 100 * now.error,
                _INTERVAL: _interval_text(uncertainties[0][run.id]),
                "Loss": now.loss,
                "Brier score": now.brier,
                "Temperature": temperatures[run.id],
                "Calibration error after": then and 100 * then.error,
                _INTERVAL_AFTER: then and _interval_text(uncertainties[1][run.id]),
                "Loss after": then and then.loss,
                "Brier score after": then and then.brier,
            }
        )
    data_table("calibration-table", table_rows(pd.DataFrame(rows), _columns()), "Calibration of the chosen runs")
    without = [run for run in runs if temperatures[run.id] is None]
    if without:
        st.caption(f"Without validation images, and so without a temperature: {measures.run_numbers(without)}.")


def _columns() -> dict[str, Any]:
    number = st.column_config.NumberColumn
    configs = run_columns.column_configs()
    return {
        **{name: configs[name] for name in ("Line", "Run", "Name")},
        "Accuracy": number(format="%.2f%%", help="Right answers to the test images."),
        "Confidence": number(format="%.2f%%", help=explained("The mean over all test images.", "Confidence")),
        "Calibration error": number(
            format="%.2f%%",
            help=explained(
                "How far confidence and accuracy lie apart (expected calibration error): their mean distance over the "
                "ranges, weighted by images.",
                "Calibration",
            ),
        ),
        _INTERVAL: st.column_config.TextColumn(
            width=120,
            help="95 % interval of the calibration error (bootstrap), valid for all these runs together. Chance makes "
            "the error of even a perfectly calibrated run larger than 0, so the true error may be smaller than the "
            "measured one.",
        ),
        "Loss": number(
            format="%.4f",
            help="How wrong the probabilities are (negative log-likelihood): mean of −ln p(true class), in nats.",
        ),
        "Brier score": number(
            format="%.4f", help="Mean squared distance of the probabilities from the truth: 0 is best, 2 worst."
        ),
        "Temperature": number(
            format="%.3f",
            help=explained("It is fitted on the validation images. Above 1: the run was too sure.", "Temperature"),
        ),
        "Calibration error after": number(format="%.2f%%", help="The same with the temperature."),
        _INTERVAL_AFTER: st.column_config.TextColumn(
            width=120, help="The same with the temperature, which counts as exact."
        ),
        "Loss after": number(format="%.4f", help="The same with the temperature."),
        "Brier score after": number(format="%.4f", help="The same with the temperature."),
    }


def _interval_text(uncertainty: Uncertainty) -> str:
    return f"{100 * uncertainty.error_low:.2f} – {100 * uncertainty.error_high:.2f}"


def _show_abstaining(predictions: Predictions) -> None:
    st.header("If it may skip the hardest images", anchor=False)
    percent = st.slider(
        "Answer the surest (%)",
        50,
        100,
        95,
        key="calibration_coverage",
        bind="query-params",
        help="The images that a run is least sure of are left to a person.",
    )
    tables = [_coverage(run, predictions) for run in predictions.runs]
    marks = [calibration.row_at_coverage(table, percent / 100) for table in tables]
    best = max(range(len(marks)), key=lambda index: marks[index]["accuracy"])
    run, mark = predictions.runs[best], marks[best]
    wrong = round(mark["images"] - mark["right"])
    st.markdown(
        f"If it answers only the surest {mark['coverage']:.1%} of the images, **run {run.number}** is right on "
        f"**{mark['accuracy']:.2%}** ({wrong:,} {'mistake' if wrong == 1 else 'mistakes'} in "
        f"{round(mark['images']):,}), and on {predictions.right[best].mean():.2%} if it must answer all. "
        f"{_lead_sentence(predictions.runs, marks)}It then skips (abstains from) images on which it is less than "
        f"{share_text(mark['confidence'], 2)} sure."
    )
    figure = plots.coverage_curves(tables, predictions.runs, percent / 100)
    show_figure(figure, key="calibration coverage")
    st.caption("Images of equal confidence are answered together, so the share may be slightly above the one you set.")


def _lead_sentence(runs: Sequence[Run], marks: Sequence[dict[str, float]]) -> str:
    """Whether the best is ahead of the others by more than chance: Wilson intervals for all runs together."""
    if len(marks) == 1:
        return ""
    indices = stats.close_to_best([mark["right"] for mark in marks], [round(mark["images"]) for mark in marks])
    close = [runs[index] for index in indices]
    if not close:
        return "That is more than any other run here reaches, and more than chance explains. "
    if len(close) == len(marks) - 1:
        return "No other run here is right more often, but all are so close that other images may change the order. "
    named = measures.run_numbers(close)
    return f"No other run here is right more often, but on other images {named} might be. "


def _uncertainties_after(
    runs: Sequence[Run], predictions: Predictions, bins: int, temperatures: dict[str, float | None]
) -> dict[str, Uncertainty]:
    """By run id, the uncertainty of the calibration after temperature scaling, for the runs with a temperature."""
    if not runs:
        return {}
    scaled = [
        calibration.with_temperature(predictions.probabilities[run.id], temperatures[run.id] or 1.0) for run in runs
    ]
    uncertainties = _uncertainties(runs, "scaled", bins, scaled, predictions.labels)
    return {run.id: uncertainty for run, uncertainty in zip(runs, uncertainties, strict=True)}


@cached_by_run(max_entries=60, show_spinner="How exact are these figures? Drawing the images again and again …")
def _uncertainties(
    runs: Sequence[Run],
    kind: Literal["as trained", "scaled"],
    bins: int,
    _probabilities: Sequence[np.ndarray],
    _labels: np.ndarray,
) -> list[Uncertainty]:
    return calibration.uncertainties(_probabilities, _labels, bins)


@cached_by_run(max_entries=400)
def _temperature(run: Run) -> float | None:
    table = load_predictions(run, "validation")
    if table.empty:
        return None
    return calibration.temperature(scores.probabilities(table), table["label"].to_numpy(np.int64))


@cached_by_run(max_entries=400)
def _scores(run: Run, bins: int, temperature: float, _predictions: Predictions) -> _Scores:
    probabilities, labels = _predictions.probabilities[run.id], _predictions.labels
    if temperature != 1.0:
        probabilities = calibration.with_temperature(probabilities, temperature)
    table = calibration.reliability(probabilities, labels, bins)
    counts = zip(table["right"].tolist(), table["images"].tolist(), strict=True)
    return _Scores(
        table=table,
        intervals=np.array([stats.wilson(right, images) if images else (np.nan, np.nan) for right, images in counts]),
        confidence=float(probabilities.max(axis=1).mean()),
        right=int(table["right"].to_numpy().sum()),
        images=len(labels),
        error=calibration.expected_calibration_error(probabilities, labels, bins),
        loss=scores.negative_log_likelihood(probabilities, labels),
        brier=calibration.brier(probabilities, labels),
    )


@cached_by_run(max_entries=200)
def _coverage(run: Run, _predictions: Predictions) -> pd.DataFrame:
    return calibration.coverage(_predictions.probabilities[run.id], _predictions.labels)
