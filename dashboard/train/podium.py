"""The end of a race: a podium, whether its order is real or luck, and what may come next."""

from collections.abc import Sequence

import streamlit as st

from dashboard.controls import compared_runs
from dashboard.frame import count_clicks, is_new_click
from dashboard.train.challenges import run_again, show_challengers
from mnist_core.analysis import Predictions, races
from mnist_core.plots import run_style
from mnist_core.store import Run
from mnist_core.text import in_html, in_markdown

_PLACES = ("1st", "2nd", "3rd", "4th", "5th", "6th", "7th", "8th")


def show_podium(race: str, runs: Sequence[Run]) -> None:
    """What the networks of a race came to, once none of its runs is active any more."""
    compared = compared_runs.gather_predictions(runs)
    if compared is None:
        return
    verdict = compared_runs.load_verdict(compared)
    table = races.standings(verdict)
    st.html(_podium_html(table, compared))
    in_short, sentence = races.order_sentence(verdict)
    if sentence:
        st.markdown(f"**{in_short}** {in_markdown(sentence)}")
    if any(run.optimistic for run in runs):
        st.caption("Optimistic: in some of these runs the test images chose the epoch that counts.")
    with st.container(horizontal=True, vertical_alignment="center"):
        show_challengers(table[0].runs, race)
        st.button(
            "Run it again with other seeds",
            key="race-again",
            on_click=_again,
            args=(race, runs, count_clicks("race-again")),
            help="The same networks with new random starts, as a race of its own.",
        )


def _again(race: str, runs: Sequence[Run], click: int) -> None:
    if is_new_click("race-again", click):
        run_again(race, runs)


def _podium_html(table: Sequence[races.Standing], compared: Predictions) -> str:
    places = "".join(_place_html(place, row, compared) for place, row in enumerate(table))
    return f"<div class='podium' role='list'>{places}</div>"


def _place_html(place: int, row: races.Standing, compared: Predictions) -> str:
    wrong = round((1 - row.accuracy) * compared.images, 1)
    over = f"mean of {row.seeds} seeds, " if row.seeds > 1 else ""
    colour = run_style(row.runs[0].number).colour
    return (
        f"<div class='place{' first' * (place == 0)}' role='listitem' style='--line:{colour}'>"
        f"<div class='rank'>{_PLACES[place] if place < len(_PLACES) else place + 1}</div>"
        f"<div class='name'>{in_html(row.name)}</div><p class='number'>{row.accuracy:.2%}</p>"
        f"<div class='interval'>{over}{wrong:,g} of {compared.images:,} test images wrong. "
        f"95 % interval {row.low:.2%} to {row.high:.2%}</div></div>"
    )
