"""A store with something in every table, and what a move of its database must keep."""

from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa

from mnist_core.config.run_config import RunConfig
from mnist_core.events import EpochEnd, StepEnd
from mnist_core.store import DRAWING_SIDE, StudentStore, add_drawing, let_in, name_person, open_poll, vote
from mnist_core.store.schema import metadata
from mnist_core.store.store import Store

NETWORKS = [RunConfig(architecture=name) for name in ("softmax", "mlp-100")]
PICTURE = np.eye(DRAWING_SIDE, dtype=np.uint8) * 255


def filled_database() -> str:
    """The address of the test's own database, filled, which nobody has open."""
    store = Store.open()
    fill(store)
    store.engine.dispose()
    return store.url


def fill(store: Store) -> None:
    """Two ended runs, one of which diverged, one that waits, a removed one with the highest number, and a class."""
    for sweep, name in (("b", "saved first 😀"), ("a", "saved second")):
        store.save_sweep(sweep, name, {"name": name})
    for name, loss in (("Zürich 😀", 0.25), ("diverged", float("nan"))):
        run = store.enqueue(RunConfig(), name, ["tag"], claimed=True, sweep="b")
        steps = [StepEnd(1, 1, loss, 0.5, 0.1, 0.5, 1.0), StepEnd(2, 1, float("-inf"), 0.5, 0.1, 1.0, 1.0)]
        store.record(run, [*steps, EpochEnd(2, 1, loss, 0.5, loss, 0.1 + 0.2, best=True, seconds=1.0)])
        store.write_artifact(run, "last.bin", "checkpoint", 1, 2, _write)
        store.finish(run, "finished", test_loss=0.1 + 0.2, test_accuracy=1 / 3)
    store.enqueue(RunConfig(seed=3), "waits")
    gone = store.enqueue(RunConfig(seed=4))
    store.delete([gone.id])
    store.purge(store.clock() + 1)
    student = StudentStore(store, let_in(store, "student")[0].id)
    name_person(store, student.owner or "", "Ada")
    vote(student, open_poll(store, "race", NETWORKS, 1).id, 1)
    add_drawing(student, 7, PICTURE)
    store.set_setting("runs_at_once", 0)


def _write(path: Path) -> None:
    path.write_bytes(b"weights")


def content(store: Store) -> dict[str, list[list[str]]]:
    """Every value of every table, special numbers alike whatever the database."""
    with store.engine.connect() as connection:
        found: dict[str, Any] = {
            table.name: connection.execute(sa.select(table).order_by(*table.primary_key.columns)).all()
            for table in metadata.sorted_tables
        }
    # A move wants to be alone.
    store.engine.dispose()
    return {name: [[str(value) for value in row] for row in rows] for name, rows in found.items()}


def check_is_whole(store: Store) -> None:
    """What a move of what `fill` wrote must bring beside the values."""
    ended = store.runs(states=["finished"])
    assert len(ended) == 2
    assert [store.changed_parts(run.id) for run in ended] == [[], []]
    assert store.changed_runs(ended) == store.without_fingerprints() == store.broken() == []
    assert all(store.intact(run.id, store.artifacts(run.id)[0]) for run in ended)
    assert [sweep.id for sweep in store.sweeps()] == ["a", "b"]
    # The number of the removed run is not given again.
    assert store.enqueue(RunConfig()).number == 5
