"""A Ray cluster of the tests' own, on loopback: every node is a set of processes of this machine.

Ray reads its settings once in each process, so a process of its own starts the nodes and is told what to do with them.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from mnist_core.jobs.cluster.connection import in_environment, make_token
from mnist_core.store import read_cluster
from mnist_core.store.store import Store

ROOT = Path(__file__).parents[1]
_LOOPBACK = "127.0.0.1"
_AWAY_SECONDS = 6
# What a node is told that it has: its true memory would be counted once for each.
_SIZE = {"memory": 8_000_000_000, "object_store_memory": 80_000_000, "include_log_monitor": False}


class RayCluster:
    """A running cluster; its nodes have names that the test chooses."""

    def __init__(self, folder: Path, kept: bool = False) -> None:
        """`kept`: the head keeps on the disk what it knows."""
        storage = {"RAY_gcs_storage": "rocksdb", "RAY_gcs_storage_path": str(folder / "head")} if kept else {}
        variables = storage | {
            "RAY_AUTH_TOKEN_PATH": str(folder / "token"),
            "PYTHONPATH": str(ROOT),
            "RAY_memory_monitor_refresh_ms": "0",
        }
        with mock.patch.dict(os.environ, variables):
            make_token()
            variables = in_environment(_LOOPBACK)
        self.environment = variables
        self._log = (folder / "cluster.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.ray_cluster"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            cwd=ROOT,
            env=variables,
        )
        self.address = ""

    def tell(self, wish: str, **arguments: Any) -> Any:
        """Carry out a wish, such as "add" or "kill" for a node by its name."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps([wish, arguments]).encode() + b"\n")
        self.process.stdin.flush()
        while line := self.process.stdout.readline():
            if line.startswith(b"answer: "):
                return json.loads(line.removeprefix(b"answer: "))
        raise AssertionError(f"the cluster's process has ended; see {self._log.name}")

    def add(self, name: str, cpus: int = 1) -> int:
        """Add a node; returns the process of its raylet. The first one is the head."""
        answer = self.tell("add", name=name, cpus=cpus)
        self.address = answer["address"]
        return answer["raylet"]

    def kill(self, name: str) -> None:
        """End a node as a power cut does."""
        self.tell("kill", name=name)

    def restart_service(self, name: str) -> None:
        """End the service by which the head keeps its cluster together, and start it again some seconds later."""
        self.tell("restart service", name=name)

    def end(self) -> None:
        self.process.communicate(timeout=60)
        self._log.close()


def able(store: Store) -> int:
    """How many machines with cores take runs of this store."""
    return sum(node.state == "trains" and node.cpus > 0 for node in read_cluster(store).nodes)


@contextmanager
def ray_cluster(folder: Path, head_cpus: int = 1, kept: bool = False) -> Iterator[RayCluster]:
    """A cluster whose head trains, too; within it the environment leads programs of this project to it."""
    cluster = RayCluster(folder, kept)
    try:
        cluster.add("head", head_cpus)
        with mock.patch.dict(os.environ, cluster.environment | {"MNIST_LAB_CLUSTER": cluster.address}):
            yield cluster
    finally:
        cluster.end()


def _main() -> None:
    from ray.cluster_utils import Cluster

    cluster, nodes = Cluster(), dict[str, Any]()
    answer: Any = None
    try:
        for line in sys.stdin:
            wish, arguments = json.loads(line)
            name = arguments["name"]
            if wish == "add":
                of_head = {} if nodes else {"include_dashboard": False}
                nodes[name] = cluster.add_node(
                    num_cpus=arguments["cpus"], node_ip_address=_LOOPBACK, **_SIZE, **of_head
                )
                raylet = nodes[name].all_processes["raylet"][0].process.pid
                answer = {"address": cluster.address, "raylet": raylet}
            elif wish == "kill":
                cluster.remove_node(nodes.pop(name), allow_graceful=False)
            elif wish == "restart service":
                nodes[name].kill_gcs_server()
                time.sleep(_AWAY_SECONDS)
                nodes[name].start_gcs_server()
            print(f"answer: {json.dumps(answer)}", flush=True)
    finally:
        cluster.shutdown()


if __name__ == "__main__":
    _main()
