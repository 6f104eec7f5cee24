"""A worker as the jobs see it: its process, whether it is ready, and its run. Never imports torch."""

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from mnist_core import environment
from mnist_core.jobs import priority
from mnist_core.store import Run, Store
from mnist_core.training import allocation

LOG = "worker.log"
# The line that a worker prints on its standard output once it has imported everything for training.
READY = b"ready"
_LINES = 6
_LINE_LENGTH = 300
_TAIL_BYTES = 8_000


class WorkerProcess:
    """A process that trains one run after another; without a run it waits for the next."""

    def __init__(self, store: Store) -> None:
        """Start the process in its own session, so that Ctrl-C in the terminal reaches only the app.

        Raises OSError, or PathError if the folder of the data sets cannot be one.
        """
        self.run: Run | None = None
        # Times of `time.monotonic` at which the worker was given its run and at which it was started.
        self.handed = 0.0
        self.started = time.monotonic()
        # The only GPU that the worker can see; chosen with its first run and never changed.
        self.gpu = ""
        # Why the worker was killed; "" if it was not.
        self.verdict = ""
        # Whether its priority was lowered for good, so that it should train no other run.
        self.stands_back = False
        self._ready = threading.Event()
        self._log = store.root / LOG
        with self._log.open("ab") as log:
            self._log_start = log.tell()
            self.process = start_program("mnist_core.jobs.worker", store, log, allocation.in_huge_pages(os.environ))
        self._listener = threading.Thread(target=self._listen, name="worker-listener", daemon=True)
        self._listener.start()

    @property
    def ready(self) -> bool:
        """Whether the process has imported everything for training; one that ends before that cannot train at all."""
        return self._ready.is_set()

    def ended(self) -> int | None:
        """The exit code, None while the process lives. Its output has been read completely by then."""
        code = self.process.poll()
        if code is not None:
            self._listener.join(1.0)
        return code

    def hand(self, run: Run, gpu: str) -> None:
        """Give the process a run to train."""
        self.run, self.gpu, self.handed = run, gpu, time.monotonic()
        order = {"run": run.id, "worker": run.worker, "gpu": gpu}
        assert self.process.stdin is not None
        # The worker may have died while it waited; `ended` finds that out next time.
        with contextlib.suppress(OSError):
            self.process.stdin.write(json.dumps(order).encode() + b"\n")
            self.process.stdin.flush()

    def stand_back(self) -> None:
        """Leave the processor to the other workers from now on."""
        self.stands_back = self.stands_back or priority.stand_back(self.process.pid)

    def close(self) -> None:
        """Close the standard input of the process, which ends it as soon as it has no run."""
        assert self.process.stdin is not None
        # The worker may be gone already.
        with contextlib.suppress(OSError):
            self.process.stdin.close()

    def last_lines(self) -> str:
        """The last lines of the log since this process started."""
        try:
            with self._log.open("rb") as log:
                end = log.seek(0, os.SEEK_END)
                log.seek(max(self._log_start, end - _TAIL_BYTES))
                text = log.read().decode(errors="replace")
        except OSError:
            return ""
        return "\n".join(line[:_LINE_LENGTH] for line in text.splitlines()[-_LINES:])

    def _listen(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            for line in output:
                if line.strip() == READY:
                    self._ready.set()


def start_program(
    module: str, store: Store, log: BinaryIO, surroundings: Mapping[str, str] = os.environ
) -> "subprocess.Popen[bytes]":
    """Start a module of this package beside the app, with pipes for its input and output and its errors in the log.

    It has a session of its own, so that Ctrl-C in the terminal reaches only the app. `surroundings`: environment
    variables. Raises OSError or PathError.
    """
    return subprocess.Popen(
        [sys.executable, "-m", module],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        start_new_session=True,
        cwd=Path(__file__).resolve().parents[2],
        env={**surroundings, **_folders(store)},
    )


def _folders(store: Store) -> dict[str, str]:
    """Environment variables that lead the worker to the same folders from its own working directory."""
    return {
        "MNIST_LAB_DATA": str(environment.data_dir()),
        "MNIST_LAB_RESULTS": str(store.root),
        "MNIST_LAB_DATABASE": store.url,
    }
