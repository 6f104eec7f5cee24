"""The jobs' side of a worker: its process, whether it can train, and the run that it was given. Never imports torch."""

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

from mnist_core.store import Run, Store

LOG = "worker.log"
# What a worker says on its standard output once it has imported all that training needs.
READY = b"ready"
_LINES = 6
_LINE_LENGTH = 300
_TAIL_BYTES = 8_000


class WorkerProcess:
    """A process that trains one run after another; without a run it waits for the next."""

    def __init__(self, store: Store) -> None:
        """Start it. Its own session: Ctrl-C in the terminal is for the app. Raises OSError."""
        self.run: Run | None = None
        # When it was given that run, and when it was started, of time.monotonic.
        self.handed = 0.0
        self.started = time.monotonic()
        # The one that it can see; chosen with its first run, for good.
        self.gpu = ""
        # Why it was killed, if it was.
        self.verdict = ""
        self._ready = threading.Event()
        self._log = store.root / LOG
        with self._log.open("ab") as log:
            self._log_start = log.tell()
            self.process = subprocess.Popen(
                [sys.executable, "-m", "mnist_core.jobs.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
                cwd=Path(__file__).resolve().parents[2],
                env=os.environ | {"MNIST_LAB_RESULTS": str(store.root), "MNIST_LAB_DATABASE": store.url},
            )
        self._listener = threading.Thread(target=self._listen, name="worker-listener", daemon=True)
        self._listener.start()

    @property
    def ready(self) -> bool:
        """Whether it has imported all that training needs; one that ends before cannot train at all."""
        return self._ready.is_set()

    def ended(self) -> int | None:
        """Its exit code once it has ended, or None. All that it has said is known by then."""
        code = self.process.poll()
        if code is not None:
            self._listener.join(1.0)
        return code

    def hand(self, run: Run, gpu: str) -> None:
        """Give it a run to train."""
        self.run, self.gpu, self.handed = run, gpu, time.monotonic()
        order = {"run": run.id, "worker": run.worker, "gpu": gpu}
        assert self.process.stdin is not None
        # it died while it waited; that is found out as it is looked at next
        with contextlib.suppress(OSError):
            self.process.stdin.write(json.dumps(order).encode() + b"\n")
            self.process.stdin.flush()

    def close(self) -> None:
        """Close its standard input: it ends once it waits."""
        assert self.process.stdin is not None
        # it is gone already
        with contextlib.suppress(OSError):
            self.process.stdin.close()

    def last_lines(self) -> str:
        """The last lines of the log since it began: what it said before it died."""
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
