"""These trained models on these test images: which run alone is right, where there is evidence, which are alike."""

from collections.abc import Sequence
from contextlib import nullcontext

import numpy as np
import streamlit as st

from dashboard.components import explained
from dashboard.controls import compared_runs
from dashboard.frame import show_figure
from mnist_core.analysis import Pair, PairedTest, Predictions, Verdict, stats
from mnist_core.plots import significance as plots
from mnist_core.store import Run
from mnist_core.text import in_markdown

_PAIR, _MATRIX = "verdict_pair", "verdict_matrix"
# Longest name, in letters, that a sentence can repeat; runs with longer names are called by their numbers.
_LONGEST_NAME = 20


def show_models(predictions: Predictions) -> None:
    """One run with its interval, two with their verdict, or several with all pairs."""
    count = len(predictions.runs)
    with st.spinner(f"Comparing {count * (count - 1) // 2} pairs …") if count > 2 else nullcontext():
        verdict = compared_runs.load_verdict(predictions)
    if count == 1:
        _alone(verdict)
    elif count == 2:
        _show_pair(verdict, verdict.pairs[0])
        _standings(verdict, [])
    else:
        _several(verdict)


def _alone(verdict: Verdict) -> None:
    predictions = verdict.predictions
    (run,) = predictions.runs
    right, (low, high) = verdict.count_right(0), verdict.interval(0)
    st.header(
        f"Run {run.number} is right on {right:,} of {predictions.images:,} images. On many more such images its "
        f"accuracy would be {100 * low:.2f} to {100 * high:.2f}% (95 % interval{', optimistic' * run.optimistic}).",
        anchor=False,
    )
    _standings(verdict, [])
    st.info("Choose a second run to see whether their difference is more than chance.")


def _several(verdict: Verdict) -> None:
    order, pairs, runs = verdict.order, verdict.pairs, verdict.predictions.runs
    st.header(_summary(verdict), anchor=False)
    _standings(verdict, verdict.alike)
    st.caption(
        "A bar at the right joins runs that cannot be told apart on these images. A run may be in several bars: its "
        "two neighbours may still differ from each other. “Cannot be told apart” does not mean equal: more test images "
        "might show a difference."
    )
    st.markdown("### Every pair")
    numbers = [runs[index].number for index in order]
    offered = {
        f"{numbers[i]} and {numbers[j]}": (order[i], order[j])
        for i in range(len(order))
        for j in range(i + 1, len(order))
    }
    images, p = _matrices(len(order), pairs)
    figure = plots.pair_matrix(
        [runs[index] for index in order],
        images[np.ix_(order, order)],
        p[np.ix_(order, order)],
        dark=st.context.theme.type == "dark",
    )
    show_figure(
        figure,
        key=_MATRIX,
        on_select=lambda: _take_cell(offered),
        selection_mode="points",
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
        help=explained(
            "The two runs that the sentence below is about; the better one first. You can also click a cell.",
            "McNemar's test",
            "Correction for several pairs (Holm)",
        ),
    )
    first, second = offered.get(chosen, next(iter(offered.values())))
    _show_pair(verdict, verdict.pair(first, second))


def _show_pair(verdict: Verdict, pair: Pair) -> None:
    """The sentence about two runs, the images that only one gets right, and the difference with its interval."""
    predictions, tested = verdict.predictions, len(verdict.pairs)
    a, b, two = predictions.runs[pair.a], predictions.runs[pair.b], pair.paired
    names = _short_names(a, b)
    text = verdict.sentence(pair, *(names or (f"run {a.number}", f"run {b.number}")))
    # A sentence begins with a capital letter, but a run's own name stays as it is.
    st.header(in_markdown(text if names else text[0].upper() + text[1:]), anchor=False)
    left, right = st.columns(2, gap="medium")
    with left:
        show_figure(plots.right_alone(a, b, two), key="verdict_alone")
    with right:
        figure = plots.accuracy_difference(a, b, two, pair.adjusted)
        show_figure(figure, key="verdict_difference")
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
    """The smallest difference that such a comparison would find in 8 of 10 cases, as one of this many pairs."""
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


def _standings(verdict: Verdict, groups: Sequence[Sequence[int]]) -> None:
    """A chart of each run's accuracy with its Wilson interval, the best first, and bars that join runs alike."""
    runs, images = verdict.predictions.runs, verdict.predictions.images
    rows = [
        plots.Standing(runs[index], verdict.count_right(index) / images, *verdict.interval(index))
        for index in verdict.order
    ]
    bars = [[verdict.order.index(index) for index in group] for group in groups]
    show_figure(plots.standings(rows, bars), key="verdict_standings")
    if len(rows) > 1:
        st.caption(
            "Each accuracy with its own 95 % interval (Wilson). Overlapping intervals do not mean a tie: the runs "
            "answered the same images, so comparing them image by image shows more than two separate intervals."
        )


def _summary(verdict: Verdict) -> str:
    predictions, order, groups = verdict.predictions, verdict.order, verdict.alike
    best = predictions.runs[verdict.best].number
    if len(groups[0]) == len(order):
        return f"None of these {len(order)} runs can be told apart from another on these {predictions.images:,} images."
    if not verdict.like_the_best:
        return f"Run {best} is better than every other, by more than chance alone would make likely."
    alike = sorted(predictions.runs[index].number for index in verdict.like_the_best)
    runs = f"runs {', '.join(map(str, alike[:-1]))} and {alike[-1]}" if len(alike) > 1 else f"run {alike[0]}"
    equal = verdict.count_right(order[0]) == verdict.count_right(order[1])
    most = "as many images right as any" if equal else "the most images right"
    return f"Run {best} has {most}, but cannot be told apart from {runs}."


def _matrices(count: int, pairs: Sequence[Pair]) -> tuple[np.ndarray, np.ndarray]:
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
