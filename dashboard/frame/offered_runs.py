"""The runs that a list of choices offers: the newest thousand, and those that are chosen or train already."""

import streamlit as st

from dashboard.frame.links import parse_numbers
from dashboard.frame.store import open_store
from mnist_core.store import ACTIVE_STATES, MOST_LISTED, RunPage, RunQuery, read_page


def offered_runs(*keys: str) -> RunPage:
    """The newest runs, the newest first, with those that are chosen under these keys of `choose_runs` or still train.

    A link names runs by their number, whatever their age.
    """
    store = open_store()
    page = read_page(store)
    if not page.hidden:
        return page
    named = [number for key in keys for number in _named(key)]
    chosen = read_page(store, RunQuery(numbers=named), limit=None).runs
    every = {run.number: run for run in [*page.runs, *chosen, *store.runs(states=ACTIVE_STATES)]}
    return RunPage([every[number] for number in sorted(every, reverse=True)], page.broken, page.total)


def say_what_is_listed(page: RunPage) -> None:
    """One line below a list of choices that does not hold every run."""
    if page.hidden:
        st.caption(
            f"The newest {MOST_LISTED:,} of {page.total:,} runs are listed. The filter on **Compare** finds the "
            "others: tick one there, and it is chosen here."
        )


def _named(key: str) -> list[int]:
    """The numbers of runs in the address and in the session under a key."""
    numbers = parse_numbers(st.query_params.get_all(key))
    for name in (key, f"{key}:chosen", f"{key}:added"):
        value = st.session_state.get(name, [])
        numbers += [value] if isinstance(value, int) else list(value)
    return numbers
