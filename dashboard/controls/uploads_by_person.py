"""How much each student has uploaded within an hour, and may upload still; counted in the memory of the app."""

import time
from collections import Counter
from collections.abc import Callable

_WINDOW_MINUTES = 60


class UploadsByPerson:
    """Bytes that each person has sent, by minute, so that many small files take no memory."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sent: dict[str, Counter[int]] = {}

    def sent(self, person: str) -> int:
        """Bytes that a person has sent within the last hour."""
        oldest = self._minute() - _WINDOW_MINUTES
        minutes = self._sent.get(person, Counter())
        return sum(size for minute, size in minutes.items() if minute > oldest)

    def add(self, person: str, size: int) -> None:
        """Count what a person sends now."""
        now = self._minute()
        for name, minutes in list(self._sent.items()):
            for minute in [minute for minute in minutes if minute <= now - _WINDOW_MINUTES]:
                del minutes[minute]
            if not minutes:
                del self._sent[name]
        self._sent.setdefault(person, Counter())[now] += size

    def _minute(self) -> int:
        return int(self._clock() // 60)
