"""How much of a result is luck: train many seeds of one network, and see how far chance alone moves its accuracy."""

from collections.abc import Callable, Sequence

import pandas as pd
import streamlit as st

from dashboard.components import data_table, table_rows
from dashboard.frame import (
    background_jobs,
    choose_titled,
    count_clicks,
    errors_as_messages,
    errors_as_toasts,
    is_new_click,
    open_store,
    pace,
    select_titled,
    show_figure,
)
from mnist_core import luck, sweeps
from mnist_core.analysis import Luck
from mnist_core.config import MOST_LUCK_SEEDS, RunConfig
from mnist_core.errors import StoreError
from mnist_core.luck import LuckGroup
from mnist_core.plots import seed_dots
from mnist_core.store import RESUMABLE_STATES
from mnist_core.text import in_markdown
from mnist_core.training import is_stackable

_TICK_SECONDS, _IDLE_SECONDS = 1.0, 5.0
# Seeds that are offered first where they are trained one by one, which takes longer.
_FEWER_SEEDS = 20
# The parameter of the address with the id of the question.
_CHOSEN = "luck"
_DIFFERENCE = "luck_difference"


def show_luck(
    config: RunConfig | None, figure: float | None = None, figure_name: str = "", groups: Sequence[LuckGroup] = ()
) -> None:
    """A form that asks the question for `config`, and the answers to it.

    `figure`: an accuracy, as a fraction, that the form offers to look for, and where it comes from. `groups` are the
    questions that may be shown, the newest first.
    """
    with st.container(horizontal=True, vertical_alignment="bottom"):
        seeds = 0 if config is None else _form(config, figure, figure_name)
        group = _choose(groups) if groups else None
    if config is not None and not is_stackable(config):
        seconds = sweeps.estimated_seconds(open_store(), [config] * seeds)
        st.caption(
            "Only small perceptrons train their seeds together. This network trains one seed at a time: "
            f"about {sweeps.duration_text(seconds)} for all on this machine."
        )
    if group is None:
        st.info(
            "**How much of a result is luck?** The same network is trained with many seeds (random starts). Nothing "
            "else differs, so whatever differs in their test accuracies is luck. Only the accuracies are kept."
        )
        return
    st.fragment(_follow, run_every=pace(_TICK_SECONDS if group.active else _IDLE_SECONDS))(group.id, group.active)


def _form(config: RunConfig, figure: float | None, figure_name: str) -> int:
    """The fields and the button of a question; returns the number of seeds."""
    together = is_stackable(config)
    keys = f"luck_seeds_{together}", f"luck_figure_{figure}"
    seeds = st.number_input(
        "How many seeds",
        2,
        MOST_LUCK_SEEDS,
        MOST_LUCK_SEEDS if together else _FEWER_SEEDS,
        key=keys[0],
        width=140,
        help="How many times the network is trained, each time with another seed.",
    )
    st.number_input(
        "A figure to find (%)",
        0.0,
        100.0,
        None if figure is None else 100 * figure,
        0.01,
        format="%.2f",
        placeholder="none",
        key=keys[1],
        width=170,
        help="An accuracy that somebody reports, or that you reached. You see how many of the seeds reach it.",
    )
    st.button(
        f"Train {seeds} seeds",
        type="primary",
        on_click=_start,
        args=(config, keys, figure, figure_name, count_clicks("luck")),
        help="Puts them into the queue.",
    )
    return seeds


def _start(config: RunConfig, keys: tuple[str, str], offered: float | None, offered_name: str, click: int) -> None:
    if not is_new_click("luck", click):
        return
    # Read here: a number that was typed just before the click has not been drawn yet.
    seeds, percent = (st.session_state[key] for key in keys)
    figure = None if percent is None else percent / 100
    is_offered = figure is not None and offered is not None and abs(figure - offered) < 1e-9
    with errors_as_messages():
        name = offered_name if is_offered else "chosen"
        select_titled(_CHOSEN, luck.start_group(open_store(), config, seeds, figure, name))
        background_jobs().wake()


def _choose(groups: Sequence[LuckGroup]) -> LuckGroup:
    by_id = {group.id: group for group in groups}
    titles = {group.id: group.name for group in groups}
    return by_id[choose_titled(_CHOSEN, "Question", titles, "The newest question is first.")]


def _follow(group_id: str, was_active: bool) -> None:
    with errors_as_messages():
        try:
            group = luck.load_group(open_store(), group_id)
        except StoreError as error:
            if error.passes:
                raise
            # It was deleted, and the list of questions is outside this fragment.
            st.rerun()
        if group.active != was_active:
            # The page has to be drawn again to change how often this fragment runs.
            st.rerun()
        _progress(group)
        facts = group.facts
        if facts.seeds:
            _answer(group, facts)
        _buttons(group)


def _progress(group: LuckGroup) -> None:
    if group.state != "finished":
        st.progress(group.progress, text=f"{len(group.scores)} of {group.seeds} seeds · {group.state}")
    if group.damage:
        st.warning(in_markdown(group.damage))
    if group.state in ("failed", "interrupted"):
        for note in group.notes:
            st.warning(in_markdown(note))


def _answer(group: LuckGroup, facts: Luck) -> None:
    """The answer in a sentence, the figure, and what else the seeds tell."""
    # Its field stands below, where it is read after the sentences.
    points = st.session_state.get(_DIFFERENCE)
    first, *others = group.sentences(points and points / 100)
    st.header(in_markdown(first), anchor=False)
    if facts.accuracies:
        seeds = [score.seed for score in group.scores if score.test_accuracy is not None]
        show_figure(seed_dots(facts, group.figure_name or "chosen", seeds), key="luck_dots")
    st.markdown("\n".join(f"- {in_markdown(sentence)}" for sentence in others))
    st.number_input(
        "A difference to tell from luck (points)",
        0.0,
        100.0,
        None,
        0.1,
        placeholder="of the figure and the mean" if group.figure is not None else "that one pair in 20 exceeds",
        key=_DIFFERENCE,
        width=330,
        help="How often luck alone makes such a difference, and how many seeds would tell it from luck.",
    )
    if group.state == "finished":
        st.caption(" ".join(map(in_markdown, group.notes)))
    with st.expander("All seeds"):
        table = pd.DataFrame(
            [
                {"Seed": score.seed, "Test accuracy (%)": score.test_accuracy and 100 * score.test_accuracy}
                for score in group.scores
            ]
        )
        columns = {"Test accuracy (%)": st.column_config.NumberColumn(format="%.2f")}
        data_table("luck_seeds", table_rows(table, columns), "Test accuracy of each seed")


def _buttons(group: LuckGroup) -> None:
    if not all(map(open_store().may_change, group.parts)):
        return
    with st.container(horizontal=True):
        if group.active:
            _button("Stop", luck.stop_group, group, "Seeds that are done stay.")
        if not group.active and any(part.state in RESUMABLE_STATES for part in group.parts):
            _button("Go on", luck.resume_group, group, "Trains the seeds that are missing.")
        with st.popover("Delete", help="Delete this question."):
            _button("Delete it with its seeds", luck.delete_group, group, "What its seeds came to is gone for good.")


def _button(label: str, change: Callable[..., object], group: LuckGroup, help: str) -> None:
    if st.button(label, on_click=_apply, args=(change, group), key=f"luck_{label}", help=help):
        # The list of questions is outside this fragment.
        st.rerun()


def _apply(change: Callable[..., object], group: LuckGroup) -> None:
    with errors_as_toasts():
        change(open_store(), group)
    background_jobs().wake()
