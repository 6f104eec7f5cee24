"""Training on this machine: worker processes that are started, given runs, watched, and kept for the next run."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence

from mnist_core.errors import MnistLabError
from mnist_core.jobs import liveness, troubles
from mnist_core.jobs.awake_clock import AwakeClock, Silence
from mnist_core.jobs.liveness import BEGIN_SECONDS, SILENT_SECONDS
from mnist_core.jobs.troubles import Pauses, Trouble
from mnist_core.jobs.worker_process import LOG, WorkerProcess
from mnist_core.store import Run, Store, gpus, processes, runs_at_once

_PATROL_SECONDS = 2.0
# After this long without a sign of life from a run, check whether the database is holding its worker up.
_DOUBT_SECONDS = 5.0
# Writing a row takes milliseconds unless somebody holds the database.
_LATE_SECONDS = 0.5
# A run is given to this many workers. If each ends before it begins the run, the run is interrupted.
_HAND_OUTS = 3
# A spare worker is started only this long after a run, because its import of torch would slow the run's start.
_SPARE_DELAY_SECONDS = 3.0
_LONGEST_START_PAUSE_SECONDS = 60.0
# A run that has trained for so long leaves the processor to a run of another person that begins.
_LONG_SECONDS = 20.0
_PROBE = "jobs_probe"


class LocalExecutor:
    """Trains at most `runs_at_once` queued runs in processes of this machine, and finds its abandoned runs."""

    def __init__(self, store: Store, ending: threading.Event) -> None:
        """`ending` is set once no worker may be started any more."""
        self._store = store
        self._ending = ending
        self._workers: list[WorkerProcess] = []
        self._leaving: list[WorkerProcess] = []
        self._spare_after = 0.0
        self._patrol_after = 0.0
        self._awake = AwakeClock()
        self._awake.start()
        self._silence = Silence(self._awake.seconds)
        # How often a run was given to a worker that did not begin it, by the run's id.
        self._failed_hand_outs: dict[str, int] = {}
        self._start_pauses = Pauses(first=_SPARE_DELAY_SECONDS, most=_LONGEST_START_PAUSE_SECONDS)
        self._start_trouble: Trouble | None = None
        self._run_troubles: list[Trouble] = []
        self._failed_starts = 0

    @property
    def failed_starts(self) -> int:
        """How many workers in succession could not be started, or ended before they could train."""
        return self._failed_starts

    @property
    def troubles(self) -> list[Trouble]:
        """What keeps workers from being started, and what holds up runs."""
        return [*filter(None, [self._start_trouble]), *self._run_troubles]

    def silence(self, run: Run) -> float:
        """For how many seconds the worker of this running run has given no sign of life."""
        return self._silence.of(run.id)

    def end(self, wait_seconds: float) -> None:
        """Interrupt the runs of the workers so that they can be resumed, and wait for them."""
        # Those that leave have no run, but may still be importing torch.
        workers = [*self._workers, *self._leaving]
        for worker in workers:
            worker.process.terminate()
        for worker in workers:
            try:
                worker.process.wait(wait_seconds)
            except subprocess.TimeoutExpired:
                worker.process.kill()
                worker.process.wait()
            worker.close()
        self._awake.end()
        # A worker that was terminated before it began its run cannot record that; we put the run back.
        # If the store cannot be written, the next process that opens it finds these runs dead.
        with contextlib.suppress(*troubles.STORE_ERRORS):
            self._reap()

    def step(self) -> None:
        """Look after the workers, and give queued runs to those that have none."""
        self._reap()
        if time.monotonic() >= self._patrol_after:
            self._patrol_after = time.monotonic() + _PATROL_SECONDS
            self._patrol()
        limit = runs_at_once(self._store)
        while self._can_train() and (run := self._claim(limit)) is not None:
            try:
                self._launch(run)
            except (OSError, MnistLabError):
                # No process can be started now, or not with these settings, so put the run back into the queue.
                self._store.release(run)
                raise
            # A person may have changed the setting while the run was being launched.
            limit = runs_at_once(self._store)
        waiting = [worker for worker in self._workers if worker.run is None]
        # Start no spare while the queue is held or every place is taken: the next run gets the worker whose run ends
        # first.
        due = time.monotonic() >= self._spare_after and not self._ending.is_set()
        if not waiting and len(self._workers) < limit and due:
            self._workers.append(self._begin_worker())
        elif len(waiting) > 1 and len(waiting) == len(self._workers):
            # While nothing trains, one waiting worker is enough.
            self._dismiss(waiting[1:])

    def _claim(self, limit: int) -> Run | None:
        # A claim writes, which workers would wait for ten times a second while this process has no place to give.
        if sum(worker.run is not None for worker in self._workers) >= limit:
            return None
        return self._store.claim(limit=limit)

    def _can_train(self) -> bool:
        """Whether a run may be claimed: always, but after failed starts of workers only if a started one waits."""
        return self._start_trouble is None or any(worker.ready and worker.run is None for worker in self._workers)

    def _launch(self, run: Run) -> None:
        # Look again for workers whose run has just ended: one of them can take this run.
        self._reap()
        gpu = self._free_gpu()
        fitting = [worker for worker in self._workers if worker.run is None and worker.gpu in ("", gpu)]
        worker = fitting[0] if fitting else self._begin_worker()
        if not fitting:
            self._workers.append(worker)
        self._spare_after = time.monotonic() + _SPARE_DELAY_SECONDS
        worker.hand(run, gpu)
        self._let_pass(run)

    def _let_pass(self, run: Run) -> None:
        """Let runs of other persons that have trained for long stand back behind this one, which may be a short one."""
        for worker in self._workers:
            trained = time.monotonic() - worker.handed
            if worker.run is not None and worker.run.owner != run.owner and trained > _LONG_SECONDS:
                worker.stand_back()

    def _begin_worker(self) -> WorkerProcess:
        try:
            return WorkerProcess(self._store)
        except OSError:
            self._failed_starts += 1
            raise

    def _dismiss(self, workers: list[WorkerProcess]) -> None:
        for worker in workers:
            worker.close()
            self._workers.remove(worker)
            self._leaving.append(worker)

    def _reap(self) -> None:
        """Find out which runs and which processes have ended."""
        self._leaving = [worker for worker in self._leaving if worker.ended() is None]
        workers = list(self._workers)
        # Asked first: what a process has recorded before its end can be read then.
        codes = [worker.ended() for worker in workers]
        held = self._store.held([worker.run for worker in workers if worker.run is not None])
        for worker, code in zip(workers, codes, strict=True):
            run = worker.run
            is_held = run is not None and run.id in held
            if code is not None:
                if run is not None and is_held:
                    self._lost(run, worker.verdict or _why(code, run), counts=worker.ready)
                self._bury(worker, code)
            elif not worker.ready and time.monotonic() - worker.started > BEGIN_SECONDS:
                # Its imports hang, and no other worker would be tried while it waits.
                worker.process.kill()
            elif not is_held:
                worker.run = None
                if worker.stands_back:
                    self._dismiss([worker])
            elif time.monotonic() - worker.handed > BEGIN_SECONDS and not self._begun(worker):
                # The worker hangs in the end of its last run.
                worker.process.kill()
            if worker.ready and code is None:
                self._failed_starts = 0
                if self._start_trouble is not None:
                    self._start_trouble = None
                    self._start_pauses.begin_anew()

    def _bury(self, worker: WorkerProcess, code: int) -> None:
        """Remove a worker that has ended; if it could not even start, wait longer before the next start."""
        self._workers.remove(worker)
        worker.close()
        pause = _SPARE_DELAY_SECONDS
        if not worker.ready and not self._ending.is_set():
            self._failed_starts += 1
            pause = self._start_pauses.next()
            self._start_trouble = Trouble(
                f"No process for training can be started ({_ending(code)}), so the queue waits. "
                f"It is tried again by itself, at least once a minute. The last lines of {LOG}:",
                worker.last_lines(),
            )
        self._spare_after = max(self._spare_after, time.monotonic() + pause)

    def _begun(self, worker: WorkerProcess) -> bool:
        return worker.run is not None and self._store.run(worker.run.id).pid is not None

    def _lost(self, run: Run, why: str, *, counts: bool = True) -> None:
        """Handle a run whose worker is gone: queue it again if the worker never began it, else interrupt it.

        A worker may end because of its previous run, or before it has imported torch. The next run must not suffer for
        that, so it is queued again. `counts`: whether the run itself may be the cause, which ends it after some times.
        """
        failed = self._failed_hand_outs.pop(run.id, 0) + counts
        if failed < _HAND_OUTS and self._store.release(run):
            self._failed_hand_outs[run.id] = failed
        else:
            liveness.interrupt(self._store, run, why)

    def _patrol(self) -> None:
        """Find running runs of this host whose process is gone or hangs: also those left over from a killed app."""
        workers_by_run = {worker.run.id: worker for worker in self._workers if worker.run is not None}
        running = liveness.running_here(self._store)
        self._silence.look({run.id: (run.worker, run.heartbeat, run.step) for run in running})
        self._run_troubles = [
            Trouble(f"Run #{run.number}: {run.trouble}", cause=run.trouble) for run in running if run.trouble
        ]
        begun = [run for run in running if run.pid is not None]
        # End stopped processes first: one of them may hold the lock of the database, and the rest would wait for it.
        self._end_hanging([run for run in begun if processes.is_stopped(run.pid)], workers_by_run)
        if any(self._silence.of(run.id) > _DOUBT_SECONDS for run in begun):
            self._probe()
            self._end_hanging(begun, workers_by_run)
        now = self._store.clock()
        for run in running:
            if run.id not in workers_by_run and liveness.is_gone(
                run, max(self._silence.of(run.id), now - (run.heartbeat or 0.0))
            ):
                self._lost(run, "The process of this run is gone.")
        liveness.settle_broken(self._store)

    def _probe(self) -> None:
        """Write to the store as a worker does. If that fails or is slow, workers were held up: forget their silence."""
        begun = time.monotonic()
        try:
            self._store.set_setting(_PROBE, self._store.clock())
        except troubles.STORE_ERRORS:
            self._silence.forget()
            raise
        if time.monotonic() - begun > _LATE_SECONDS:
            self._silence.forget()

    def _end_hanging(self, runs: Sequence[Run], workers_by_run: Mapping[str, WorkerProcess]) -> None:
        """Kill workers that give no sign of life. Other processes are left alone, as they may only be asleep."""
        why = f"Its process said nothing for {SILENT_SECONDS:.0f} s and was ended."
        for run in runs:
            if self._silence.of(run.id) <= SILENT_SECONDS or run.pid is None:
                continue
            if run.id in workers_by_run:
                workers_by_run[run.id].verdict = why
                workers_by_run[run.id].process.kill()
            elif "mnist_core.jobs.worker" in processes.command(run.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(run.pid, signal.SIGKILL)
                liveness.interrupt(self._store, run, why)

    def _free_gpu(self) -> str:
        taken = {worker.gpu for worker in self._workers if worker.run is not None}
        return next((gpu for gpu in gpus() if gpu not in taken), gpus()[0] if gpus() else "")


def killed(run: Run) -> str:
    """A message for a run whose process was killed, as the system does where memory runs out."""
    return (
        "The process of this run was killed, perhaps because memory ran out: "
        f"a smaller batch size (now {run.config.batch_size}) or network needs less, and so do fewer runs at once."
    )


def _why(code: int, run: Run) -> str:
    if _ending(code) == "SIGKILL":
        return killed(run)
    if code == 0:
        return "The process of this run ended without a result."
    return f"The process of this run ended unexpectedly ({_ending(code)}); details are in {LOG} of the results folder."


def _ending(code: int) -> str:
    """How a process ended, such as "exit code 1" or "SIGKILL"."""
    with contextlib.suppress(ValueError):
        return signal.Signals(-code).name
    return f"exit code {code}"
