"""A race with votes: everyone says which network will win, then it starts, and in the end it shows who was right."""

from collections import Counter
from collections.abc import Mapping, Sequence
from urllib.parse import quote

import streamlit as st

from dashboard.access import access_is_on
from dashboard.controls import compared_runs
from dashboard.frame import (
    background_jobs,
    count_clicks,
    errors_as_messages,
    is_new_click,
    navigation,
    open_store,
    pace,
)
from mnist_core.analysis import races
from mnist_core.architectures import describe_architecture, small_diagram
from mnist_core.data import input_shape_and_classes
from mnist_core.errors import MnistLabError
from mnist_core.store import (
    Poll,
    Run,
    Store,
    close_poll,
    names_of_people,
    queueing,
    read_poll,
    read_votes,
    start_poll,
    vote,
)
from mnist_core.text import cut_middle, in_html, in_markdown

_TICK_SECONDS = 2.0
_LETTERS = 40


def show_vote() -> None:
    """The vote of now: for a student the networks to choose from, for the teacher also how the class has voted."""
    st.fragment(_vote, run_every=pace(_TICK_SECONDS))()


def _vote() -> None:
    store = open_store()
    poll = read_poll(store)
    if poll is None:
        _explain(store)
        return
    votes = read_votes(store, poll.id)
    st.subheader(f"Which network will win? {in_markdown(poll.name)}")
    if poll.is_open:
        _show_ballot(store, poll, votes)
    else:
        _show_race(store, poll, votes)
    if store.owner is None:
        st.button("Close this vote", key="close-vote", on_click=_close, help="Removes the votes. The runs stay.")


def _explain(store: Store) -> None:
    if store.owner is not None:
        st.info("There is nothing to vote on. Your teacher opens a vote before the next race.")
        return
    if not access_is_on():
        st.info("A vote needs a class that has logged in: **People** says how to start the app for one.")
        return
    st.info(
        "A race with votes: choose two to eight networks on the page Train and press **Let the class vote**. Everyone "
        "says here which one will win; then you start the race."
    )
    st.page_link(
        navigation.page_named("train"), label="Choose the networks", help="Opens the page Train with its form."
    )


def _show_ballot(store: Store, poll: Poll, votes: Mapping[str, int]) -> None:
    own_vote = votes.get(store.owner or "")
    columns = st.columns(min(4, len(poll.configs)))
    for index, config in enumerate(poll.configs):
        with columns[index % len(columns)], st.container(border=True):
            st.markdown(f"**{in_markdown(_name(poll, index))}**")
            if picture := _diagram(poll, index):
                st.html(f"<div class='ballot'><img src='{picture}' alt=''></div>")
            st.button(
                "✓ Your vote" if own_vote == index else "This one",
                key=f"vote-{index}",
                type="primary" if own_vote == index else "secondary",
                width="stretch",
                on_click=_cast,
                args=(poll.id, index),
                help=f"You expect {in_markdown(config.architecture)} to have the highest test accuracy.",
            )
    count = len(votes)
    st.markdown(
        f"**{count}** vote{'s' * (count != 1)} so far." + (" You can change yours." if own_vote is not None else "")
    )
    if store.owner is None:
        st.button(
            "Start the race",
            key="start-voted-race",
            type="primary",
            on_click=_start,
            args=(poll, count_clicks("start-voted-race")),
            help="Ends the vote and puts the networks into the queue.",
        )


def _show_race(store: Store, poll: Poll, votes: Mapping[str, int]) -> None:
    runs = races.runs_of_poll(store, poll)
    st.html(_odds_html(poll, votes))
    if any(run.active for run in runs):
        done = sum(not run.active for run in runs)
        st.progress(sum(run.progress for run in runs) / len(runs), text=f"{done} of {len(runs)} runs have ended.")
    elif runs:
        _show_result(store, poll, votes, runs)
    else:
        st.info("The runs of this race are no longer here.")
    if runs:
        st.page_link(
            navigation.page_named("train"),
            label="Watch the race",
            query_params={"runs": [str(run.number) for run in runs], "form": "false"},
            help="Opens the page Train with the runs of this race.",
        )


def _show_result(store: Store, poll: Poll, votes: Mapping[str, int], runs: Sequence[Run]) -> None:
    compared = compared_runs.gather_predictions(runs)
    if compared is None:
        return
    verdict = compared_runs.load_verdict(compared)
    _, sentence = races.order_sentence(verdict)
    winning = [row for row in verdict.architectures if row.name in races.winners(verdict)]
    architectures = {run.config.architecture for row in winning for run in row.group.runs}
    right = {index for index, config in enumerate(poll.configs) if config.architecture in architectures}
    names = names_of_people(store)
    happy = sorted(names.get(person) or "Teacher" for person, choice in votes.items() if choice in right)
    best = ", ".join(_name(poll, index) for index in sorted(right))
    st.markdown(f"**{in_markdown(best)}** {'won' if len(right) == 1 else 'may have won: their order may be luck'}.")
    if happy:
        st.markdown(f"**{len(happy)} of {len(votes)}** were right: {in_markdown(', '.join(happy))}.")
    elif votes:
        st.markdown(f"None of the {len(votes)} votes was right." if len(votes) > 1 else "The only vote was not right.")
    if sentence:
        st.caption(in_markdown(sentence))


def _odds_html(poll: Poll, votes: Mapping[str, int]) -> str:
    """A bar for each network: its share of the votes, and what a stake on it would bring (votes / its votes)."""
    counts, total = Counter(votes.values()), len(votes)
    lines = []
    for index in range(len(poll.configs)):
        count = counts[index]
        odds = f"odds {total / count:.1f}" if count else "no vote"
        share = 100 * count / total if total else 0
        lines.append(
            f"<li><span class='name'>{in_html(_name(poll, index))}</span>"
            f"<span class='bar' aria-hidden='true'><i style='width:{share:.0f}%'></i></span>"
            f"<span class='count'>{count} of {total}, {odds}</span></li>"
        )
    return f"<ul class='odds'>{''.join(lines)}</ul>"


def _name(poll: Poll, index: int) -> str:
    return cut_middle(poll.configs[index].architecture, _LETTERS)


def _diagram(poll: Poll, index: int) -> str:
    """The address of a picture of the network; "" where its image folder is away."""
    config = poll.configs[index]
    try:
        svg = small_diagram(describe_architecture(config.architecture, *input_shape_and_classes(config)))
    except MnistLabError:
        return ""
    return "data:image/svg+xml," + quote(svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1))


def _cast(poll_id: str, index: int) -> None:
    with errors_as_messages():
        vote(open_store(), poll_id, index)


def _start(poll: Poll, click: int) -> None:
    if not is_new_click("start-voted-race", click):
        return
    with errors_as_messages():
        store = open_store()
        entries = races.race_entries(poll.configs, poll.seeds)
        queueing.check_queueable(store, [config for config, _ in entries], "seeds")
        if start_poll(store, poll.id):
            started = queueing.enqueue_all(store, entries, [races.race_tag(poll.name)])
            store.share([run.id for run in started])
            background_jobs().wake()


def _close() -> None:
    with errors_as_messages():
        close_poll(open_store())
