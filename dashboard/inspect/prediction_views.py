"""The views of the Inspect page that show answers: samples, mistakes, the confusion matrix and the classes."""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.components import data_table, table_rows
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
from dashboard.frame import errors_as_messages
from dashboard.inspect.activations import layer_by_layer
from mnist_core import plots
from mnist_core.analysis import scores
from mnist_core.text import one_line

# query parameter: places of the true and of the predicted class, as in 4-9
_CELL = "cell"


@st.fragment
def show_samples(subject: SplitPredictions) -> None:
    """Random images with the answers to them."""
    with errors_as_messages():
        with st.container(horizontal=True, vertical_alignment="bottom"):
            seed = st.number_input(
                "Sample",
                min_value=1,
                step=1,
                key="sample",
                bind="query-params",
                width=140,
                help="Each number is another random choice of images, always the same one.",
            )
            st.button("Next sample", on_click=_next_sample, help="Draw other images.")
        rows = subject.table.iloc[np.random.default_rng(int(seed)).permutation(len(subject.table))[:IMAGES_PER_PAGE]]
        right = rows["predicted"] == rows["label"]
        total = (subject.table["predicted"] == subject.table["label"]).mean()
        st.markdown(
            f"**{right.sum()} of these {len(rows)}** answers are right; of all {len(subject.table):,} "
            f"{subject.split} images **{total:.2%}**. Choose an image to see how sure the network is."
        )
        captions = [subject.classes[given] for given in rows["predicted"]]
        _gallery_and_large("samples", subject, rows, captions, right.tolist())


@st.fragment
def show_mistakes(subject: SplitPredictions) -> None:
    """All wrong answers, the most confident first."""
    with errors_as_messages():
        wrong = scores.misclassified(subject.table)
        count = len(subject.classes)
        if wrong.empty:
            st.success(f"There is no mistake: all {len(subject.table):,} {subject.split} images are right.")
            return
        with st.container(horizontal=True, vertical_alignment="bottom"):
            true = _class_filter(subject, "True class", "true", "Show only images that are of this class.")
            given = _class_filter(subject, "Predicted class", "given", "Show only images taken for this class.")
        asked = wrong["label"].isin(range(count) if true is None else [true]) & wrong["predicted"].isin(
            range(count) if given is None else [given]
        )
        shown = wrong.loc[asked, :]
        if shown.empty:
            st.info("There is no such mistake. Choose other classes, or clear the filter.")
            return
        st.markdown(_about_mistakes(subject, wrong, shown))
        place = st.container()
        pages = -(-len(shown) // IMAGES_PER_PAGE)
        page = st.pagination(pages, key="page", bind="query-params") if pages > 1 else 1
        rows = shown.iloc[(page - 1) * IMAGES_PER_PAGE : page * IMAGES_PER_PAGE]
        with place:
            _gallery_and_large("mistakes", subject, rows, _taken_for(subject, rows))


@st.fragment
def show_confusion(subject: SplitPredictions) -> None:
    """The confusion matrix beside the images of the cell that is chosen."""
    with errors_as_messages():
        matrix = scores.confusion_matrix(subject.table)
        left, right = st.columns([1, 1], gap="large")
        with left:
            st.markdown(_about_confusion(subject, matrix))
            true, given = _matrix(subject, matrix)
        with right:
            rows = scores.images_of_cell(subject.table, true, given)
            names = [bold_class(subject.classes[place]) for place in (true, given)]
            what = f"{names[0]} taken for {names[1]}" if true != given else f"{names[0]} recognised"
            share = len(rows) / max(matrix[true].sum(), 1)
            more = f" The {IMAGES_PER_PAGE} most confident ones are shown." if len(rows) > IMAGES_PER_PAGE else ""
            st.markdown(f"{what}: {len(rows):,} of {matrix[true].sum():,} images ({share:.1%}).{more}")
            if len(rows):
                place = st.container()
                shown = rows.head(IMAGES_PER_PAGE)
                answer = choose_image(
                    "cell-images", subject, shown, [percent_text(value) for value in shown["confidence"]]
                )
                place.html(large_image_html(subject, answer))
            else:
                st.caption("There is no such image. Choose a cell with a number in it.")


def show_classes(subject: SplitPredictions) -> None:
    """Precision and recall of each class, as a chart and a table."""
    matrix = scores.confusion_matrix(subject.table)
    by_class = scores.class_scores(subject.table, subject.classes)
    st.markdown(_about_classes(by_class))
    left, right = st.columns([1, 1], gap="large")
    left.plotly_chart(plots.class_scores(by_class), key="class-scores", config={"displayModeBar": False})
    table = pd.DataFrame(
        {
            "Precision": 100 * by_class["precision"],
            "Recall": 100 * by_class["recall"],
            "F1": 100 * by_class["f1"],
            "Images": by_class["support"],
            "Most often taken for": _taken_most(matrix, subject.classes),
        }
    )
    columns: dict[str, Any] = {
        "class": st.column_config.TextColumn("Class", pinned=True),
        "Precision": _percent_column("Of the images that were given this class, how many are of it."),
        "Recall": _percent_column("Of the images of this class, how many were recognised."),
        "F1": _percent_column("Harmonic mean of precision and recall."),
        "Images": st.column_config.NumberColumn(format="localized", help="Images of this class in the split."),
        "Most often taken for": st.column_config.TextColumn(help="The most frequent wrong answer, and how often."),
    }
    with right:
        data_table("class-table", table_rows(table.rename_axis("class").reset_index(), columns), "Every class")


def _gallery_and_large(
    key: str, subject: SplitPredictions, rows: pd.DataFrame, captions: list[str], marks: list[bool] | None = None
) -> None:
    side, grid = st.columns([4, 5], gap="large")
    with grid:
        answer = choose_image(key, subject, rows, captions, marks)
    with side:
        deeper = st.session_state.get("maps", False)
        with st.container(key="stays-in-place" if deeper else "stays-in-view"):
            st.html(large_image_html(subject, answer))
            layer_by_layer(subject, answer)


def _next_sample() -> None:
    st.session_state["sample"] += 1


def _class_filter(subject: SplitPredictions, label: str, key: str, help: str) -> int | None:
    name = st.selectbox(
        label,
        subject.classes,
        index=None,
        format_func=one_line,
        key=key,
        placeholder="any",
        bind="query-params",
        help=help,
        width=160,
    )
    return None if name is None else subject.classes.index(name)


def _taken_for(subject: SplitPredictions, rows: pd.DataFrame) -> list[str]:
    """Captions such as 4→9 · 98.1%."""
    answers = zip(rows["label"], rows["predicted"], rows["confidence"], strict=True)
    names = subject.classes
    return [f"{names[true]}→{names[given]} · {percent_text(sure)}" for true, given, sure in answers]


def _about_mistakes(subject: SplitPredictions, wrong: pd.DataFrame, shown: pd.DataFrame) -> str:
    total = len(subject.table)
    said = f"**{len(wrong):,} of {total:,}** {subject.split} images are wrong ({len(wrong) / total:.2%})"
    if len(shown) < len(wrong):
        said += f"; {len(shown):,} of them are shown"
    sure = int((shown["confidence"] >= 0.9).to_numpy().sum())
    how_sure = f": in {sure:,} the network is at least 90% sure, and wrong" if sure else ""
    return f"{said}. The most confident mistakes come first{how_sure}."


def _about_confusion(subject: SplitPredictions, matrix: np.ndarray) -> str:
    true, given = largest_confusion(matrix)
    said = "Each row is a true class, each column what the network says. Choose a cell to see its images."
    if not matrix[true, given] or true == given:
        return f"Not one mistake: all images lie on the diagonal. {said}"
    return (
        f"Most often, {bold_class(subject.classes[true])} is taken for {bold_class(subject.classes[given])}: "
        f"{matrix[true, given]:,} times. {said}"
    )


def _matrix(subject: SplitPredictions, matrix: np.ndarray) -> tuple[int, int]:
    """Draw the matrix; returns the true and the predicted class of the cell that is chosen."""
    figure = plots.confusion_matrix(matrix, subject.classes, dark=st.context.theme.type == "dark")
    return choose_confusion_cell(figure, f"confusion-{subject.run.number}-{subject.split}", _CELL, matrix)


def _about_classes(scores: pd.DataFrame) -> str:
    # NaN for a class without images
    recall = scores["recall"].to_numpy(dtype=float)
    best, worst = int(np.nanargmax(recall)), int(np.nanargmin(recall))
    if recall[best] == recall[worst]:
        said = f"All classes are recognised equally well ({recall[best]:.1%} of their images)."
    else:
        names = [bold_class(str(scores.index[place])) for place in (best, worst)]
        said = (
            f"{names[0]} is recognised best ({recall[best]:.1%} of its images), {names[1]} worst ({recall[worst]:.1%})."
        )
    return (
        f"{said} Recall: how many images of a class are found. Precision: how many of those given a class are really "
        "of it."
    )


def _taken_most(matrix: np.ndarray, names: tuple[str, ...]) -> list[str]:
    wrong = matrix - np.diag(np.diag(matrix))
    return [f"{names[row.argmax()]} ({row.max():,} ×)" if row.any() else "–" for row in wrong]


def _percent_column(help: str) -> Any:
    return st.column_config.NumberColumn(format="%.2f%%", help=help)
