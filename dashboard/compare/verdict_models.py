"""These trained models on these test images: who is right alone, what is evidence, who cannot be told apart."""

import numpy as np
import streamlit as st

from dashboard.controls import compared_runs
from mnist_core.analysis import Pair, PairedTest, Predictions, stats
from mnist_core.plots import significance as plots
from mnist_core.store import Run
from mnist_core.text import in_markdown

_PAIR, _MATRIX = "verdict_pair", "verdict_matrix"
# letters of a name that a sentence can hold several times
_SHORT = 20


def show_models(found: Predictions) -> None:
    """One run with its interval, two with their verdict, or several with all pairs."""
    count = len(found.runs)
    if count == 1:
        _alone(found)
    elif count == 2:
        (pair,) = _pairs(_key(found), found.right)
        _verdict(found, pair, 1)
        _standings(found, [])
    else:
        with st.spinner(f"Comparing {count * (count - 1) // 2} pairs …"):
            pairs = _pairs(_key(found), found.right)
        _several(found, pairs)


def _alone(found: Predictions) -> None:
    right = int(found.right.sum())
    low, high = stats.wilson(right, found.images)
    st.subheader(
        f"Run {found.runs[0].number} is right on {right:,} of {found.images:,} images. Its accuracy on ever more such "
        f"images: {100 * low:.2f} to {100 * high:.2f}% (95 % interval{', optimistic' * found.runs[0].optimistic}).",
        anchor=False,
    )
    _standings(found, [])
    st.info("Choose a second run to see whether their difference is more than chance.")


def _several(found: Predictions, pairs: list[Pair]) -> None:
    order = np.argsort(-found.right.mean(axis=1), kind="stable").tolist()
    groups = stats.indistinguishable(found.right, pairs, stats.ALPHA)
    st.subheader(_summary(found, groups, order), anchor=False)
    _standings(found, groups)
    st.caption(
        "A bar at the right joins runs of which no two can be told apart. A run may be in several bars: like one "
        "neighbour and like the other does not make the neighbours alike. Not told apart does not mean equal: "
        "more test images might part them."
    )
    st.markdown("#### Every pair")
    numbers = [found.runs[place].number for place in order]
    offered = {
        f"{numbers[i]} and {numbers[j]}": (order[i], order[j])
        for i in range(len(order))
        for j in range(i + 1, len(order))
    }
    images, p = _matrices(len(order), pairs)
    figure = plots.pair_matrix(
        [found.runs[place] for place in order],
        images[np.ix_(order, order)],
        p[np.ix_(order, order)],
        dark=st.context.theme.type == "dark",
    )
    st.plotly_chart(
        figure,
        key=_MATRIX,
        on_select=lambda: _take_cell(offered),
        selection_mode="points",
        config=compared_runs.PLOTLY_CONFIG,
    )
    st.caption(
        "Images that the run of the row has right more than the run of the column, and p of the exact McNemar test, "
        f"corrected by Holm's method for {len(pairs)} pairs. Blue: evidence that the row is better. Orange: worse. "
        "Grey: no evidence. Click a cell to read about it below."
    )
    chosen = st.selectbox(
        "Two runs, by their numbers",
        list(offered),
        key=_PAIR,
        bind="query-params",
        help="The two runs that the sentence below is about; the better one first. A click on a cell chooses, too.",
    )
    first, second = offered.get(chosen, next(iter(offered.values())))
    pair = next(pair for pair in pairs if {pair.a, pair.b} == {first, second})
    if pair.a != first:
        pair = Pair(first, second, stats.paired_test(found.right[first], found.right[second]), pair.adjusted)
    _verdict(found, pair, len(pairs))


def _verdict(found: Predictions, pair: Pair, tested: int) -> None:
    """The sentence about two runs, who is right alone, and the difference with its interval."""
    a, b, two = found.runs[pair.a], found.runs[pair.b], pair.paired
    adjusted = pair.adjusted if tested > 1 else None
    text = stats.pair_verdict(*_names(a, b), two, adjusted, stats.ALPHA)
    st.subheader(in_markdown(text[0].upper() + text[1:] if text.startswith("run ") else text), anchor=False)
    left, right = st.columns(2, gap="medium")
    with left:
        st.plotly_chart(plots.right_alone(a, b, two), key="verdict_alone", config=compared_runs.PLOTLY_CONFIG)
    with right:
        figure = plots.accuracy_difference(a, b, two, two.p if adjusted is None else adjusted)
        st.plotly_chart(figure, key="verdict_difference", config=compared_runs.PLOTLY_CONFIG)
    both = int((found.right[pair.a] & found.right[pair.b]).sum())
    st.caption(
        f"Both are right on {both:,} images and both wrong on {two.images - both - two.disagreements:,}: these say "
        "nothing about which is better."
    )
    st.markdown(_interval(two, tested))
    st.markdown(_power(two, tested))


def _interval(two: PairedTest, tested: int) -> str:
    """The difference, with the interval that belongs to the test, and the one without its condition."""
    of = " of this pair alone, not corrected for their number," if tested > 1 else ""
    low, high = two.widest
    return (
        f"The difference is **{stats.points_text(two.difference)} percentage points**. Its 95 % interval{of} is "
        f"{stats.points_text(two.low)} to {stats.points_text(two.high)}: the exact one of McNemar's test, for as many "
        f"disagreements as here ({two.disagreements:,}). With their number left open, too, it is "
        f"{stats.points_text(low)} to {stats.points_text(high)}."
    )


def _power(two: PairedTest, tested: int) -> str:
    """Which difference such a comparison finds, as one of so many pairs."""
    alpha = stats.ALPHA / tested
    least = stats.detectable_difference(two.images, two.disagreements, alpha=alpha)
    few, many = stats.detectable_range(two.images, two.disagreements, alpha=alpha)
    among = f", judged as one of {tested} pairs (p at most {alpha:.2g})," if tested > 1 else ""
    if least > two.images:
        return f"With {two.images:,} images{among} no difference at all would be found in 8 of 10 cases: test on more."
    return (
        f"With {two.images:,} images and two runs that disagree as often as these{among} a difference of "
        f"**{least:,} images** would be found in 8 of 10 cases. How often they disagree is counted on these images "
        f"only: on others it may take {few:,} to {many:,} images (80 % interval). A smaller difference may well be "
        "there and not be seen."
    )


def _standings(found: Predictions, groups: list[tuple[int, ...]]) -> None:
    """Each run's accuracy with its Wilson interval, the best first, and who cannot be told apart."""
    right = found.right.sum(axis=1)
    order = np.argsort(-right, kind="stable").tolist()
    rows = [
        plots.Standing(found.runs[place], right[place] / found.images, *stats.wilson(int(right[place]), found.images))
        for place in order
    ]
    places = [[order.index(place) for place in group] for group in groups]
    st.plotly_chart(plots.standings(rows, places), key="verdict_standings", config=compared_runs.PLOTLY_CONFIG)
    if len(rows) > 1:
        st.caption(
            "Each accuracy with its own 95 % interval (Wilson). Overlapping intervals do not mean a tie: the runs "
            "answered the same images, and a test of pairs sees more than two separate intervals."
        )


def _summary(found: Predictions, groups: list[tuple[int, ...]], order: list[int]) -> str:
    best, right = found.runs[order[0]].number, found.right.sum(axis=1)
    if len(groups[0]) == len(order):
        return f"None of these {len(order)} runs can be told apart from another on these {found.images:,} images."
    if len(groups[0]) == 1 and len(groups) > 1 and not any(order[0] in group for group in groups[1:]):
        return f"Run {best} is better than every other, by more than chance alone would make likely."
    alike = sorted({found.runs[place].number for group in groups if order[0] in group for place in group} - {best})
    runs = f"runs {', '.join(map(str, alike[:-1]))} and {alike[-1]}" if len(alike) > 1 else f"run {alike[0]}"
    most = "as many images right as any" if right[order[0]] == right[order[1]] else "the most images right"
    return f"Run {best} has {most}, but cannot be told apart from {runs}."


def _matrices(count: int, pairs: list[Pair]) -> tuple[np.ndarray, np.ndarray]:
    """Differences in images, row minus column, and adjusted p, both (count, count)."""
    images, p = np.zeros((count, count), dtype=np.int64), np.ones((count, count))
    for pair in pairs:
        images[pair.a, pair.b] = pair.paired.only_a - pair.paired.only_b
        p[pair.a, pair.b] = p[pair.b, pair.a] = pair.adjusted
    return images - images.T, p


def _take_cell(offered: dict[str, tuple[int, int]]) -> None:
    """Make the clicked cell the chosen pair."""
    points = st.session_state[_MATRIX]["selection"]["points"]
    if points:
        one, other, *_ = points[0]["customdata"]
        name = f"{one} and {other}"
        st.session_state[_PAIR] = name if name in offered else f"{other} and {one}"


def _names(a: Run, b: Run) -> tuple[str, str]:
    """What a sentence calls two runs: their names if these are short and tell them apart, else their numbers."""
    if a.name != b.name and all(0 < len(run.name) <= _SHORT for run in (a, b)):
        return a.name, b.name
    return f"run {a.number}", f"run {b.number}"


def _key(found: Predictions) -> tuple[tuple[str, str, int], ...]:
    return tuple((run.id, run.state, run.step) for run in found.runs)


@st.cache_data(show_spinner=False, max_entries=30)
def _pairs(key: tuple[tuple[str, str, int], ...], _right: np.ndarray) -> list[Pair]:
    return stats.all_pairs(_right)
