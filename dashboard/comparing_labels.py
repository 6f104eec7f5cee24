"""Test images whose label may be wrong."""

from collections.abc import Sequence
from contextlib import suppress

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import comparing_data, state
from dashboard.comparing_images import browse, votes
from dashboard.components.data_table import data_table, rows_of
from dashboard.inspection_images import percent
from mnist_core import agreement
from mnist_core.answers import Answers
from mnist_core.errors import DataError
from mnist_core.plots.agreement import accuracy_without
from mnist_core.store import Run

_LIST = "labels_list"
_FILE = "labels_file"
_MOST_LISTED = 1000  # images: the list is part of the page's address


def show(runs: Sequence[Run]) -> None:
    """Images whose label most runs doubt, a list of known ones, and every run's score with and without them."""
    found = comparing_data.answered(runs)
    if found is None:
        return
    st.info(
        "These labels are called doubtful **by the networks only**. Networks that learned alike err alike: many an "
        "image here is labelled rightly and merely hard. A person looks at it and decides.",
        icon=":material/visibility:",
    )
    if len(found.runs) < 3:
        st.caption("With one or two runs this is a list of their mistakes. Choose several networks of different kinds.")
    names = comparing_data.class_names(found)
    agree, confidence = _thresholds(len(found.runs))
    doubted = agreement.doubtful(found, agree, confidence)
    listed = _listed(found.images)
    _images(found, doubted, listed, names)
    _scores(found, doubted["index"].to_numpy(), listed)


def _thresholds(runs: int) -> tuple[float, float]:
    """Which share of the runs must agree, and how sure each must be."""
    with st.container(horizontal=True, gap="large"):
        agree = st.slider(
            "Runs that call it the same other class (%)",
            50,
            100,
            80,
            5,
            key="labels_agree",
            bind="query-params",
            width=330,
            help="Of the chosen runs, at least so many must agree on one class that is not the label.",
        )
        confidence = st.slider(
            "Each at least this sure (%)",
            0,
            99,
            90,
            1,
            key="labels_confidence",
            bind="query-params",
            width=330,
            help="A run counts only if it gives that class at least this probability.",
        )
    needed = max(1, int(np.ceil(agree / 100 * runs - 1e-9)))
    st.caption(f"{needed} of {runs} run{'s' * (runs > 1)} must agree, each at least {confidence}% sure.")
    return agree / 100, confidence / 100


def _listed(images: int) -> np.ndarray:
    """The images of the person's own list; none if there is no list or it cannot be read."""
    with st.expander("A list of known doubtful images", expanded=bool(state.bound_text(_LIST))):
        st.file_uploader(
            "From a file",
            type=["csv", "txt"],
            key=_FILE,
            on_change=_take_file,
            help="Numbers of test images, or a CSV with a column index, such as the one that can be saved below.",
        )
        text = st.text_area(
            "Numbers of test images, from 0",
            key=_LIST,
            bind="query-params",
            height=100,
            placeholder="247, 1901, 2130",
            help="With commas, spaces or lines between them. The list is part of this page's address.",
        )
        try:
            listed = agreement.read_images(text, images)
            if len(listed) > _MOST_LISTED:
                raise DataError(
                    f"List of images: {len(listed):,} are too many for the page's address; "
                    f"give at most {_MOST_LISTED:,}."
                )
        except DataError as error:
            st.error(state.plain(str(error)))
            return np.zeros(0, dtype=np.int64)
        if len(listed):
            st.caption(f"{len(listed):,} images are in the list.")
    return listed


def _take_file() -> None:
    """Put what a file says into the text, where it is checked."""
    file = st.session_state[_FILE]
    if file is not None:
        text = file.getvalue().decode("utf-8-sig", errors="replace")
        with suppress(DataError):  # else the text stays as it is, and below it stands what is wrong with it
            text = ",".join(map(str, agreement.read_images(text, 10**9).tolist()))
        st.session_state[_LIST] = text


@st.fragment
def _images(found: Answers, doubted: pd.DataFrame, listed: np.ndarray, names: tuple[str, ...]) -> None:
    """The gallery of what was found or listed, and a table of what was found."""
    with state.errors_as_messages():
        st.subheader(f"{len(doubted):,} doubtful label{'s' * (len(doubted) != 1)} found")
        shown = doubted["index"].to_numpy()
        if len(listed):
            common = len(np.intersect1d(shown, listed))
            st.markdown(
                f"**{common:,}** of them are in the list, and {len(listed) - common:,} of the list were not found."
            )
            choices = {
                "found": shown,
                "in the list": listed,
                "in both": shown[np.isin(shown, listed)],
                "only found": shown[~np.isin(shown, listed)],
                "only in the list": listed[~np.isin(listed, shown)],
            }
            chosen = st.segmented_control(
                "Show",
                list(choices),
                default="found",
                key="labels_show",
                bind="query-params",
                required=True,
                help="The images that the networks doubt, those of the list, or where the two differ.",
            )
            shown = choices[chosen]
        if not len(shown):
            st.success("There is no such image. Lower the two thresholds to be shown more.")
            return
        captions = [f"{names[found.labels[place]]} → {votes(found, place, names)}" for place in shown.tolist()]
        st.caption("Under each image: its label → what the runs call it. Most runs, then the surest, come first.")
        browse("labels", found, shown, captions, names)
        if len(doubted):
            _table(doubted, names, len(found.runs))


def _table(doubted: pd.DataFrame, names: tuple[str, ...], runs: int) -> None:
    table = doubted.assign(
        label=[names[place] for place in doubted["label"]], called=[names[place] for place in doubted["called"]]
    )
    number = st.column_config.NumberColumn
    columns = {
        "index": number("Image", help="Its number in the test split, from 0."),
        "label": "Label",
        "called": "Called",
        "runs": number(f"Runs of {runs}", help="So many call it that, and are sure enough."),
        "confidence": st.column_config.TextColumn("Sure", help="The mean probability that these runs give it."),
    }
    shown = table.assign(confidence=[percent(value) for value in table["confidence"]])
    data_table("labels-table", rows_of(shown, columns), "Doubtful labels", height=300)
    st.download_button(
        "Save the list",
        table.to_csv(index=False),
        "doubtful-labels.csv",
        "text/csv",
        on_click="ignore",
        help="A CSV of the images that were found; it can be loaded again above.",
    )


def _scores(found: Answers, doubted: np.ndarray, listed: np.ndarray) -> None:
    """Every run's accuracy on all images and without the doubtful ones."""
    st.subheader("Scores with and without them")
    groups = {"those found": doubted}
    if len(listed):
        groups |= {"those in the list": listed, "both": np.union1d(doubted, listed)}
        chosen = st.segmented_control(
            "Leave out",
            list(groups),
            default="those found",
            key="labels_out",
            bind="query-params",
            required=True,
            help="Which images the second score leaves out.",
        )
    else:
        chosen = "those found"
    places = groups[chosen]
    table = agreement.accuracy_without(found, places)
    st.markdown(_about_scores(table, len(places)))
    if not len(places):
        return
    st.plotly_chart(accuracy_without(table, found.runs), key="labels-scores", config=comparing_data.CHART)
    if chosen != "those in the list":
        st.caption(
            "Leaving out what these very runs call wrong can only help them: a fair score leaves out a list that was "
            "made without them."
        )
    number = st.column_config.NumberColumn
    columns = {
        "run": number("Run"),
        "wrong": number("Wrong", format="localized", help="Of all test images."),
        "accuracy": number("Accuracy (%)", format="%.2f", help="On all test images."),
        "wrong_without": number("Wrong without", format="localized", help="Of the rest."),
        "accuracy_without": number("Accuracy without (%)", format="%.2f", help="On the rest."),
    }
    shown = table.assign(accuracy=100 * table["accuracy"], accuracy_without=100 * table["accuracy_without"])
    data_table("labels-scores-table", rows_of(shown, columns), "Accuracy with and without the doubtful images")


def _about_scores(table: pd.DataFrame, left_out: int) -> str:
    if not left_out:
        return "Nothing is left out: there is no doubtful image."
    before, after = ([*table.sort_values(["wrong" + end, "run"])["run"]] for end in ("", "_without"))
    order = "The order of the runs stays the same." if before == after else "**The order of the runs changes.**"
    what = "One image is" if left_out == 1 else f"{left_out:,} images are"
    return f"{what} left out. {order if len(table) > 1 else ''}"
