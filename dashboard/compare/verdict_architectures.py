"""These architectures over seeds: mean and band of each, Welch's test and a permutation test of each pair."""

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

# seeds beyond which nobody trains
_MOST = 100


@dataclass(frozen=True)
class _Tested:
    """Two architectures and what the tests of their seeds found."""

    a: plots.SeedAccuracies
    b: plots.SeedAccuracies
    pair: GroupPair

    @property
    def label(self) -> str:
        return f"{self.a.name} against {self.b.name}"

    @property
    def accuracies(self) -> tuple[list[float], list[float]]:
        return list(self.a.accuracies.values()), list(self.b.accuracies.values())


def show_architectures(found: Predictions) -> None:
    """Seeds, means and bands; then each pair of architectures, tested."""
    heading, chart = st.container(), st.container()
    band: SpreadBand = choose_option(
        "Band around the mean",
        list(SPREAD_BANDS),
        default="95 % interval",
        key="verdict_band",
        help="Standard deviation: how far single runs scatter. Standard error: how uncertain the mean is. 95 % "
        "interval: where the true mean may lie (Student's t). Needs two seeds.",
    )
    rows = _rows(found, band)
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
    if any(len(group.one_per_seed) < len(group.runs) for group in seed_groups(found.runs)):
        st.caption(
            "A seed that was trained again counts once, with its first run: another start and another order of the "
            "images are what chance is here, and a repeated seed brings neither."
        )


def _rows(found: Predictions, band: SpreadBand) -> list[plots.SeedAccuracies]:
    """Each architecture with the accuracies of its seeds, the best mean first."""
    accuracy = {run.id: float(value) for run, value in zip(found.runs, found.right.mean(axis=1), strict=True)}
    together = seed_groups(found.runs)
    rows = []
    for group, name in zip(together, seed_group_names(together), strict=True):
        own = {run.config.seed: accuracy[run.id] for run in group.one_per_seed}
        rows.append(plots.SeedAccuracies(name, group.runs[0], own, *stats.mean_and_band(list(own.values()), band)))
    return sorted(rows, key=lambda row: -row.mean)


def _tests(rows: list[plots.SeedAccuracies]) -> list[_Tested]:
    """Every two architectures with two seeds or more."""
    pairs = stats.group_pairs([list(row.accuracies.values()) for row in rows])
    return [_Tested(rows[pair.a], rows[pair.b], pair) for pair in pairs]


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


def _sentence(one: _Tested) -> stats.Sentence:
    pair = one.pair
    corrected = (pair.welch, stats.ALPHA, pair.permutation, pair.least) if pair.tested > 1 else ()
    return stats.group_verdict(one.a.name, one.b.name, *one.accuracies, pair.test, *corrected)


def _details(one: _Tested) -> None:
    """Interval, permutation test with what it can never show, and what such a comparison can see."""
    pair = one.pair
    if not isnan(pair.test.low):
        of = "**of this pair alone** (not corrected for their number)" if pair.tested > 1 else "of the difference"
        low, high = stats.points_text(pair.test.low), stats.points_text(pair.test.high)
        st.markdown(f"The 95 % interval {of} is {low} to {high} percentage points (Welch).")
    st.markdown(_permutation(pair))
    spreads = stdev(one.accuracies[0]), stdev(one.accuracies[1])
    if max(spreads) > 0:
        st.markdown(_power(pair, spreads))


def _permutation(pair: GroupPair) -> str:
    """The permutation test's p, with what it can never be below, and how many seeds it takes."""
    corrected = " (corrected for the number of pairs)" if pair.tested > 1 else ""
    limit = stats.floor_text(*pair.seeds, pair.least)
    text = (
        f"Permutation test: {stats.p_text(pair.permutation)}{corrected}. It takes nothing for granted about how "
        f"accuracies scatter, but needs many seeds: **{limit}**{corrected}."
    )
    if pair.least <= stats.ALPHA:
        return text
    needed = stats.seeds_to_show(pair.tested)
    among = f" for {pair.tested} pairs" if pair.tested > 1 else ""
    return f"{text} That is above {stats.ALPHA:g}: as evidence it could count{among} only from {needed} seeds each on."


def _power(pair: GroupPair, spreads: tuple[float, float]) -> str:
    """Which difference such a comparison finds, and how many seeds one like that seen would take."""
    alpha = stats.ALPHA / pair.tested
    least = stats.detectable_by_seeds(
        spreads[0], pair.seeds[0], alpha=alpha, seeds_b=pair.seeds[1], deviation_b=spreads[1]
    )
    low, high = stats.detectable_by_seeds_range(spreads, pair.seeds, alpha=alpha)
    among = f", judged as one of {pair.tested} pairs (p at most {alpha:.2g})," if pair.tested > 1 else ""
    text = (
        f"With {stats.seeds_text(*pair.seeds)} and this scatter (standard deviations {_points(spreads[0])} and "
        f"{_points(spreads[1])} points) Welch's test{among} would find a difference of **{_points(least)} points** in "
        f"8 of 10 cases. The scatter is known from these seeds only: it may take {_points(low)} to {_points(high)} "
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
    """A spread or a difference without its sign, in percentage points; more than there can be is called that."""
    return "more than 100" if fraction > 1 else stats.points_text(fraction).lstrip("+-")


def _seeds(count: int) -> str:
    return f"more than {_MOST}" if count > _MOST else str(count)


def _single(rows: list[plots.SeedAccuracies]) -> None:
    """What an architecture with one seed lacks, and how to get it."""
    single = [row for row in rows if len(row.accuracies) == 1]
    if not single:
        return
    names = ", ".join(f"**{in_markdown(row.name)}**" for row in single)
    pairs = len(rows) * (len(rows) - 1) // 2
    advice = f" With {stats.seeds_to_show(pairs)} or more of each, either test can show a difference." if pairs else ""
    st.info(
        f"One seed only: {names}. A single run says nothing about the architecture: the next seed may give another "
        f"result. Train it again on the page Train, with **Seeds** at 3 or more.{advice}"
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
            "Difference": [100 * one.pair.test.difference for one in tests],
            "From (this pair alone)": [100 * one.pair.test.low for one in tests],
            "To (this pair alone)": [100 * one.pair.test.high for one in tests],
            "Welch p (Holm)": [one.pair.welch for one in tests],
            "Permutation p (Holm)": [one.pair.permutation for one in tests],
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
