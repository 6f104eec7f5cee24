"""What is known of a cluster that trains queued runs: its machines and whether it lives, kept among the settings."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from mnist_core.store.run import Run
from mnist_core.store.store import Store

# The tokens of claims by machines of a cluster begin like this; the machine's id, or its beginning, follows.
CLUSTER_MARK = "cluster-"
# The dispatcher writes every two seconds. After this long without a word it does not live.
SILENT_CLUSTER_SECONDS = 30.0
_STATE, _DRAINED = "cluster", "cluster_drained"
_ID_LENGTH = 8

NodeState = Literal["trains", "drained", "left out", "asked"]


@dataclass(frozen=True)
class ClusterNode:
    """A machine of the cluster."""

    # Its beginning is part of the tokens of its claims.
    id: str
    host: str
    address: str
    processor: str
    cpus: float
    gpus: float
    # Bytes that its runs may take together.
    memory: float
    state: NodeState
    # Why it is left out; "" if it is not.
    reason: str = ""

    @property
    def name(self) -> str:
        """What a person calls it: its host with the beginning of its id, as several may have one host."""
        return f"{self.host}-{self.id[:_ID_LENGTH]}"


@dataclass(frozen=True)
class ClusterState:
    """The machines as the dispatcher last saw them; never asked for, all is empty."""

    seen: float = 0.0
    nodes: tuple[ClusterNode, ...] = ()
    # What holds up runs there, for a person.
    troubles: tuple[str, ...] = ()

    def lives(self, now: float) -> bool:
        """Whether the dispatcher has just given a sign of life."""
        return abs(now - self.seen) < SILENT_CLUSTER_SECONDS


def is_of_cluster(run: Run) -> bool:
    """Whether a machine of a cluster trains this running run."""
    return (run.worker or "").startswith(CLUSTER_MARK)


def claim_token(node: str, salt: str) -> str:
    """The token of a claim by a machine of the cluster; `salt` is different for each."""
    return f"{CLUSTER_MARK}{node[:_ID_LENGTH]}-{salt}"


def runs_on(node: ClusterNode, running: Sequence[Run]) -> list[Run]:
    """Those of the running runs that this machine trains."""
    return [run for run in running if (run.worker or "").startswith(claim_token(node.id, ""))]


def write_cluster(store: Store, state: ClusterState) -> None:
    """Keep what the dispatcher sees now."""
    store.set_setting(_STATE, asdict(state))


def read_cluster(store: Store) -> ClusterState:
    """What the dispatcher saw last; an empty state if there never was one, or it cannot be read."""
    values = store.setting(_STATE, {})
    try:
        nodes = tuple(ClusterNode(**node) for node in values.get("nodes", ()))
        return ClusterState(float(values.get("seen", 0.0)), nodes, tuple(map(str, values.get("troubles", ()))))
    except (TypeError, ValueError, AttributeError):
        return ClusterState()


def drained_nodes(store: Store) -> set[str]:
    """Ids of the machines that are to take no more runs."""
    ids: Any = store.setting(_DRAINED, [])
    return {text for text in ids if isinstance(text, str)} if isinstance(ids, list) else set()


def set_drained(store: Store, ids: set[str]) -> None:
    """Change which machines are to take no more runs."""
    store.set_setting(_DRAINED, sorted(ids))
