"""What a lesson under load has measured, and the figures made of it."""

import statistics
import threading
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

# Waits below this many seconds count as this long: nobody notices which of two such waits was the longer one.
SHORTEST_WAIT = 1.0


@dataclass
class Notes:
    """Seconds by kind, such as "drawn answer", and errors; written to by all sessions at once."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def time(self, kind: str, seconds: float) -> None:
        with self._lock:
            self.seconds[kind].append(seconds)

    def error(self, text: str) -> None:
        with self._lock:
            self.errors.append(text)


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share of the values do not exceed; NaN without values."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def ratio_of_waits(waits: Sequence[float]) -> float:
    """Longest over shortest wait, where waits below `SHORTEST_WAIT` count as that; NaN without waits."""
    counted = [max(wait, SHORTEST_WAIT) for wait in waits]
    return max(counted) / min(counted) if counted else float("nan")


def growth(samples: Sequence[float]) -> float:
    """By which share a quantity grew over the last half of evenly spaced samples: its last fifth against the middle.

    NaN for fewer than ten samples.
    """
    if len(samples) < 10:
        return float("nan")
    fifth = len(samples) // 5
    middle = statistics.mean(samples[len(samples) // 2 :][:fifth])
    return statistics.mean(samples[-fifth:]) / middle - 1


def faults_in_log(text: str) -> list[str]:
    """The lines of an app's log that tell of an uncaught exception."""
    lines = text.splitlines()
    faults = []
    for index, line in enumerate(lines):
        if line.lstrip().startswith("Traceback (most recent call last)"):
            # The exception itself stands on the first line behind the indented frames.
            after = (other for other in lines[index + 1 :] if other and not other.lstrip().startswith(("File", "|")))
            faults.append(next((other for other in after if not other.startswith(" ")), line).strip())
    return faults
