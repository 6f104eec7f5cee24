"""These architectures over seeds: mean and band of each, Welch's test and a permutation test of each pair."""

from collections import Counter
from dataclasses import dataclass
from math import isnan

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import comparing_data, navigation, state
from dashboard.components.data_table import data_table, rows_of
from mnist_core import stats
from mnist_core.answers import Answers
from mnist_core.comparison import Group, groups
from mnist_core.plots import statistics as plots
from mnist_core.stats import BANDS, Band, GroupTest

_ALPHA = 0.05
_ADVISED = 5  # seeds: with three the permutation test cannot reach 0.05
_MOST = 100  # seeds beyond which nobody trains


@dataclass(frozen=True)
class _Tested:
    """Two architectures and what the tests of their seeds found; p values corrected for the number of pairs."""

    a: plots.Seeds
    b: plots.Seeds
    found: GroupTest
    welch: float
    permutation: float

    @property
    def label(self) -> str:
        return f"{self.a.name} against {self.b.name}"

    @property
    def accuracies(self) -> tuple[list[float], list[float]]:
        return list(self.a.accuracies.values()), list(self.b.accuracies.values())


def show(found: Answers) -> None:
    """Seeds, means and bands; then each pair of architectures, tested."""
    heading, chart = st.container(), st.container()
    band: Band = st.segmented_control(
        "Band around the mean",
        list(BANDS),
        default="95 % interval",
        key="verdict_band",
        bind="query-params",
        required=True,
        help="Standard deviation: how far single runs scatter. Standard error: how uncertain the mean is. 95 % "
        "interval: where the true mean may lie (Student's t). Needs two seeds.",
    )
    rows = _rows(found, band)
    tests = _tests(rows)
    with chart:
        st.plotly_chart(plots.seed_spread(rows, band), key="verdict_seeds", config=comparing_data.CHART)
    with heading:
        chosen = _choice(tests)
        if chosen:
            _sentence(chosen, len(tests))
    _single(rows)
    if chosen:
        _details(chosen, len(tests))
        _table(tests)
    elif len(rows) == 1:
        st.info("Choose runs of a second architecture to compare the two.")
    if any(len(group.tries) < len(group.runs) for group in groups(found.runs)):
        st.caption("A seed that was trained twice counts once: it gives the same network again.")


def _rows(found: Answers, band: Band) -> list[plots.Seeds]:
    """Each architecture with the accuracies of its seeds, the best mean first."""
    accuracy = {run.id: float(value) for run, value in zip(found.runs, found.right.mean(axis=1), strict=True)}
    together = groups(found.runs)
    often = Counter(group.name for group in together)
    rows = []
    for group in together:
        own = {run.config.seed: accuracy[run.id] for run in group.tries}
        name = group.name if group.name and often[group.name] == 1 else _numbered(group)
        rows.append(plots.Seeds(name, group.runs[0], own, *stats.spread(list(own.values()), band)))
    return sorted(rows, key=lambda row: -row.mean)


def _tests(rows: list[plots.Seeds]) -> list[_Tested]:
    """Every two architectures with two seeds or more, Holm-corrected."""
    known = [row for row in rows if len(row.accuracies) > 1]
    pairs = [(a, b) for place, a in enumerate(known) for b in known[place + 1 :]]
    found = [stats.group_test(list(a.accuracies.values()), list(b.accuracies.values())) for a, b in pairs]
    welch = _holm([one.welch for one in found])
    permutation = _holm([one.permutation for one in found])
    return [_Tested(*pairs[place], found[place], welch[place], permutation[place]) for place in range(len(pairs))]


def _holm(p: list[float]) -> list[float]:
    """Adjusted p values; one that is NaN stays so and is not counted as a test."""
    values = np.array(p, dtype=np.float64)
    known = ~np.isnan(values)
    values[known] = stats.holm(values[known])
    return values.tolist()


def _choice(tests: list[_Tested]) -> _Tested | None:
    if len(tests) < 2:
        return tests[0] if tests else None
    labels = {one.label: one for one in tests}
    chosen = st.selectbox(
        "Two architectures",
        list(labels),
        key="verdict_groups",
        bind="query-params",
        help="The two that the sentence is about; the better mean first. All pairs are in the table below.",
    )
    return labels.get(chosen, tests[0])


def _sentence(one: _Tested, tested: int) -> None:
    text = stats.group_verdict(
        one.a.name, one.b.name, *one.accuracies, one.found, one.welch if tested > 1 else None, _ALPHA
    )
    st.subheader(state.plain(text), anchor=False)


def _details(one: _Tested, tested: int) -> None:
    """Interval, permutation test with what it can never show, and what such a comparison can see."""
    counts = len(one.a.accuracies), len(one.b.accuracies)
    corrected = " (corrected for the number of pairs)" if tested > 1 else ""
    lines = []
    if not isnan(one.found.low):
        low, high = 100 * one.found.low, 100 * one.found.high
        lines.append(f"The 95 % interval of the difference is {low:+.2f} to {high:+.2f} percentage points (Welch).")
    lines.append(
        f"Permutation test: {stats.p_text(one.permutation, _ALPHA)}{corrected}. It takes nothing for granted about how "
        f"accuracies scatter, but needs many seeds: **{stats.floor_text(*counts)}**."
    )
    deviation = stats.pooled_deviation(one.accuracies)
    if deviation > 0:
        least = 100 * stats.detectable_by_seeds(deviation, counts[0], seeds_b=counts[1], alpha=_ALPHA / tested)
        who = f"{counts[0]} seeds each" if counts[0] == counts[1] else f"{counts[0]} seeds against {counts[1]}"
        line = (
            f"With {who} and this scatter (standard deviation {100 * deviation:.2f} points) a difference of about "
            f"**{least:.2f} points** would be seen in 8 of 10 cases."
        )
        if 0 < 100 * abs(one.found.difference) < least:
            line += " " + _needed(abs(one.found.difference), deviation, tested)
        lines.append(line)
    for line in lines:
        st.markdown(line)


def _needed(difference: float, deviation: float, tested: int) -> str:
    seeds = stats.seeds_needed(difference, deviation, alpha=_ALPHA / tested, most=_MOST)
    many = f"more than {_MOST}" if seeds > _MOST else f"about {seeds}"
    return f"For one of {100 * difference:.2f} points, as here, {many} seeds each are needed."


def _single(rows: list[plots.Seeds]) -> None:
    """What an architecture with one seed lacks, and how to get it."""
    single = [row for row in rows if len(row.accuracies) == 1]
    if not single:
        return
    names = ", ".join(f"**{state.plain(row.name)}**" for row in single)
    st.info(
        f"One seed only: {names}. A single run says nothing about the architecture: the next seed may give another "
        f"result. Train it again on the page Train, with **Seeds** at 3 or more; {_ADVISED} are better."
    )
    st.page_link(navigation.page_named("train"), label="Train more seeds", help="Choose the network, and Seeds.")


def _table(tests: list[_Tested]) -> None:
    """All pairs with both tests."""
    if len(tests) < 2:
        return
    st.markdown("#### Every pair")
    table = pd.DataFrame(
        {
            "Architecture": [one.a.name for one in tests],
            "Against": [one.b.name for one in tests],
            "Difference": [100 * one.found.difference for one in tests],
            "From": [100 * one.found.low for one in tests],
            "To": [100 * one.found.high for one in tests],
            "Welch p": [one.welch for one in tests],
            "Permutation p": [one.permutation for one in tests],
        }
    )
    points = st.column_config.NumberColumn
    columns = {
        "Difference": points(format="%+.2f", help="Mean of the first minus mean of the second, percentage points."),
        "From": points(format="%+.2f", help="Lower end of the difference's 95 % interval (Welch)."),
        "To": points(format="%+.2f", help="Upper end of the difference's 95 % interval (Welch)."),
        "Welch p": points(format="%.2g", help="Welch's test, corrected by Holm's method for all pairs."),
        "Permutation p": points(format="%.2g", help="Permutation test, corrected by Holm's method for all pairs."),
    }
    data_table("verdict-pairs", rows_of(table, columns), "Pairs of architectures")
    st.caption(
        f"Both p are corrected by Holm's method for {len(tests)} pairs; the intervals are those of each pair alone."
    )


def _numbered(group: Group) -> str:
    number = f"run {group.runs[0].number}"
    return f"{group.name} ({number})" if group.name else number
