"""Studies as cards, each with its question first; shown while the address names no study."""

import streamlit as st

from dashboard.frame import open_store, select_titled
from dashboard.studies.chosen_experiment import plan_experiment
from mnist_core import studies, sweeps
from mnist_core.errors import MnistLabError
from mnist_core.store import Scope, Store, places
from mnist_core.studies import PlannedRun, Study
from mnist_core.text import counted, in_markdown


def is_study_chosen() -> bool:
    """Whether the address names a study; otherwise the page shows the cards."""
    return bool(st.query_params.get("study"))


def show_study_cards() -> None:
    """A card for each study: its question, a button with its title that opens it, and how much there is to train."""
    store = open_store()
    extents = _extents(store, store.scope, store.finished_stamp(), places(store))
    with st.container(key="study-cards"):
        for name, study in studies.all_studies().items():
            with st.container(border=True, key=f"study-card-{name}"):
                st.markdown(study.question.text)
                st.button(
                    in_markdown(study.title),
                    key=f"open-{name}",
                    on_click=_open,
                    args=(name,),
                    width="stretch",
                    help="Opens this study: predict, train its networks, and compare with what it reported.",
                )
                st.caption(f"{study.source[0].upper()}{study.source[1:]}.  \n{extents[name]}")


def show_way_back() -> None:
    """A button that leads from a study back to the cards."""
    st.button("All studies", key="all-studies", on_click=_close, help="Back to the questions of all studies.")


@st.cache_resource(max_entries=40, show_spinner=False)
def _extents(_store: Store, scope: Scope, stamp: tuple[int, int, float], places: int) -> dict[str, str]:
    """The extent of each study by name; the times depend on the store's finished runs and on its places to train."""
    return {name: _extent_text(_store, study) for name, study in studies.all_studies().items()}


def _extent_text(store: Store, study: Study) -> str:
    """How many experiments and runs a study has, and about how long they take where that can be estimated."""
    planned: list[PlannedRun] = []
    for experiment in study.experiments:
        planned += plan_experiment(study.name, experiment.name, experiment.seeds, 1.0, False)
    counts = f"{counted(len(study.experiments), 'experiment')}, {counted(len(planned), 'run')}"
    try:
        seconds = sweeps.estimated_seconds(store, [planned_run.config for planned_run in planned])
    except MnistLabError as error:
        if error.passes:
            raise
        return f"{counts}."
    return f"{counts}: about {sweeps.duration_text(seconds)} here."


def _open(name: str) -> None:
    _forget_choice()
    select_titled("study", name)
    st.query_params["study"] = name


def _close() -> None:
    _forget_choice()
    st.query_params.clear()


def _forget_choice() -> None:
    """Every study that is opened from its card begins with its first experiment."""
    for key in ("study", "experiment"):
        for kept in (key, f"{key}:url"):
            st.session_state.pop(kept, None)
