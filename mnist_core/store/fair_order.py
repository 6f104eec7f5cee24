"""The order in which waiting runs are trained: one of each person in turn, so that no sweep starves a first run."""

import heapq
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def fair_order(
    waiting: Sequence[tuple[int, Any]],
    running: Mapping[Any, int],
    last_started: Mapping[Any, float],
    most_of_student: int | None = None,
) -> Iterator[int]:
    """Numbers of waiting runs in the order in which they are trained if nothing else comes.

    `waiting` are numbers and owners in the order of their places; `running` counts the runs of each owner that train
    now, and `last_started` says when an owner's last run began. The next run is one of the owner with the fewest runs
    that train or come before; of equals, of the one whose last run began longest ago; of these, the first in
    `waiting`. The runs of one owner keep their order. With `most_of_student`, whoever has so many runs in training is
    passed over; an owner None, the teacher, never is.
    """
    by_owner: dict[Any, deque[tuple[int, int]]] = {}
    for position, (number, owner) in enumerate(waiting):
        by_owner.setdefault(owner, deque()).append((position, number))
    turns: list[tuple[int, float, int, Any]] = []
    owners = list(by_owner)
    for index, owner in enumerate(owners):
        if most_of_student is None or owner is None or running.get(owner, 0) < most_of_student:
            turns.append((running.get(owner, 0), last_started.get(owner, float("-inf")), by_owner[owner][0][0], index))
    heapq.heapify(turns)
    # Runs that come first here have begun later than all that have begun already.
    moment = max(last_started.values(), default=0.0)
    while turns:
        before, _, _, index = heapq.heappop(turns)
        runs_of_owner = by_owner[owners[index]]
        yield runs_of_owner.popleft()[1]
        moment += 1.0
        if runs_of_owner:
            heapq.heappush(turns, (before + 1, moment, runs_of_owner[0][0], index))
