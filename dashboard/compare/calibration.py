"""Whether a run knows how sure it may be: reliability, temperature, and what it gains by leaving images unanswered."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.compare.legend import show_legend
from dashboard.components import data_table, table_rows
from dashboard.controls import compared_runs, run_table
from dashboard.frame import choose_option, open_store
from mnist_core.analysis import Predictions, Uncertainty, calibration, scores, stats
from mnist_core.analysis import predictions as answers
from mnist_core.plots import calibration as plots
from mnist_core.store import Run

_BINS = [10, 15, 20, 30]
_INTERVAL, _AFTER = "95% interval (%)", "95% interval after (%)"


@dataclass(frozen=True)
class _Scores:
    """How well one set of probabilities is calibrated."""

    table: pd.DataFrame
    # (bins, 2)
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
    found = compared_runs.gather_predictions(runs)
    if found is None:
        return
    st.subheader("When it says 90%, is it right on 90%?", anchor=False)
    bins = choose_option(
        "Ranges of confidence",
        _BINS,
        default=calibration.BINS,
        key="calibration_bins",
        help="Into how many equal ranges the confidence is divided. Each is one point, and one bar.",
    )
    with st.spinner("Fitting temperatures on the validation images …"):
        fitted = {run.id: _temperature(run.id, run.state, run.step) for run in found.runs}
    before = {run.id: _before(run, found, bins) for run in found.runs}
    after = {run.id: _after(run, found, bins, value) for run in found.runs if (value := fitted[run.id]) is not None}
    known = _uncertainties(_key(found.runs), bins, [found.probabilities[run.id] for run in found.runs], found.labels)
    tempered = _tempered([run for run in found.runs if run.id in after], found, bins, fitted)
    st.markdown(_sentence(found.runs, before, known))
    show_legend(found.runs)
    for column, title, by_run in zip(
        st.columns(2, gap="medium"), ("As trained", "With its temperature"), (before, after), strict=True
    ):
        with column:
            st.markdown(f"#### {title}")
            _diagram(title, [run for run in found.runs if run.id in by_run], by_run)
    st.caption(
        "On the dotted diagonal confidence is what it should be. Below it a network is too sure of itself, above it "
        f"too modest. The bars count images, on a logarithmic scale; a point of fewer than {plots.ENOUGH} is faint: "
        "it says little."
    )
    own = {run.id: one for run, one in zip(found.runs, known, strict=True)}
    _table(found.runs, before, after, fitted, (own, tempered))
    _abstaining(found)


def _diagram(title: str, runs: Sequence[Run], scores: dict[str, _Scores]) -> None:
    if not runs:
        st.info(
            "A temperature is fitted on validation images, and none of these runs has answers to any: hold images out "
            "when you train."
        )
        return
    own = [scores[run.id] for run in runs]
    figure = plots.reliability_diagram([one.table for one in own], runs, [one.intervals for one in own])
    st.plotly_chart(figure, key=f"calibration {title}", config=compared_runs.PLOTLY_CONFIG)


def _sentence(runs: Sequence[Run], scores: dict[str, _Scores], known: Sequence[Uncertainty]) -> str:
    """How sure each run is and how often right; of many only the best and the worst; and who is calibrated better."""
    ranked = sorted(range(len(runs)), key=lambda place: known[place].error)
    shown = ranked if len(runs) < 3 else [ranked[0], ranked[-1]]
    lines = [_about(runs[place], scores[runs[place].id], known[place]) for place in shown]
    if len(runs) > 1:
        lines.append(_ranking(runs, known, ranked[0]))
    return "  \n".join(lines)


def _about(run: Run, scores: _Scores, known: Uncertainty) -> str:
    """How sure a run is on average, how often it is right, and whether that is more than chance."""
    ends = f"{stats.points_text(known.gap_low)} to {stats.points_text(known.gap_high)}"
    gap = f"{stats.points_text(known.gap)} points (95% interval {ends})"
    words = {
        "too sure": f"too sure of itself, by {gap}",
        "too modest": f"too modest, by {gap}",
        "unknown": f"the difference of {gap} may be chance",
    }
    return (
        f"**Run {run.number}** is {scores.confidence:.2%} sure on average and right on {scores.accuracy:.2%}: "
        f"{words[known.leaning]}."
    )


def _ranking(runs: Sequence[Run], known: Sequence[Uncertainty], best: int) -> str:
    """Which runs are worse calibrated than the one with the smallest error, as far as the intervals tell."""
    error = f"{known[best].error:.2%} ({known[best].error_low:.2%} to {known[best].error_high:.2%})"
    text = f"Run {runs[best].number} has the smallest calibration error, {error}"
    worse = [runs[place] for place in calibration.clearly_worse(known, best)]
    if not worse:
        return f"{text}, but its interval overlaps with every other: who is calibrated best, these images do not tell."
    if len(worse) == len(runs) - 1:
        return f"{text}, and is calibrated better than {'the other' if len(worse) == 1 else 'all others'}."
    return (
        f"{text}, and is calibrated better than {compared_runs.run_numbers(worse)}; with the others its interval "
        "overlaps."
    )


def _table(
    runs: Sequence[Run],
    before: dict[str, _Scores],
    after: dict[str, _Scores],
    fitted: dict[str, float | None],
    known: tuple[dict[str, Uncertainty], dict[str, Uncertainty]],
) -> None:
    rows = []
    for run, line in zip(runs, run_table.line_images(runs), strict=True):
        now, then = before[run.id], after.get(run.id)
        rows.append(
            {
                "Line": line,
                "Run": run.number,
                "Name": run.name,
                "Accuracy": 100 * now.accuracy,
                "Confidence": 100 * now.confidence,
                "Calibration error": 100 * now.error,
                _INTERVAL: _ends(known[0][run.id]),
                "Loss": now.loss,
                "Brier score": now.brier,
                "Temperature": fitted[run.id],
                "Calibration error after": then and 100 * then.error,
                _AFTER: then and _ends(known[1][run.id]),
                "Loss after": then and then.loss,
                "Brier score after": then and then.brier,
            }
        )
    number = st.column_config.NumberColumn
    usual = run_table.column_configs()
    columns = {
        **{name: usual[name] for name in ("Line", "Run", "Name")},
        "Accuracy": number(format="%.2f%%", help="Right answers to the test images."),
        "Confidence": number(format="%.2f%%", help="Mean probability of the class that is named."),
        "Calibration error": number(
            format="%.2f%%",
            help="Expected calibration error: mean distance between confidence and accuracy over the ranges, "
            "weighted by images.",
        ),
        _INTERVAL: st.column_config.TextColumn(
            width=120,
            help="95% bootstrap interval of the calibration error, for all these runs together. Chance alone makes an "
            "error, so the true one may well be smaller than the one measured.",
        ),
        "Loss": number(format="%.4f", help="Negative log-likelihood: mean of -ln p(true class), in nats."),
        "Brier score": number(format="%.4f", help="Mean squared distance to the truth over all classes, 0 to 2."),
        "Temperature": number(
            format="%.3f",
            help="What the logits are divided by, fitted on the validation images. Above 1: it was too sure.",
        ),
        "Calibration error after": number(format="%.2f%%", help="The same with the temperature."),
        _AFTER: st.column_config.TextColumn(width=120, help="The same with the temperature, which is taken as it is."),
        "Loss after": number(format="%.4f", help="The same with the temperature."),
        "Brier score after": number(format="%.4f", help="The same with the temperature."),
    }
    data_table("calibration-table", table_rows(pd.DataFrame(rows), columns), "Calibration of the chosen runs")
    without = [run for run in runs if fitted[run.id] is None]
    if without:
        st.caption(
            f"Without answers to validation images, so without a temperature: {compared_runs.run_numbers(without)}."
        )


def _ends(known: Uncertainty) -> str:
    return f"{100 * known.error_low:.2f} – {100 * known.error_high:.2f}"


def _abstaining(found: Predictions) -> None:
    st.subheader("If it may abstain", anchor=False)
    percent = st.slider(
        "Answer the surest (%)",
        50,
        100,
        95,
        key="calibration_coverage",
        bind="query-params",
        help="The images that a run is least sure of are left to a person.",
    )
    tables = [_coverage(run.id, run.state, run.step, found.probabilities[run.id], found.labels) for run in found.runs]
    marks = [calibration.row_at_coverage(table, percent / 100) for table in tables]
    best = max(range(len(marks)), key=lambda place: marks[place]["accuracy"])
    run, mark = found.runs[best], marks[best]
    wrong = round(mark["images"] - mark["right"])
    st.markdown(
        f"Answering the surest {mark['coverage']:.1%} of the images, **run {run.number}** is right on "
        f"**{mark['accuracy']:.2%}** ({wrong:,} {'mistake' if wrong == 1 else 'mistakes'} in "
        f"{round(mark['images']):,}), and on {found.right[best].mean():.2%} if it must answer all. "
        f"{_ahead(found.runs, marks)}It then abstains where it is less than {mark['confidence']:.2%} sure."
    )
    figure = plots.coverage_curves(tables, found.runs, percent / 100)
    st.plotly_chart(figure, key="calibration coverage", config=compared_runs.PLOTLY_CONFIG)
    st.caption("Images of equal confidence are answered together, so a little more than asked for may be answered.")


def _ahead(runs: Sequence[Run], marks: Sequence[dict[str, float]]) -> str:
    """Whether the best is ahead of the others by more than chance: Wilson intervals for all runs together."""
    if len(marks) == 1:
        return ""
    places = stats.close_to_best([mark["right"] for mark in marks], [round(mark["images"]) for mark in marks])
    close = [runs[place] for place in places]
    if not close:
        return "That is more than any other run here reaches, and more than chance explains. "
    if len(close) == len(marks) - 1:
        return "No other run here has more right, but all are so close that other images may turn the order round. "
    named = compared_runs.run_numbers(close)
    return f"No other run here has more right, but other images may turn the order round with {named}. "


def _tempered(
    runs: Sequence[Run], found: Predictions, bins: int, fitted: dict[str, float | None]
) -> dict[str, Uncertainty]:
    """By run id, how well the calibration with its temperature is known, of the runs that have one."""
    if not runs:
        return {}
    scaled = [calibration.with_temperature(found.probabilities[run.id], fitted[run.id] or 1.0) for run in runs]
    known = _uncertainties((*_key(runs), "after"), bins, scaled, found.labels)
    return {run.id: one for run, one in zip(runs, known, strict=True)}


def _key(runs: Sequence[Run]) -> tuple[object, ...]:
    return tuple((run.id, run.state, run.step) for run in runs)


@st.cache_data(show_spinner="How sure are these figures? Drawing images anew …", max_entries=60)
def _uncertainties(
    key: tuple[object, ...], bins: int, _probabilities: Sequence[np.ndarray], _labels: np.ndarray
) -> list[Uncertainty]:
    return calibration.uncertainties(_probabilities, _labels, bins)


@st.cache_data(show_spinner=False, max_entries=400)
def _temperature(run_id: str, state_of_run: str, step: int) -> float | None:
    store = open_store()
    table = answers.load_split(store, store.run(run_id), "validation")
    if table.empty:
        return None
    return calibration.temperature(scores.probabilities(table), table["label"].to_numpy(np.int64))


def _before(run: Run, found: Predictions, bins: int) -> _Scores:
    return _scores(run.id, run.state, run.step, bins, 1.0, found.probabilities[run.id], found.labels)


def _after(run: Run, found: Predictions, bins: int, value: float) -> _Scores:
    return _scores(run.id, run.state, run.step, bins, value, found.probabilities[run.id], found.labels)


@st.cache_data(show_spinner=False, max_entries=400)
def _scores(
    run_id: str, state_of_run: str, step: int, bins: int, value: float, _given: np.ndarray, _labels: np.ndarray
) -> _Scores:
    probabilities = _given if value == 1.0 else calibration.with_temperature(_given, value)
    table = calibration.reliability(probabilities, _labels, bins)
    counts = zip(table["right"].tolist(), table["images"].tolist(), strict=True)
    return _Scores(
        table=table,
        intervals=np.array([stats.wilson(right, images) if images else (np.nan, np.nan) for right, images in counts]),
        confidence=float(probabilities.max(axis=1).mean()),
        right=int(table["right"].to_numpy().sum()),
        images=len(_labels),
        error=calibration.expected_calibration_error(probabilities, _labels, bins),
        loss=calibration.negative_log_likelihood(probabilities, _labels),
        brier=calibration.brier(probabilities, _labels),
    )


@st.cache_data(show_spinner=False, max_entries=200)
def _coverage(run_id: str, state_of_run: str, step: int, _given: np.ndarray, _labels: np.ndarray) -> pd.DataFrame:
    return calibration.coverage(_given, _labels)
