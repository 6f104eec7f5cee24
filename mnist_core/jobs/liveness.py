"""Which runs are called running although the process that trained them is gone. Never imports torch."""

import contextlib
import socket
from dataclasses import replace

from mnist_core.errors import LostRunError, StorageError
from mnist_core.jobs.troubles import STORE_ERRORS
from mnist_core.store import Holder, Run, Store, processes, remove_leftovers

# A worker that says nothing for so long is gone, or hangs. It says something every 0.4 s.
SILENT_SECONDS = 60.0
# A worker that has not begun its run by then never will; importing torch may take a minute.
BEGIN_SECONDS = 120.0

_GONE = "The process of this run is gone."
_RESUME = "Resume it to go on from the last checkpoint."


def end_dead_runs(store: Store) -> list[Run]:
    """Put right what the store says of running runs of this machine that nobody trains any more; returns these runs.

    One that had begun is interrupted and can be resumed, one that had not goes back into the queue. Every reader of
    states calls this first, so that they are true where no app is running.
    """
    dead = [run for run in running_here(store) if _is_gone_now(store, run)]
    for run in dead:
        if not store.release(run):
            interrupt(store, run, _GONE)
    settle_broken(store)
    return dead


def settle_broken(store: Store) -> None:
    """End running runs of this machine whose rows cannot be read and that nobody trains: they would hold up the queue.

    Those on a damaged page cannot be changed; nobody counts them.
    """
    for holder in store.broken_holders():
        # Where not even the machine can be read, nobody else will end it either.
        silent = store.clock() - (holder.heartbeat or 0.0)
        if holder.host in (socket.gethostname(), None) and is_gone(holder, silent):
            with contextlib.suppress(StorageError):
                store.fail_broken(holder.number)


def with_true_state(store: Store, run: Run) -> Run:
    """The run as it is, also where that cannot be written: one whose process is gone is interrupted."""
    if run.state != "running" or run.host != socket.gethostname() or not _is_gone_now(store, run):
        return run
    return replace(run, state="interrupted", note=f"{run.note} {_GONE} {_RESUME}".strip())


def running_here(store: Store) -> list[Run]:
    """Runs that a process of this machine trains, if it lives: deleted ones too, until they have stopped."""
    running = store.runs(states=["running"]) + store.runs(states=["running"], deleted=True)
    return [run for run in running if run.host == socket.gethostname()]


def is_gone(run: Run | Holder, silent: float) -> bool:
    """Whether nobody trains a running run of this machine; `silent` says for how many seconds nobody has said so.

    Where the system tells when a process began, that and not the silence decides, so that a run in a stopped process
    (Ctrl-Z) or on a sleeping machine is left alone.
    """
    if run.pid is None:
        return silent > BEGIN_SECONDS
    lives = processes.lives(run.pid, run.pid_start)
    return silent > SILENT_SECONDS if lives is None else not lives


def _is_gone_now(store: Store, run: Run) -> bool:
    return is_gone(run, store.clock() - (run.heartbeat or 0.0))


def interrupt(store: Store, run: Run, why: str) -> None:
    """End a run whose process is gone so that it can be resumed, and remove the file that it was writing."""
    remove_leftovers(store.folder(run.id), owner_gone=True)
    # raised if the process had ended the run itself
    with contextlib.suppress(LostRunError):
        store.finish(run, "interrupted", f"{why} {_RESUME}")


def with_dead_runs_ended(store: Store) -> Store:
    """The store, after `end_dead_runs` as far as it can be written to: what only reads must not fail for it."""
    with contextlib.suppress(*STORE_ERRORS):
        end_dead_runs(store)
    return store
