"""How many runs train at the same time on this machine."""

import glob
import os

from mnist_core.store.cluster_state import read_cluster
from mnist_core.store.store import Store

_SETTING = "runs_at_once"


def runs_at_once(store: Store) -> int:
    """How many runs may train at the same time: the setting, or one for each GPU, or without one for each core."""
    chosen = store.setting(_SETTING)
    return len(gpus()) or cores() if chosen is None else int(chosen)


def set_runs_at_once(store: Store, count: int) -> None:
    """Change how many runs may train at the same time, 0 to hold the queue; running ones are left alone."""
    store.set_setting(_SETTING, max(0, count))


def cores() -> int:
    """CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def gpus() -> list[str]:
    """Indices of the NVIDIA devices of this machine."""
    return sorted(path.removeprefix("/dev/nvidia") for path in glob.glob("/dev/nvidia[0-9]*"))


def places(store: Store) -> int:
    """How many runs train at the same time: one for each core of a cluster that lives, or `runs_at_once` here."""
    cluster = read_cluster(store)
    if cluster.lives(store.clock()):
        return max(1, int(sum(node.cpus for node in cluster.nodes if node.state == "trains")))
    return runs_at_once(store)
