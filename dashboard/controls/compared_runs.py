"""What the sections of the Compare page share: metrics, answers and images of the chosen runs."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.controls.run_predictions import split_predictions
from dashboard.frame import errors_as_messages, open_store
from mnist_core.analysis import Predictions, class_names_of, measures, trained
from mnist_core.analysis import predictions as answers
from mnist_core.config import SplitName
from mnist_core.errors import DataError
from mnist_core.plots import MetricSeries, RunCurves
from mnist_core.store import Run
from mnist_core.text import in_markdown

PLOTLY_CONFIG = {"displayModeBar": False}


def gather_predictions(runs: Sequence[Run], split: SplitName = "test") -> Predictions | None:
    """The answers of the runs that saw the same images; says on the page which are left out, and why.

    None, and a word about it, where no run has answered anything.
    """
    tables = {}
    for run in runs:
        with errors_as_messages():
            tables[run.id] = load_predictions(run, split)
    found, left_out = answers.align([run for run in runs if run.id in tables], tables, split)
    if found is None and tables:
        st.info("None of these runs has been tested yet: a run is tested when it ends.")
    elif found is not None:
        for one in left_out:
            st.caption(f"Run {one.run.number} is not compared here: it {in_markdown(one.reason)}.")
        if found.remark:
            st.caption(found.remark)
    return found


def load_predictions(run: Run, split: SplitName) -> pd.DataFrame:
    """A run's stored predictions on one split, as `answers.read` returns them; shared by all sessions."""
    return _predictions(run.id, split, run.state, run.step)


def load_images(found: Predictions, places: Sequence[int] | np.ndarray, split: SplitName = "test") -> np.ndarray:
    """The images at some places of the split, as the first run was given them: uint8 (M, C, H, W).

    Where they lie for any run that is known to have been given the same. Raises DataError if they are nowhere.
    """
    first = found.runs[0]
    recorded = None if first.data is None else first.data.images.get(split)
    same = [run for run in found.runs[1:] if recorded and run.data and run.data.images.get(split) == recorded]
    failure: DataError | None = None
    for run in [first, *same]:
        subject = split_predictions(run, split)
        try:
            return subject.images(subject.table.iloc[np.asarray(places, dtype=int)])
        except DataError as error:
            failure = failure or error
    assert failure
    raise failure


def class_names(found: Predictions) -> tuple[str, ...]:
    """Names of the classes; their numbers where nothing says them any more."""
    return class_names_of(open_store(), found.runs[0], found.classes)


def show_precision_notes(runs: Sequence[Run]) -> None:
    """Say which of the runs answer anew in another precision than that in which they were trained."""
    for run in runs:
        if note := trained.precision_note(run):
            st.caption(in_markdown(note))


def run_numbers(runs: Sequence[Run]) -> str:
    """Runs by their numbers: a name may hold signs that would format the text."""
    return measures.run_numbers(runs)


@st.cache_data(show_spinner=False, max_entries=100)
def load_metrics(run_id: str, names: tuple[str, ...], state_of_run: str, step: int) -> pd.DataFrame:
    """Metrics of a run; its state and step are there to read them again once they have changed."""
    return open_store().metrics(run_id, names=names)


def load_curves(run: Run, names: tuple[str, ...]) -> RunCurves:
    """Metrics of a run as arrays, which are shared by all sessions and must not be changed."""
    return _curves(run.id, names, run.state, run.step)


@st.cache_resource(show_spinner=False, max_entries=200)
def _curves(run_id: str, names: tuple[str, ...], state_of_run: str, step: int) -> RunCurves:
    return {name: MetricSeries(*arrays) for name, arrays in open_store().curves(run_id, names).items()}


@st.cache_resource(show_spinner=False, max_entries=120)
def _predictions(run_id: str, split: SplitName, state_of_run: str, step: int) -> pd.DataFrame:
    store = open_store()
    return answers.load_split(store, store.run(run_id), split)
