"""What a machine of the cluster does for the dispatcher: it shows that it belongs to the store, and trains runs."""

import os
import socket
import threading
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import ray

from mnist_core import __version__
from mnist_core.jobs.cluster.surroundings import Surroundings
from mnist_core.jobs.troubles import STORE_ERRORS, explain
from mnist_core.store import claim_token, write_text_atomically

PROBES = ".cluster"


@dataclass(frozen=True)
class Answer:
    """What a machine says of itself."""

    version: str
    host: str
    processor: str


class NodeError(Exception):
    """A message without SQL or passwords; Ray carries it to the dispatcher."""


def probe_key(node: str) -> str:
    """The setting in which dispatcher and machine leave each other a token."""
    return f"cluster_probe_{node}"


def probe_file(folder: Path, node: str) -> Path:
    """The file for the same, in the shared folder."""
    return folder / PROBES / node


def answer_probe(surroundings: Surroundings, node: str, token: str) -> Answer:
    """Read the dispatcher's token from folder and database, and write it back reversed. Raises NodeError."""
    try:
        store = surroundings.enter()
        path = probe_file(store.root, node)
        read = path.read_text(encoding="utf-8") if path.is_file() else ""
        if read != token:
            raise NodeError(
                f"it does not see the shared folder {store.root}. Mount the folder there under the same path."
            )
        if store.setting(probe_key(node)) != token:
            raise NodeError(
                "its database is another one. Give MNIST_LAB_DATABASE an address that means the same there."
            )
        write_text_atomically(path, token[::-1])
        store.set_setting(probe_key(node), token[::-1])
    except STORE_ERRORS as error:
        raise NodeError(f"{explain(error)}") from None
    return Answer(__version__, socket.gethostname(), _processor())


def train_run(surroundings: Surroundings, run_id: str, salt: str) -> bool:
    """Claim a queued run and train it to its end; False if it was no longer to be had. Raises NodeError.

    `salt` tells this claim from all others of the run.
    """
    node = ray.get_runtime_context().get_node_id()
    try:
        store = surroundings.enter()
        # Before torch is imported: until a run is claimed its task may be taken back, which must not end an import.
        run = store.claim(run_id, token=claim_token(node, salt))
        if run is None:
            return False
        _begin_once()
        # Imported late, because it imports torch.
        from mnist_core.jobs.worker import run_one

        fit = run_one(store, run, threading.Event())
    except STORE_ERRORS as error:
        raise NodeError(explain(error)) from None
    if not fit:
        # The run is recorded. The dispatcher sees that, and takes no offence at the end of the process.
        os._exit(0)
    return True


@cache
def _begin_once() -> None:
    from mnist_core.jobs.worker import begin_process

    begin_process()


def _processor() -> str:
    from mnist_core.training import machine

    return machine.processor_name()
