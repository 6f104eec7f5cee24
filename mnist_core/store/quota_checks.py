"""Reads and changes the bounds of students, and checks what a student wants to do against them."""

from collections.abc import Mapping
from dataclasses import fields

import sqlalchemy as sa

from mnist_core.errors import ConfigError
from mnist_core.store.quotas import QUOTAS, SETTING, Quotas, is_valid
from mnist_core.store.run import Run
from mnist_core.store.schema import artifacts, runs
from mnist_core.store.store import Store

_MEGA = 1_000_000
_ASK = "ask your teacher"


def read_quotas(store: Store) -> Quotas:
    """The bounds of this store; the usual one for each that was not set, or cannot be read."""
    return Quotas.stored(store.setting(SETTING))


def write_quotas(store: Store, quotas: Quotas) -> None:
    """Change the bounds. Raises ConfigError for one out of its range, NotAllowedError for a student."""
    for field in fields(Quotas):
        quota, value = QUOTAS[field.name], getattr(quotas, field.name)
        if not is_valid(field.name, value):
            raise ConfigError(field.name, f"{quota.label} must lie between {quota.lowest:,} and {quota.highest:,}")
    store.set_setting(SETTING, vars(quotas))


def check_quotas(store: Store, count: int, epochs: int, parameters: int, memory: int, field: str) -> None:
    """Raise ConfigError if a student may not queue so many runs.

    `epochs`, `parameters` and `memory` (bytes) are the most of any of them; `field` is what the error names where all
    together are too many.
    """
    quotas = read_quotas(store)
    if parameters > quotas.parameters:
        raise ConfigError(
            "architecture",
            f"{parameters:,} parameters are more than the {quotas.parameters:,} that a network may have in this "
            f"class; use fewer units or channels, or {_ASK}",
        )
    if epochs > quotas.epochs:
        raise ConfigError(
            "epochs", f"{epochs:,} are more than the {quotas.epochs:,} of this class; choose fewer, or {_ASK}"
        )
    if memory > quotas.memory * _MEGA:
        raise ConfigError(
            "batch_size",
            f"training with this network and batch size needs about {_megabytes(memory)} of memory, more than the "
            f"{quotas.memory:,} MB of this class; choose a smaller batch size, fewer units or channels, or {_ASK}",
        )
    with store.engine.connect() as connection:
        check_room(connection, quotas, store.owner, count, field)
    # A run's files are small beside what a student may have, so a run may begin while there is any room.
    check_disk(store, 1, field)


def check_time_left(store: Store, run: Run) -> None:
    """Raise ConfigError if a student's run has trained for as long as it may: it would stop again at once."""
    minutes = read_quotas(store).minutes
    if run.seconds >= 60 * minutes:
        raise ConfigError(
            "queue",
            f"run #{run.number} has trained for the {minutes:,} minutes that a run may take in this class; ask your "
            "teacher",
        )


def check_room(connection: sa.Connection, quotas: Quotas, owner: str | None, more: int, field: str) -> None:
    """Raise ConfigError if this student, or all, have so many runs in the queue that `more` would be too many."""
    waiting = _count_waiting(connection)
    queued = waiting.get(owner, 0)
    if queued + more > quotas.queued:
        raise ConfigError(
            field,
            f"{queued:,} of your runs wait and {more:,} more would be too many: at most {quotas.queued:,} may wait in "
            "this class; choose fewer, or wait until some are trained",
        )
    together = sum(waiting.values()) - waiting.get(None, 0)
    if together + more > quotas.queued_together:
        raise ConfigError(
            field,
            f"{together:,} runs of the class wait and {more:,} more would be too many: at most "
            f"{quotas.queued_together:,} of all students may wait; choose fewer, or wait until some are trained",
        )


def check_disk(store: Store, more: int, field: str) -> None:
    """Raise ConfigError if a student, or all together, have no room on the disk for so many bytes more."""
    if store.owner is None:
        return
    quotas, by_owner = read_quotas(store), used_by_owner(store)
    used, together = by_owner.get(store.owner, 0), sum(by_owner.values())
    if used + more > quotas.megabytes * _MEGA:
        raise ConfigError(
            field,
            f"your runs take {_megabytes(used)} of the {quotas.megabytes:,} MB that each may have in this class"
            f"{_also(more)}; {_ASK} for more, or delete some: their room is free a day later",
        )
    if together + more > quotas.megabytes_together * _MEGA:
        raise ConfigError(
            field,
            f"the runs of the class take {_megabytes(together)} of the {quotas.megabytes_together:,} MB that all "
            f"students may have{_also(more)}; {_ASK} for more",
        )


def used_bytes(store: Store) -> int:
    """Bytes of all files of the runs of whoever has this store, with those of deleted runs that are still there."""
    query = sa.select(sa.func.sum(artifacts.c.size)).join(runs).where(runs.c.owner == store.owner)
    with store.engine.connect() as connection:
        return int(connection.execute(query).scalar() or 0)


def used_by_owner(store: Store) -> dict[str, int]:
    """Bytes of all files by the id of the student whose runs they belong to, counted as by `used_bytes`."""
    columns = runs.c.owner, sa.func.sum(artifacts.c.size)
    query = sa.select(*columns).join_from(runs, artifacts).where(runs.c.owner.is_not(None)).group_by(runs.c.owner)
    with store.engine.connect() as connection:
        return {owner: int(size) for owner, size in connection.execute(query)}


def count_waiting(store: Store) -> dict[str, int]:
    """How many runs wait, by the id of the student whose they are."""
    with store.engine.connect() as connection:
        return {owner: count for owner, count in _count_waiting(connection).items() if owner is not None}


def _count_waiting(connection: sa.Connection) -> Mapping[str | None, int]:
    waiting = (runs.c.state == "queued") & runs.c.deleted.is_(None)
    query = sa.select(runs.c.owner, sa.func.count()).where(waiting).group_by(runs.c.owner)
    return {row[0]: row[1] for row in connection.execute(query)}


def _also(more: int) -> str:
    """What is to come, where that is more than a sign that anything is."""
    return f", and this would be {_megabytes(more)} more" if more > 1 else ""


def _megabytes(size: int) -> str:
    return f"{size / _MEGA:,.0f} MB"
