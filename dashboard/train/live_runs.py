"""The part of the Train page that follows runs: their progress, their buttons, the queue and the curves."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from dashboard.components import data_table, renewed_html, table_rows
from dashboard.controls import LiveCurves, show_thinking
from dashboard.frame import (
    are_unconfirmed,
    background_jobs,
    choose_runs,
    confirm_chosen_runs,
    offered_runs,
    open_store,
    replace_chosen_runs,
    say_what_is_listed,
)
from dashboard.train.followed_view import LANES, followed_view, has_cards, is_busy, watched_run
from dashboard.train.lanes import lanes_html
from dashboard.train.podium import show_podium
from dashboard.train.run_card import run_card
from mnist_core.analysis import races
from mnist_core.plots import run_label
from mnist_core.store import Run, concurrency, places, read_cluster
from mnist_core.text import counted, in_markdown


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
    with shown:
        st.fragment(_follow)([run.id for run in chosen], is_busy(open_store(), runs))


def _follow(ids: Sequence[str], busy: bool) -> None:
    """Cards and curves of runs, and the queue. What changes in them while they train the browser asks for by itself."""
    confirm_chosen_runs("runs")
    view, store = followed_view(), open_store()
    runs, queued_ids = store.runs(ids=ids), store.queued_ids()
    if {run.number for run in runs} != set(st.session_state["runs"]) or is_busy(store, runs) != busy:
        # Other runs are chosen by now, or there are others to choose from.
        st.rerun()
    _show_runs(runs, queued_ids, view.curves)
    _show_queue(queued_ids)
    view.keep_renewed(runs, queued_ids, busy, again=are_unconfirmed("runs"))


def _show_runs(runs: Sequence[Run], queued_ids: Sequence[str], curves: LiveCurves) -> None:
    """The cards and curves of these runs; of many, or of a race, lanes. `queued_ids` are in the order of the queue."""
    newest_first = sorted(runs, key=lambda run: -run.number)
    if has_cards(runs):
        for run in newest_first:
            run_card(run, queued_ids, "large" if len(runs) == 1 else "small", curves)
        if runs:
            curves.show(runs)
            show_thinking(watched_run(runs))
    else:
        _show_lanes(newest_first[::-1], queued_ids, curves)
        curves.show(runs)
        for run in newest_first:
            run_card(run, queued_ids, "line", curves)


def _show_lanes(runs: Sequence[Run], queued_ids: Sequence[str], curves: LiveCurves) -> None:
    """The lanes of many runs, or of a race; the podium in their place once the race is over."""
    race = races.common_race(runs)
    if race:
        st.markdown(f"**Race: {in_markdown(race)}**")
    if race and not any(run.active for run in runs):
        show_podium(race, runs)
    else:
        st.html(renewed_html(LANES, lanes_html(runs, queued_ids, curves)))


def _offer_races() -> None:
    """A list of the races, each of which a click shows; they are also found on Compare, by their tag."""
    by_name = races.newest_races(open_store())
    if not by_name:
        return
    with st.popover("Races", help="The races of this lab, the newest first."):
        for number, (name, members) in enumerate(by_name.items()):
            st.button(
                f"{in_markdown(name)} ({counted(len(members), 'run')})",
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
