"""What each student of a class may use, so that one cannot take what thirty need; the teacher changes it.

Whoever uses the lab without logins, and the teacher, are bound by the limits of the machine alone (`limits`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import sqlalchemy as sa

from mnist_core.config import RunConfig
from mnist_core.errors import ConfigError
from mnist_core.store.schema import artifacts, runs
from mnist_core.store.store import Store

_SETTING = "quotas"
_MEGA = 1_000_000


@dataclass(frozen=True)
class Quota:
    """One bound: its name in `Quotas`, and what a form says of it."""

    name: str
    label: str
    lowest: int
    highest: int
    usual: int
    help: str


# An entry here is a field of the form, and a check below or where `help` says.
QUOTAS = {
    quota.name: quota
    for quota in (
        Quota("running", "Runs at once", 1, 64, 1, "How many runs of one student train at the same time."),
        Quota("queued", "Runs that wait", 1, 1000, 20, "How many runs of one student may stand in the queue."),
        Quota("parameters", "Parameters of a network", 1000, 10**9, 2_000_000, "The largest network of a student."),
        Quota("epochs", "Epochs of a run", 1, 10_000, 50, "The longest run of a student."),
        Quota("minutes", "Minutes of a run", 1, 10_000, 10, "After this time a student's run is stopped and tested."),
        Quota("megabytes", "Megabytes of all runs", 1, 10**6, 500, "Room on the disk for all runs of a student."),
        Quota(
            "people",
            "Students",
            1,
            1000,
            100,
            "How many the link lets in; a second device counts, too.",
        ),
    )
}


@dataclass(frozen=True)
class Quotas:
    """The bounds of one class; see `QUOTAS` for what they mean."""

    running: int = QUOTAS["running"].usual
    queued: int = QUOTAS["queued"].usual
    parameters: int = QUOTAS["parameters"].usual
    epochs: int = QUOTAS["epochs"].usual
    minutes: int = QUOTAS["minutes"].usual
    megabytes: int = QUOTAS["megabytes"].usual
    people: int = QUOTAS["people"].usual


def read_quotas(store: Store) -> Quotas:
    """The bounds of this store; the usual one for each that was not set, or cannot be read."""
    stored = store.setting(_SETTING, {})
    values = stored.items() if isinstance(stored, dict) else ()
    return Quotas(**{name: value for name, value in values if _is_valid(name, value)})


def write_quotas(store: Store, quotas: Quotas) -> None:
    """Change the bounds. Raises ConfigError for one out of its range, NotAllowedError for a student."""
    for field in fields(Quotas):
        quota, value = QUOTAS[field.name], getattr(quotas, field.name)
        if not _is_valid(field.name, value):
            raise ConfigError(field.name, f"{quota.label} must lie between {quota.lowest:,} and {quota.highest:,}")
    store.set_setting(_SETTING, vars(quotas))


def check_quotas(store: Store, configs: Sequence[RunConfig], parameters: Sequence[int], field: str) -> None:
    """Raise ConfigError if a student may not queue these runs, whose networks have so many parameters.

    `field` is what the error names where all together are too many.
    """
    if store.owner is None or not configs:
        return
    quotas = read_quotas(store)
    ask = "ask your teacher"
    if max(parameters) > quotas.parameters:
        raise ConfigError(
            "architecture",
            f"{max(parameters):,} parameters are more than the {quotas.parameters:,} that a network may have in this "
            f"class; use fewer units or channels, or {ask}",
        )
    if (epochs := max(config.epochs for config in configs)) > quotas.epochs:
        raise ConfigError(
            "epochs", f"{epochs:,} are more than the {quotas.epochs:,} of this class; choose fewer, or {ask}"
        )
    check_count(store, len(configs), field)
    if (used := used_bytes(store)) >= quotas.megabytes * _MEGA:
        raise ConfigError(
            field,
            f"your runs take {used / _MEGA:,.0f} MB of the {quotas.megabytes:,} MB that each may have in this class; "
            f"delete some, or {ask}",
        )


def check_count(store: Store, more: int, field: str) -> None:
    """Raise ConfigError if a student has so many runs in the queue that `more` would be too many."""
    if store.owner is None:
        return
    with store.engine.connect() as connection:
        check_room(connection, read_quotas(store), store.owner, more, field)


def check_room(connection: sa.Connection, quotas: Quotas, owner: str | None, more: int, field: str) -> None:
    """`check_count` within a transaction."""
    waiting = (runs.c.state == "queued") & runs.c.deleted.is_(None) & (runs.c.owner == owner)
    queued = connection.execute(sa.select(sa.func.count()).where(waiting)).scalar_one()
    most = quotas.queued
    if queued + more > most:
        raise ConfigError(
            field,
            f"{queued:,} of your runs wait and {more:,} more would be too many: at most {most:,} may wait in this "
            "class; choose fewer, or wait until some are trained",
        )


def used_bytes(store: Store) -> int:
    """Bytes of all files of the runs of whoever has this store."""
    query = sa.select(sa.func.sum(artifacts.c.size)).join(runs).where(runs.c.owner == store.owner)
    with store.engine.connect() as connection:
        return int(connection.execute(query).scalar() or 0)


def _is_valid(name: object, value: Any) -> bool:
    quota = QUOTAS.get(str(name))
    return quota is not None and type(value) is int and quota.lowest <= value <= quota.highest
