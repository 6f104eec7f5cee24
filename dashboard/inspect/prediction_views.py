"""The views of the Inspect page that show predictions: samples, mistakes, the confusion matrix and the classes."""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.components import data_table, explained, table_rows
from dashboard.controls import (
    IMAGES_PER_PAGE,
    SplitPredictions,
    bold_class,
    choose_confusion_cell,
    choose_image,
    large_image_html,
    largest_confusion,
    percent_text,
)
from dashboard.frame import errors_as_messages, show_figure
from dashboard.inspect.activations import show_layers
from mnist_core import plots
from mnist_core.analysis import scores
from mnist_core.text import one_line

# Query parameter: the true and the predicted class of a cell, such as 4-9.
_CELL = "cell"


@st.fragment
def show_samples(predictions: SplitPredictions) -> None:
    """Random images with the predictions for them."""
    with errors_as_messages():
        with st.container(horizontal=True, vertical_alignment="bottom"):
            seed = st.number_input(
                "Sample",
                min_value=1,
                step=1,
                key="sample",
                bind="query-params",
                width=140,
                help="Each number stands for its own random choice of images.",
            )
            st.button("Next sample", on_click=_next_sample, help="Draw other images.")
        table = predictions.table
        rows = table.iloc[np.random.default_rng(int(seed)).permutation(len(table))[:IMAGES_PER_PAGE]]
        correct = rows["predicted"] == rows["label"]
        accuracy = (table["predicted"] == table["label"]).mean()
        st.markdown(
            f"**{correct.sum()} of these {len(rows)}** answers are right. Of all {len(table):,} {predictions.split} "
            f"images, **{accuracy:.2%}** are right. Choose an image to see how sure the network is."
        )
        captions = [predictions.classes[predicted] for predicted in rows["predicted"]]
        _show_gallery("samples", predictions, rows, captions, correct.tolist())


@st.fragment
def show_mistakes(predictions: SplitPredictions) -> None:
    """All wrong predictions, the most confident first."""
    with errors_as_messages():
        wrong = scores.misclassified(predictions.table)
        count = len(predictions.classes)
        if wrong.empty:
            st.success(f"There is no mistake: all {len(predictions.table):,} {predictions.split} images are right.")
            return
        with st.container(horizontal=True, vertical_alignment="bottom"):
            true = _class_filter(
                predictions, "True class", "true", explained("Show only images that are of this class.", "Label")
            )
            predicted = _class_filter(predictions, "Predicted class", "given", "Show only images taken for this class.")
        selected = wrong["label"].isin(range(count) if true is None else [true]) & wrong["predicted"].isin(
            range(count) if predicted is None else [predicted]
        )
        shown = wrong.loc[selected, :]
        if shown.empty:
            st.info("There is no such mistake. Choose other classes, or clear the filter.")
            return
        st.markdown(_about_mistakes(predictions, wrong, shown))
        images = st.container()
        pages = -(-len(shown) // IMAGES_PER_PAGE)
        page = st.pagination(pages, key="page", bind="query-params") if pages > 1 else 1
        rows = shown.iloc[(page - 1) * IMAGES_PER_PAGE : page * IMAGES_PER_PAGE]
        with images:
            _show_gallery("mistakes", predictions, rows, _mistake_captions(predictions, rows))


@st.fragment
def show_confusion(predictions: SplitPredictions) -> None:
    """The confusion matrix beside the images of the cell that is chosen."""
    with errors_as_messages():
        matrix = _confusion_matrix(predictions)
        left, right = st.columns([1, 1], gap="large")
        with left:
            st.markdown(_about_confusion(predictions, matrix))
            true, predicted = _choose_cell(predictions, matrix)
        with right:
            rows = scores.predictions_in_cell(predictions.table, true, predicted)
            names = [bold_class(predictions.classes[cls]) for cls in (true, predicted)]
            title = f"{names[0]} taken for {names[1]}" if true != predicted else f"{names[0]} recognised"
            share = len(rows) / max(matrix[true].sum(), 1)
            more = f" The {IMAGES_PER_PAGE} most confident ones are shown." if len(rows) > IMAGES_PER_PAGE else ""
            st.markdown(f"{title}: {len(rows):,} of {matrix[true].sum():,} images ({share:.1%}).{more}")
            if len(rows):
                # Above the gallery, but drawn after it: the gallery returns which image is chosen.
                large = st.container()
                shown = rows.head(IMAGES_PER_PAGE)
                prediction = choose_image(
                    "cell-images", predictions, shown, [percent_text(value) for value in shown["confidence"]]
                )
                large.html(large_image_html(predictions, prediction))
            else:
                st.caption("There is no such image. Choose a cell with a number in it.")


def show_classes(predictions: SplitPredictions) -> None:
    """Precision and recall of each class, as a chart and a table."""
    matrix = _confusion_matrix(predictions)
    by_class = scores.class_scores(matrix, predictions.classes)
    st.markdown(_about_classes(by_class))
    left, right = st.columns([1, 1], gap="large")
    with left:
        show_figure(plots.class_scores(by_class), "class-scores")
    table = pd.DataFrame(
        {
            "Precision": 100 * by_class["precision"],
            "Recall": 100 * by_class["recall"],
            "F1": 100 * by_class["f1"],
            "Images": by_class["support"],
            "Most often taken for": _frequent_mistakes(matrix, predictions.classes),
        }
    )
    columns: dict[str, Any] = {
        "class": st.column_config.TextColumn("Class", pinned=True),
        "Precision": _percent_column(
            "Of the images that the network put into this class, the share that belongs there."
        ),
        "Recall": _percent_column("Of the images of this class, the share that was recognised."),
        "F1": _percent_column("Precision and recall in one number: their harmonic mean."),
        "Images": st.column_config.NumberColumn(format="localized", help="Images of this class in the split."),
        "Most often taken for": st.column_config.TextColumn(
            help="The most frequent wrong answer, and how often it was given."
        ),
    }
    with right:
        data_table("class-table", table_rows(table.rename_axis("class").reset_index(), columns), "Every class")


def _show_gallery(
    key: str, predictions: SplitPredictions, rows: pd.DataFrame, captions: list[str], marks: list[bool] | None = None
) -> None:
    """The images of these rows on the right, and the chosen one large on the left."""
    side, grid = st.columns([4, 5], gap="large")
    with grid:
        prediction = choose_image(key, predictions, rows, captions, marks)
    with side:
        # The layers make this side too long to stay in view while the gallery scrolls.
        shows_layers = st.session_state.get("maps", False)
        with st.container(key="stays-in-place" if shows_layers else "stays-in-view"):
            st.html(large_image_html(predictions, prediction))
            show_layers(predictions, prediction)


def _next_sample() -> None:
    st.session_state["sample"] += 1


def _class_filter(predictions: SplitPredictions, label: str, key: str, help: str) -> int | None:
    name = st.selectbox(
        label,
        predictions.classes,
        index=None,
        format_func=one_line,
        key=key,
        placeholder="any",
        bind="query-params",
        help=help,
        width=160,
    )
    return None if name is None else predictions.classes.index(name)


def _mistake_captions(predictions: SplitPredictions, rows: pd.DataFrame) -> list[str]:
    """Captions such as 4→9 · 98.1%."""
    columns = zip(rows["label"], rows["predicted"], rows["confidence"], strict=True)
    names = predictions.classes
    return [f"{names[true]}→{names[predicted]} · {percent_text(sure)}" for true, predicted, sure in columns]


def _about_mistakes(predictions: SplitPredictions, wrong: pd.DataFrame, shown: pd.DataFrame) -> str:
    total = len(predictions.table)
    text = f"**{len(wrong):,} of {total:,}** {predictions.split} images are wrong ({len(wrong) / total:.2%})"
    if len(shown) < len(wrong):
        text += f"; {len(shown):,} of them are shown"
    sure = int((shown["confidence"] >= 0.9).to_numpy().sum())
    confident = f": in {sure:,} of them the network was at least 90% sure" if sure else ""
    return f"{text}. The most confident mistakes come first{confident}."


def _confusion_matrix(predictions: SplitPredictions) -> np.ndarray:
    table = predictions.table
    return scores.confusion_matrix(
        table["label"].to_numpy(np.int64), table["predicted"].to_numpy(), len(predictions.classes)
    )


def _about_confusion(predictions: SplitPredictions, matrix: np.ndarray) -> str:
    true, predicted = largest_confusion(matrix)
    legend = "Each row is a true class, each column what the network says. Choose a cell to see its images."
    if not matrix[true, predicted] or true == predicted:
        return f"Not one mistake: all images lie on the diagonal. {legend}"
    names = [bold_class(predictions.classes[cls]) for cls in (true, predicted)]
    return f"Most often, {names[0]} is taken for {names[1]}: {matrix[true, predicted]:,} times. {legend}"


def _choose_cell(predictions: SplitPredictions, matrix: np.ndarray) -> tuple[int, int]:
    """Draw the matrix; returns the true and the predicted class of the chosen cell."""
    figure = plots.confusion_matrix(matrix, predictions.classes, dark=st.context.theme.type == "dark")
    return choose_confusion_cell(figure, f"confusion-{predictions.run.number}-{predictions.split}", _CELL, matrix)


def _about_classes(by_class: pd.DataFrame) -> str:
    # The recall of a class without images is NaN.
    recall = by_class["recall"].to_numpy(dtype=float)
    best, worst = int(np.nanargmax(recall)), int(np.nanargmin(recall))
    if recall[best] == recall[worst]:
        text = f"All classes are recognised equally well ({recall[best]:.1%} of their images)."
    else:
        names = [bold_class(str(by_class.index[cls])) for cls in (best, worst)]
        text = (
            f"{names[0]} is recognised best ({recall[best]:.1%} of its images), {names[1]} worst ({recall[worst]:.1%})."
        )
    return (
        f"{text} Recall: how many of a class's images are recognised. Precision: how many of the images that the "
        "network puts into a class really belong there."
    )


def _frequent_mistakes(matrix: np.ndarray, names: tuple[str, ...]) -> list[str]:
    wrong = matrix - np.diag(np.diag(matrix))
    return [f"{names[row.argmax()]} ({row.max():,} ×)" if row.any() else "–" for row in wrong]


def _percent_column(help: str) -> Any:
    return st.column_config.NumberColumn(format="%.2f%%", help=help)


# The views of the page by their titles.
PREDICTION_VIEWS = {
    "Samples": show_samples,
    "Mistakes": show_mistakes,
    "Confusion": show_confusion,
    "Classes": show_classes,
}
