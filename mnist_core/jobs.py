"""Jobs: the one background thread that takes runs from the queue and gives them to processes. Never imports torch."""

import atexit
import contextlib
import glob
import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from mnist_core import liveness
from mnist_core.errors import MnistLabError, StoreError
from mnist_core.liveness import BEGIN_SECONDS
from mnist_core.store import Run, Store
from mnist_core.store.backup import copy_daily, database_file
from mnist_core.store.store import UNDO_SECONDS
from mnist_core.troubles import STORE_ERRORS, told

_TICK_SECONDS = 0.1
_PATROL_SECONDS = 2.0
_HAND_OUTS = 3  # of one run to workers that end before they begin it
_SPARE_DELAY_SECONDS = 3.0  # the next spare imports torch: not while the run before it is starting
_HOUSEKEEPING_SECONDS = 60.0  # between two looks at what is to be copied or removed
_SETTING = "runs_at_once"
_THREAD = "mnist-lab-jobs"


@dataclass
class _Worker:
    """A process that trains one run after another; without a run it waits for the next."""

    process: subprocess.Popen[bytes]
    run: Run | None = None
    handed: float = 0.0  # when it was given that run, of time.monotonic
    gpu: str = ""  # the one that it can see; chosen with its first run, for good

    def close(self) -> None:
        """Close its standard input: it ends once it waits."""
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):  # it is gone already
            self.process.stdin.close()


class Jobs(threading.Thread):
    """Takes queued runs, at most `runs_at_once` at a time, watches their processes, and finds abandoned runs."""

    def __init__(self, store: Store) -> None:
        super().__init__(name=_thread_name(store), daemon=True)
        self._store = store
        self._wake = threading.Event()
        self._ended = threading.Event()
        self._workers: list[_Worker] = []
        self._spare_after = 0.0
        self._leaving: list[subprocess.Popen[bytes]] = []
        self._patrol_after = 0.0
        self._failed_hand_outs: dict[str, int] = {}  # by id of a run that was never begun

    def wake(self) -> None:
        """Look at the queue now: a run was added or a setting changed."""
        self._wake.set()

    def end(self, wait_seconds: float = 10.0) -> None:
        """Interrupt this thread's runs so that they can be resumed, and wait for them."""
        self._ended.set()
        self._wake.set()
        if self.is_alive() and threading.current_thread() is not self:
            self.join(5)
        for worker in self._workers:
            worker.process.terminate()
        for worker in self._workers:
            try:
                worker.process.wait(wait_seconds)
            except subprocess.TimeoutExpired:
                worker.process.kill()
                worker.process.wait()
            worker.close()
        # A worker that was terminated before it began its run cannot record that; we put the run back.
        self._reap()

    def run(self) -> None:
        while not self._ended.is_set():
            try:
                self._tick()
            except (MnistLabError, OSError) as error:  # a locked or full disk passes; the queue waits
                print(f"jobs: {error}", file=sys.stderr)
            self._wake.wait(_TICK_SECONDS)
            self._wake.clear()

    def keep_house(self) -> None:
        """Until the jobs end, in a thread of its own: a copy of the database a day, and no run deleted before a day."""
        path = database_file(self._store.url)
        while not self._ended.wait(_HOUSEKEEPING_SECONDS):
            try:
                self._store.purge(deleted_before=self._store.clock() - UNDO_SECONDS)
                if path is not None:
                    copy_daily(path, self._store.root, self._store.clock())
            except STORE_ERRORS as error:
                print(f"housekeeping: {told(error)}", file=sys.stderr)

    def _tick(self) -> None:
        self._reap()
        if time.monotonic() >= self._patrol_after:
            self._patrol_after = time.monotonic() + _PATROL_SECONDS
            self._patrol()
        while (run := self._store.claim(limit=(places := runs_at_once(self._store)))) is not None:
            try:
                self._launch(run)
            except OSError:  # no process can be started now
                self._store.release(run)
                raise
        waiting = [worker for worker in self._workers if worker.run is None]
        # With every place taken the next run waits for a worker that ends its own: no spare need slow them down.
        if not waiting and len(self._workers) < max(1, places) and time.monotonic() >= self._spare_after:
            self._workers.append(_Worker(self._process()))
        elif len(waiting) > 1 and len(waiting) == len(self._workers):
            self._dismiss(waiting[1:])  # nothing trains: one that waits is enough

    def _launch(self, run: Run) -> None:
        self._reap()  # a run that has just ended left its worker to this one
        gpu = self._free_gpu()
        fitting = [worker for worker in self._workers if worker.run is None and worker.gpu in ("", gpu)]
        worker = fitting[0] if fitting else _Worker(self._process())
        if not fitting:
            self._workers.append(worker)
        worker.run, worker.gpu, worker.handed = run, gpu, time.monotonic()
        self._spare_after = time.monotonic() + _SPARE_DELAY_SECONDS
        order = {"run": run.id, "worker": run.worker, "gpu": gpu}
        assert worker.process.stdin is not None
        try:
            worker.process.stdin.write(json.dumps(order).encode() + b"\n")
            worker.process.stdin.flush()
        except OSError:
            pass  # It died while it waited; `_reap` puts the run back.

    def _dismiss(self, workers: list[_Worker]) -> None:
        for worker in workers:
            worker.close()
            self._workers.remove(worker)
            self._leaving.append(worker.process)

    def _process(self) -> subprocess.Popen[bytes]:
        """A worker that waits for its run. Its own session: Ctrl-C in the terminal is for the app."""
        log = (self._store.root / "worker.log").open("ab")
        with log:
            return subprocess.Popen(
                [sys.executable, "-m", "mnist_core.worker"],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=Path(__file__).resolve().parent.parent,
                env=os.environ | {"MNIST_LAB_RESULTS": str(self._store.root), "MNIST_LAB_DATABASE": self._store.url},
            )

    def _reap(self) -> None:
        """Learn which runs have ended and which processes."""
        self._leaving = [process for process in self._leaving if process.poll() is None]
        for worker in list(self._workers):
            code = worker.process.poll()
            run = worker.run
            ended = run is not None and not self._holds(run)
            if code is not None:
                self._workers.remove(worker)
                worker.close()
                self._spare_after = max(self._spare_after, time.monotonic() + _SPARE_DELAY_SECONDS)
                if run is not None and not ended:
                    self._lost(run, _why(code) if code else "The worker ended without a result.")
            elif ended:
                worker.run = None
            elif run is not None and time.monotonic() - worker.handed > BEGIN_SECONDS and not self._begun(run):
                worker.process.kill()  # it hangs as it ends its last run

    def _begun(self, run: Run) -> bool:
        return self._store.run(run.id).pid is not None

    def _lost(self, run: Run, why: str) -> None:
        """A run whose worker is gone: back into the queue if it was never begun, otherwise it can be resumed.

        A worker may end right after its last run, by whatever fault of that one: the next run, which it was handed
        meanwhile, must not suffer for it.
        """
        failed = self._failed_hand_outs.pop(run.id, 0) + 1
        if failed < _HAND_OUTS and self._store.release(run):
            self._failed_hand_outs[run.id] = failed
        else:
            liveness.interrupt(self._store, run, why)

    def _holds(self, run: Run) -> bool:
        """Whether the run still waits for a word from the worker that was given it."""
        with contextlib.suppress(StoreError):  # it was removed for good
            return self._store.run(run.id).worker == run.worker
        return False

    def _patrol(self) -> None:
        """Find running runs of this host whose process is gone: left over from an app that was killed."""
        own = {worker.run.id for worker in self._workers if worker.run is not None}
        now = self._store.clock()
        for run in liveness.running_here(self._store):
            if run.id not in own and liveness.is_gone(run, now - (run.heartbeat or 0.0)):
                self._lost(run, "The process of this run is gone.")

    def _free_gpu(self) -> str:
        taken = {worker.gpu for worker in self._workers if worker.run is not None}
        return next((gpu for gpu in gpus() if gpu not in taken), gpus()[0] if gpus() else "")


def start(store: Store) -> Jobs:
    """The background thread for this store; started on the first call in this process.

    The thread itself is the record that it was started: it outlives a reload of this module.
    """
    for jobs in _started():
        if jobs.name == _thread_name(store):
            return jobs
    jobs = Jobs(store)
    jobs.start()
    threading.Thread(target=jobs.keep_house, name="mnist-lab-housekeeping", daemon=True).start()
    atexit.register(jobs.end)
    return jobs


def end() -> None:
    """End the background threads of this process, for a server that a signal ends before `atexit` has its turn."""
    for jobs in _started():
        jobs.end()


def runs_at_once(store: Store) -> int:
    """How many runs may train at the same time: the setting, or one for each GPU, or without one for each core."""
    return int(store.setting(_SETTING, len(gpus()) or cores()))


def set_runs_at_once(store: Store, count: int) -> None:
    """Change how many runs may train at the same time, 0 to hold the queue; running ones are left alone."""
    store.set_setting(_SETTING, max(0, count))


def cores() -> int:
    """CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def gpus() -> list[str]:
    """Indices of the NVIDIA devices of this machine."""
    return sorted(path.removeprefix("/dev/nvidia") for path in glob.glob("/dev/nvidia[0-9]*"))


def _started() -> list[Jobs]:
    return [
        thread  # pyright: ignore[reportReturnType]
        for thread in threading.enumerate()
        if thread.name.startswith(_THREAD) and hasattr(thread, "wake")
    ]


def _thread_name(store: Store) -> str:
    return f"{_THREAD} {store.url}"


def _why(code: int) -> str:
    if code == -signal.SIGKILL:
        return "The worker was killed, perhaps because memory ran out."
    return f"The worker ended unexpectedly (code {code}); details are in worker.log of the results folder."
