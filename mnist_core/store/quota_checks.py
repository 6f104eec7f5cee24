"""Reads and changes the bounds of students, and checks what a student wants to queue against them."""

from dataclasses import fields

import sqlalchemy as sa

from mnist_core.errors import ConfigError
from mnist_core.store.quotas import QUOTAS, SETTING, Quotas, is_valid
from mnist_core.store.run import Run
from mnist_core.store.schema import artifacts, runs
from mnist_core.store.store import Store

_MEGA = 1_000_000


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


def check_quotas(store: Store, count: int, epochs: int, parameters: int, field: str) -> None:
    """Raise ConfigError if a student may not queue so many runs, the longest and the largest of which these are.

    `field` is what the error names where all together are too many.
    """
    quotas = read_quotas(store)
    ask = "ask your teacher"
    if parameters > quotas.parameters:
        raise ConfigError(
            "architecture",
            f"{parameters:,} parameters are more than the {quotas.parameters:,} that a network may have in this "
            f"class; use fewer units or channels, or {ask}",
        )
    if epochs > quotas.epochs:
        raise ConfigError(
            "epochs", f"{epochs:,} are more than the {quotas.epochs:,} of this class; choose fewer, or {ask}"
        )
    with store.engine.connect() as connection:
        check_room(connection, quotas, store.owner, count, field)
    if (used := used_bytes(store)) >= quotas.megabytes * _MEGA:
        raise ConfigError(
            field,
            f"your runs take {used / _MEGA:,.0f} MB of the {quotas.megabytes:,} MB that each may have in this class; "
            f"delete some, or {ask}",
        )


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
    """Raise ConfigError if a student has so many runs in the queue that `more` would be too many."""
    waiting = (runs.c.state == "queued") & runs.c.deleted.is_(None) & (runs.c.owner == owner)
    queued = connection.execute(sa.select(sa.func.count()).where(waiting)).scalar_one()
    if queued + more > quotas.queued:
        raise ConfigError(
            field,
            f"{queued:,} of your runs wait and {more:,} more would be too many: at most {quotas.queued:,} may wait in "
            "this class; choose fewer, or wait until some are trained",
        )


def used_bytes(store: Store) -> int:
    """Bytes of all files of the runs of whoever has this store."""
    query = sa.select(sa.func.sum(artifacts.c.size)).join(runs).where(runs.c.owner == store.owner)
    with store.engine.connect() as connection:
        return int(connection.execute(query).scalar() or 0)
