"""The pulse of a run: records signs of life, reads requests to stop or pause, and repeats writes that failed.

It also ends a student's run that takes more time or memory than the class allows.
"""

import contextlib
import math
import sys
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from mnist_core.errors import LostRunError, MnistLabError
from mnist_core.jobs.memory import process_memory
from mnist_core.jobs.troubles import STORE_ERRORS, Pauses, explain, passes
from mnist_core.store import Run, RunState, Store, read_quotas

_BEAT_SECONDS = 0.4
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.5, 5.0
_WISHES: dict[str, RunState] = {"stop": "stopped", "pause": "paused", "move": "paused"}
_TOO_LONG = "It was stopped at the time that a run may take in this class."
_TOO_MUCH = (
    "It was stopped because it took more memory than a run may take in this class; choose a smaller batch size or a "
    "smaller network."
)
# A run that was queued because its estimate is within the bound is not to be stopped for what the estimate leaves out:
# its images (up to 120 MB for MNIST) and what layers need while they compute.
_MEMORY_FACTOR = 1.5
_Result = TypeVar("_Result")


class HeldUpError(MnistLabError):
    """The run was asked to end while it waited for room on the disk, or for the database."""


class Pulse(threading.Thread):
    """A thread beside the training, in the worker's process."""

    def __init__(self, store: Store, run: Run, interrupt: threading.Event) -> None:
        super().__init__(name="pulse", daemon=True)
        self._store, self._run, self._interrupt = store, run, interrupt
        self._ended = threading.Event()
        self._wish: RunState | None = None
        # A student's run ends in good order at this moment of the monotonic clock.
        self._last_moment = math.inf
        # Bytes of the whole process above which a student's run ends in good order, and whether it was above.
        self._most_memory, self._too_much = math.inf, False

    def bound_student(self) -> None:
        """From now on watch the time and the memory that a student's run takes; any other takes what it takes."""
        if self._run.owner is None:
            return
        quotas = read_quotas(self._store)
        self._last_moment = time.monotonic() + max(0.0, 60 * quotas.minutes - self._run.seconds)
        # What the process takes already is not the run's: torch, and what runs before it have left. Where the system
        # does not tell, the bound is NaN, and nothing is above it.
        self._most_memory = process_memory() + _MEMORY_FACTOR * 1e6 * quotas.memory

    @property
    def reason(self) -> str:
        """A sentence for the run's note where the pulse itself has ended it, else ""."""
        if self._too_much:
            return _TOO_MUCH
        return _TOO_LONG if time.monotonic() >= self._last_moment else ""

    def run(self) -> None:
        while not self._ended.wait(_BEAT_SECONDS):
            self._too_much = self._too_much or process_memory() > self._most_memory
            try:
                asked = self._store.beat(self._run)
            except LostRunError:
                self._wish = "interrupted"
                return
            except STORE_ERRORS:
                # Ignore it here: the training meets the same error and reports it.
                continue
            self._wish = _WISHES.get(asked or "") or ("stopped" if self.reason else None)

    @property
    def wish(self) -> RunState | None:
        """The state in which the run should end now, if any."""
        return "interrupted" if self._interrupt.is_set() else self._wish

    def hold(self, write: Callable[[], _Result]) -> _Result:
        """Call `write` until it succeeds, and return its result; the training waits and nothing is lost.

        Raises HeldUpError if the run is to end before that. Errors that waiting cannot mend are raised at once.
        """
        pauses = Pauses(_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS)
        trouble = ""
        while True:
            try:
                result = write()
            except STORE_ERRORS as error:
                if not passes(error):
                    raise
                if not trouble:
                    _say(f"run #{self._run.number} waits: {explain(error)}")
                trouble = explain(error)
            else:
                if trouble:
                    self._tell(None)
                return result
            self._tell(f"{trouble} The run waits with what it could not write, and goes on by itself.")
            self._pause(pauses.next(), trouble)

    def end(self) -> None:
        self._ended.set()
        self.join()

    def _tell(self, trouble: str | None) -> None:
        # If not even this can be written, the jobs meet the same trouble and report it.
        with contextlib.suppress(*STORE_ERRORS):
            self._store.describe(self._run, trouble=trouble)

    def _pause(self, seconds: float, trouble: str) -> None:
        step = 0.2
        for _ in range(max(1, round(seconds / step))):
            if self.wish:
                raise HeldUpError(f"{trouble} The run was ended while it waited; it can be resumed.")
            self._ended.wait(step)


def _say(text: str) -> None:
    # The log may be on the same full disk.
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr, flush=True)
