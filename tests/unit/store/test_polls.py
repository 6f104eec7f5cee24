"""Votes on a race: one a person, until the race starts."""

import pytest

from mnist_core.config.run_config import RunConfig
from mnist_core.errors import ConfigError, NotAllowedError, StoreError
from mnist_core.store import (
    StudentStore,
    close_poll,
    forget_people,
    open_poll,
    read_poll,
    read_votes,
    start_poll,
    vote,
)
from mnist_core.store.store import Store

CONFIGS = [RunConfig(architecture=name, dataset="mnist-5k") for name in ("softmax", "mlp-100")]


def test_each_person_has_one_vote_until_the_race_starts(lab: Store, students: list[StudentStore]):
    assert read_poll(lab) is None
    poll = open_poll(lab, "wide or deep", CONFIGS, 2)
    assert read_poll(students[0]) == poll
    for store, choice in ((students[0], 0), (students[1], 1), (students[0], 1), (lab, 0)):
        vote(store, poll.id, choice)
    assert read_votes(lab, poll.id) == {students[0].owner: 1, students[1].owner: 1, "": 0}
    for choice in (-1, 2):
        with pytest.raises(StoreError):
            vote(students[2], poll.id, choice)
    assert start_poll(lab, poll.id)
    assert not start_poll(lab, poll.id)
    with pytest.raises(StoreError):
        vote(students[2], poll.id, 0)
    again = read_poll(lab)
    assert again is not None
    assert not again.is_open
    forget_people(lab, [students[0].owner or ""])
    assert read_votes(lab, poll.id) == {students[1].owner: 1, "": 0}
    other = open_poll(lab, "again", CONFIGS, 1)
    assert read_votes(lab, poll.id) == read_votes(lab, other.id) == {}
    with pytest.raises(StoreError):
        vote(students[2], poll.id, 0)
    close_poll(lab)
    assert read_poll(lab) is None


def test_only_the_teacher_opens_starts_and_closes_a_vote(lab: Store, students: list[StudentStore]):
    with pytest.raises(ConfigError):
        open_poll(lab, "alone", CONFIGS[:1], 1)
    poll = open_poll(lab, "race", CONFIGS, 1)
    for change in (
        lambda: open_poll(students[0], "mine", CONFIGS, 1),
        lambda: start_poll(students[0], poll.id),
        lambda: close_poll(students[0]),
    ):
        with pytest.raises(NotAllowedError):
            change()
    assert read_poll(lab) == poll


def test_a_poll_that_cannot_be_read_is_none(lab: Store):
    open_poll(lab, "race", CONFIGS, 1)
    with lab.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE polls SET configs = '[{\"epochs\": -1}]'")
    assert read_poll(lab) is None
