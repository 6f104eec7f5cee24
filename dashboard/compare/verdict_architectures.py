"""Architectures over several seeds: mean and band of each, Welch's test and a permutation test of each pair."""

from collections.abc import Sequence
from math import isnan
from statistics import stdev

import pandas as pd
import streamlit as st

from dashboard.components import data_table, explained, table_rows
from dashboard.controls import compared_runs
from dashboard.frame import choose_option, navigation, show_figure
from mnist_core.analysis import SPREAD_BANDS, GroupPair, Predictions, SpreadBand, TrainedArchitecture, Verdict, stats
from mnist_core.plots import significance as plots
from mnist_core.text import in_markdown

# Larger numbers of seeds are not computed: nobody trains so many.
_MOST = 100


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
    verdict = compared_runs.load_verdict(predictions)
    rows = [
        plots.SeedAccuracies(
            row.name, row.group.runs[0], row.accuracies, *stats.mean_and_band(list(row.accuracies.values()), band)
        )
        for row in verdict.architectures
    ]
    with chart:
        show_figure(plots.seed_spread(rows, band), key="verdict_seeds")
    with heading:
        chosen = _choice(verdict)
        if chosen:
            st.header(in_markdown(verdict.architecture_sentence(chosen)), anchor=False)
    _single(verdict.architectures)
    if chosen:
        _details(verdict, chosen)
        _table(verdict)
    elif len(rows) == 1:
        st.info("Choose runs of a second architecture to compare the two.")
    if any(len(group.one_per_seed) < len(group.runs) for group in (row.group for row in verdict.architectures)):
        st.caption(
            "A seed that was trained twice counts once, with its first run. Chance here means other initial weights "
            "and another order of the images, and a repeated seed brings neither."
        )


def _choice(verdict: Verdict) -> GroupPair | None:
    pairs, names = verdict.architecture_pairs, [row.name for row in verdict.architectures]
    if len(pairs) < 2:
        return pairs[0] if pairs else None
    labels = {f"{names[pair.a]} against {names[pair.b]}": pair for pair in pairs}
    chosen = st.selectbox(
        "Two architectures",
        list(labels),
        key="verdict_groups",
        bind="query-params",
        help="The two architectures that the sentence is about; the better mean first. The table below has all pairs.",
    )
    return labels.get(chosen, pairs[0])


def _details(verdict: Verdict, pair: GroupPair) -> None:
    """Interval, permutation test with its limit, and the smallest difference that such a comparison would find."""
    if not isnan(pair.test.low):
        of = (
            "**of this pair alone** (not corrected for the number of pairs)" if pair.tested > 1 else "of the difference"
        )
        low, high = stats.points_text(pair.test.low), stats.points_text(pair.test.high)
        st.markdown(f"The 95 % interval {of} is {low} to {high} percentage points (Welch).")
    st.markdown(_permutation(pair))
    first, second = (verdict.architectures[index].accuracies.values() for index in (pair.a, pair.b))
    spreads = stdev(first), stdev(second)
    if max(spreads) > 0:
        st.markdown(_power(pair, spreads))


def _permutation(pair: GroupPair) -> str:
    """p of the permutation test, its smallest possible value, and how many seeds evidence needs."""
    corrected = " (corrected for the number of pairs)" if pair.tested > 1 else ""
    limit = stats.floor_text(*pair.seeds, pair.least)
    unequal = pair.seeds[0] != pair.seeds[1]
    text = (
        f"Permutation test: {stats.p_text(pair.permutation)}{corrected}. It needs no normal distribution, but many "
        f"seeds: **{limit}**{corrected}."
        + " It takes both to scatter alike; with equally many seeds of each that hardly matters."
        * unequal
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
    return "more than 100" if fraction > 1 else stats.points_text(fraction).lstrip("+−")


def _seeds(count: int) -> str:
    return f"more than {_MOST}" if count > _MOST else str(count)


def _single(rows: Sequence[TrainedArchitecture]) -> None:
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


def _table(verdict: Verdict) -> None:
    """A table of all pairs with both tests."""
    pairs, names = verdict.architecture_pairs, [row.name for row in verdict.architectures]
    if len(pairs) < 2:
        return
    st.markdown("### Every pair")
    table = pd.DataFrame(
        {
            "Architecture": [names[pair.a] for pair in pairs],
            "Against": [names[pair.b] for pair in pairs],
            "Difference": [100 * pair.test.difference for pair in pairs],
            "From (this pair alone)": [100 * pair.test.low for pair in pairs],
            "To (this pair alone)": [100 * pair.test.high for pair in pairs],
            "Welch p (Holm)": [pair.welch for pair in pairs],
            "Permutation p (Holm)": [pair.permutation for pair in pairs],
        }
    )
    number = st.column_config.NumberColumn
    alone = "end of the difference's 95 % interval (Welch), of this pair alone, percentage points."
    corrected = f"corrected by Holm's method for all {len(pairs)} pairs."
    columns = {
        "Difference": number(format="%+.3g", help="Mean of the first minus mean of the second, percentage points."),
        "From (this pair alone)": number(format="%+.3g", help=f"Lower {alone}"),
        "To (this pair alone)": number(format="%+.3g", help=f"Upper {alone}"),
        "Welch p (Holm)": number(format="%.3g", help=explained(f"Welch's test, {corrected}", "Welch's test")),
        "Permutation p (Holm)": number(format="%.3g", help=f"Permutation test, {corrected}"),
    }
    data_table("verdict-pairs", table_rows(table, columns), "Pairs of architectures")
    st.caption(
        f"Both p are corrected by Holm's method for {len(pairs)} pairs; the intervals are those of each pair alone."
    )
