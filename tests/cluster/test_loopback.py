"""What happens to a cluster on loopback and takes minutes: workers wake up late, the head's service ends."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mnist_core.config.run_config import RunConfig
from mnist_core.jobs import queue
from mnist_core.store.store import Store
from tests.app_process import wait_until
from tests.ray_cluster import RayCluster, able, ray_cluster
from tests.watched_runs import assert_weights_of_an_undisturbed_run, begun, ended, stop_process

LONG = RunConfig(dataset="mnist-5k", architecture="mlp-100", epochs=10_000)
# Long enough to be interrupted on the way.
WHOLE = LONG.replace(epochs=150, train_images=2000)
SECONDS = 240
# Nodes of Ray that have not heard of their head for so long end themselves.
RAYS_PATIENCE_SECONDS = 60


@contextmanager
def two_machines(folder: Path) -> Iterator[tuple[Store, RayCluster]]:
    """A store whose queue is trained by two machines, of which none is the head."""
    with ray_cluster(folder, head_cpus=0, kept=True) as cluster:
        cluster.add("one")
        cluster.add("two")
        store = Store.open(folder / "results")
        thread = queue.start(store)
        wait_until(lambda: able(store) == 2, SECONDS)
        yield store, cluster
        thread.end()


def test_a_worker_that_wakes_up_later_changes_no_file(tmp_path: Path):
    with two_machines(tmp_path) as (lab, _):
        run = begun(lab, lab.enqueue(WHOLE))
        assert run.pid
        stop_process(lab, run.pid, while_it_writes=False)
        try:
            wait_until(lambda: lab.run(run.id).worker not in (None, run.worker), SECONDS)
        finally:
            os.kill(run.pid, signal.SIGCONT)
        assert ended(lab, run).state == "finished"
        assert all(lab.intact(run.id, artifact) for artifact in lab.artifacts(run.id))
        assert not list(lab.folder(run.id).glob(".claim-*"))
        assert_weights_of_an_undisturbed_run(lab, run)


def test_a_run_goes_on_where_its_worker_is_stopped_in_the_middle_of_writing(tmp_path: Path):
    with two_machines(tmp_path) as (lab, _):
        run = begun(lab, lab.enqueue(WHOLE))
        assert run.pid
        stop_process(lab, run.pid, while_it_writes=True)
        wait_until(lambda: lab.run(run.id).worker not in (None, run.worker), SECONDS)
        assert ended(lab, run).state == "finished"
        assert_weights_of_an_undisturbed_run(lab, run)


def test_runs_go_on_while_the_heads_service_is_started_anew_with_what_it_kept(tmp_path: Path):
    with two_machines(tmp_path) as (lab, cluster):
        run = begun(lab, lab.enqueue(LONG))
        cluster.restart_service("head")
        time.sleep(RAYS_PATIENCE_SECONDS + 10)
        later = lab.run(run.id)
        assert later.worker == run.worker
        assert later.epoch > run.epoch
        another = lab.enqueue(LONG.replace(epochs=1, seed=1))
        assert ended(lab, another).state == "finished"
        lab.request(run.id, "stop")
        assert ended(lab, run).state == "stopped"
