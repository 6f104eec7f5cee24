"""Finds runs that are recorded as running although their process is gone. Never imports torch."""

import contextlib
import socket
import time
from dataclasses import replace

from mnist_core.errors import LostRunError, StorageError
from mnist_core.jobs.troubles import STORE_ERRORS
from mnist_core.store import Holder, Run, Store, is_of_cluster, processes, read_cluster, remove_leftovers, shut_out

# A worker records a sign of life every 0.4 s. After this long without one it is gone or hangs.
SILENT_SECONDS = 60.0
# A worker that has not begun its run after this time never will. Importing torch may take a minute.
BEGIN_SECONDS = 120.0

_GONE = "The process of this run is gone."
_RESUME = "Resume it to go on from the last checkpoint."


def end_dead_runs(store: Store) -> list[Run]:
    """Correct the state of running runs of this machine whose process is gone; returns these runs.

    A run that had begun is interrupted and can be resumed; any other goes back into the queue. Every reader of
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
        # Include rows whose machine cannot be read, because no other machine will end those runs either.
        silent = store.clock() - (holder.heartbeat or 0.0)
        if holder.host in (socket.gethostname(), None) and is_gone(holder, silent):
            with contextlib.suppress(StorageError):
                store.fail_broken(holder.number)


def with_true_state(store: Store, run: Run) -> Run:
    """The run with its true state, even if the store cannot be written: interrupted if its process is gone."""
    if run.state != "running" or run.host != socket.gethostname() or not _is_gone_now(store, run):
        return run
    return replace(run, state="interrupted", note=f"{run.note} {_GONE} {_RESUME}".strip())


def running_here(store: Store) -> list[Run]:
    """Runs that are recorded as running on this machine, including deleted ones that have not stopped yet.

    Those of a cluster are left to it while it gives signs of life: it goes on with them elsewhere.
    """
    here = [run for run in running_anywhere(store) if run.host == socket.gethostname()]
    if any(is_of_cluster(run) for run in here) and read_cluster(store).lives(store.clock()):
        return [run for run in here if not is_of_cluster(run)]
    return here


def running_anywhere(store: Store) -> list[Run]:
    """Runs that are recorded as running, including deleted ones that have not stopped yet."""
    return [run for deleted in (False, True) for run in store.runs(states=["running"], deleted=deleted, luck=None)]


def is_gone(run: Run | Holder, silent: float) -> bool:
    """Whether no process trains this running run of this machine; `silent` is how many seconds ago it last gave a sign.

    If the system knows when the process began, that decides and not the silence, so that a run in a stopped process
    (Ctrl-Z) or on a sleeping machine is left alone.
    """
    if run.pid is None:
        return silent > BEGIN_SECONDS
    lives = processes.lives(run.pid, run.pid_start)
    return silent > SILENT_SECONDS if lives is None else not lives


def trains(holder: Holder) -> bool:
    """Whether a process may still train this running run: always on another machine, of whose processes we know not."""
    silent = time.time() - (holder.heartbeat or 0.0)
    return holder.host not in (socket.gethostname(), None) or not is_gone(holder, silent)


def _is_gone_now(store: Store, run: Run) -> bool:
    return is_gone(run, store.clock() - (run.heartbeat or 0.0))


def clear_folder(store: Store, run: Run) -> None:
    """Remove what the last holder of a run left half-written, and keep it from putting more in place."""
    shut_out(store.folder(run.id))
    remove_leftovers(store.folder(run.id), owner_gone=True)


def interrupt(store: Store, run: Run, why: str) -> None:
    """End a run whose process is gone so that it can be resumed, and remove the file that it was writing."""
    # This error means that the process ended the run itself meanwhile, so nothing is left to do.
    with contextlib.suppress(LostRunError):
        store.finish(run, "interrupted", f"{why} {_RESUME}")
        clear_folder(store, run)


def with_dead_runs_ended(store: Store) -> Store:
    """The store after `end_dead_runs`; a store that cannot be written is returned as it is, so that it can be read."""
    with contextlib.suppress(*STORE_ERRORS):
        end_dead_runs(store)
    return store
