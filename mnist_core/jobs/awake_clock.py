"""How long runs have been silent, counting only the time in which this process was awake to notice a message."""

import threading
import time
from collections.abc import Callable, Mapping

_TICK_SECONDS = 0.5


class AwakeClock(threading.Thread):
    """Counts the seconds for which this process was awake.

    A machine that sleeps, a process that is stopped and a clock that is set add nothing: of the time between two ticks
    no more than twice their distance counts, however long it was.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(name="awake-clock", daemon=True)
        self._clock = clock
        self._ticked = clock()
        self._seconds = 0.0
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.wait(_TICK_SECONDS):
            self.tick()

    def tick(self) -> None:
        """Add the time since the last tick."""
        now = self._clock()
        self._seconds += min(max(now - self._ticked, 0.0), 2 * _TICK_SECONDS)
        self._ticked = now

    def seconds(self) -> float:
        """Seconds awake since the clock was made."""
        return self._seconds

    def end(self) -> None:
        """Tell the thread to end."""
        self._ended.set()


class Silence:
    """Counts the seconds of a clock since the last sign of life of each run."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        # The last message of each run by its id, and the time at which it was first seen.
        self._words: dict[str, object] = {}
        self._heard: dict[str, float] = {}

    def look(self, words: Mapping[str, object]) -> None:
        """Record the last message of each run, by its id."""
        now = self._clock()
        self._heard = {
            run: self._heard[run] if run in self._words and self._words[run] == word else now
            for run, word in words.items()
        }
        self._words = dict(words)

    def forget(self) -> None:
        """Restart all counts at zero, because no worker could record a message in the meantime."""
        self._heard = dict.fromkeys(self._heard, self._clock())

    def of(self, run: str) -> float:
        """For how many seconds this run has been silent, as far as this process knows."""
        return self._clock() - self._heard[run] if run in self._heard else 0.0
