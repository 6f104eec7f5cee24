"""Who is here, who trains what, and what the teacher may do about it."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import pandas as pd
import streamlit as st

from dashboard.access import (
    access_is_on,
    class_link,
    current_person,
    renew_class_link,
    renew_teacher_link,
    teacher_link,
)
from dashboard.components import data_table, table_rows
from dashboard.controls import show_machines
from dashboard.frame import errors_as_messages, open_store, pace
from dashboard.lesson.league_view import owner_name
from dashboard.lesson.usage_view import megabytes_by_person, show_usage
from mnist_core.plots import run_label
from mnist_core.store import (
    ACTIVE_STATES,
    TEACHER,
    Person,
    Run,
    Store,
    forget_people,
    names_of_people,
    read_all_people,
    read_people,
    send_out,
    send_out_nameless,
)
from mnist_core.text import in_markdown

_TICK_SECONDS = 2.0
# Whoever asked for something within this time counts as here. Open pages ask every few seconds, but a person's last
# sign of life is written only once a minute.
_HERE_SECONDS = 120.0
_CHOSEN = "persons"


def show_people() -> None:
    """The table of persons, and the queue with each one's places."""
    is_teacher = open_store().owner is None
    if is_teacher:
        _show_links()
    st.fragment(_table, run_every=pace(_TICK_SECONDS))()
    if is_teacher:
        _actions()


def _show_links() -> None:
    """The link of the class, large enough to be typed from the projector, and new ones by a click."""
    if not access_is_on():
        st.info(
            "This lab is open on this machine only, and asks nobody who they are. For a class, start it with "
            "`streamlit run app.py --server.address 0.0.0.0`: it then prints a link for you and one for the class."
        )
        return
    st.markdown("**The link of the class**")
    st.code(class_link(), language=None, wrap_lines=True)
    with st.container(horizontal=True):
        st.button(
            "New link of the class",
            on_click=_renew,
            args=(renew_class_link,),
            help="The old link lets nobody in any more. Whoever is in stays.",
        )
        with st.popover("Your own link", help="The teacher's link, for another device of yours."):
            st.code(teacher_link(), language=None, wrap_lines=True)
            st.button(
                "New teacher's link",
                on_click=_renew,
                args=(renew_teacher_link,),
                help="The old link lets nobody in any more. Whoever has opened it stays in.",
            )
            st.button(
                "New teacher's link, and send the others out",
                on_click=_renew,
                args=(partial(renew_teacher_link, send_others_out=True),),
                help="For a link that somebody else has got: the old one lets nobody in any more, and all who have "
                "opened it are out, but for this device. Your other devices open the new link.",
            )


def _renew(renew: Callable[[], str]) -> None:
    with errors_as_messages():
        renew()


def _table() -> None:
    store = open_store()
    persons = read_people(store, "student")
    if not persons:
        st.info("Nobody has opened the link of the class yet.")
        show_machines("class")
        return
    queued_ids = store.queued_ids()
    running, queue = store.runs(states=["running"]), store.queue(queued_ids)
    places = {run_id: place for place, run_id in enumerate(queued_ids, 1)}
    here = sum(_is_here(store, person) for person in persons)
    st.markdown(f"**{here} of {len(persons)}** are here. Runs that train: {len(running)}, that wait: {len(queue)}.")
    show_usage(store)
    show_machines("class")
    rows = []
    # How much room others take is the teacher's to know.
    room = megabytes_by_person(store) if store.owner is None else None
    for person in persons:
        own_places = [places[run.id] for run in queue if run.owner == person.id and run.id in places]
        row = _row(store, person, running, own_places)
        rows.append(row if room is None else row | {"Room (MB)": f"{room.get(person.id, 0.0):,.0f}"})
    data_table("people", table_rows(pd.DataFrame(rows)), "Everyone who has opened the link of the class")
    if queue:
        names = names_of_people(store)
        waiting = [
            {"Place": place, "Name": owner_name(names, run), "Run": run_label(run)}
            for run in queue
            if (place := places.get(run.id))
        ]
        data_table("class-queue", table_rows(pd.DataFrame(waiting)), "Runs that wait, the next one first")


def _row(store: Store, person: Person, running: Sequence[Run], own_places: Sequence[int]) -> dict[str, str]:
    trains = [run_label(run) for run in running if run.owner == person.id]
    places = [str(place) for place in own_places]
    return {
        "Name": person.name or "has not chosen a name yet",
        "Here": "yes" if _is_here(store, person) else "no",
        "Trains": ", ".join(trains),
        "Places in the queue": ", ".join(places[:5]) + (f" and {len(places) - 5} more" if len(places) > 5 else ""),
    }


def _is_here(store: Store, person: Person) -> bool:
    return store.clock() - person.seen < _HERE_SECONDS


def _actions() -> None:
    myself = current_person()
    persons = [person for person in read_all_people(open_store()) if myself is None or person.id != myself.id]
    names = {person.id: _described(person) for person in persons}
    if not names:
        return
    chosen = st.multiselect(
        "Persons",
        list(names),
        format_func=lambda person_id: names.get(person_id, ""),
        key=_CHOSEN,
        placeholder="Choose persons",
        help="The buttons below are about the persons that you choose here, but for the last one.",
    )
    with st.container(horizontal=True):
        for label, action, help in (
            ("Stop their runs", _stop, "Ends what they train, and takes what waits out of the queue."),
            ("Share their runs", _share, "All of the class may see the runs that they have now."),
            ("Send out", _send_out, "Closes their pages and lets them in no more. Their runs stay."),
            (
                "Forget",
                _forget,
                "Removes names, votes and drawings of these persons for good, and sends them out. Their runs become "
                f"the {TEACHER.lower()}'s.",
            ),
        ):
            st.button(label, disabled=not chosen, on_click=_apply, args=(action, chosen, names), help=help)
        st.button(
            "Send out who has no name",
            on_click=_send_out_nameless,
            help="Lets in no more who opened the link, chose no name and is not here now, so that places of the link "
            "are free again.",
        )


def _described(person: Person) -> str:
    """Name of a person as it stands in the list to choose from, with what sets the person apart."""
    remarks = ["with your link"] * person.is_teacher + ["sent out"] * person.is_out
    return (person.name or f"without a name, {person.id[-6:]}") + f" ({', '.join(remarks)})" * bool(remarks)


def _apply(action: Callable[[Store, Sequence[str]], None], ids: Sequence[str], names: Mapping[str, str]) -> None:
    with errors_as_messages():
        action(open_store(), ids)
        st.toast(f"Done: {in_markdown(', '.join(names[person] for person in ids))}.")


def _runs_of(store: Store, ids: Sequence[str], *states: str) -> list[Run]:
    return store.runs(states=states or None, owners=ids, luck=None)


def _stop(store: Store, ids: Sequence[str]) -> None:
    store.stop_all([run.id for run in _runs_of(store, ids, *ACTIVE_STATES)])


def _share(store: Store, ids: Sequence[str]) -> None:
    store.share([run.id for run in _runs_of(store, ids)])


def _send_out(store: Store, ids: Sequence[str]) -> None:
    send_out(store, ids)
    st.session_state[_CHOSEN] = []


def _send_out_nameless() -> None:
    with errors_as_messages():
        count = send_out_nameless(open_store(), _HERE_SECONDS)
        st.session_state[_CHOSEN] = []
        st.toast(f"Sent out: {count}.")


def _forget(store: Store, ids: Sequence[str]) -> None:
    forget_people(store, ids)
    st.session_state[_CHOSEN] = []
