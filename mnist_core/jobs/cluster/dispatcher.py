"""The dispatcher: it gives queued runs to the machines of a Ray cluster, one task a run.

It trusts the store and not Ray: a run is lost when the store has heard nothing of it, and belongs to whoever holds its
token there. What Ray says only makes some of that known sooner.
"""

import contextlib
import os
import secrets
import signal
import socket
import sys
import threading
import time
from dataclasses import dataclass
from typing import Any

import ray
from ray.exceptions import GetTimeoutError, NodeDiedError, OutOfMemoryError, RayError, RayTaskError, TaskCancelledError

from mnist_core.errors import StoreError
from mnist_core.jobs import liveness, troubles
from mnist_core.jobs.awake_clock import AwakeClock, Silence
from mnist_core.jobs.cluster import tasks
from mnist_core.jobs.cluster.machines import Machines
from mnist_core.jobs.cluster.needs import Needs
from mnist_core.jobs.cluster.surroundings import Surroundings
from mnist_core.jobs.liveness import SILENT_SECONDS
from mnist_core.jobs.local_executor import killed
from mnist_core.jobs.troubles import STORE_ERRORS, Pauses
from mnist_core.store import (
    ClusterState,
    Run,
    Store,
    is_of_cluster,
    next_runs,
    processes,
    runs_at_once,
    runs_on,
    write_cluster,
)

_TICK_SECONDS, _LOOK_SECONDS, _LONGEST_PAUSE_SECONDS = 0.1, 2.0, 10.0
# An outcome that Ray calls ready is there at once, unless its machine is just going.
_OUTCOME_SECONDS = 5.0
# A write that takes longer means that workers could not record a sign of life either.
_LATE_SECONDS = 0.5
# Tasks that wait at the cluster for a free place, for each eight places: enough that none is free for long, and few
# enough that a run which comes first in the queue does not stand behind many.
_WAITING_SHARE = 8
# So often a run is given to a machine, or resumed without having got further, before a person has to look at it.
_TRIES = 3
# A run that could not be claimed, because its student has no room, waits this long.
_REFUSED_SECONDS = 1.0
_NODE_GONE = "The machine that trained this run is gone from the cluster."
_SILENT = f"Its machine said nothing for {SILENT_SECONDS:.0f} s."


@dataclass(frozen=True)
class _Flight:
    """A run on its way to a machine, or trained by one."""

    run: Run
    salt: str


class Dispatcher:
    """An actor of Ray, of which a cluster has one for each store; its thread works until the actor ends."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings
        self._store: Store = surroundings.enter()
        self._machines = Machines(self._store, surroundings)
        self._flights: dict[Any, _Flight] = {}
        # The salts of the tasks that were taken back before they began.
        self._taken_back: set[str] = set()
        self._refused_until: dict[str, float] = {}
        # How often a run ended before it was claimed, and after which epoch it was resumed how often, by its id.
        self._failed: dict[str, int] = {}
        self._resumed: dict[str, tuple[int, int]] = {}
        self._too_large: dict[str, str] = {}
        self._look_after = 0.0
        self._began = time.monotonic()
        self._awake = AwakeClock()
        self._awake.start()
        self._silence = Silence(self._awake.seconds)
        self._train = ray.remote(max_retries=0)(tasks.train_run)
        threading.Thread(target=self._work, name="dispatcher", daemon=True).start()

    def ping(self) -> float:
        """For how many seconds the thread has been at its present step; where it hangs, a new one is needed."""
        return time.monotonic() - self._began

    def _work(self) -> None:
        pauses = Pauses(first=_TICK_SECONDS, most=_LONGEST_PAUSE_SECONDS)
        while True:
            self._began = time.monotonic()
            try:
                self.step()
                pauses.begin_anew()
            # Catch every error: nobody else gives runs to the cluster, and it must go on after the trouble.
            except Exception as error:
                print(f"dispatcher: {type(error).__name__}: {troubles.explain(error)}", file=sys.stderr, flush=True)
                if isinstance(error, STORE_ERRORS):
                    self._free_database()
            time.sleep(pauses.next())

    def step(self) -> None:
        """Find out what has ended, look after machines and runs now and then, and give away what is queued."""
        self._settle()
        if time.monotonic() >= self._look_after:
            self._look_after = time.monotonic() + _LOOK_SECONDS
            if self._machines.look():
                self._recall()
            self._look_after_runs()
            self._tell()
        self._give_away()

    def _settle(self) -> None:
        """Hear of the tasks that have ended."""
        if not self._flights:
            return
        references = list(self._flights)
        ended, _ = ray.wait(references, num_returns=len(references), timeout=0, fetch_local=False)
        for reference in ended:
            flight = self._flights[reference]
            try:
                claimed, error = ray.get(reference, timeout=_OUTCOME_SECONDS), None
            except GetTimeoutError:
                continue
            except RayError as problem:
                claimed, error = False, problem
            # Before the flight is forgotten: if the store cannot be asked now, this is done again.
            self._end_flight(flight, claimed, error)
            del self._flights[reference]
            self._taken_back.discard(flight.salt)

    def _end_flight(self, flight: _Flight, claimed: bool, error: RayError | None) -> None:
        run = _current(self._store, flight.run.id)
        if run is None or claimed:
            return
        if run.state == "running" and (run.worker or "").endswith(flight.salt):
            why, is_of_node = _why(error, run)
            if is_of_node and not isinstance(error, TaskCancelledError):
                self._machines.doubt(run)
            self._lost(run, why, go_on=is_of_node)
        elif run.state == "queued" and error is None:
            self._refused_until[run.id] = time.monotonic() + _REFUSED_SECONDS
        elif run.state == "queued" and flight.salt not in self._taken_back and not isinstance(error, NodeDiedError):
            self._count_failure(run, error)

    def _count_failure(self, run: Run, error: RayError | None) -> None:
        """End a run that cannot be begun, after some tries, so that it does not hold up the others."""
        tries = self._failed[run.id] = self._failed.get(run.id, 0) + 1
        if tries < _TRIES:
            return
        del self._failed[run.id]
        claimed = self._store.claim(run.id)
        if claimed is not None:
            why, _ = _why(error, run)
            liveness.interrupt(self._store, claimed, why)

    def _lost(self, run: Run, why: str, *, go_on: bool) -> None:
        """End a run that nobody trains any more, or let it go on elsewhere if its machine was to blame."""
        epoch, times = self._resumed.get(run.id, (run.epoch, 0))
        times = 0 if run.epoch > epoch else times
        if go_on and times < _TRIES and self._store.requeue_lost(run):
            self._resumed[run.id] = run.epoch, times + 1
            liveness.clear_folder(self._store, run)
        else:
            liveness.interrupt(self._store, run, why)

    def _look_after_runs(self) -> None:
        """Take runs from machines that are silent, and from those that are drained."""
        running = [run for run in liveness.running_anywhere(self._store) if is_of_cluster(run)]
        self._silence.look({run.id: (run.worker, run.heartbeat, run.step) for run in running})
        flying = {flight.run.id for flight in self._flights.values()}
        for run in running:
            here = run.host == socket.gethostname() and run.pid is not None
            if self._silence.of(run.id) > SILENT_SECONDS:
                self._give_up(run.id)
                self._machines.doubt(run)
                self._lost(run, _SILENT, go_on=True)
            elif run.id not in flying and here and processes.lives(run.pid or 0, run.pid_start) is False:
                # An earlier dispatcher has given it away, and ended with its tasks.
                self._lost(run, _NODE_GONE, go_on=True)
        self._empty_drained(running)

    def _free_database(self) -> None:
        """Take runs from processes of this machine that are stopped while all wait for the database.

        One of them may have been stopped in the middle of writing, and would keep the lock of a database file.
        """
        with contextlib.suppress(*STORE_ERRORS, OSError):
            now = self._store.clock()
            for run in liveness.running_anywhere(self._store):
                is_here = is_of_cluster(run) and processes.lives(run.pid or 0, run.pid_start)
                is_silent = now - (run.heartbeat or now) > SILENT_SECONDS
                if is_here and is_silent and run.pid and processes.is_stopped(run.pid):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(run.pid, signal.SIGKILL)
                    self._give_up(run.id)
                    self._lost(run, _SILENT, go_on=True)

    def _give_up(self, run_id: str) -> None:
        """Wait no longer for the task of a run: its machine may be cut off, and Ray does not say so."""
        self._flights = {reference: flight for reference, flight in self._flights.items() if flight.run.id != run_id}

    def _empty_drained(self, running: list[Run]) -> None:
        """Move runs from drained machines, but those of scikit-learn, which could not go on from where they are."""
        for node in self._machines.all:
            for run in runs_on(node, running) if node.state == "drained" else ():
                if run.config.library == "torch" and not run.request:
                    self._store.move(run)

    def _recall(self) -> None:
        """Take back the tasks that wait, as they were meant for machines that may be gone."""
        waiting = {run.id for run in self._store.runs([f.run.id for f in self._flights.values()], states=["queued"])}
        for reference, flight in self._flights.items():
            if flight.run.id in waiting:
                self._taken_back.add(flight.salt)
                ray.cancel(reference)

    def _give_away(self) -> None:
        able = self._machines.able if runs_at_once(self._store) else []
        places = int(sum(node.cpus for node in able))
        room = places + max(1, places // _WAITING_SHARE) - len(self._flights) if able else 0
        if room <= 0 or not self._store.count_queued():
            return
        now = time.monotonic()
        self._refused_until = {run: until for run, until in self._refused_until.items() if until > now}
        flying = {flight.run.id for flight in self._flights.values()}
        self._too_large = {}
        for run in next_runs(self._store, room, flying | set(self._refused_until)):
            needs = Needs.of(run, cluster_has_gpus=any(node.gpus for node in able))
            fitting = [node.id for node in able if needs.fit(node)]
            if fitting:
                self._launch(run, needs, fitting)
            else:
                self._too_large[run.id] = f"Run #{run.number} needs {needs.label}, which no machine of the cluster has."

    def _launch(self, run: Run, needs: Needs, nodes: list[str]) -> None:
        salt = secrets.token_hex(8)
        task = self._train.options(
            num_cpus=needs.cpus,
            num_gpus=needs.gpus,
            memory=needs.memory,
            label_selector={"ray.io/node-id": f"in({','.join(nodes)})"},
            name=f"run {run.number}",
        )
        self._flights[task.remote(self._surroundings, run.id, salt)] = _Flight(run, salt)

    def _tell(self) -> None:
        """Write into the store what is seen; a slow write means that nobody could record a sign of life."""
        begun = time.monotonic()
        left_out = [
            f"The machine {node.name} is left out of the cluster: {node.reason}"
            for node in self._machines.all
            if node.reason
        ]
        state = ClusterState(self._store.clock(), tuple(self._machines.all), (*left_out, *self._too_large.values()))
        try:
            write_cluster(self._store, state)
        except STORE_ERRORS:
            self._silence.forget()
            raise
        if time.monotonic() - begun > _LATE_SECONDS:
            self._silence.forget()


def _current(store: Store, run_id: str) -> Run | None:
    """The run as it is now, also if it was deleted; None if it is gone."""
    try:
        return store.run(run_id)
    except StoreError as error:
        if error.passes:
            raise
        return None


def _why(error: RayError | None, run: Run) -> tuple[str, bool]:
    """Why a run was lost, for a person, and whether its machine was to blame and not the run."""
    if isinstance(error, RayTaskError):
        return f"The machine could not train this run: {error.cause}", False
    if isinstance(error, OutOfMemoryError):
        return killed(run), False
    if isinstance(error, NodeDiedError | TaskCancelledError) or error is None:
        return _NODE_GONE, True
    return killed(run), False
