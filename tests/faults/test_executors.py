"""What holds wherever runs are trained: the same tests with processes of this machine and on a Ray cluster."""

import os
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from mnist_core.config.run_config import RunConfig
from mnist_core.jobs import queue
from mnist_core.store import concurrency, is_of_cluster
from mnist_core.store.store import Store
from tests.app_process import wait_until
from tests.ray_cluster import ray_cluster
from tests.watched_runs import assert_weights_of_an_undisturbed_run, begun, ended

pytestmark = pytest.mark.long
LONG = RunConfig(dataset="mnist-5k", architecture="mlp-100", epochs=2000)
SHORT = LONG.replace(architecture="softmax", epochs=2)
# Long enough to be paused on the way.
PAUSED = LONG.replace(epochs=40, train_images=2000)
LARGE = SHORT.replace(architecture="conv(96, 3) relu flatten linear(classes)", batch_size=3000)
MARGIN = 300 << 20
SECONDS = 120


@pytest.fixture(scope="module", params=["local", "ray"])
def lab(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store whose queue is trained one run at a time."""
    folder = tmp_path_factory.mktemp(request.param)
    with ExitStack() as stack:
        if request.param == "ray":
            stack.enter_context(ray_cluster(folder))
        store = Store.open(folder / "results")
        concurrency.set_runs_at_once(store, 1)
        thread = queue.start(store)
        stack.callback(thread.end)
        yield store


@pytest.fixture
def store(lab: Store) -> Iterator[Store]:
    """The same store; all runs of the test are stopped at its end."""
    yield lab
    for run in lab.runs(states=["queued", "running"]):
        lab.request(run.id, "stop")
    wait_until(lambda: not lab.runs(states=["queued", "running"]), SECONDS)


def test_every_run_is_trained_once(store: Store):
    runs = [store.enqueue(SHORT.replace(seed=seed)) for seed in range(8)]
    for run in runs:
        done = ended(store, run)
        assert (done.state, done.epoch, done.note) == ("finished", 2, "")
        epochs = store.curves(run.id, ["epoch_train_loss"])["epoch_train_loss"].epoch
        assert list(epochs) == [1, 2]


def test_the_executor_is_the_one_that_was_asked_for(store: Store, request: pytest.FixtureRequest):
    run = begun(store, store.enqueue(LONG))
    assert is_of_cluster(run) == ("ray" in request.node.name)


def test_a_run_stops_with_its_results(store: Store):
    run = begun(store, store.enqueue(LONG))
    store.request(run.id, "stop")
    stopped = ended(store, run)
    assert stopped.state == "stopped"
    assert stopped.test_accuracy is not None


def test_a_paused_run_ends_with_the_weights_of_an_undisturbed_one(store: Store):
    run = begun(store, store.enqueue(PAUSED))
    store.request(run.id, "pause")
    assert ended(store, run).state == "paused"
    store.requeue(run.id)
    done = ended(store, run)
    assert done.state == "finished"
    assert_weights_of_an_undisturbed_run(store, done)


def test_a_moved_run_goes_through_the_queue_alone_and_ends_with_the_same_weights(store: Store):
    run = begun(store, store.enqueue(PAUSED))
    store.move(run)
    states = set[str]()

    def has_ended() -> bool:
        states.add(store.run(run.id).state)
        return not store.run(run.id).active

    wait_until(lambda: store.run(run.id).worker != run.worker, SECONDS)
    wait_until(has_ended, SECONDS)
    assert states <= {"queued", "running", "finished"}
    assert store.run(run.id).state == "finished"
    assert_weights_of_an_undisturbed_run(store, run)


def test_a_killed_worker_leaves_a_run_that_can_be_resumed(store: Store):
    run = begun(store, store.enqueue(LONG))
    assert run.pid
    os.kill(run.pid, signal.SIGKILL)
    killed = ended(store, run)
    assert killed.state == "interrupted"
    assert "memory" in killed.note
    store.requeue(run.id)
    wait_until(lambda: store.run(run.id).epoch > killed.epoch, SECONDS)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process limit another's memory")
def test_a_run_without_memory_names_the_batch_size_and_the_next_one_trains(store: Store):
    import resource

    first = begun(store, store.enqueue(LONG))
    assert first.pid
    used = re.search(r"VmSize:\s+(\d+) kB", Path(f"/proc/{first.pid}/status").read_text())
    assert used
    resource.prlimit(first.pid, resource.RLIMIT_AS, (int(used[1]) * 1024 + MARGIN, resource.RLIM_INFINITY))
    large, small = store.enqueue(LARGE), store.enqueue(SHORT)
    store.request(first.id, "stop")
    done = ended(store, small)
    assert (done.state, done.note) == ("finished", "")
    failed = ended(store, large)
    assert failed.state == "failed"
    assert "batch_size" in failed.note
    assert f"{LARGE.batch_size:,}" in failed.note
