"""Who looks at the page that is being drawn, and the question for a name that comes before every page."""

import streamlit as st
from starlette.types import Scope

from dashboard.access.gate import PERSON_HEADER, person_of
from dashboard.access.known_people import known_people
from dashboard.access.settings import access_is_on
from mnist_core.errors import NotAllowedError
from mnist_core.store import PERSON_NAME_LENGTH, Person, name_person

# Key of the session for the id of its person.
_PERSON = "access:person"


def current_person() -> Person | None:
    """Who looks at this page; None without access control, where everybody may do everything.

    Raises NotAllowedError if nobody is named, or the person was sent out since; StorageError.
    """
    if not access_is_on():
        return None
    # The header of the websocket's request, which the gate alone can set.
    person_id = st.context.headers.get(PERSON_HEADER)
    if person_id:
        st.session_state[_PERSON] = person_id
    else:
        # The browser has gone, and the header with it, but what it asked for last is still under way.
        person_id = st.session_state.get(_PERSON)
    return _let_in(person_id)


def person_who_asks(scope: Scope) -> Person | None:
    """Who has sent a request that the gate has let pass; None without access control. May ask the store.

    Raises NotAllowedError if the person was sent out since; StorageError.
    """
    return _let_in(person_of(scope)) if access_is_on() else None


def is_teacher() -> bool:
    """Whether who looks at this page may do everything: the teacher, and everybody without access control.

    Raises NotAllowedError; StorageError.
    """
    person = current_person()
    return person is None or person.is_teacher


def ask_for_name() -> bool:
    """Ask a student without a name for one; returns whether there is nothing to ask, so that the page may be drawn.

    Raises NotAllowedError; StorageError.
    """
    person = current_person()
    if person is None or person.is_teacher or person.name:
        return True
    st.title("Welcome")
    st.caption("Your teacher and your class see this name. A nickname will do.")
    with st.form("name", width=480):
        name = st.text_input(
            "What shall we call you?",
            key="name:chosen",
            max_chars=PERSON_NAME_LENGTH,
            help="You choose it once. If somebody has the name already, a number is added.",
        )
        is_sent = st.form_submit_button("Start", type="primary", help="Open the page with this name.")
    if is_sent and name_person(known_people().store(), person.id, name):
        known_people().forget(person.id)
        st.rerun()
    if is_sent:
        st.warning("Type a name first: one letter is enough.")
    return False


def _let_in(person_id: str | None) -> Person:
    person = known_people().by_id(person_id) if person_id else None
    if person is None:
        raise NotAllowedError("You are not let in any more. Ask your teacher for the link, and open it on this device.")
    return person
