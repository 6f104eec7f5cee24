"""Which runs are compared: chosen in the table or the list, from a link, or suggested by the page."""

from collections.abc import Sequence

import streamlit as st

from dashboard.controls.run_snapshot import Snapshot, matching_rows, runs_by_number, search
from dashboard.frame import choose_runs, chosen_runs, is_emptied, keep_chosen_runs, open_store, parse_numbers
from mnist_core.analysis import newest_comparable
from mnist_core.store import Run, RunQuery, read_page

# The most runs that are compared: a chart of more cannot be read, and a link cannot hold more.
MAX_COMPARED = 50
# Query parameter with the numbers of the chosen runs; the Train page has the same.
_CHOSEN = "runs"
# Keys of the session: chosen runs above MAX_COMPARED, whether the choice has changed, whether a dialog is open.
_BEYOND = "runs beyond"
_CHOICE_CHANGED, _DIALOG_OPEN = "choice changed", "dialog open"
# Whether a person has emptied the choice, what was chosen when the page was drawn, what the page itself has chosen.
_EMPTIED, _DRAWN, _SUGGESTED = "choice emptied", "choice drawn", "choice suggested"
# The most runs in the list of choices; the table offers all of them.
_MAX_OFFERED = 100


def set_chosen(numbers: Sequence[int]) -> None:
    """Make these the chosen runs; to be called from a callback, before the page is drawn."""
    st.session_state[_CHOSEN] = list(numbers[:MAX_COMPARED])
    st.session_state[_BEYOND] = list(numbers[MAX_COMPARED:])
    st.session_state[_CHOICE_CHANGED] = True


def offered_runs(snapshot: Snapshot, text: str) -> list[Run]:
    """What the list of chosen runs offers: the chosen ones, and the first that match `text`."""
    chosen = parse_numbers(st.query_params.get_all(_CHOSEN))
    for key in (_CHOSEN, f"{_CHOSEN}:chosen"):
        chosen += st.session_state.get(key, [])
    matching = search(snapshot, text)
    numbers = dict.fromkeys([*chosen, *matching_rows(matching, text).index[:_MAX_OFFERED].tolist()])
    by_number = {**matching.runs, **runs_by_number(snapshot, numbers)}
    return [by_number[number] for number in numbers if number in by_number]


def load_chosen(snapshot: Snapshot, offer: Sequence[Run]) -> list[Run]:
    """The chosen runs in the order of choice, as they are now; to be called before `show_chosen_list`.

    Where nothing was chosen, they are the newest runs that can be compared, unless a person has emptied the choice.
    """
    session = st.session_state
    session[_CHOICE_CHANGED] = session[_DIALOG_OPEN] = False
    runs = chosen_runs(_CHOSEN, offer)
    was_emptied = session.get(_EMPTIED, False) or is_emptied(_CHOSEN) or bool(session.get(_DRAWN))
    session[_EMPTIED] = not runs and was_emptied
    if not runs and not session[_EMPTIED]:
        runs = _newest_comparable(snapshot)
        session[_CHOSEN] = session[_SUGGESTED] = [run.number for run in runs]
    session[_DRAWN] = [run.number for run in runs]
    fresh = {run.number: run for run in open_store().runs(ids=[run.id for run in runs])}
    beyond = [number for number in st.session_state.get(_BEYOND, []) if number not in fresh]
    by_number = runs_by_number(snapshot, beyond)
    return [*fresh.values(), *(by_number[number] for number in beyond if number in by_number)]


def _newest_comparable(snapshot: Snapshot) -> list[Run]:
    if snapshot.is_whole:
        return newest_comparable(list(snapshot.runs.values()))
    # The newest thousand runs may all wait in the queue.
    return newest_comparable(read_page(open_store(), RunQuery(states=["finished"])).runs)


def is_suggested(runs: Sequence[Run]) -> bool:
    """Whether the page has chosen these runs itself."""
    return bool(runs) and st.session_state.get(_SUGGESTED) == [run.number for run in runs]


def keep_choice(runs: Sequence[Run]) -> None:
    """Write the choice into the address where `show_chosen_list` does not draw it."""
    keep_chosen_runs(_CHOSEN, [run.number for run in runs[:MAX_COMPARED]], emptied=st.session_state[_EMPTIED])


def show_chosen_list(offer: Sequence[Run]) -> None:
    """Draw the list of chosen runs, which is part of the page's link."""
    choose_runs(
        _CHOSEN,
        "Chosen runs",
        "Tick runs in the table, or type a name here. The choice is part of this page's link, and the Train page shows "
        "the same runs.",
        offer,
        emptied=st.session_state[_EMPTIED],
    )


def offer_newest(snapshot: Snapshot) -> None:
    """A button that chooses the newest runs that can be compared."""
    newest = [run.number for run in _newest_comparable(snapshot)]
    if newest:
        st.button(
            f"Compare the newest {len(newest)}" if len(newest) > 1 else "Look at the newest",
            on_click=set_chosen,
            args=(newest,),
            help="Chooses the runs that were trained last and can be compared.",
        )


def is_changed() -> bool:
    """Whether the choice has changed since the page was drawn."""
    return bool(st.session_state.get(_CHOICE_CHANGED))


def is_dialog_open() -> bool:
    """Whether a dialog lies over the page."""
    return bool(st.session_state.get(_DIALOG_OPEN))


def dialog_opened() -> None:
    """From now on the table does not rerun the page: that would close the dialog while a person types."""
    st.session_state[_DIALOG_OPEN] = True


def dialog_closed() -> None:
    """The counterpart of `dialog_opened`."""
    st.session_state[_DIALOG_OPEN] = False


def close_finished_dialog() -> None:
    """Close the dialog if a callback in it has called `dialog_closed`; to be called first in a dialog."""
    if not is_dialog_open():
        st.rerun()
