"""How many runs may wait: a number that the environment changes, whoever queues them."""

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
    # One that is trained here and now does not wait; it does if it is resumed later.
    run = queueing.enqueue(store, SMALL, claimed=True)
    store.finish(run, "interrupted")
    with pytest.raises(ConfigError):
        queueing.requeue(store, store.run(run.id))
    store.delete([store.queue()[0].id])
    assert queueing.requeue(store, store.run(run.id)).state == "queued"
    assert store.count_queued() == 3
