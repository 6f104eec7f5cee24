"""The part of the Train page that follows runs: their progress, their buttons, the queue and the curves."""

from collections.abc import Sequence
from dataclasses import fields

import pandas as pd
import streamlit as st

from dashboard.components import data_table, table_rows
from dashboard.controls import live_curves, show_thinking
from dashboard.frame import (
    background_jobs,
    choose_runs,
    confirm_chosen_runs,
    offered_runs,
    open_store,
    pace,
    replace_chosen_runs,
    say_what_is_listed,
)
from dashboard.train.lanes import lanes_html
from dashboard.train.podium import show_podium
from dashboard.train.run_card import run_card
from mnist_core.analysis import races
from mnist_core.plots import run_label
from mnist_core.store import Run, concurrency, places, read_cluster
from mnist_core.text import in_markdown

_TICK_SECONDS = 0.5
# While nothing trains, the page still looks for runs that the command line has started.
_IDLE_SECONDS = 3.0
# Up to this many runs each has a card with its number; more are lanes above their chart.
_MOST_CARDS = 2


def follow_runs() -> None:
    """Follow the chosen runs until the last has ended; the choice stands below them."""
    offered = offered_runs("runs")
    runs = offered.runs
    if not runs:
        st.info("No run yet. Choose a network on the left and press **Start training**: its curves grow here.")
        return
    shown = st.container(key="followed")
    active = [run.number for run in runs if run.active]
    chosen = choose_runs(
        "runs",
        "Runs on the chart",
        "Their curves are drawn over one another, each in its own colour and dash.",
        runs,
        default=active or [runs[0].number],
    )
    say_what_is_listed(offered)
    _offer_races()
    busy = any(run.active for run in runs)
    every = pace(_TICK_SECONDS if busy else _IDLE_SECONDS)
    ids = [run.id for run in chosen]
    with shown:
        if any(run.active for run in chosen):
            st.fragment(_follow, run_every=every)(ids, busy)
        else:
            # Their cards do not change by themselves, and looking takes a fraction of the time of drawing them.
            st.fragment(_show_ended)(ids, busy)
            st.fragment(_look_at_ended, run_every=every)(ids, busy, _state_of(chosen))


def _follow(ids: Sequence[str], busy: bool) -> None:
    """Runs of which one trains or waits at least, with the queue."""
    confirm_chosen_runs("runs")
    runs, queued_ids = open_store().runs(ids=ids), open_store().queued_ids()
    _show_runs(runs, queued_ids)
    _show_queue(queued_ids)
    _rerun_if_others(runs, busy)


def _show_ended(ids: Sequence[str], busy: bool) -> None:
    """Runs that have ended; drawn anew only when somebody uses a control of theirs."""
    runs = open_store().runs(ids=ids)
    if any(run.active for run in runs):
        # Somebody has just continued one of them.
        st.rerun()
    _show_runs(runs, [])
    _rerun_if_others(runs, busy)


def _look_at_ended(ids: Sequence[str], busy: bool, drawn: str) -> None:
    """The queue below runs that have ended; the page is drawn anew once these are no longer as they were drawn."""
    confirm_chosen_runs("runs")
    runs = open_store().runs(ids=ids)
    _show_queue(open_store().queued_ids())
    if _state_of(runs) != drawn:
        st.rerun()
    _rerun_if_others(runs, busy)


def _state_of(runs: Sequence[Run]) -> str:
    """What the store says of these runs; as text, because an accuracy that is no number does not equal itself."""
    in_order = sorted(runs, key=lambda run: run.number)
    return repr([[getattr(run, field.name) for field in fields(run)] for run in in_order])


def _show_runs(runs: Sequence[Run], queued_ids: Sequence[str]) -> None:
    """The cards and curves of these runs; of many, or of a race, lanes. `queued_ids` are in the order of the queue."""
    newest_first = sorted(runs, key=lambda run: -run.number)
    race = races.common_race(runs)
    # A race of two has lanes and a podium, too.
    if len(runs) <= _MOST_CARDS and race is None:
        for run in newest_first:
            run_card(run, queued_ids, "large" if len(runs) == 1 else "small")
        if runs:
            live_curves(runs)
            # Of two runs the one that trains, or else the newer one.
            show_thinking(next((run for run in newest_first if run.active), newest_first[0]))
    else:
        _show_lanes(newest_first[::-1], queued_ids, race)
        live_curves(runs)
        for run in newest_first:
            run_card(run, queued_ids, "line")


def _rerun_if_others(runs: Sequence[Run], busy: bool) -> None:
    """Draw the whole page if other runs are chosen by now, or if it looks too often or too rarely.

    It looks more often while something trains.
    """
    are_others = {run.number for run in runs} != set(st.session_state["runs"])
    if are_others or busy != bool(open_store().runs(states=["queued", "running"])):
        st.rerun()


def _show_lanes(runs: Sequence[Run], queued_ids: Sequence[str], race: str | None) -> None:
    """The lanes of many runs, or of a race; the podium in their place once the race is over."""
    if race:
        st.markdown(f"**Race: {in_markdown(race)}**")
    if race and not any(run.active for run in runs):
        show_podium(race, runs)
    else:
        st.html(lanes_html(runs, queued_ids))


def _offer_races() -> None:
    """A list of the races, each of which a click shows; they are also found on Compare, by their tag."""
    by_name = races.newest_races(open_store())
    if not by_name:
        return
    with st.popover("Races", help="The races of this lab, the newest first."):
        for number, (name, members) in enumerate(by_name.items()):
            st.button(
                f"{in_markdown(name)} ({len(members)} runs)",
                key=f"race-{number}",
                width="stretch",
                on_click=lambda members=members: replace_chosen_runs("runs", [run.number for run in members]),
                help="Shows its runs on this page.",
            )


def _show_queue(queued_ids: Sequence[str]) -> None:
    """The runs that wait, as far as this person may see them; nothing where none waits."""
    queue = open_store().queue(queued_ids) if queued_ids else []
    if not queue:
        return
    st.markdown("**Queue**")
    # Between the runs of a student others may wait.
    places = {run_id: place for place, run_id in enumerate(queued_ids, 1)}
    rows = [
        {"Place": places[run.id], "Run": run_label(run), "Epochs": run.config.epochs, "Data": run.dataset}
        for run in queue
        if run.id in places
    ]
    if not rows:
        return
    data_table("queue", table_rows(pd.DataFrame(rows)), "Runs that wait")
    if open_store().owner is None:
        _show_limit()


def _show_limit() -> None:
    st.number_input(
        "Runs at once",
        0,
        64,
        concurrency.runs_at_once(open_store()),
        key="runs_at_once",
        on_change=_set_limit,
        help="How many runs train at the same time; 0 lets none start. On a CPU, at most one for each core.",
    )

    cluster = read_cluster(open_store())
    if cluster.lives(open_store().clock()):
        st.caption(f"A cluster trains these runs, up to {places(open_store())} at once. 0 holds the queue there, too.")


def _set_limit() -> None:
    concurrency.set_runs_at_once(open_store(), st.session_state["runs_at_once"])
    background_jobs().wake()
