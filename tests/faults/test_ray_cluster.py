"""What only happens with several machines: they die, join, are drained, and wake up after others have taken over."""

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mnist_core.config.run_config import RunConfig
from mnist_core.jobs import queue
from mnist_core.jobs.cluster import tasks
from mnist_core.jobs.cluster.surroundings import Surroundings
from mnist_core.store import drained_nodes, read_cluster, set_drained
from mnist_core.store.store import Store
from tests.app_process import app_process, free_port, wait_until
from tests.ray_cluster import RayCluster, able, ray_cluster
from tests.watched_runs import assert_weights_of_an_undisturbed_run, begun, ended

pytestmark = [pytest.mark.long, pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")]
LONG = RunConfig(dataset="mnist-5k", architecture="mlp-100", epochs=2000)
# Long enough to be interrupted on the way.
WHOLE = LONG.replace(epochs=150, train_images=2000)
SHORT = LONG.replace(architecture="softmax", epochs=1)
SECONDS = 150


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[RayCluster]:
    """A cluster whose head trains nothing, with one machine that does."""
    with ray_cluster(tmp_path, head_cpus=0) as cluster:
        cluster.add("one")
        yield cluster


@pytest.fixture
def lab(cluster: RayCluster, tmp_path: Path) -> Iterator[Store]:
    """A store whose queue the cluster trains."""
    store = Store.open(tmp_path / "results")
    thread = queue.start(store)
    yield store
    thread.end()


def test_the_runs_of_a_killed_machine_go_on_elsewhere_by_themselves(lab: Store, cluster: RayCluster):
    run = begun(lab, lab.enqueue(WHOLE))
    cluster.add("two")
    wait_until(lambda: able(lab) == 2, SECONDS)
    before = run.worker
    cluster.kill("one")
    done = ended(lab, run)
    assert done.state == "finished"
    assert before is not None
    epochs = lab.curves(run.id, ["epoch_train_loss"])["epoch_train_loss"].epoch
    assert list(epochs) == list(range(1, WHOLE.epochs + 1))
    assert_weights_of_an_undisturbed_run(lab, run)


def test_a_machine_that_joins_takes_work_at_once(lab: Store, cluster: RayCluster):
    first, second = lab.enqueue(LONG), lab.enqueue(LONG.replace(seed=1))
    begun(lab, first)
    assert lab.run(second.id).state == "queued"
    cluster.add("two")
    begun(lab, second)
    workers = {lab.run(run.id).worker or "" for run in (first, second)}
    assert len({worker[:16] for worker in workers}) == 2


def test_a_drained_machine_gives_its_runs_away(lab: Store, cluster: RayCluster):
    run = begun(lab, lab.enqueue(WHOLE.replace(epochs=400)))
    cluster.add("two")
    wait_until(lambda: able(lab) == 2, SECONDS)
    (node,) = [node for node in read_cluster(lab).nodes if (run.worker or "").startswith(f"cluster-{node.id[:8]}")]
    set_drained(lab, drained_nodes(lab) | {node.id})
    wait_until(lambda: lab.run(run.id).state == "running" and lab.run(run.id).worker != run.worker, SECONDS)
    moved = lab.run(run.id)
    assert not (moved.worker or "").startswith(f"cluster-{node.id[:8]}")
    wait_until(lambda: lab.run(run.id).epoch > moved.epoch, SECONDS)


@pytest.fixture
def usual_umask() -> Iterator[None]:
    """A machine of a cluster changes it for the whole process."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.usefixtures("usual_umask")
def test_a_machine_without_the_shared_folder_or_database_says_so(store: Store, tmp_path: Path):
    # What a machine does when it is asked, with a folder or a database that are not those of the dispatcher.
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with_another_folder = Surroundings(str(elsewhere), store.url, ())
    with pytest.raises(tasks.NodeError, match=str(elsewhere)):
        tasks.answer_probe(with_another_folder, "node", "token")
    tasks.probe_file(store.root, "node").parent.mkdir()
    tasks.probe_file(store.root, "node").write_text("token")
    with pytest.raises(tasks.NodeError, match="database"):
        tasks.answer_probe(Surroundings(str(store.root), store.url, ()), "node", "token")
    store.set_setting(tasks.probe_key("node"), "token")
    answer = tasks.answer_probe(Surroundings(str(store.root), store.url, ()), "node", "token")
    assert answer.host == socket.gethostname()
    assert tasks.probe_file(store.root, "node").read_text() == store.setting(tasks.probe_key("node")) == "nekot"


def test_a_restart_of_the_app_ends_no_run(cluster: RayCluster, tmp_path: Path):
    results = tmp_path / "results"
    store = Store.open(results)
    run = store.enqueue(LONG)
    with app_process(results, free_port()):
        before = begun(store, run)
    epoch = store.run(run.id).epoch
    wait_until(lambda: store.run(run.id).epoch > epoch, SECONDS)
    with app_process(results, free_port()):
        now = store.run(run.id)
        assert (now.state, now.worker, now.pid) == ("running", before.worker, before.pid)
        another = store.enqueue(SHORT)
        store.request(run.id, "stop")
        assert ended(store, run).state == "stopped"
        assert ended(store, another).state == "finished"
