"""These trained models on these test images: which run alone is right, where there is evidence, which are alike."""

import numpy as np
import streamlit as st

from dashboard.controls import compared_runs
from mnist_core.analysis import Pair, PairedTest, Predictions, stats
from mnist_core.plots import significance as plots
from mnist_core.store import Run
from mnist_core.text import in_markdown

_PAIR, _MATRIX = "verdict_pair", "verdict_matrix"
# Longest name, in letters, that a sentence can repeat; runs with longer names are called by their numbers.
_LONGEST_NAME = 20


def show_models(predictions: Predictions) -> None:
    """One run with its interval, two with their verdict, or several with all pairs."""
    count = len(predictions.runs)
    if count == 1:
        _alone(predictions)
    elif count == 2:
        (pair,) = _pairs(_key(predictions), predictions.right)
        _verdict(predictions, pair, 1)
        _standings(predictions, [])
    else:
        with st.spinner(f"Comparing {count * (count - 1) // 2} pairs …"):
            pairs = _pairs(_key(predictions), predictions.right)
        _several(predictions, pairs)


def _alone(predictions: Predictions) -> None:
    right = int(predictions.right.sum())
    low, high = stats.wilson(right, predictions.images)
    (run,) = predictions.runs
    st.subheader(
        f"Run {run.number} is right on {right:,} of {predictions.images:,} images. On many more such images its "
        f"accuracy would be {100 * low:.2f} to {100 * high:.2f}% (95 % interval{', optimistic' * run.optimistic}).",
        anchor=False,
    )
    _standings(predictions, [])
    st.info("Choose a second run to see whether their difference is more than chance.")


def _several(predictions: Predictions, pairs: list[Pair]) -> None:
    order = np.argsort(-predictions.right.mean(axis=1), kind="stable").tolist()
    groups = stats.indistinguishable(predictions.right, pairs, stats.ALPHA)
    st.subheader(_summary(predictions, groups, order), anchor=False)
    _standings(predictions, groups)
    st.caption(
        "A bar at the right joins runs that cannot be told apart on these images. A run may be in several bars: its "
        "two neighbours may still differ from each other. “Cannot be told apart” does not mean equal: more test images "
        "might show a difference."
    )
    st.markdown("#### Every pair")
    numbers = [predictions.runs[index].number for index in order]
    offered = {
        f"{numbers[i]} and {numbers[j]}": (order[i], order[j])
        for i in range(len(order))
        for j in range(i + 1, len(order))
    }
    images, p = _matrices(len(order), pairs)
    figure = plots.pair_matrix(
        [predictions.runs[index] for index in order],
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
        "In each cell: how many more images the run of the row gets right than the run of the column, and p of the "
        f"exact McNemar test, corrected by Holm's method for {len(pairs)} pairs. Blue: evidence that the row is "
        "better. Orange: evidence that it is worse. Grey: no evidence. Click a cell to read about it below."
    )
    chosen = st.selectbox(
        "Two runs, by their numbers",
        list(offered),
        key=_PAIR,
        bind="query-params",
        help="The two runs that the sentence below is about; the better one first. You can also click a cell.",
    )
    first, second = offered.get(chosen, next(iter(offered.values())))
    pair = next(pair for pair in pairs if {pair.a, pair.b} == {first, second})
    if pair.a != first:
        pair = Pair(
            first, second, stats.paired_test(predictions.right[first], predictions.right[second]), pair.adjusted
        )
    _verdict(predictions, pair, len(pairs))


def _verdict(predictions: Predictions, pair: Pair, tested: int) -> None:
    """The sentence about two runs, the images that only one gets right, and the difference with its interval."""
    a, b, two = predictions.runs[pair.a], predictions.runs[pair.b], pair.paired
    adjusted = pair.adjusted if tested > 1 else None
    names = _short_names(a, b)
    text = stats.pair_verdict(*(names or (f"run {a.number}", f"run {b.number}")), two, adjusted, stats.ALPHA)
    # A sentence begins with a capital letter, but a run's own name stays as it is.
    st.subheader(in_markdown(text if names else text[0].upper() + text[1:]), anchor=False)
    left, right = st.columns(2, gap="medium")
    with left:
        st.plotly_chart(plots.right_alone(a, b, two), key="verdict_alone", config=compared_runs.PLOTLY_CONFIG)
    with right:
        figure = plots.accuracy_difference(a, b, two, two.p if adjusted is None else adjusted)
        st.plotly_chart(figure, key="verdict_difference", config=compared_runs.PLOTLY_CONFIG)
    both = int((predictions.right[pair.a] & predictions.right[pair.b]).sum())
    st.caption(
        f"Both are right on {both:,} images and both wrong on {two.images - both - two.disagreements:,}. These images "
        "say nothing about which run is better."
    )
    st.markdown(_interval(two, tested))
    st.markdown(_power(two, tested))


def _interval(two: PairedTest, tested: int) -> str:
    """The difference with two intervals: McNemar's, for this number of disagreements, and one for any number."""
    of = " (of this pair alone, not corrected for the number of pairs)" if tested > 1 else ""
    low, high = two.widest
    return (
        f"The difference is **{stats.points_text(two.difference)} percentage points**. Its 95 % interval{of} is "
        f"{stats.points_text(two.low)} to {stats.points_text(two.high)} (exact, McNemar's test). It takes the number "
        f"of disagreements here ({two.disagreements:,}) as fixed; if that number may vary as well, it is "
        f"{stats.points_text(low)} to {stats.points_text(high)}."
    )


def _power(two: PairedTest, tested: int) -> str:
    """The smallest difference that such a comparison would find in 8 of 10 cases, as one of so many pairs."""
    alpha = stats.ALPHA / tested
    least = stats.detectable_difference(two.images, two.disagreements, alpha=alpha)
    few, many = stats.detectable_range(two.images, two.disagreements, alpha=alpha)
    among = f", judged as one of {tested} pairs (p at most {alpha:.2g})," if tested > 1 else ""
    if least > two.images:
        return (
            f"With {two.images:,} images{among} even the largest difference would be found in fewer than 8 of 10 "
            "cases: test on more images."
        )
    return (
        f"With {two.images:,} images and two runs that disagree as often as these{among} a difference of "
        f"**{least:,} images** would be found in 8 of 10 cases. On other images they may disagree more or less often: "
        f"then it takes {few:,} to {many:,} images (80 % interval). A smaller difference may exist and stay unseen."
    )


def _standings(predictions: Predictions, groups: list[tuple[int, ...]]) -> None:
    """A chart of each run's accuracy with its Wilson interval, the best first, and bars that join runs alike."""
    right = predictions.right.sum(axis=1)
    order = np.argsort(-right, kind="stable").tolist()
    rows = [
        plots.Standing(
            predictions.runs[index],
            right[index] / predictions.images,
            *stats.wilson(int(right[index]), predictions.images),
        )
        for index in order
    ]
    bars = [[order.index(index) for index in group] for group in groups]
    st.plotly_chart(plots.standings(rows, bars), key="verdict_standings", config=compared_runs.PLOTLY_CONFIG)
    if len(rows) > 1:
        st.caption(
            "Each accuracy with its own 95 % interval (Wilson). Overlapping intervals do not mean a tie: the runs "
            "answered the same images, so comparing them image by image shows more than two separate intervals."
        )


def _summary(predictions: Predictions, groups: list[tuple[int, ...]], order: list[int]) -> str:
    best, right = predictions.runs[order[0]].number, predictions.right.sum(axis=1)
    if len(groups[0]) == len(order):
        return f"None of these {len(order)} runs can be told apart from another on these {predictions.images:,} images."
    if len(groups[0]) == 1 and len(groups) > 1 and not any(order[0] in group for group in groups[1:]):
        return f"Run {best} is better than every other, by more than chance alone would make likely."
    alike = sorted(
        {predictions.runs[index].number for group in groups if order[0] in group for index in group} - {best}
    )
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
    """Callback: choose the pair of the clicked cell."""
    points = st.session_state[_MATRIX]["selection"]["points"]
    if points:
        row_number, column_number, *_ = points[0]["customdata"]
        name = f"{row_number} and {column_number}"
        st.session_state[_PAIR] = name if name in offered else f"{column_number} and {row_number}"


def _short_names(a: Run, b: Run) -> tuple[str, str] | None:
    """The names of two runs if they differ and are short enough for a sentence."""
    if a.name != b.name and all(0 < len(run.name) <= _LONGEST_NAME for run in (a, b)):
        return a.name, b.name
    return None


def _key(predictions: Predictions) -> tuple[tuple[str, str, int], ...]:
    return tuple((run.id, run.state, run.step) for run in predictions.runs)


@st.cache_data(show_spinner=False, max_entries=30)
def _pairs(key: tuple[tuple[str, str, int], ...], _right: np.ndarray) -> list[Pair]:
    return stats.all_pairs(_right)
