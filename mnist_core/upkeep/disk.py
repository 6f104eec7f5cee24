"""The disk space that runs take, and how to free some of it."""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from mnist_core.store import Artifact, Run, Store, database_file, retention

_DAY = 24 * 3600.0


@dataclass(frozen=True)
class Freed:
    """The disk space that pruning one run frees."""

    run: Run
    checkpoints: tuple[Artifact, ...]
    # Bytes that the removed files take on the disk.
    size: int


def database_size(store: Store) -> int:
    """Bytes of the database with its write-ahead log; on a server, what the database takes there."""
    path = database_file(store.url)
    if path is None:
        with store.engine.connect() as connection:
            return connection.execute(sa.select(sa.func.pg_database_size(sa.func.current_database()))).scalar_one()
    files = [path, path.with_name(f"{path.name}-wal")]
    return sum(file.stat().st_size for file in files if file.is_file())


def ended(
    store: Store, runs: Sequence[Run] | None = None, states: Sequence[str] = (), older_than_days: float = 0.0
) -> list[Run]:
    """Ended runs among `runs` (by default all), filtered by their state and by how long ago they ended."""
    latest = store.clock() - older_than_days * _DAY
    return [
        run
        for run in (store.runs() if runs is None else runs)
        if not run.active
        and (not states or run.state in states)
        and (older_than_days <= 0 or (run.finished or run.created) < latest)
    ]


def prune(store: Store, runs: Sequence[Run], dry_run: bool = False) -> list[Freed]:
    """Remove checkpoints of ended runs: all but the best, the last, and those from which other runs go on.

    With `dry_run` nothing is removed, and the result says what would be freed. Curves, figures and predictions stay.
    """
    prunings = [_needless(store, run) for run in runs]
    if not dry_run:
        for freed in prunings:
            for checkpoint in freed.checkpoints:
                store.drop_artifact(freed.run, checkpoint.path)
    return [freed for freed in prunings if freed.checkpoints]


def remove_deleted(store: Store, dry_run: bool = False) -> tuple[list[Run], int, list[Run]]:
    """Remove deleted runs for good; returns the removed runs, the freed bytes, and the runs that could not be removed.

    A deleted run that still trains is left until it has stopped. With `dry_run` nothing is removed.
    """
    gone = [run for run in store.runs(deleted=True, luck=None) if run.state != "running"]
    sizes = store.sizes([run.id for run in gone])
    if not dry_run:
        store.purge(deleted_before=float("inf"))
    left = {run.id for run in store.runs(deleted=True, luck=None)}
    kept = [] if dry_run else [run for run in gone if run.id in left]
    gone = [run for run in gone if run not in kept]
    return gone, sum(sizes.get(run.id, 0) for run in gone), kept


def _needless(store: Store, run: Run) -> Freed:
    checkpoints = retention.needless(store, run)
    return Freed(run, tuple(checkpoints), sum(store.size(run.id, checkpoint) for checkpoint in checkpoints))
