"""What tests wait for, and expect, of runs that other processes train."""

import os
import signal
import time

import sqlalchemy as sa
import torch
from sqlalchemy.exc import OperationalError

from mnist_core.analysis import trained
from mnist_core.jobs import work
from mnist_core.store import processes
from mnist_core.store.run import Run
from mnist_core.store.store import Store
from mnist_core.training import checkpoints
from tests.app_process import wait_until

_SECONDS = 150


def ended(store: Store, run: Run) -> Run:
    """The run once it waits and trains no more."""
    wait_until(lambda: not store.run(run.id).active, _SECONDS)
    return store.run(run.id)


def begun(store: Store, run: Run) -> Run:
    """The run once its first epoch is over."""
    wait_until(lambda: store.run(run.id).epoch >= 1, _SECONDS)
    return store.run(run.id)


def stop_process(store: Store, pid: int, *, while_it_writes: bool) -> None:
    """Stop a process that works on a store while it holds the lock of a database file, or while it does not."""
    if not store.url.startswith("sqlite"):
        os.kill(pid, signal.SIGSTOP)
        return
    engine = sa.create_engine(store.url, isolation_level="AUTOCOMMIT", connect_args={"timeout": 0.1})
    while True:
        os.kill(pid, signal.SIGSTOP)
        wait_until(lambda: processes.is_stopped(pid))
        if _is_locked(engine) == while_it_writes:
            break
        os.kill(pid, signal.SIGCONT)
        time.sleep(0.05)
    engine.dispose()


def _is_locked(engine: sa.Engine) -> bool:
    with engine.connect() as connection:
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        except OperationalError:
            return True
        connection.exec_driver_sql("ROLLBACK")
        return False


def assert_weights_of_an_undisturbed_run(store: Store, run: Run) -> None:
    """Train the same in this process without interruption; the last checkpoints must be equal to the bit."""
    alone = store.enqueue(run.config, claimed=True)
    for _ in work(store, alone):
        pass
    weights, expected = _last_weights(store, run), _last_weights(store, alone)
    assert weights.keys() == expected.keys()
    for name, tensor in weights.items():
        assert torch.equal(tensor, expected[name]), name


def _last_weights(store: Store, run: Run) -> dict[str, torch.Tensor]:
    last = trained.checkpoints(store, run)[-1]
    assert store.intact(run.id, last)
    return checkpoints.load_checkpoint(store.folder(run.id) / last.path, weights_only=True).weights()
