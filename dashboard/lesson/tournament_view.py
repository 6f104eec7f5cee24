"""A fair tournament: everyone enters one line of network, all under the same budget; wins are what the verdict says."""

from collections.abc import Mapping, Sequence

import streamlit as st

from dashboard.controls import compared_runs
from dashboard.frame import background_jobs, count_clicks, errors_as_messages, is_new_click, open_store, pace
from dashboard.lesson.league_view import owner_name, show_places
from mnist_core import tournament
from mnist_core.analysis import league
from mnist_core.architectures import describe_architecture, presets
from mnist_core.data import input_shape_and_classes
from mnist_core.errors import ArchitectureError, MnistLabError
from mnist_core.store import Run, names_of_people
from mnist_core.text import in_markdown
from mnist_core.tournament import Tournament

_TICK_SECONDS = 3.0
_LINE, _NAME, _DATASET, _YARDSTICK, _EPOCHS = (
    "tournament line",
    "tournament name",
    "tournament data",
    "tournament yardstick",
    "tournament epochs",
)
_EXAMPLE = "flatten linear(100) relu linear(classes)"


def show_tournament() -> None:
    """The tournament of now: the rules, the line to enter, and the table; or the teacher's form for a new one."""
    store = open_store()
    now = tournament.read_tournament(store)
    if now is None:
        if store.owner is None:
            _new_tournament()
        else:
            st.info("There is no tournament now. Your teacher begins one.")
        return
    st.subheader(in_markdown(now.name))
    st.markdown(
        f"Data set **{now.dataset}**. Budget: **{tournament.budget_in_words(now.budget)}** for the forward passes of "
        "training. A small network trains for more epochs, a large one for fewer; all else is the same for everyone. "
        "Your last entry counts."
    )
    _entry_form(now)
    st.fragment(_table, run_every=pace(_TICK_SECONDS))(now)
    if store.owner is None:
        st.button("End the tournament", on_click=_end, help="Takes no more entries. The runs stay.")


def _new_tournament() -> None:
    st.markdown(
        "**A fair tournament.** Everyone writes one line of network. All get the same budget of multiply-accumulates, "
        "so that a small network may train for longer."
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input("Name", "Tournament", key=_NAME, max_chars=60, help="What the tournament is called.")
        st.selectbox("Data set", tournament.DATASETS, key=_DATASET, help="What all networks learn from.")
        names = list(presets())
        st.selectbox(
            "As much as",
            names,
            index=names.index("mlp-100"),
            key=_YARDSTICK,
            help="The budget is what this network takes for the epochs beside it.",
        )
        st.number_input(
            "Epochs",
            1,
            tournament.MOST_EPOCHS,
            5,
            key=_EPOCHS,
            help="How often that network would see all training images.",
        )
        st.button("Begin", type="primary", on_click=_begin, help="Opens the tournament: everyone may enter a network.")


def _entry_form(now: Tournament) -> None:
    line = st.text_area(
        "Your network",
        _EXAMPLE,
        key=_LINE,
        height=80,
        max_chars=2000,
        help="Layers in their order, as on the page Train, or the name of a preset such as lenet-5.",
    ).strip()
    verdict = st.empty()
    ready = False
    try:
        config = tournament.entry_config(now, line)
        network = describe_architecture(config.architecture, *input_shape_and_classes(config))
        ready = True
        verdict.caption(
            f"**{network.parameters:,}** parameters · **{network.macs:,}** multiply-accumulates an image · "
            f"**{config.epochs}** epochs in this budget"
        )
    except ArchitectureError as error:
        with verdict.container():
            st.error(in_markdown(str(error)))
            st.code(error.pointer(), language=None)
    except MnistLabError as error:
        verdict.error(in_markdown(str(error)))
    st.button(
        "Enter",
        key="enter-tournament",
        type="primary",
        disabled=not ready,
        on_click=_enter,
        args=(now, count_clicks("enter-tournament")),
        help="Puts your network into the queue. You may enter another one later; the last counts.",
    )


def _table(now: Tournament) -> None:
    store = open_store()
    runs = tournament.read_entries(store, now)
    if not runs:
        st.caption("Nobody has entered a network yet.")
        return
    names = names_of_people(store)
    finished = [run for run in runs if run.test_accuracy is not None]
    compared = compared_runs.gather_predictions(finished) if finished else None
    if compared is not None:
        rows = league.league(compared_runs.load_verdict(compared))
        columns = ("Place", "Name", "Wins", "Losses", "Test accuracy (%)", "95 % interval", "Epochs", "Network")
        show_places("tournament", rows, names, columns, "Tournament: the last entry of each person")
        st.caption(
            "A win is a network that is better than another beyond chance (McNemar's test, 5 %, corrected for all "
            "pairs); everything else is a draw. A place is one more than the number of losses."
        )
    _show_waiting(tournament.order_of_finish(runs), names)


def _show_waiting(runs: Sequence[Run], names: Mapping[str, str]) -> None:
    if runs:
        words = ", ".join(f"{owner_name(names, run)} ({run.state}, {run.progress:.0%})" for run in runs[:10])
        more = f" and {len(runs) - 10} more" if len(runs) > 10 else ""
        st.caption(in_markdown(f"Not tested yet: {words}{more}."))


def _begin() -> None:
    state = st.session_state
    with errors_as_messages():
        tournament.begin_tournament(open_store(), state[_NAME], state[_DATASET], state[_YARDSTICK], int(state[_EPOCHS]))


def _end() -> None:
    with errors_as_messages():
        tournament.end_tournament(open_store())


def _enter(now: Tournament, click: int) -> None:
    if not is_new_click("enter-tournament", click):
        return
    with errors_as_messages():
        tournament.enter(open_store(), now, st.session_state[_LINE].strip())
        background_jobs().wake()
