"""Curves, predictions and images of several runs that are compared with one another."""

from collections.abc import Sequence
from contextlib import suppress

import numpy as np
import streamlit as st

from dashboard.controls.run_predictions import load_predictions, split_predictions
from dashboard.frame import cached_by_run, errors_as_messages, open_store
from mnist_core.analysis import ExcludedRun, Predictions, Verdict, class_names_of, judge, measures, predictions, trained
from mnist_core.config import SplitName
from mnist_core.errors import DataError, MnistLabError
from mnist_core.store import Run, RunCurves
from mnist_core.text import in_markdown


def gather_predictions(runs: Sequence[Run], split: SplitName = "test") -> Predictions | None:
    """The predictions of the runs that saw the same images; the page says which runs are left out, and why.

    None, with a message, if no run has predictions.
    """
    tables = {}
    for run in runs:
        with errors_as_messages():
            tables[run.id] = load_predictions(run, split)
    aligned, left_out = predictions.align([run for run in runs if run.id in tables], tables, split)
    if aligned is None and tables:
        st.info("None of these runs has been tested yet: a run is tested when it ends.")
    elif aligned is not None:
        if left_out:
            st.caption(in_markdown(_left_out_line(left_out)))
        if aligned.remark:
            st.caption(aligned.remark)
    return aligned


def comparable_predictions(runs: Sequence[Run]) -> Predictions | None:
    """`gather_predictions` of the test images without a word: of the runs whose predictions can be read."""
    tables = {}
    for run in runs:
        with suppress(MnistLabError):
            tables[run.id] = load_predictions(run, "test")
    return predictions.align([run for run in runs if run.id in tables], tables)[0]


@cached_by_run(max_entries=60)
def load_verdict(compared: Predictions) -> Verdict:
    """Whether the runs differ by more than chance."""
    return judge(compared)


def load_images(compared: Predictions, indices: Sequence[int] | np.ndarray, split: SplitName = "test") -> np.ndarray:
    """The images with these indices in the split, as the first run saw them: uint8 (M, C, H, W).

    They are taken from the first run whose data can still be read, among those that saw the same images. Raises
    DataError if there is none.
    """
    first = compared.runs[0]
    recorded = None if first.data is None else first.data.images.get(split)
    same = [run for run in compared.runs[1:] if recorded and run.data and run.data.images.get(split) == recorded]
    failure: DataError | None = None
    for run in [first, *same]:
        of_run = split_predictions(run, split)
        try:
            return of_run.images(of_run.table.iloc[np.asarray(indices, dtype=int)])
        except DataError as error:
            failure = failure or error
    assert failure
    raise failure


def class_names(compared: Predictions) -> tuple[str, ...]:
    """Names of the classes; their numbers if the names are no longer recorded anywhere."""
    return class_names_of(open_store(), compared.runs[0], compared.classes)


def show_precision_notes(runs: Sequence[Run]) -> None:
    """Say which runs predict here in another precision than the one in which they were trained."""
    for run in runs:
        if note := trained.precision_note(run):
            st.caption(in_markdown(note))


@cached_by_run(max_entries=1000)
def load_curves(run: Run, names: tuple[str, ...]) -> RunCurves:
    """These series of a run."""
    return open_store().curves(run.id, names)


def _left_out_line(left_out: Sequence[ExcludedRun]) -> str:
    """One line on all runs that are left out, with the reason of each."""
    if len(left_out) == 1:
        return f"Run {left_out[0].run.number} is not compared here: it {left_out[0].reason}."
    by_reason: dict[str, list[Run]] = {}
    for excluded in left_out:
        by_reason.setdefault(excluded.reason, []).append(excluded.run)
    parts = [
        f"{measures.run_numbers(runs)}, {'each of which' if len(runs) > 1 else 'which'} {reason}"
        for reason, runs in by_reason.items()
    ]
    return f"Not compared here: {'; '.join(parts)}."
