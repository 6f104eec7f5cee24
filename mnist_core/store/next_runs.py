"""Which queued runs come next, for whoever gives several away at once."""

from collections.abc import Collection
from itertools import islice

from mnist_core.store import rows
from mnist_core.store.quota_checks import read_quotas
from mnist_core.store.run import Run
from mnist_core.store.schema import runs
from mnist_core.store.store import Store

# Rows that are looked at for each one that is wanted, at least: some may be deleted or cannot be read.
_SOME = 16


def next_runs(store: Store, count: int, leave_out: Collection[str] = ()) -> list[Run]:
    """At most so many queued runs whose students have room, in the order of their turns, without these ids."""
    with store.engine.connect() as connection:
        order = list(islice(rows.queue_order(connection, read_quotas(store).running), count + len(leave_out) + _SOME))
        here = (runs.c.state == "queued", runs.c.deleted.is_(None))
        matches, _ = rows.read_numbers(connection, order, *here)
    places = {number: position for position, number in enumerate(order)}
    waiting = [run for run in matches if run.id not in leave_out]
    return sorted(waiting, key=lambda run: places[run.number])[:count]
