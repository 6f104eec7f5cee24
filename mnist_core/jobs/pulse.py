"""The pulse of a run: records signs of life, reads requests to stop or pause, and repeats writes that failed."""

import contextlib
import math
import sys
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from mnist_core.errors import LostRunError, MnistLabError
from mnist_core.jobs.troubles import STORE_ERRORS, Pauses, explain, passes
from mnist_core.store import Run, RunState, Store, read_quotas

_BEAT_SECONDS = 0.4
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.5, 5.0
_WISHES: dict[str, RunState] = {"stop": "stopped", "pause": "paused"}
_TOO_LONG = "It was stopped at the time that a run may take in this class."
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

    def bound_time(self) -> None:
        """From now on count the time that a student's run may take; any other takes as long as it takes."""
        if self._run.owner is not None:
            left = 60 * read_quotas(self._store).minutes - self._run.seconds
            self._last_moment = time.monotonic() + max(0.0, left)

    @property
    def reason(self) -> str:
        """A sentence for the run's note where the pulse itself has ended it, else ""."""
        return _TOO_LONG if time.monotonic() >= self._last_moment else ""

    def run(self) -> None:
        while not self._ended.wait(_BEAT_SECONDS):
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
