"""A fair queue: one run of each person in turn; with one owner the order of places."""

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnist_core.config.run_config import RunConfig
from mnist_core.store import StudentStore, let_in, rows, write_quotas
from mnist_core.store.fair_order import fair_order
from mnist_core.store.quotas import Quotas
from mnist_core.store.store import Store

CONFIG = RunConfig(dataset="mnist-5k", architecture="softmax", epochs=1)


@given(owners=st.lists(st.sampled_from([None, "a", "b", "c"]), max_size=40))
def test_everyone_has_a_turn_before_anyone_has_two_more(owners: list[str | None]):
    order = list(fair_order(list(enumerate(owners)), {}, {}))
    assert sorted(order) == list(range(len(owners)))
    for owner in set(owners):
        assert [number for number in order if owners[number] == owner] == [
            number for number, other in enumerate(owners) if other == owner
        ]
    done: Counter[str | None] = Counter()
    left = Counter(owners)
    for number in order:
        done[owners[number]] += 1
        left[owners[number]] -= 1
        # Whoever still waits has had at most one turn less.
        assert all(done[other] >= done[owners[number]] - 1 for other, count in left.items() if count)


def test_who_trains_most_or_began_last_comes_later():
    waiting = [(1, "a"), (2, "b"), (3, "c"), (4, None)]
    assert list(fair_order(waiting, {"a": 1, "b": 2}, {"c": 5.0, None: 4.0})) == [4, 3, 1, 2]
    assert list(fair_order(waiting, {"a": 1, "b": 2, None: 3}, {}, most_of_student=1)) == [3, 4]


def test_a_clock_that_was_set_back_starves_nobody():
    lab = Store.open()
    ann, ben = (StudentStore(lab, let_in(lab, "student")[0].id) for _ in range(2))
    begun = ann.enqueue(CONFIG, claimed=True)
    lab.describe(begun, started=lab.clock() + 7200)
    lab.finish(begun, "finished")
    for seed in range(3):
        for student in (ben, ann):
            student.enqueue(CONFIG.replace(seed=seed))
    owners = []
    for _ in range(6):
        run = lab.claim()
        assert run is not None
        lab.describe(run, started=lab.clock())
        lab.finish(run, "finished")
        owners.append(run.owner)
    assert {*owners[:2]} == {*owners[2:4]} == {ann.owner, ben.owner}


def test_thirty_first_runs_wait_alike_behind_a_sweep():
    lab = Store.open()
    students = [StudentStore(lab, let_in(lab, "student")[0].id) for _ in range(30)]
    write_quotas(lab, Quotas(queued=200))
    students[0].enqueue_all([(CONFIG.replace(seed=seed), "") for seed in range(200)])
    for student in students[1:]:
        student.enqueue_all([(CONFIG, ""), (CONFIG.replace(seed=1), "")])
    first: dict[str | None, int] = {}
    expected = lab.queued_ids()
    taken: list[str] = []
    for turn in range(60):
        run = lab.claim()
        assert run is not None
        taken.append(run.id)
        first.setdefault(run.owner, turn)
        lab.describe(run, started=lab.clock() - 1000 + turn)
        lab.finish(run, "finished")
    assert sorted(first.values()) == list(range(30))
    # The queue said so beforehand.
    assert taken == expected[:60]


def test_with_one_owner_the_order_is_that_of_the_places():
    lab = Store.open()
    runs = lab.enqueue_all([(CONFIG.replace(seed=seed), "") for seed in range(5)])
    lab.request(runs[3].id, "stop")
    lab.requeue(runs[3].id)
    wanted = [runs[3].id, *(run.id for run in runs if run != runs[3])]
    assert lab.queued_ids() == [run.id for run in lab.queue()] == wanted
    assert [run.id for run in iter(lab.claim, None)] == wanted


@pytest.mark.parametrize("most", [1, 2])
def test_a_student_trains_no_more_runs_at_once_than_allowed(most: int):
    lab = Store.open()
    anna, ben = (StudentStore(lab, let_in(lab, "student")[0].id) for _ in range(2))
    write_quotas(lab, Quotas(running=most))
    for store in random.Random(0).sample([anna] * 4 + [ben] * 3, 7):
        store.enqueue(CONFIG)
    claimed = list(iter(lab.claim, None))
    assert Counter(run.owner for run in claimed) == {anna.owner: most, ben.owner: most}
    lab.finish(claimed[0], "finished")
    following = lab.claim()
    assert following is not None
    assert following.owner == claimed[0].owner
    # The teacher is never passed over.
    teachers = [lab.enqueue(CONFIG).id for _ in range(3)]
    assert [run.id for run in iter(lab.claim, None)] == teachers


def test_a_student_has_no_run_too_many_where_two_apps_look_at_the_same_moment(monkeypatch: pytest.MonkeyPatch):
    lab = Store.open()
    student = StudentStore(lab, let_in(lab, "student")[0].id)
    first, second = (student.enqueue(CONFIG.replace(seed=seed)) for seed in range(2))
    looks = [second.number]
    real = rows.first_queued
    assert lab.claim(limit=8) == lab.run(first.id)
    # The other app has looked before the first run was claimed.
    monkeypatch.setattr(rows, "first_queued", lambda *args: looks.pop() if looks else real(*args))
    assert lab.claim(limit=8) is None
    assert not looks
    assert lab.run(second.id).state == "queued"
