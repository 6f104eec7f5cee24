"""The machines of a Ray cluster: which are there, which belong to the store, and which are to take no more runs."""

import contextlib
import secrets
import socket
import time
from dataclasses import dataclass, replace
from typing import Any

import ray
from ray.exceptions import GetTimeoutError, RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from mnist_core import __version__
from mnist_core.jobs.cluster import tasks
from mnist_core.jobs.cluster.surroundings import Surroundings
from mnist_core.store import ClusterNode, Run, Store, drained_nodes, runs_on, write_text_atomically

# A machine that does not answer in this time is left out, and asked again later, as one that is left out.
_ANSWER_SECONDS, _AGAIN_SECONDS = 120.0, 60.0

_answer = ray.remote(num_cpus=0, max_retries=0)(tasks.answer_probe)


@dataclass(frozen=True)
class _Asked:
    """A machine that was asked to show that it belongs to the store."""

    reference: Any
    token: str
    at: float


class Machines:
    """Looks at the nodes of the cluster; only those that proved to share folder and database may train."""

    def __init__(self, store: Store, surroundings: Surroundings) -> None:
        self._store, self._surroundings = store, surroundings
        self._nodes: dict[str, ClusterNode] = {}
        self._asked: dict[str, _Asked] = {}
        self._left_out_at: dict[str, float] = {}
        # Until when a machine that has just lost a run gets no other: Ray may take long to see that it is gone.
        self._doubted_until: dict[str, float] = {}

    @property
    def all(self) -> list[ClusterNode]:
        """Every node that lives."""
        return list(self._nodes.values())

    @property
    def able(self) -> list[ClusterNode]:
        """Those that may take runs."""
        now = time.monotonic()
        return [
            node
            for node in self._nodes.values()
            if node.state == "trains" and self._doubted_until.get(node.id, 0.0) <= now
        ]

    def doubt(self, run: Run) -> None:
        """Give no runs for a while to the machine that has lost this one."""
        for node in self.all:
            if runs_on(node, [run]):
                self._doubted_until[node.id] = time.monotonic() + _AGAIN_SECONDS

    def look(self) -> bool:
        """See which nodes live, ask new ones, and hear answers; whether others are able than before."""
        before = {node.id for node in self.able}
        living = {node["NodeID"]: node for node in ray.nodes() if node["Alive"]}
        self._nodes = {node: self._nodes.get(node) or _new(values) for node, values in living.items()}
        self._asked = {node: asked for node, asked in self._asked.items() if node in living}
        drained = drained_nodes(self._store)
        for node in self.all:
            if node.id in self._asked:
                self._hear(node, self._asked[node.id])
            elif node.state == "asked" or (node.state == "left out" and self._may_ask_again(node)):
                self._ask(node)
            elif node.state in ("trains", "drained"):
                self._nodes[node.id] = replace(node, state="drained" if node.id in drained else "trains")
        return before != {node.id for node in self.able}

    def _may_ask_again(self, node: ClusterNode) -> bool:
        return time.monotonic() - self._left_out_at[node.id] > _AGAIN_SECONDS

    def _ask(self, node: ClusterNode) -> None:
        token = secrets.token_hex(16)
        probe = tasks.probe_file(self._store.root, node.id)
        probe.parent.mkdir(exist_ok=True)
        write_text_atomically(probe, token)
        self._store.set_setting(tasks.probe_key(node.id), token)
        on_this_node = NodeAffinitySchedulingStrategy(node.id, soft=False)
        reference = _answer.options(scheduling_strategy=on_this_node).remote(self._surroundings, node.id, token)
        self._asked[node.id] = _Asked(reference, token, time.monotonic())

    def _hear(self, node: ClusterNode, asked: _Asked) -> None:
        try:
            answer: Any = ray.get(asked.reference, timeout=0)
        except GetTimeoutError:
            if time.monotonic() - asked.at > _ANSWER_SECONDS:
                ray.cancel(asked.reference, force=True)
                self._leave_out(node, f"it has not answered within {_ANSWER_SECONDS:.0f} s.")
            return
        except RayError as error:
            cause = getattr(error, "cause", None)
            reason = str(cause) if isinstance(cause, tasks.NodeError) else f"it cannot be asked ({_kind(error)})."
            self._leave_out(node, reason)
            return
        path, key = tasks.probe_file(self._store.root, node.id), tasks.probe_key(node.id)
        written = path.read_text(encoding="utf-8") if path.is_file() else ""
        described = replace(node, host=answer.host, processor=answer.processor)
        if {written, self._store.setting(key)} != {asked.token[::-1]}:
            self._leave_out(described, "what it writes into the shared folder or the database does not arrive here.")
        elif answer.version != __version__:
            self._leave_out(described, f"it has version {answer.version} of this program, and this is {__version__}.")
        elif self._store.file is not None and answer.host != socket.gethostname():
            self._leave_out(
                described, "a database in a file cannot be shared by machines. Use one on a PostgreSQL server."
            )
        else:
            self._forget(node)
            self._nodes[node.id] = replace(described, state="trains", reason="")

    def _leave_out(self, node: ClusterNode, reason: str) -> None:
        self._forget(node)
        self._left_out_at[node.id] = time.monotonic()
        self._nodes[node.id] = replace(node, state="left out", reason=reason)

    def _forget(self, node: ClusterNode) -> None:
        """Remove what was written to ask the machine."""
        self._asked.pop(node.id, None)
        with contextlib.suppress(OSError):
            tasks.probe_file(self._store.root, node.id).unlink(missing_ok=True)
        self._store.forget_setting(tasks.probe_key(node.id))


def _new(node: dict[str, Any]) -> ClusterNode:
    resources = node["Resources"]
    return ClusterNode(
        id=node["NodeID"],
        host=node["NodeManagerHostname"],
        address=node["NodeManagerAddress"],
        processor="",
        cpus=resources.get("CPU", 0.0),
        gpus=resources.get("GPU", 0.0),
        memory=resources.get("memory", 0.0),
        state="asked",
    )


def _kind(error: RayError) -> str:
    """The name of the error that a task ended with; its text may hold more than a person should read."""
    return type(getattr(error, "cause", None) or error).__name__
