"""Images that some runs get right and others wrong; images that were forgotten."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Literal

import numpy as np
import streamlit as st

from dashboard.compare.forgotten import show_forgotten_images
from dashboard.compare.image_browser import browse_images, predicted_names
from dashboard.controls import compared_runs
from dashboard.frame import choose_option, errors_as_messages
from mnist_core.analysis import Predictions, agreement
from mnist_core.plots import AgreementRow, who_is_right
from mnist_core.store import Run

# up to so many runs each pattern has its own row from the start
_FEW = 4
_MOST_ROWS = 24
_ORDERS: Mapping[str, Callable[[Predictions], np.ndarray]] = {
    "hardest first": lambda found: agreement.true_probability(found).mean(axis=0),
    "easiest first": lambda found: -agreement.true_probability(found).mean(axis=0),
    "least agreement first": lambda found: -agreement.disagreement(found),
    "by number": lambda found: np.arange(found.images),
}


def show_disagreements(runs: Sequence[Run]) -> None:
    """Images by who is right, or images that one run forgot again."""
    found = compared_runs.gather_predictions(runs)
    if found is None:
        return
    view = choose_option(
        "Images",
        ["by who is right", "forgotten"],
        default="by who is right",
        key="disagreements_view",
        label_visibility="collapsed",
        help="By who is right: the same images, several runs. Forgotten: one run, epoch by epoch.",
    )
    (_by_who_is_right if view == "by who is right" else show_forgotten_images)(found)


@st.fragment
def _by_who_is_right(found: Predictions) -> None:
    with errors_as_messages():
        if len(found.runs) < 2:
            st.info("One run cannot disagree with itself: choose a second one, or look at the forgotten images.")
            return
        names = compared_runs.class_names(found)
        st.markdown(_summary(found))
        group, order = _controls(found)
        bars = _bars(found, group)
        key = "disagreements_pattern" if group == "exact patterns" else "disagreements_count"
        chosen = _group(key, bars, group)
        if group == "exact patterns" and len(bars) > _MOST_ROWS:
            drawn = bars[:_MOST_ROWS] if chosen in bars[:_MOST_ROWS] else [*bars[: _MOST_ROWS - 1], chosen]
            rest = sum(bar.images for bar in bars) - sum(bar.images for bar in drawn)
            st.caption(
                f"The {len(drawn)} rows are the most frequent of {len(bars)} patterns; the other "
                f"{len(bars) - len(drawn)} hold {rest:,} images and are in the list above."
            )
        else:
            drawn = bars
        chart = f"disagreements-chart-{group}"
        st.plotly_chart(
            who_is_right(drawn, found.runs, drawn.index(chosen)),
            key=chart,
            on_select=partial(_take, chart, key, [bar.name for bar in drawn]),
            selection_mode="points",
            config=compared_runs.PLOTLY_CONFIG,
        )
        _images(found, chosen, order, names)


def _summary(found: Predictions) -> str:
    everybody, nobody = len(agreement.right_by_all(found.right)), len(agreement.right_by_none(found.right))
    count, total = len(found.runs), found.images
    rest = total - everybody - nobody
    who = "Both runs" if count == 2 else f"All {count} runs"
    return (
        f"**{who}** get {everybody:,} of {total:,} images right, **nobody** gets {nobody:,}, and on **{rest:,}** some "
        f"are right and others wrong. The rows add up to all {total:,}. Click a row to see its images."
    )


def _controls(found: Predictions) -> tuple[str, str]:
    """How images are grouped, and in which order they are shown."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        group = choose_option(
            "Rows",
            ["exact patterns", "how many are right"],
            default="exact patterns" if len(found.runs) <= _FEW else "how many are right",
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
            help="Hardest: the lowest mean probability of the true class. Least agreement: the largest Jensen-Shannon "
            "divergence between the runs' probabilities.",
        )
    return group, order


def _bars(found: Predictions, group: str) -> list[AgreementRow]:
    """The rows: all right first, none right last, between them the most frequent or the most nearly right first."""
    if group == "how many are right":
        count = len(found.runs)
        sizes = [(right, len(agreement.right_by_count(found.right, right))) for right in range(count, -1, -1)]
        return [AgreementRow(_of(right, count), images, kind=_kind(right, count)) for right, images in sizes]
    table = agreement.right_patterns(found.right)
    bars = [
        AgreementRow(_pattern_name(pattern, found.runs), int(images), pattern, _kind(sum(pattern), len(pattern)))
        for pattern, images in zip(table["pattern"], table["images"], strict=True)
    ]
    return sorted(bars, key=lambda bar: (not all(bar.right), not any(bar.right), -bar.images))


def _group(key: str, bars: list[AgreementRow], group: str) -> AgreementRow:
    """The row whose images are shown: that of the URL, or the largest on which the runs differ."""
    options = [bar.name for bar in bars]
    if st.session_state.get(key) not in options:
        # a choice of other runs
        st.session_state.pop(key, None)
    mixed = [bar for bar in bars if bar.kind == "some" and bar.images]
    first = max(mixed, key=lambda bar: bar.images, default=bars[0])
    name = st.selectbox(
        "Images that these runs get right" if group == "exact patterns" else "Images that so many runs get right",
        options,
        index=options.index(first.name),
        key=key,
        bind="query-params",
        help="The same choice as a click on a row; the numbers are those of the runs.",
    )
    return bars[options.index(name)]


def _take(chart: str, key: str, options: Sequence[str]) -> None:
    """Choose the row that was clicked."""
    points = st.session_state[chart].selection.points
    if points and "customdata" in points[0]:
        st.session_state[key] = options[int(points[0]["customdata"][0])]
        st.session_state["disagreements_page"] = 1


def _images(found: Predictions, chosen: AgreementRow, order: str, names: tuple[str, ...]) -> None:
    if chosen.right:
        places = agreement.right_by_pattern(found.right, chosen.right)
    else:
        right = {_of(right, len(found.runs)): right for right in range(len(found.runs) + 1)}
        places = agreement.right_by_count(found.right, right[chosen.name])
    if not len(places):
        st.info("There is no such image. Choose another row.")
        return
    places = places[np.lexsort((places, _ORDERS[order](found)[places]))]
    captions = [
        f"{names[found.labels[place]]}" if chosen.kind == "all" else f"{names[found.labels[place]]} · {said}"
        for place, said in ((place, predicted_names(found, place, names)) for place in places.tolist())
    ]
    st.subheader(_heading(chosen, len(places)))
    if chosen.name != "all":
        st.caption("Under each image: its label, and what the runs call it, the most frequent first.")
    browse_images("disagreements", found, places, captions, names)


def _heading(chosen: AgreementRow, images: int) -> str:
    who = {"all": "every run gets right", "nobody": "nobody gets right"}.get(chosen.name)
    if who is None and not chosen.right:
        who = f"{chosen.name} runs get right"
    elif who is None and sum(chosen.right) == 1:
        who = f"only run {chosen.name.removeprefix('only ')} gets right"
    elif who is None:
        who = f"{chosen.name} get right" if chosen.name.startswith("all") else f"only runs {chosen.name} get right"
    return f"{images:,} image{'s' * (images != 1)} that {who}"


def _kind(right: int, runs: int) -> Literal["all", "some", "none"]:
    return "none" if right == 0 else "all" if right == runs else "some"


def _of(right: int, runs: int) -> str:
    return {0: "nobody", runs: "all"}.get(right, f"{right} of {runs}")


def _pattern_name(pattern: Sequence[bool], runs: Sequence[Run]) -> str:
    """Which runs are right, by their numbers: all, none, only 3, all but 3, or 1, 3, 4."""
    right = [str(run.number) for run, one in zip(runs, pattern, strict=True) if one]
    wrong = [str(run.number) for run, one in zip(runs, pattern, strict=True) if not one]
    if not right or not wrong:
        return "all" if right else "nobody"
    if len(right) == 1:
        return f"only {right[0]}"
    return f"all but {wrong[0]}" if len(wrong) == 1 else ", ".join(right)
