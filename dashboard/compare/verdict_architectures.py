"""Architectures over several seeds: mean and band of each, Welch's test and a permutation test of each pair."""

from dataclasses import dataclass
from math import isnan
from statistics import stdev

import pandas as pd
import streamlit as st

from dashboard.components import data_table, table_rows
from dashboard.controls import compared_runs
from dashboard.frame import choose_option, navigation
from mnist_core.analysis import SPREAD_BANDS, GroupPair, Predictions, SpreadBand, seed_group_names, seed_groups, stats
from mnist_core.plots import significance as plots
from mnist_core.text import in_markdown

# Larger numbers of seeds are not computed: nobody trains so many.
_MOST = 100


@dataclass(frozen=True)
class _Tested:
    """Two architectures and the tests that compare their seeds."""

    a: plots.SeedAccuracies
    b: plots.SeedAccuracies
    pair: GroupPair

    @property
    def label(self) -> str:
        return f"{self.a.name} against {self.b.name}"

    @property
    def accuracies(self) -> tuple[list[float], list[float]]:
        return list(self.a.accuracies.values()), list(self.b.accuracies.values())


def show_architectures(predictions: Predictions) -> None:
    """A chart of seeds, means and bands; then each pair of architectures with its tests."""
    heading, chart = st.container(), st.container()
    band: SpreadBand = choose_option(
        "Band around the mean",
        list(SPREAD_BANDS),
        default="95 % interval",
        key="verdict_band",
        help="Standard deviation: how far single runs scatter. Standard error: how uncertain the mean is. 95 % "
        "interval: where the true mean may lie (Student's t). All need at least two seeds.",
    )
    rows = _rows(predictions, band)
    tests = _tests(rows)
    with chart:
        st.plotly_chart(plots.seed_spread(rows, band), key="verdict_seeds", config=compared_runs.PLOTLY_CONFIG)
    with heading:
        chosen = _choice(tests)
        if chosen:
            st.subheader(in_markdown(_sentence(chosen)), anchor=False)
    _single(rows)
    if chosen:
        _details(chosen)
        _table(tests)
    elif len(rows) == 1:
        st.info("Choose runs of a second architecture to compare the two.")
    if any(len(group.one_per_seed) < len(group.runs) for group in seed_groups(predictions.runs)):
        st.caption(
            "A seed that was trained twice counts once, with its first run. Chance here means other initial weights "
            "and another order of the images, and a repeated seed brings neither."
        )


def _rows(predictions: Predictions, band: SpreadBand) -> list[plots.SeedAccuracies]:
    """Each architecture with the accuracies of its seeds, the best mean first."""
    accuracy_of_run = {
        run.id: float(value) for run, value in zip(predictions.runs, predictions.right.mean(axis=1), strict=True)
    }
    seed_groups_shown = seed_groups(predictions.runs)
    rows = []
    for group, name in zip(seed_groups_shown, seed_group_names(seed_groups_shown), strict=True):
        accuracies = {run.config.seed: accuracy_of_run[run.id] for run in group.one_per_seed}
        rows.append(
            plots.SeedAccuracies(name, group.runs[0], accuracies, *stats.mean_and_band(list(accuracies.values()), band))
        )
    return sorted(rows, key=lambda row: -row.mean)


def _tests(rows: list[plots.SeedAccuracies]) -> list[_Tested]:
    """Every two architectures with two seeds or more."""
    pairs = stats.group_pairs([list(row.accuracies.values()) for row in rows])
    return [_Tested(rows[pair.a], rows[pair.b], pair) for pair in pairs]


def _choice(tests: list[_Tested]) -> _Tested | None:
    if len(tests) < 2:
        return tests[0] if tests else None
    labels = {tested_pair.label: tested_pair for tested_pair in tests}
    chosen = st.selectbox(
        "Two architectures",
        list(labels),
        key="verdict_groups",
        bind="query-params",
        help="The two architectures that the sentence is about; the better mean first. The table below has all pairs.",
    )
    return labels.get(chosen, tests[0])


def _sentence(tested_pair: _Tested) -> stats.Sentence:
    pair = tested_pair.pair
    corrected = (pair.welch, stats.ALPHA, pair.permutation, pair.least) if pair.tested > 1 else ()
    return stats.group_verdict(tested_pair.a.name, tested_pair.b.name, *tested_pair.accuracies, pair.test, *corrected)


def _details(tested_pair: _Tested) -> None:
    """Interval, permutation test with its limit, and the smallest difference that such a comparison would find."""
    pair = tested_pair.pair
    if not isnan(pair.test.low):
        of = (
            "**of this pair alone** (not corrected for the number of pairs)" if pair.tested > 1 else "of the difference"
        )
        low, high = stats.points_text(pair.test.low), stats.points_text(pair.test.high)
        st.markdown(f"The 95 % interval {of} is {low} to {high} percentage points (Welch).")
    st.markdown(_permutation(pair))
    spreads = stdev(tested_pair.accuracies[0]), stdev(tested_pair.accuracies[1])
    if max(spreads) > 0:
        st.markdown(_power(pair, spreads))


def _permutation(pair: GroupPair) -> str:
    """p of the permutation test, its smallest possible value, and how many seeds evidence needs."""
    corrected = " (corrected for the number of pairs)" if pair.tested > 1 else ""
    limit = stats.floor_text(*pair.seeds, pair.least)
    text = (
        f"Permutation test: {stats.p_text(pair.permutation)}{corrected}. It assumes nothing about how accuracies "
        f"scatter, but needs many seeds: **{limit}**{corrected}."
    )
    if pair.least <= stats.ALPHA:
        return text
    needed = stats.seeds_to_show(pair.tested)
    among = f" for {pair.tested} pairs" if pair.tested > 1 else ""
    return f"{text} That is above {stats.ALPHA:g}: it can be evidence{among} only with {needed} seeds each or more."


def _power(pair: GroupPair, spreads: tuple[float, float]) -> str:
    """The smallest difference that would be found in 8 of 10 cases, and the seeds that the measured one needs."""
    alpha = stats.ALPHA / pair.tested
    least = stats.detectable_by_seeds(
        spreads[0], pair.seeds[0], alpha=alpha, seeds_b=pair.seeds[1], deviation_b=spreads[1]
    )
    low, high = stats.detectable_by_seeds_range(spreads, pair.seeds, alpha=alpha)
    among = f", judged as one of {pair.tested} pairs (p at most {alpha:.2g})," if pair.tested > 1 else ""
    text = (
        f"With {stats.seeds_text(*pair.seeds)} and this scatter (standard deviations {_points(spreads[0])} and "
        f"{_points(spreads[1])} points) Welch's test{among} would find a difference of **{_points(least)} points** in "
        f"8 of 10 cases. These few seeds show the scatter only roughly: it may take {_points(low)} to {_points(high)} "
        "points (80 % interval)."
    )
    difference = abs(pair.test.difference)
    if not 0 < difference < least:
        return text
    needed = stats.seeds_needed(difference, spreads[0], alpha=alpha, most=_MOST, deviation_b=spreads[1])
    few, many = stats.seeds_needed_range(difference, spreads, pair.seeds, alpha=alpha, most=_MOST)
    return f"{text} For one of {_points(difference)} points, as here, it takes {_seeds(needed)} seeds each" + (
        "." if few == many else f" ({_seeds(few)} to {_seeds(many)})."
    )


def _points(fraction: float) -> str:
    """A spread or a difference without its sign, in percentage points."""
    return "more than 100" if fraction > 1 else stats.points_text(fraction).lstrip("+-")


def _seeds(count: int) -> str:
    return f"more than {_MOST}" if count > _MOST else str(count)


def _single(rows: list[plots.SeedAccuracies]) -> None:
    """Name the architectures with one seed only, and how to train more."""
    single = [row for row in rows if len(row.accuracies) == 1]
    if not single:
        return
    names = ", ".join(f"**{in_markdown(row.name)}**" for row in single)
    pairs = len(rows) * (len(rows) - 1) // 2
    advice = f" With {stats.seeds_to_show(pairs)} or more of each, either test can show a difference." if pairs else ""
    st.info(
        f"One seed only: {names}. A single run says little about the architecture: another seed may give another "
        f"result. Train it again on the page Train, with **Seeds** at 3 or more.{advice}"
    )
    st.page_link(navigation.page_named("train"), label="Train more seeds", help="Choose the network, and Seeds.")


def _table(tests: list[_Tested]) -> None:
    """A table of all pairs with both tests."""
    if len(tests) < 2:
        return
    st.markdown("#### Every pair")
    table = pd.DataFrame(
        {
            "Architecture": [tested_pair.a.name for tested_pair in tests],
            "Against": [tested_pair.b.name for tested_pair in tests],
            "Difference": [100 * tested_pair.pair.test.difference for tested_pair in tests],
            "From (this pair alone)": [100 * tested_pair.pair.test.low for tested_pair in tests],
            "To (this pair alone)": [100 * tested_pair.pair.test.high for tested_pair in tests],
            "Welch p (Holm)": [tested_pair.pair.welch for tested_pair in tests],
            "Permutation p (Holm)": [tested_pair.pair.permutation for tested_pair in tests],
        }
    )
    number = st.column_config.NumberColumn
    alone = "end of the difference's 95 % interval (Welch), of this pair alone, percentage points."
    corrected = f"corrected by Holm's method for all {len(tests)} pairs."
    columns = {
        "Difference": number(format="%+.3g", help="Mean of the first minus mean of the second, percentage points."),
        "From (this pair alone)": number(format="%+.3g", help=f"Lower {alone}"),
        "To (this pair alone)": number(format="%+.3g", help=f"Upper {alone}"),
        "Welch p (Holm)": number(format="%.3g", help=f"Welch's test, {corrected}"),
        "Permutation p (Holm)": number(format="%.3g", help=f"Permutation test, {corrected}"),
    }
    data_table("verdict-pairs", table_rows(table, columns), "Pairs of architectures")
    st.caption(
        f"Both p are corrected by Holm's method for {len(tests)} pairs; the intervals are those of each pair alone."
    )
