"""A lesson under load as a table."""

import math
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.app_memory import Taken
from benchmarks.class_figures import SHORTEST_WAIT, Notes, growth, percentile, ratio_of_waits


@dataclass(frozen=True)
class Lesson:
    """What a lesson has measured."""

    notes: Notes
    # Uncaught exceptions in the app's log.
    faults: list[str]
    # The app's process before anybody came and at the end.
    before: Taken
    after: Taken
    # Its memory (PSS) in bytes during the lesson, evenly spaced.
    samples: Sequence[float]
    # Images a second of the two long runs, alone and during the lesson.
    alone: float
    during: float
    # Seconds of each student's first run; None where it has not begun.
    waits: Sequence[float | None]
    sessions: int
    seconds: float
    # Processor cores by who took them.
    cores: Mapping[str, float]


def table(lesson: Lesson) -> str:
    """One line a figure: its name, its value, and what is wanted."""
    errors = [*lesson.notes.errors, *(f"log of the app: {fault}" for fault in lesson.faults)]
    waits = [wait for wait in lesson.waits if wait is not None]
    first, last = lesson.before, lesson.after
    rows = [
        (f"errors of {lesson.sessions} sessions in {lesson.seconds:.0f} s", f"{len(errors)}", "0"),
        *(_times(lesson, kind, goal) for kind, goal in _GOALS.items() if kind in lesson.notes.seconds),
        ("memory a session, PSS", f"{(max(lesson.samples) - first.pss) / lesson.sessions / 1e6:.1f} MB", ""),
        ("memory of the app, PSS, before and after", f"{first.pss / 1e6:.0f}, {last.pss / 1e6:.0f} MB", ""),
        ("threads; open files at the end", f"{last.threads}; {last.files}", ""),
        ("growth of memory over the last half", f"{growth(lesson.samples):.1%}", "< 5 %"),
        (
            f"speed kept ({lesson.during:,.0f} of {lesson.alone:,.0f} images a second)",
            f"{lesson.during / lesson.alone if lesson.alone else math.nan:.2f}",
            ">= 0.8",
        ),
        ("longest over shortest wait of first runs", f"{ratio_of_waits(waits):.1f}", "<= 3"),
        ("   " + _describe_waits(lesson.waits), "", ""),
        *((f"cores that the {part} took", f"{cores:.2f}", "") for part, cores in lesson.cores.items()),
    ]
    lines = [f"{name:<62}{value:>22}  {goal}".rstrip() for name, value, goal in rows]
    return "\n".join(lines + [f"  {count} times: {text}" for text, count in Counter(errors).most_common(20)])


# What is wanted of the 95th percentile.
_GOALS = {
    "page load": "<= 2 s",
    "page load, browser": "<= 2 s",
    "change of pages, browser": "<= 2 s",
    "drawn answer": "<= 0.4 s",
    "drawn answer, browser": "<= 0.4 s",
    "click on Start": "",
    "look at runs": "",
    "update of a page": "",
    "question for messages": "",
}


def _times(lesson: Lesson, kind: str, goal: str) -> tuple[str, str, str]:
    seconds = lesson.notes.seconds[kind]
    value = f"{statistics.median(seconds):.2f}, {percentile(seconds, 0.95):.2f} s"
    return f"{kind}, median and 95th percentile of {len(seconds)}", value, goal


def _describe_waits(waits: Sequence[float | None]) -> str:
    begun = [wait for wait in waits if wait is not None]
    if not begun:
        return f"of {len(waits)} first runs none has begun"
    text = f"{len(begun)} of {len(waits)} begun: {min(begun):.1f}, {statistics.median(begun):.1f}, {max(begun):.1f} s"
    return f"{text} (below {SHORTEST_WAIT:.0f} s counts as that)"
