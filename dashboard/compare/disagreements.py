"""Images that some runs get right and others wrong; images that were forgotten."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Literal

import numpy as np
import streamlit as st

from dashboard.compare.forgotten import show_forgotten_images
from dashboard.compare.image_browser import browse_images, predicted_names
from dashboard.controls import compared_runs
from dashboard.frame import choose_option, errors_as_messages, show_figure
from mnist_core.analysis import Predictions, agreement
from mnist_core.plots import AgreementRow, who_is_right
from mnist_core.store import Run

# Up to this number of runs, each pattern of right and wrong has its own row at first.
_FEW = 4
_MOST_ROWS = 24
# Names of the rows of images that all runs, or no run, get right; part of the page's address.
_ALL, _NOBODY = "all", "nobody"
_ORDERS: Mapping[str, Callable[[Predictions], np.ndarray]] = {
    "hardest first": lambda predictions: agreement.true_probability(predictions).mean(axis=0),
    "easiest first": lambda predictions: -agreement.true_probability(predictions).mean(axis=0),
    "least agreement first": lambda predictions: -agreement.disagreement(predictions),
    "by number": lambda predictions: np.arange(predictions.images),
}


def show_disagreements(runs: Sequence[Run]) -> None:
    """Images by which runs are right, or images that one run learned and forgot again."""
    predictions = compared_runs.gather_predictions(runs)
    if predictions is None:
        return
    view = choose_option(
        "Images",
        ["by who is right", "forgotten"],
        default="by who is right",
        key="disagreements_view",
        label_visibility="collapsed",
        help="By who is right: which runs are right on which images. Forgotten: one run, epoch by epoch.",
    )
    (_by_who_is_right if view == "by who is right" else show_forgotten_images)(predictions)


@st.fragment
def _by_who_is_right(predictions: Predictions) -> None:
    with errors_as_messages():
        if len(predictions.runs) < 2:
            st.info("A single run has nothing to disagree with. Choose a second one, or look at the forgotten images.")
            return
        names = compared_runs.class_names(predictions)
        st.markdown(_summary(predictions))
        group, order = _controls(predictions)
        bars = _rows(predictions, group)
        key = "disagreements_pattern" if group == "exact patterns" else "disagreements_count"
        chosen = _choose_row(key, bars, group)
        if group == "exact patterns" and len(bars) > _MOST_ROWS:
            drawn = bars[:_MOST_ROWS] if chosen in bars[:_MOST_ROWS] else [*bars[: _MOST_ROWS - 1], chosen]
            rest = sum(bar.images for bar in bars) - sum(bar.images for bar in drawn)
            st.caption(
                f"These rows are the {len(drawn)} most frequent of {len(bars)} patterns. The other "
                f"{len(bars) - len(drawn)} have {rest:,} images; choose them from the list above."
            )
        else:
            drawn = bars
        chart = f"disagreements-chart-{group}"
        show_figure(
            who_is_right(drawn, predictions.runs, drawn.index(chosen)),
            key=chart,
            on_select=partial(_choose_clicked, chart, key, [bar.name for bar in drawn]),
            selection_mode="points",
        )
        _images(predictions, chosen, order, names)


def _summary(predictions: Predictions) -> str:
    everybody, nobody = len(agreement.right_by_all(predictions.right)), len(agreement.right_by_none(predictions.right))
    count, total = len(predictions.runs), predictions.images
    rest = total - everybody - nobody
    who = "Both runs" if count == 2 else f"All {count} runs"
    return (
        f"**{who}** get {everybody:,} of {total:,} images right, **nobody** gets {nobody:,}, and on **{rest:,}** some "
        f"are right and others wrong. The rows add up to all {total:,}. Click a row to see its images."
    )


def _controls(predictions: Predictions) -> tuple[str, str]:
    """How images are grouped, and in which order they are shown."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        group = choose_option(
            "Rows",
            ["exact patterns", "how many are right"],
            default="exact patterns" if len(predictions.runs) <= _FEW else "how many are right",
            key="disagreements_rows",
            help="Exact patterns: a row for each combination of runs that are right (filled dots). How many are right: "
            "a row for each number of runs, whichever they are.",
        )
        order = st.selectbox(
            "Order of the images",
            list(_ORDERS),
            key="disagreements_order",
            bind="query-params",
            width=240,
            help="Hardest: on average, the runs give the true class the lowest probability. Least agreement: the runs' "
            "probabilities lie furthest apart (Jensen-Shannon divergence).",
        )
    return group, order


def _rows(predictions: Predictions, group: str) -> list[AgreementRow]:
    """The rows: all runs right first, none right last; between them the most frequent or the most runs right first."""
    if group == "how many are right":
        count = len(predictions.runs)
        sizes = [(right, len(agreement.right_by_count(predictions.right, right))) for right in range(count, -1, -1)]
        return [AgreementRow(_of(right, count), images, kind=_kind(right, count)) for right, images in sizes]
    table = agreement.right_patterns(predictions.right)
    bars = [
        AgreementRow(_pattern_name(pattern, predictions.runs), int(images), pattern, _kind(sum(pattern), len(pattern)))
        for pattern, images in zip(table["pattern"], table["images"], strict=True)
    ]
    return sorted(bars, key=lambda bar: (not all(bar.right), not any(bar.right), -bar.images))


def _choose_row(key: str, bars: list[AgreementRow], group: str) -> AgreementRow:
    """The row whose images are shown: the one in the URL, or else the largest on which the runs differ."""
    options = [bar.name for bar in bars]
    if st.session_state.get(key) not in options:
        # The value belongs to other runs.
        st.session_state.pop(key, None)
    mixed = [bar for bar in bars if bar.kind == "some" and bar.images]
    first = max(mixed, key=lambda bar: bar.images, default=bars[0])
    name = st.selectbox(
        "Images that these runs get right" if group == "exact patterns" else "Images that this many runs get right",
        options,
        index=options.index(first.name),
        key=key,
        bind="query-params",
        help="You can also click a row. The numbers are those of the runs.",
    )
    return bars[options.index(name)]


def _choose_clicked(chart: str, key: str, options: Sequence[str]) -> None:
    """Callback: choose the row that was clicked."""
    points = st.session_state[chart].selection.points
    if points and "customdata" in points[0]:
        st.session_state[key] = options[int(points[0]["customdata"][0])]
        st.session_state["disagreements_page"] = 1


def _images(predictions: Predictions, chosen: AgreementRow, order: str, names: tuple[str, ...]) -> None:
    if chosen.right:
        indices = agreement.right_by_pattern(predictions.right, chosen.right)
    else:
        right = {_of(right, len(predictions.runs)): right for right in range(len(predictions.runs) + 1)}
        indices = agreement.right_by_count(predictions.right, right[chosen.name])
    if not len(indices):
        st.info("There is no such image. Choose another row.")
        return
    indices = indices[np.lexsort((indices, _ORDERS[order](predictions)[indices]))]
    captions = [names[predictions.labels[index]] for index in indices]
    st.header(_heading(chosen, len(indices), predictions.runs))
    if chosen.kind != "all":
        captions = [
            f"{caption} · {predicted_names(predictions, index, names)}"
            for caption, index in zip(captions, indices.tolist(), strict=True)
        ]
        st.caption("Under each image: its label, then what the runs call it, the most frequent answer first.")
    browse_images("disagreements", predictions, indices, captions, names)


def _heading(chosen: AgreementRow, images: int, runs: Sequence[Run]) -> str:
    right, wrong = _right_and_wrong(chosen.right, runs)
    if chosen.kind != "some":
        who = "every run gets right" if chosen.kind == "all" else "nobody gets right"
    elif not chosen.right:
        who = f"{chosen.name} runs get right"
    elif len(right) == 1:
        who = f"only run {right[0]} gets right"
    elif len(wrong) == 1:
        who = f"all runs but {wrong[0]} get right"
    else:
        who = f"only runs {', '.join(right)} get right"
    return f"{images:,} image{'s' * (images != 1)} that {who}"


def _kind(right: int, runs: int) -> Literal["all", "some", "none"]:
    return "none" if right == 0 else "all" if right == runs else "some"


def _of(right: int, runs: int) -> str:
    """Name of the row of images that this many of the runs get right."""
    return {0: _NOBODY, runs: _ALL}.get(right, f"{right} of {runs}")


def _pattern_name(pattern: Sequence[bool], runs: Sequence[Run]) -> str:
    """Which runs are right, by their numbers: all, nobody, only 3, all but 3, or 1, 3, 4."""
    right, wrong = _right_and_wrong(pattern, runs)
    if not right or not wrong:
        return _ALL if right else _NOBODY
    if len(right) == 1:
        return f"only {right[0]}"
    return f"all but {wrong[0]}" if len(wrong) == 1 else ", ".join(right)


def _right_and_wrong(pattern: Sequence[bool], runs: Sequence[Run]) -> tuple[list[str], list[str]]:
    """Numbers of the runs that are right, and of those that are wrong; both empty for an empty pattern."""
    right = [str(run.number) for run, is_right in zip(runs, pattern, strict=False) if is_right]
    wrong = [str(run.number) for run, is_right in zip(runs, pattern, strict=False) if not is_right]
    return right, wrong
