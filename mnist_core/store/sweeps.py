"""Sweeps in the store: each has a name and a specification; a run names its sweep in its own row."""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from mnist_core.store import history
from mnist_core.store.dialects import json_text
from mnist_core.store.run import LATEST_TIME
from mnist_core.store.schema import lab, measurements, runs, sweeps
from mnist_core.text import one_line


@dataclass(frozen=True)
class SweepRow:
    """A sweep as it is stored; `spec` is JSON that mnist_core.sweeps reads, {} where it cannot be read."""

    id: str
    name: str
    spec: dict[str, Any]
    created: float
    # Id of the person who made it; None for the teacher's, or without logins.
    owner: str | None = None


# Select JSON as text, so that one sweep with broken JSON does not end the list of all.
_COLUMNS = (
    sweeps.c.id,
    sweeps.c.name,
    json_text(sweeps.c.spec),
    sweeps.c.created,
    sweeps.c.owner,
)


# The table lab holds a fingerprint of each sweep's name and specification under this prefix and the sweep's id.
_FINGERPRINT = "sweep:"


def _row(row: Mapping[Any, Any]) -> SweepRow:
    try:
        spec = json.loads(row["spec"])
    except (ValueError, TypeError, RecursionError):
        spec = {}
    if row["fingerprint"] is not None and row["fingerprint"] != _fingerprint(row["name"], spec):
        spec = {}
    created = row["created"]
    dated = isinstance(created, int | float) and 0 <= created <= LATEST_TIME
    return SweepRow(
        id=str(row["id"]),
        name=str(row["name"]),
        spec=spec if isinstance(spec, dict) else {},
        created=float(created) if dated else 0.0,
        owner=row["owner"],
    )


def _fingerprint(name: object, spec: object) -> str:
    return hashlib.sha256(json.dumps([str(name), spec], sort_keys=True).encode()).hexdigest()


def _select() -> "sa.Select[Any, Any, str, Any, Any, Any]":
    kept = lab.c.key == sa.literal(_FINGERPRINT) + sweeps.c.id
    return sa.select(*_COLUMNS, lab.c.value.label("fingerprint")).select_from(sweeps.outerjoin(lab, kept))


def read_sweeps(connection: sa.Connection) -> list[SweepRow]:
    """All sweeps, the last saved one first, whatever their dates are."""
    if connection.dialect.name == "sqlite":
        # Order by SQLite's own row number: ids and dates are out of order if the clock was set back.
        saved = [sa.literal_column("sweeps.rowid").desc()]
    else:
        saved = [sweeps.c.created.desc(), sweeps.c.id.desc()]
    return [_row(row) for row in connection.execute(_select().order_by(*saved)).mappings()]


def read_sweep(connection: sa.Connection, sweep_id: str) -> SweepRow | None:
    """A sweep by its id; None if there is none."""
    row = connection.execute(_select().where(sweeps.c.id == sweep_id)).mappings().first()
    return _row(row) if row else None


def read_at_epoch(connection: sa.Connection, sweep_id: str, name: str, epoch: int) -> dict[str, float]:
    """A metric with one value per epoch, for all runs of a sweep that have it, by their ids, in one query."""
    condition = (runs.c.sweep == sweep_id) & runs.c.deleted.is_(None) & (runs.c.epoch >= epoch)
    column = measurements.c[name]
    query = sa.select(runs.c.id, column).join(measurements, measurements.c.run == runs.c.number).where(condition)
    query = query.where(measurements.c.epoch == epoch, column.is_not(None))
    # Values that are no numbers are stored as texts.
    values = {run_id: float(value) for run_id, value in connection.execute(query)}
    return {run_id: value for run_id, value in values.items() if math.isfinite(value)}


def write_sweep(
    connection: sa.Connection, sweep_id: str, name: str, spec: dict[str, Any], now: float, owner: str | None
) -> None:
    """Add a sweep, or replace the name and content of one that is there."""
    values = {"name": one_line(name), "spec": spec}
    if not connection.execute(sweeps.update().where(sweeps.c.id == sweep_id).values(**values)).rowcount:
        connection.execute(sweeps.insert().values(id=sweep_id, created=now, owner=owner, **values))
    connection.execute(lab.delete().where(lab.c.key == f"{_FINGERPRINT}{sweep_id}"))
    fingerprint = _fingerprint(values["name"], spec)
    connection.execute(lab.insert().values(key=f"{_FINGERPRINT}{sweep_id}", value=fingerprint))


def remove_sweep(connection: sa.Connection, sweep_id: str) -> None:
    """Delete a sweep; its runs stay as single runs."""
    connection.execute(sweeps.delete().where(sweeps.c.id == sweep_id))
    connection.execute(lab.delete().where(lab.c.key == f"{_FINGERPRINT}{sweep_id}"))
    freed = runs.update().where(runs.c.sweep == sweep_id).values(sweep=None).returning(runs.c.number)
    history.relabel(connection, connection.execute(freed).scalars().all(), ["sweep"])
