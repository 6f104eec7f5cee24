"""The number of runs that may wait is limited, whoever queues them; the environment can change it."""

import pytest

from mnist_core.config.run_config import RunConfig
from mnist_core.errors import ConfigError
from mnist_core.store import queueing
from mnist_core.store.store import Store

SMALL = RunConfig(dataset="mnist-5k", architecture="softmax", epochs=1)


def test_no_more_runs_wait_than_the_limit_says(store: Store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MNIST_LAB_MAX_QUEUED", "3")
    seeds = [(SMALL.replace(seed=seed), "") for seed in range(4)]
    with pytest.raises(ConfigError) as refused:
        queueing.enqueue_all(store, seeds, field="seeds")
    assert (refused.value.field, store.count_queued()) == ("seeds", 0)
    queueing.enqueue_all(store, seeds[:3])
    with pytest.raises(ConfigError):
        queueing.enqueue(store, SMALL)
    # A run that is trained at once does not wait in the queue; a resumed one does.
    run = queueing.enqueue(store, SMALL, claimed=True)
    store.finish(run, "interrupted")
    with pytest.raises(ConfigError):
        queueing.requeue(store, store.run(run.id))
    store.delete([store.queue()[0].id])
    assert queueing.requeue(store, store.run(run.id)).state == "queued"
    assert store.count_queued() == 3


def test_runs_go_on_together_although_somebody_else_has_resumed_one(store: Store):
    ended = [store.enqueue(SMALL.replace(seed=seed), claimed=True) for seed in range(3)]
    for run in ended:
        store.finish(run, "interrupted")
    before = [store.run(run.id) for run in ended]
    store.enqueue(SMALL)
    queueing.requeue(store, before[1])
    assert queueing.requeue_all(store, before) == 2
    assert [run.config.seed for run in store.queue()][:3] == [0, 2, 1]


def test_runs_of_which_one_cannot_be_trained_here_stay_as_they_are(store: Store, monkeypatch: pytest.MonkeyPatch):
    ended = [store.enqueue(SMALL.replace(seed=seed), claimed=True) for seed in range(3)]
    for run in ended:
        store.finish(run, "failed")
    monkeypatch.setenv("MNIST_LAB_MAX_QUEUED", "2")
    with pytest.raises(ConfigError):
        queueing.requeue_all(store, [store.run(run.id) for run in ended])
    assert store.count_queued() == 0


def test_a_run_that_is_to_move_is_queued_again_at_the_head_and_wishes_of_a_person_go_first(store: Store):
    moved, paused, waiting = (store.enqueue(SMALL.replace(seed=seed)) for seed in range(3))
    claims = [claim for run in (moved, paused) if (claim := store.claim(run.id))]
    assert len(claims) == 2
    for claim in claims:
        store.move(claim)
        assert store.run(claim.id).request == "move"
    store.request(paused.id, "pause")
    store.move(claims[1])
    for claim in claims:
        store.finish(claim, "paused")
    assert [run.id for run in store.queue()] == [moved.id, waiting.id]
    assert store.run(paused.id).state == "paused"
    again = store.run(moved.id)
    assert (again.request, again.worker, again.host) == (None, None, None)


def test_a_run_that_was_to_move_is_queued_again_if_its_machine_is_gone(store: Store):
    claim = store.claim(store.enqueue(SMALL).id)
    assert claim
    store.move(claim)
    assert store.requeue_lost(claim)
    assert not store.requeue_lost(claim)
    assert store.run(claim.id).state == "queued"
