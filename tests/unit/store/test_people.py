"""People of a class: who is recognised, what is noted of them, and names that nobody else has."""

from functools import partial

import pytest

from mnist_core.errors import NotAllowedError
from mnist_core.store.people import (
    count_places,
    find_people,
    forget_people,
    let_in,
    make_teacher,
    name_person,
    names_of_people,
    note_presence,
    read_all_people,
    read_people,
    recognise,
    send_out,
    send_out_nameless,
)
from mnist_core.store.store import Store
from mnist_core.store.student_store import StudentStore


def test_people_are_recognised_by_their_secret_until_they_are_sent_out(store: Store):
    (ann, secret), (bo, other) = let_in(store, "student"), let_in(store, "student")
    assert secret != other
    assert recognise(store, secret) == ann
    assert recognise(store, secret[:-1]) is None
    make_teacher(store, bo.id)
    assert [person.is_teacher for person in read_people(store)] == [False, True]
    send_out(store, [ann.id])
    assert recognise(store, secret) is None
    assert find_people(store, [ann.id]) == []
    assert [person.id for person in find_people(store, [ann.id, bo.id, "nobody"])] == [bo.id]


def test_presence_is_noted_for_those_who_are_here(store: Store):
    (ann, _), (bo, _) = let_in(store, "student"), let_in(store, "student")
    later = Store(store.root, store.url, clock=lambda: ann.seen + 100)
    note_presence(later, [ann.id])
    assert [person.seen for person in read_people(store)] == [ann.seen + 100, bo.seen]


def test_a_name_is_given_once_and_holds_no_line_ends(store: Store):
    ids = [let_in(store, "student")[0].id for _ in range(3)]
    assert [name_person(store, person, "Ann\n") for person in ids[:2]] == ["Ann", "Ann 2"]
    assert name_person(store, ids[2], " \u200b\x00 ") == ""
    # Letters that are drawn as blanks.
    assert name_person(store, ids[2], "\u3164\u2800 ") == ""
    assert name_person(store, ids[2], "aNN") == "aNN 3"


def test_nobody_takes_the_name_of_the_teacher_or_of_who_was_sent_out(store: Store):
    (ann, _), (bo, _) = let_in(store, "student"), let_in(store, "student")
    assert name_person(store, ann.id, "teacher") == "teacher 2"
    name_person(store, ann.id, "Ann")
    send_out(store, [ann.id])
    assert name_person(store, bo.id, "Ann") == "Ann 2"


def test_who_was_sent_out_or_opened_the_teachers_link_is_found_and_can_be_forgotten(store: Store):
    (ann, _), (bo, _) = let_in(store, "student"), let_in(store, "student")
    for person in (ann, bo):
        name_person(store, person.id, "Ann")
    send_out(store, [ann.id])
    make_teacher(store, bo.id)
    assert [(person.id, person.is_out, person.is_teacher) for person in read_all_people(store)] == [
        (ann.id, True, False),
        (bo.id, False, True),
    ]
    forget_people(store, [ann.id, bo.id])
    assert names_of_people(store) == {}
    assert read_all_people(store) == []


def test_who_has_no_name_and_is_gone_takes_no_place_and_can_be_sent_out(store: Store):
    (ann, _), (bo, _), (_, _), (teacher, _) = (let_in(store, role) for role in ("student",) * 3 + ("teacher",))
    name_person(store, ann.id, "Ann")
    assert count_places(store) == 3
    later = Store(store.root, store.url, clock=lambda: ann.seen + 3700)
    assert count_places(later) == 1
    note_presence(later, [bo.id])
    assert count_places(later) == 2
    student = StudentStore(later, ann.id)
    for action in (
        partial(send_out_nameless, student, 120),
        partial(send_out, student, [bo.id]),
        partial(forget_people, student, [bo.id]),
    ):
        with pytest.raises(NotAllowedError):
            action()
    assert send_out_nameless(later, 120) == 1
    assert {person.id for person in read_people(later)} == {ann.id, bo.id, teacher.id}
