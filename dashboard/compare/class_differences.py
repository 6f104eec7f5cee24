"""Which digits each run is better at, and which digits two runs mix up."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.compare.image_browser import browse_images
from dashboard.components import data_table, table_rows
from dashboard.controls import bold_class, choose_confusion_cell, compared_runs
from dashboard.frame import choose_option, choose_run, errors_as_messages, show_figure
from mnist_core.analysis import Predictions, agreement, scores, stats
from mnist_core.plots import class_accuracies, class_differences, confusion_difference
from mnist_core.store import Run
from mnist_core.text import share_text

# Query parameter with the indices of the true and of the predicted class, as in 4-9.
_CELL = "classes_cell"


def show_class_comparison(runs: Sequence[Run]) -> None:
    """Accuracy of each class for all runs; for two of them the differences and the images behind each."""
    predictions = compared_runs.gather_predictions(runs)
    if predictions is None:
        return
    names = compared_runs.class_names(predictions)
    _show_class_accuracies(predictions, names)
    st.header("One run minus another")
    if len(predictions.runs) < 2:
        st.info("Choose a second run to see in which classes they differ, and what each mistakes for what.")
        return
    pair = _choose_pair(predictions)
    if pair is None:
        st.info("These are the same run. Choose another one on one side.")
        return
    _show_class_differences(pair, names)
    _show_confusion_difference(pair, names)


def _show_class_accuracies(predictions: Predictions, names: tuple[str, ...]) -> None:
    """Accuracy on the images of each class, one dot a run, and as a table."""
    st.header("Accuracy in each class")
    table = agreement.class_accuracy(predictions)
    st.markdown(_accuracies_sentence(table, names))
    show_figure(class_accuracies(table, predictions.runs, names), key="classes-accuracy")
    images = np.bincount(predictions.labels, minlength=predictions.classes)
    shown = pd.DataFrame({"Class": names, "Images": images})
    shown = shown.join((100 * table).rename(columns=lambda number: f"Run {number} (%)"))
    columns = {
        name: st.column_config.NumberColumn(format="%.2f", help="Right answers among the images of the class.")
        for name in shown.columns[2:]
    }
    data_table("classes-table", table_rows(shown, columns), "Accuracy of each run in each class")


def _show_class_differences(pair: Predictions, names: tuple[str, ...]) -> None:
    """Accuracy of the first run minus the second in each class, with intervals."""
    a, b = pair.runs
    table = agreement.class_differences(pair, 0, 1)
    st.markdown(_differences_sentence(table, a, b, names))
    show_figure(class_differences(table, a, b, names), key="classes-differences")
    st.caption(
        "Lines: 95 % interval of each difference, **of this class alone**. It counts how many images exactly one of "
        "the two runs gets right, and takes that number as fixed. A full dot: the interval does not contain 0. A ring: "
        f"it does. Among {len(table)} classes a full dot may come by chance; the sentence above is corrected for that."
    )


@st.fragment
def _show_confusion_difference(pair: Predictions, names: tuple[str, ...]) -> None:
    """The difference of the confusion matrices, and the images behind the chosen cell."""
    with errors_as_messages():
        a, b = pair.runs
        st.header("Confusion matrix of one run minus the other")
        st.markdown(
            f"Blue: run **{a.number}** puts more images into that cell. Orange: run **{b.number}** does. Cells on the "
            "diagonal are right answers, all others are mistakes. Click a cell to see its images."
        )
        true, predicted = _choose_cell(pair, names)
        _show_images(pair, true, predicted, names)


def _show_images(pair: Predictions, true: int, predicted: int, names: tuple[str, ...]) -> None:
    """The images that only one of the runs, or both, put into a cell."""
    cells = [agreement.images_of_cell(pair, index, true, predicted) for index in (0, 1)]
    groups = {
        "first only": np.setdiff1d(cells[0], cells[1]),
        "second only": np.setdiff1d(cells[1], cells[0]),
        "both": np.intersect1d(cells[0], cells[1]),
    }
    a, b = (run.number for run in pair.runs)
    what = "is recognised" if true == predicted else f"is called {bold_class(names[predicted])}"
    sizes = [len(indices) for indices in groups.values()]
    st.markdown(
        f"{bold_class(names[true])} {what}: only by run {a} on **{sizes[0]:,}** images, only by run {b} on "
        f"**{sizes[1]:,}**, by both on **{sizes[2]:,}**."
    )
    who = choose_option(
        "By",
        list(groups),
        default="first only" if sizes[0] >= sizes[1] else "second only",
        key="classes_by",
        help="Images that only the first run puts into this cell, only the second, or both.",
    )
    indices = groups[who]
    if not len(indices):
        st.info("There is no such image. Choose another group, or another cell.")
        return
    sure = np.max([pair.probabilities[run.id][indices, predicted] for run in pair.runs], axis=0)
    indices = indices[np.lexsort((indices, -sure))]
    captions = [f"{names[pair.predicted[0, index]]} | {names[pair.predicted[1, index]]}" for index in indices]
    st.caption(f"Under each image: what run {a} calls it | what run {b} calls it. The surest come first.")
    browse_images("classes", pair, indices, captions, names)


def _choose_pair(predictions: Predictions) -> Predictions | None:
    """The two runs that the person chose; None if they are the same."""
    left, right = st.columns(2)
    with left:
        help = "The run from which the other is subtracted."
        a = choose_run("classes_a", "First run", help, predictions.runs)
    with right:
        help = "The run that is subtracted."
        b = choose_run("classes_b", "Second run", help, [*predictions.runs[1:], predictions.runs[0]])
    assert a is not None
    assert b is not None
    return None if a.id == b.id else predictions.of([a, b])


def _choose_cell(pair: Predictions, names: tuple[str, ...]) -> tuple[int, int]:
    """Draw the matrix; returns the true and the predicted class of the chosen cell."""
    a, b = pair.runs
    first, second = (scores.confusion_matrix(pair.labels, predicted, pair.classes) for predicted in pair.predicted)
    labels = (f"run {a.number}", f"run {b.number}")
    figure = confusion_difference(first, second, labels, names, dark=st.context.theme.type == "dark")
    before = st.query_params.get(_CELL)
    cell = choose_confusion_cell(figure, f"classes-confusion-{a.number}-{b.number}", _CELL, np.abs(first - second))
    if st.query_params.get(_CELL) != before:
        st.session_state["classes_page"] = 1
    return cell


def _accuracies_sentence(table: pd.DataFrame, names: tuple[str, ...]) -> str:
    worst = int(np.nanargmin(table.mean(axis=1).to_numpy()))
    text = f"Hardest for these runs is {bold_class(names[worst])}: {share_text(table.iloc[worst].mean())} right."
    if table.shape[1] < 2:
        return text
    spread = (table.max(axis=1) - table.min(axis=1)).to_numpy()
    widest = int(np.nanargmax(spread))
    row = table.iloc[widest]
    if not spread[widest]:
        return f"{text} In every class all runs are right equally often."
    return (
        f"{text} The runs differ most at {bold_class(names[widest])}: {share_text(row.max())} (run {row.idxmax()}) "
        f"against {share_text(row.min())} (run {row.idxmin()})."
    )


def _differences_sentence(table: pd.DataFrame, a: Run, b: Run, names: tuple[str, ...]) -> str:
    """Sentence: in which classes there is evidence that one run is better, corrected for the number of classes."""
    parts = []
    classes, ahead = table["class"].to_numpy(), table["difference"].to_numpy()
    evidence = table["adjusted"].to_numpy() <= stats.ALPHA
    for run, better in ((a, evidence & (ahead > 0)), (b, evidence & (ahead < 0))):
        if better.any():
            listed = ", ".join(bold_class(names[cls]) for cls in classes[better].tolist())
            parts.append(f"run {run.number} is better at {listed}")
    tests = f"exact McNemar test, corrected for {len(table)} classes by Holm's method"
    if not parts:
        return f"In **no class** is there evidence of a difference ({tests}). That does not prove that there is none."
    return f"There is evidence that {' and '.join(parts)} ({tests}); elsewhere there is none."
