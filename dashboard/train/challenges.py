"""Races that grow out of runs: a variation of the winner is put against it, or all networks start with other seeds."""

from collections.abc import Sequence

import streamlit as st

from dashboard.frame import (
    add_chosen_runs,
    background_jobs,
    count_clicks,
    errors_as_messages,
    is_new_click,
    lab_store,
    open_store,
    replace_chosen_runs,
)
from mnist_core.analysis import races
from mnist_core.architectures import Variation, variations
from mnist_core.config import RunConfig
from mnist_core.data import input_shape_and_classes
from mnist_core.errors import MnistLabError
from mnist_core.store import Run, queueing
from mnist_core.text import in_markdown

# A challenger starts from the beginning, also where the run that it challenges went on from another one.
_FROM_THE_START = ("continue_from", "continue_epoch", "fresh_optimizer", "initial_weights")


def show_challengers(runs: Sequence[Run], race: str | None) -> None:
    """A button for each variation of a network, whose runs these are, one a seed; a click starts a race with it."""
    first = runs[0]
    if first.config.library != "torch":
        return
    try:
        offered = variations(first.config.architecture, *input_shape_and_classes(first.config))
    except MnistLabError:
        # Its folder of pictures is away: what the network would be given is not known.
        return
    with st.popover("Beat it", help="Put another network against it, under the same settings."):
        for variation in offered:
            st.button(
                f"{variation.name.capitalize()}: {variation.change}",
                key=f"challenge-{first.number}-{variation.name}",
                width="stretch",
                on_click=_challenge,
                args=(runs, race, variation, count_clicks("challenge")),
                help=f"Trains {in_markdown(variation.text)} with the same settings and seeds.",
            )
        st.button(
            "A network of your own choice",
            key=f"challenge-{first.number}-own",
            width="stretch",
            on_click=lambda: st.session_state.update(form=True),
            help="Opens the form, where you can choose any network.",
        )


def run_again(race: str, runs: Sequence[Run]) -> None:
    """Start the networks of a race with other seeds, as a new race; to be called from a callback."""
    with errors_as_messages():
        store = open_store()
        name = races.new_name([race], races.taken_names(lab_store()))
        started = queueing.enqueue_all(store, races.entries_again(runs), [races.race_tag(name)])
        _follow(started, alone=True)


def start_race(configs: Sequence[RunConfig], seeds: int, name: str) -> None:
    """Start several networks under one name; to be called from a callback. Raises MnistLabError."""
    store = open_store()
    taken = races.taken_names(lab_store())
    race = races.new_name([name] if name.strip() else [config.architecture for config in configs], taken)
    started = queueing.enqueue_all(store, races.race_entries(configs, seeds), [races.race_tag(race)])
    _follow(started, alone=True)


def _challenge(runs: Sequence[Run], race: str | None, variation: Variation, click: int) -> None:
    if not is_new_click("challenge", click):
        return
    with errors_as_messages():
        store = open_store()
        usual = RunConfig()
        start = {name: getattr(usual, name) for name in _FROM_THE_START} | {"architecture": variation.text}
        base = runs[0].name.partition(", seed ")[0]
        several = len(runs) > 1
        entries = [
            (run.config.replace(**start), f"{base}, {variation.name}{f', seed {run.config.seed}' * several}")
            for run in runs
        ]
        name = race or races.new_name([base, variation.name], races.taken_names(lab_store()))
        started = queueing.enqueue_all(store, entries, [races.race_tag(name)])
        # Another person's run stays as it is: then the challenger is found by its own name.
        for run in filter(store.may_change, runs):
            store.set_tags(run.id, [*run.tags, races.race_tag(name)])
        _follow(started)


def _follow(started: Sequence[Run], alone: bool = False) -> None:
    background_jobs().wake()
    numbers = [run.number for run in started]
    replace_chosen_runs("runs", numbers) if alone else add_chosen_runs("runs", *numbers)
    st.session_state["view"] = "Training"
