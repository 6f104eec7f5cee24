"""What a Ray cluster adds to a run, and whether it loses any.

    python -m benchmarks.cluster_speed [--runs 1000] [--nodes 2 4 8] [--alternations 3]

First the same tiny runs are trained one after another by processes of this machine and by a cluster with one place,
alternating: printed are the seconds a run, and from queueing the first run until its first value is recorded. Then a
cluster whose machines are processes of this one trains many tiny runs on each number of machines; while it does, two
machines (one of two) are killed. Printed are the seconds, and how many runs were lost or trained twice: both must be 0.

On a machine with fewer cores than machines the second part says nothing about speed.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.machine import describe_machine
from mnist_core.config import RunConfig
from mnist_core.jobs import start
from mnist_core.store import Store, concurrency
from tests.ray_cluster import RayCluster, able, ray_cluster

TINY = RunConfig(dataset="mnist-5k", train_images=500, architecture="softmax", epochs=1)
_ALTERNATED = 20
_PATIENCE_SECONDS = 1800


def train_all(store: Store, count: int) -> tuple[float, float]:
    """Queue so many runs and wait for them; returns seconds a run after the first, and until its first value."""
    before = store.finished_stamp()[0]
    began = time.monotonic()
    runs = store.enqueue_all([(TINY.replace(seed=seed), "") for seed in range(count)])
    wait_for(lambda: store.count_metrics(runs[0].id) > 0)
    first = time.monotonic() - began
    wait_for(lambda: store.finished_stamp()[0] >= before + count)
    return (time.monotonic() - began - first) / max(1, count - 1), first


def wait_for(condition: Callable[[], bool]) -> None:
    """Look now and then, rarely enough not to hold up what is measured, for a long time."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)


def overhead(on_cluster: bool) -> list[tuple[float, float]]:
    """Cold and warm: `train_all` with fresh processes, and again with those that are there."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if not on_cluster:
            return measured(folder)
        with ray_cluster(folder):
            return measured(folder)


def measured(folder: Path) -> list[tuple[float, float]]:
    """`train_all` twice on an empty store."""
    store = Store.open(folder / "results")
    concurrency.set_runs_at_once(store, 1)
    jobs = start(store)
    try:
        return [train_all(store, _ALTERNATED) for _ in range(2)]
    finally:
        jobs.end()


def endure(count: int, nodes: int) -> tuple[float, int, int]:
    """Train so many runs on so many machines, of which up to two are killed; seconds, lost and doubled runs."""
    with tempfile.TemporaryDirectory() as name, ray_cluster(Path(name), head_cpus=0) as cluster:
        store = Store.open(Path(name) / "results")
        for node in range(nodes):
            cluster.add(str(node))
        jobs = start(store)
        try:
            wait_for(lambda: able(store) == nodes)
            began = time.monotonic()
            store.enqueue_all([(TINY.replace(seed=seed), "") for seed in range(count)])
            kill_some(cluster, store, count, min(2, nodes - 1))
            wait_for(lambda: store.count_queued() == 0 and not store.runs(states=["running"]))
            seconds = time.monotonic() - began
        finally:
            jobs.end()
        finished = [run for run in store.runs() if run.state == "finished"]
        twice = sum(len(store.curves(run.id)["epoch_train_loss"].epoch) != TINY.epochs for run in finished)
        return seconds, count - len(finished), twice


def kill_some(cluster: RayCluster, store: Store, count: int, victims: int) -> None:
    """Kill machines one after the other, while a third and two thirds of the runs are done."""
    for victim in range(victims):
        done = count * (victim + 1) // 3
        wait_for(lambda done=done: store.finished_stamp()[0] >= done)
        cluster.kill(str(victim))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--nodes", type=int, nargs="*", default=[2, 4, 8])
    parser.add_argument("--alternations", type=int, default=3)
    options = parser.parse_args()
    print(describe_machine())
    rounds = [(overhead(False), overhead(True)) for _ in range(options.alternations)]
    for place, name in enumerate(("local", "Ray")):
        for warm, word in enumerate(("cold", "warm")):
            each = statistics.median(pair[place][warm][0] for pair in rounds)
            first = statistics.median(pair[place][warm][1] for pair in rounds)
            print(f"{name}, {word}: {each:.3f} s a run, {first:.2f} s until the first value")
    for nodes in options.nodes:
        seconds, lost, twice = endure(options.runs, nodes)
        print(
            f"{options.runs} runs on {nodes} machines: {seconds:.0f} s, {lost} lost, {twice} trained twice", flush=True
        )


if __name__ == "__main__":
    main()
