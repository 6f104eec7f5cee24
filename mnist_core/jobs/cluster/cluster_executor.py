"""Training on a Ray cluster, as the app's process sees it. Never imports Ray, whose drivers end with the head."""

import contextlib
import json
import subprocess
import threading
import time

from mnist_core.jobs import liveness
from mnist_core.jobs.awake_clock import AwakeClock, Silence
from mnist_core.jobs.cluster.surroundings import share_files
from mnist_core.jobs.troubles import Pauses, Trouble
from mnist_core.jobs.worker_process import LOG, start_program
from mnist_core.store import Run, Store, read_cluster

_LOOK_SECONDS = 2.0
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 1.0, 30.0
# A child that has not said anything for so long hangs.
_SILENT_SECONDS = 90.0


class ClusterExecutor:
    """Keeps a child that keeps the cluster's dispatcher, and reads in the store what that does."""

    def __init__(self, store: Store, ending: threading.Event) -> None:
        """`ending` is set once no child may be started any more."""
        self._store, self._ending = store, ending
        share_files()
        self._child: subprocess.Popen[bytes] | None = None
        self._heard = 0.0
        self._start_after = 0.0
        self._look_after = 0.0
        self._pauses = Pauses(_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS)
        self._failed_starts = 0
        self._trouble: str = ""
        self._seen: list[Trouble] = []
        self._awake = AwakeClock()
        self._awake.start()
        self._silence = Silence(self._awake.seconds)

    @property
    def failed_starts(self) -> int:
        """How often in succession the cluster could not be reached."""
        return self._failed_starts

    @property
    def troubles(self) -> list[Trouble]:
        """Why the cluster cannot be used, machines that are left out, and what holds up runs."""
        about_cluster = (
            [Trouble(f"{self._trouble} Runs in the queue wait; it is tried again by itself.")] if self._trouble else []
        )
        return [*about_cluster, *self._seen]

    def silence(self, run: Run) -> float:
        """For how many seconds the worker of this running run has given no sign of life."""
        return self._silence.of(run.id)

    def step(self) -> None:
        """Keep the child alive, and look at the store now and then."""
        self._keep_child()
        if time.monotonic() >= self._look_after:
            self._look_after = time.monotonic() + _LOOK_SECONDS
            self._look()

    def end(self, wait_seconds: float) -> None:
        """End the child; the cluster goes on with the queue."""
        self._awake.end()
        if self._child is not None:
            self._close(self._child, wait_seconds)

    def _keep_child(self) -> None:
        child = self._child
        if child is not None:
            hangs = time.monotonic() - self._heard > _SILENT_SECONDS
            if child.poll() is None and not hangs:
                return
            self._close(child, 0.0)
            self._child = None
            self._failed_starts += 1
            self._trouble = self._trouble or "The connection to the cluster is lost."
            self._start_after = time.monotonic() + self._pauses.next()
        if not self._ending.is_set() and time.monotonic() >= self._start_after:
            self._child = self._begin_child()

    def _begin_child(self) -> "subprocess.Popen[bytes]":
        """Start the child, and listen to it in a thread. Raises OSError."""
        self._heard = time.monotonic()
        with (self._store.root / LOG).open("ab") as log:
            child = start_program("mnist_core.jobs.cluster.client", self._store, log)
        threading.Thread(target=self._listen, args=(child,), name="cluster-listener", daemon=True).start()
        return child

    def _listen(self, child: "subprocess.Popen[bytes]") -> None:
        assert child.stdout is not None
        with child.stdout as output:
            for line in output:
                with contextlib.suppress(ValueError):
                    self._hear(json.loads(line))

    def _hear(self, message: dict[str, object]) -> None:
        self._heard = time.monotonic()
        self._trouble = str(message.get("trouble", ""))
        if message.get("connected"):
            self._failed_starts = 0
            self._pauses.begin_anew()

    def _close(self, child: "subprocess.Popen[bytes]", wait_seconds: float) -> None:
        assert child.stdin is not None
        with contextlib.suppress(OSError):
            child.stdin.close()
        try:
            child.wait(wait_seconds)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()

    def _look(self) -> None:
        liveness.end_dead_runs(self._store)
        running = liveness.running_anywhere(self._store)
        self._silence.look({run.id: (run.worker, run.heartbeat, run.step) for run in running})
        cluster = read_cluster(self._store)
        reported = cluster.troubles if cluster.lives(self._store.clock()) else ()
        of_runs = [Trouble(f"Run #{run.number}: {run.trouble}", cause=run.trouble) for run in running if run.trouble]
        self._seen = [*map(Trouble, reported), *of_runs]
