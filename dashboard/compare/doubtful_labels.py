"""Test images whose label may be wrong."""

from collections.abc import Sequence
from contextlib import suppress

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.compare.image_browser import PAGE, browse_images, predicted_names
from dashboard.components import data_table, table_rows
from dashboard.controls import compared_runs, percent_text
from dashboard.frame import choose_option, errors_as_messages, text_widget_value
from mnist_core.analysis import Predictions, RunWorth, agreement, doubtful, scores
from mnist_core.config import SplitName
from mnist_core.errors import DataError
from mnist_core.export import as_csv
from mnist_core.plots import accuracy_without
from mnist_core.store import Run
from mnist_core.text import in_markdown

_LIST = "labels_list"
_FILE = "labels_file"
# images: the list is part of the page's address
_MOST_LISTED = 1000
# images that the list of doubtful labels can hold
_MOST_SUSPECTS = 1000


def show_doubtful_labels(runs: Sequence[Run]) -> None:
    """The most doubtful labels, a list of known ones, and every run's score with and without them."""
    found = compared_runs.gather_predictions(runs)
    if found is None:
        return
    st.info(
        "A ranking of suspects, not a proof: these labels are called doubtful **by the networks only**. Networks that "
        "learned alike err alike, and many an image here is labelled rightly and merely hard. A person looks at it and "
        "decides.",
        icon=":material/visibility:",
    )
    if len(found.runs) < 3:
        st.caption("With one or two runs this is a list of their mistakes. Choose several networks of different kinds.")
    names = compared_runs.class_names(found)
    worths = _worths(found)
    most, agree, confidence = _limits()
    doubted = doubtful.suspect_labels(
        found.labels, [found.probabilities[run.id] for run in found.runs], worths, agree, confidence
    )
    listed = _listed(found.images)
    _images(found, doubted, most, listed, names)
    _scores(found, doubted["index"].to_numpy()[:most], listed)


def _worths(found: Predictions) -> list[RunWorth]:
    """What each run is worth, and on the page how much it counts."""
    tables = {run.id: compared_runs.load_predictions(run, "validation") for run in found.runs}
    split = doubtful.weighing_split(not table.empty for table in tables.values())
    worths = [_worth(run, split, (run.id, run.state, run.step)) for run in found.runs]
    if len(worths) == 1:
        return worths
    shares = 100 * doubtful.run_weights(worths)
    best = int(shares.argmax())
    with st.expander(f"How much each run counts: run {found.runs[best].number} most, {_share(shares[best])}"):
        lacking = [run for run in found.runs if tables[run.id].empty]
        st.markdown(
            "A run counts in proportion to 1 / loss⁴ on images that it did not learn from: one with half the loss "
            "counts as much as sixteen, so many weak runs do not outvote a strong one. Before that a temperature puts "
            "right how sure each is of itself."
        )
        if lacking:
            verb = "have" if len(lacking) > 1 else "has"
            st.caption(
                f"Measured on the test images, as {compared_runs.run_numbers(lacking)} {verb} no validation images."
            )
        number = st.column_config.NumberColumn
        table = pd.DataFrame(
            {
                "Run": [run.number for run in found.runs],
                "Weight": [_share(share) for share in shares],
                "Loss": [worth.loss for worth in worths],
                "Temperature": [worth.temperature for worth in worths],
                "Images": [worth.images for worth in worths],
            }
        )
        columns = {
            "Weight": st.column_config.TextColumn(help="Its share of all runs' weight."),
            "Loss": number(format="%.4f", help="Cross-entropy (nats) after the temperature."),
            "Temperature": number(format="%.2f", help="Above 1 the run was too sure of itself, below 1 too modest."),
            "Images": number(f"{split.capitalize()} images", format="localized", help="That this was measured on."),
        }
        data_table("labels-weights", table_rows(table, columns), "How much each run counts")
    return worths


@st.cache_resource(show_spinner=False, max_entries=240)
def _worth(_run: Run, split: SplitName, key: tuple[str, str, int]) -> RunWorth:
    """A run's worth on one split; `key` is there to measure again once the run has changed."""
    table = compared_runs.load_predictions(_run, split)
    return doubtful.run_worth(scores.probabilities(table), table["label"].to_numpy(np.int64))


def _share(percentage: float) -> str:
    return "under 1%" if percentage < 1 else f"{percentage:.0f}%"


def _limits() -> tuple[int, float, float]:
    """How many labels the list holds at most, which share of the weight must agree, and how sure the runs must be."""
    with st.container(horizontal=True, gap="large"):
        most = st.number_input(
            "Labels at most",
            1,
            _MOST_SUSPECTS,
            PAGE,
            key="labels_most",
            bind="query-params",
            width=150,
            help="The list ends after so many, the most doubtful first.",
        )
        agree = st.slider(
            "Runs that call it the same other class (%)",
            0,
            100,
            0,
            5,
            key="labels_agree",
            bind="query-params",
            width=330,
            help="By their weight: runs that together have at least this share must call it that class.",
        )
        confidence = st.slider(
            "Together at least this sure (%)",
            0,
            99,
            0,
            1,
            key="labels_confidence",
            bind="query-params",
            width=330,
            help="The weighed mean of the runs' probabilities of that class must be at least this.",
        )
    return most, agree / 100, confidence / 100


def _listed(images: int) -> np.ndarray:
    """The images of the person's own list; none if there is no list or it cannot be read."""
    with st.expander("A list of known doubtful images", expanded=bool(text_widget_value(_LIST))):
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
            listed = agreement.parse_image_list(text, images)
            if len(listed) > _MOST_LISTED:
                raise DataError(
                    f"List of images: {len(listed):,} are too many for the page's address; "
                    f"give at most {_MOST_LISTED:,}."
                )
        except DataError as error:
            st.error(in_markdown(str(error)))
            return np.zeros(0, dtype=np.int64)
        if len(listed):
            st.caption(f"{len(listed):,} images are in the list.")
    return listed


def _take_file() -> None:
    """Put what a file says into the text, where it is checked."""
    file = st.session_state[_FILE]
    if file is not None:
        text = file.getvalue().decode("utf-8-sig", errors="replace")
        # else the text stays as it is, and below it stands what is wrong with it
        with suppress(DataError):
            text = ",".join(map(str, agreement.parse_image_list(text, 10**9).tolist()))
        st.session_state[_LIST] = text


@st.fragment
def _images(found: Predictions, doubted: pd.DataFrame, most: int, listed: np.ndarray, names: tuple[str, ...]) -> None:
    """The gallery of what was found or listed, and a table of what was found."""
    with errors_as_messages():
        suspects = doubted.head(most)
        shown = suspects["index"].to_numpy()
        st.subheader(_heading(len(shown), len(doubted), found.images))
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
            chosen = choose_option(
                "Show",
                list(choices),
                default="found",
                key="labels_show",
                help="The images that the networks doubt, those of the list, or where the two differ.",
            )
            shown = choices[chosen]
        if not len(shown):
            st.success("There is no such image. Lower the two thresholds to be shown more.")
            return
        called = dict(zip(doubted["index"].tolist(), doubted["called"].tolist(), strict=True))
        captions = [
            f"{names[found.labels[index]]} → "
            f"{names[called[index]] if index in called else predicted_names(found, index, names)}"
            for index in shown.tolist()
        ]
        st.caption(
            "Under each image: its label → what the runs together call it. The most doubtful come first, by the odds "
            "of that class against the label."
        )
        browse_images("labels", found, shown, captions, names)
        if len(suspects):
            _table(suspects, names, len(found.runs))


def _heading(shown: int, doubted: int, images: int) -> str:
    if shown < doubted:
        return f"The {shown:,} most doubtful labels, of {doubted:,} that the runs together call otherwise"
    return f"{shown:,} label{'s' * (shown != 1)} of {images:,} that the runs together call otherwise"


def _table(doubted: pd.DataFrame, names: tuple[str, ...], runs: int) -> None:
    table = doubted.assign(
        label=[names[place] for place in doubted["label"]], called=[names[place] for place in doubted["called"]]
    )
    number, text = st.column_config.NumberColumn, st.column_config.TextColumn
    columns = {
        "index": number("Image", help="Its number in the test split, from 0."),
        "label": "Label",
        "called": "Called",
        "runs": number(f"Runs of {runs}", help="So many call it that."),
        "weight": text("Their weight", help="Their share of all runs' weight."),
        "confidence": text("Sure", help="The weighed mean of the probabilities that the runs give it."),
        "of_label": text("Of the label", help="The same mean for the label."),
    }
    shown = table.assign(
        weight=[_share(100 * value) if value else "none" for value in table["weight"]],
        confidence=[percent_text(value) for value in table["confidence"]],
        of_label=[percent_text(value) for value in table["of_label"]],
    )
    data_table("labels-table", table_rows(shown, columns), "Doubtful labels", height=300)
    st.download_button(
        "Save the list",
        as_csv(table),
        "doubtful-labels.csv",
        "text/csv",
        on_click="ignore",
        help="A CSV of the images that were found; it can be loaded again above.",
    )


def _scores(found: Predictions, doubted: np.ndarray, listed: np.ndarray) -> None:
    """Every run's accuracy on all images and without the doubtful ones."""
    st.subheader("Scores with and without them")
    groups = {"those found": doubted}
    if len(listed):
        groups |= {"those in the list": listed, "both": np.union1d(doubted, listed)}
        chosen = choose_option(
            "Leave out",
            list(groups),
            default="those found",
            key="labels_out",
            help="Which images the second score leaves out.",
        )
    else:
        chosen = "those found"
    places = groups[chosen]
    table = agreement.accuracy_without(found, places)
    st.markdown(_about_scores(table, len(places)))
    if not len(places):
        return
    st.plotly_chart(accuracy_without(table, found.runs), key="labels-scores", config=compared_runs.PLOTLY_CONFIG)
    if chosen != "those in the list":
        st.caption(
            "Leaving out what these very runs call otherwise flatters those that agreed on it. A fair score leaves out "
            "a list that was made without them."
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
    data_table("labels-scores-table", table_rows(shown, columns), "Accuracy with and without the doubtful images")


def _about_scores(table: pd.DataFrame, left_out: int) -> str:
    if not left_out:
        return "Nothing is left out: there is no doubtful image."
    before, after = ([*table.sort_values(["wrong" + end, "run"])["run"]] for end in ("", "_without"))
    order = "The order of the runs stays the same." if before == after else "**The order of the runs changes.**"
    what = "One image is" if left_out == 1 else f"{left_out:,} images are"
    return f"{what} left out. {order if len(table) > 1 else ''}"
