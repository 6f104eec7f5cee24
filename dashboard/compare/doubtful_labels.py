"""Test images whose label may be wrong."""

from collections.abc import Sequence
from contextlib import suppress

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.compare.image_browser import PAGE, browse_images, predicted_names
from dashboard.components import data_table, table_rows
from dashboard.controls import compared_runs, load_predictions, percent_text
from dashboard.frame import cached_by_run, choose_option, errors_as_messages, show_figure, text_widget_value
from mnist_core.analysis import Predictions, RunWorth, agreement, doubtful, measures, scores
from mnist_core.config import SplitName
from mnist_core.errors import DataError
from mnist_core.export import as_csv
from mnist_core.plots import accuracy_without
from mnist_core.store import Run
from mnist_core.text import counted, in_markdown

_LIST = "labels_list"
_FILE = "labels_file"
# Images in the person's own list, which is part of the page's address and so has to stay short.
_MOST_LISTED = 1000
# Images that the list of doubtful labels can show.
_MOST_SUSPECTS = 1000


def show_doubtful_labels(runs: Sequence[Run]) -> None:
    """The most doubtful labels, the person's own list, and every run's accuracy with and without them."""
    predictions = compared_runs.gather_predictions(runs)
    if predictions is None:
        return
    st.info(
        "A list of suspects, not a proof: **only the networks** doubt these labels. Networks that learned in the same "
        "way make the same mistakes, and many of these labels are right: the images are just hard to read. Look at "
        "each one and decide yourself.",
        icon=":material/visibility:",
    )
    if len(predictions.runs) < 3:
        st.caption(
            "With one or two runs this is just a list of their mistakes. Choose several networks of different kinds."
        )
    names = compared_runs.class_names(predictions)
    worths = _worths(predictions)
    most, agree, confidence = _limits()
    doubted = doubtful.suspect_labels(
        predictions.labels, [predictions.probabilities[run.id] for run in predictions.runs], worths, agree, confidence
    )
    listed = _listed(predictions.images)
    _images(predictions, doubted, most, listed, names)
    _scores(predictions, doubted["index"].to_numpy()[:most], listed)


def _worths(predictions: Predictions) -> list[RunWorth]:
    """How good each run is on images that it did not learn from; the page shows how much it counts."""
    tables = {run.id: load_predictions(run, "validation") for run in predictions.runs}
    split = doubtful.weighing_split(not table.empty for table in tables.values())
    worths = [_worth(run, split) for run in predictions.runs]
    if len(worths) == 1:
        return worths
    shares = 100 * doubtful.run_weights(worths)
    best = int(shares.argmax())
    with st.expander(f"How much each run counts: run {predictions.runs[best].number} most, {_share(shares[best])}"):
        lacking = [run for run in predictions.runs if tables[run.id].empty]
        st.markdown(
            "Each run votes with a weight of 1 / loss⁴, measured on images that it did not learn from. A run with half "
            "the loss counts sixteen times as much, so many weak runs do not outvote a strong one. Before that, a "
            "temperature corrects how sure each run is of itself."
        )
        if lacking:
            verb = "have" if len(lacking) > 1 else "has"
            st.caption(f"Measured on the test images, as {measures.run_numbers(lacking)} {verb} no validation images.")
        number = st.column_config.NumberColumn
        table = pd.DataFrame(
            {
                "Run": [run.number for run in predictions.runs],
                "Weight": [_share(share) for share in shares],
                "Loss": [worth.loss for worth in worths],
                "Temperature": [worth.temperature for worth in worths],
                "Images": [worth.images for worth in worths],
            }
        )
        columns = {
            "Weight": st.column_config.TextColumn(help="Its share of all runs' weight."),
            "Loss": number(
                format="%.4f", help="How wrong its probabilities are after the temperature (cross-entropy in nats)."
            ),
            "Temperature": number(format="%.2f", help="Above 1 the run was too sure of itself, below 1 too modest."),
            "Images": number(
                f"{split.capitalize()} images", format="localized", help="How many images this was measured on."
            ),
        }
        data_table("labels-weights", table_rows(table, columns), "How much each run counts")
    return worths


@cached_by_run(max_entries=240)
def _worth(run: Run, split: SplitName) -> RunWorth:
    """How good a run is on one split."""
    table = load_predictions(run, split)
    return doubtful.run_worth(scores.probabilities(table), table["label"].to_numpy(np.int64))


def _share(percentage: float) -> str:
    return "under 1%" if percentage < 1 else f"{percentage:.0f}%"


def _limits() -> tuple[int, float, float]:
    """The longest list that is shown, which share of the weight must agree, and how sure the runs must be."""
    with st.container(horizontal=True, gap="large"):
        most = st.number_input(
            "Labels at most",
            1,
            _MOST_SUSPECTS,
            PAGE,
            key="labels_most",
            bind="query-params",
            width=150,
            help="The list ends after this many; the most doubtful come first.",
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
            help="Runs that call the image the same class must together have at least this share of the weight.",
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
            help="The weighted mean of the runs' probabilities of that class must be at least this.",
        )
    return most, agree / 100, confidence / 100


def _listed(images: int) -> np.ndarray:
    """Indices of the images in the person's own list; none if there is no list or it cannot be read."""
    with st.expander("A list of known doubtful images", expanded=bool(text_widget_value(_LIST))):
        st.file_uploader(
            "From a file",
            type=["csv", "txt"],
            key=_FILE,
            on_change=_take_file,
            help="Numbers of test images, or a CSV with a column “index”, such as the one that you can save below.",
        )
        text = st.text_area(
            "Numbers of test images, from 0",
            key=_LIST,
            bind="query-params",
            height=100,
            placeholder="247, 1901, 2130",
            help="Separated by commas, spaces or lines. The list becomes part of this page's address.",
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
            st.caption(f"{counted(len(listed), 'image')} in the list.")
    return listed


def _take_file() -> None:
    """Callback: copy the file's content into the text, where it is checked."""
    file = st.session_state[_FILE]
    if file is not None:
        text = file.getvalue().decode("utf-8-sig", errors="replace")
        # A file that cannot be read is left in the text as it is: the message below names its mistake.
        with suppress(DataError):
            text = ",".join(map(str, agreement.parse_image_list(text, 10**9).tolist()))
        st.session_state[_LIST] = text


@st.fragment
def _images(
    predictions: Predictions, doubted: pd.DataFrame, most: int, listed: np.ndarray, names: tuple[str, ...]
) -> None:
    """The gallery of doubted or listed images, and a table of the doubted ones."""
    with errors_as_messages():
        suspects = doubted.head(most)
        shown = suspects["index"].to_numpy()
        st.header(_heading(len(shown), len(doubted), predictions.images))
        if len(listed):
            common = len(np.intersect1d(shown, listed))
            st.markdown(
                f"**{common:,}** of them are in your list. {len(listed) - common:,} of your list are not among them."
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
                help="Images that the networks doubt, images of your list, or images where the two differ.",
            )
            shown = choices[chosen]
        if not len(shown):
            st.success("There is no such image. Lower the two thresholds to see more.")
            return
        called = dict(zip(doubted["index"].tolist(), doubted["called"].tolist(), strict=True))
        captions = [
            f"{names[predictions.labels[index]]} → "
            f"{names[called[index]] if index in called else predicted_names(predictions, index, names)}"
            for index in shown.tolist()
        ]
        st.caption(
            "Under each image: its label → what the runs together call it. The most doubtful labels come first: those "
            "where the runs' class is most probable compared with the label."
        )
        browse_images("labels", predictions, shown, captions, names)
        if len(suspects):
            _table(suspects, names, len(predictions.runs))


def _heading(shown: int, doubted: int, images: int) -> str:
    if shown < doubted:
        return f"The {shown:,} most doubtful labels, of {doubted:,} that the runs together contradict"
    return f"{shown:,} label{'s' * (shown != 1)} of {images:,} that the runs together contradict"


def _table(doubted: pd.DataFrame, names: tuple[str, ...], runs: int) -> None:
    table = doubted.assign(
        label=[names[cls] for cls in doubted["label"]], called=[names[cls] for cls in doubted["called"]]
    )
    number, text = st.column_config.NumberColumn, st.column_config.TextColumn
    columns = {
        "index": number("Image", help="Its number in the test split, from 0."),
        "label": "Label",
        "called": "Called",
        "runs": number(f"Runs of {runs}", help="How many runs call it that."),
        "weight": text("Their weight", help="Their share of all runs' weight."),
        "confidence": text("Sure", help="The weighted mean of the probabilities that the runs give this class."),
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
        help="A CSV file of these images. You can load it again above.",
    )


def _scores(predictions: Predictions, doubted: np.ndarray, listed: np.ndarray) -> None:
    """Every run's accuracy on all images, and without the doubtful ones."""
    st.header("Accuracy with and without them")
    groups = {"those found": doubted}
    if len(listed):
        groups |= {"those in the list": listed, "both": np.union1d(doubted, listed)}
        chosen = choose_option(
            "Leave out",
            list(groups),
            default="those found",
            key="labels_out",
            help="Which images the second accuracy leaves out.",
        )
    else:
        chosen = "those found"
    indices = groups[chosen]
    table = agreement.accuracy_without(predictions, indices)
    st.markdown(_about_scores(table, len(indices)))
    if not len(indices):
        return
    show_figure(accuracy_without(table, predictions.runs), key="labels-scores")
    if chosen != "those in the list":
        st.caption(
            "This helps the runs that agree with each other: the images left out are the ones on which they "
            "contradict the label. For a fair comparison, leave out a list that was made without these runs."
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
