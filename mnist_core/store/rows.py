"""Rows of the table of runs as runs; one that cannot be read is told apart, and spoils no other."""

import socket
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from mnist_core.errors import StorageError
from mnist_core.store.run import BrokenRun, Holder, Run, run_from_row
from mnist_core.store.schema import runs

# What is raised by JSON that is none, is something else, or lies too deep in itself.
_UNREADABLE = (ValueError, TypeError, RecursionError)


def read(connection: sa.Connection, *conditions: sa.ColumnElement[bool]) -> tuple[list[Run], list[BrokenRun]]:
    """The runs that fit every condition, newest first, and the rows among them that cannot be read."""
    try:
        return _parsed(connection, *conditions)
    except (*_UNREADABLE, StorageError) as error:
        if isinstance(error, StorageError) and error.kind != "damaged":
            raise
    return _halved(connection, 1, _last_number(connection), conditions)


def _halved(
    connection: sa.Connection, first: int, last: int, conditions: tuple[sa.ColumnElement[bool], ...]
) -> tuple[list[Run], list[BrokenRun]]:
    """The same of the numbers from `first` to `last`, which are halved until what cannot be read is alone."""
    if first > last:
        return [], []
    try:
        return _parsed(connection, runs.c.number.between(first, last), *conditions)
    except (*_UNREADABLE, StorageError) as error:
        if first == last:
            removable = not _on_damaged_page(connection, first)
            return [], [_broken(connection, first, _column(connection, first) or _reason(error), removable)]
    middle = (first + last) // 2
    newer, broken = _halved(connection, middle + 1, last, conditions)
    older, also_broken = _halved(connection, first, middle, conditions)
    return newer + older, broken + also_broken


def _parsed(connection: sa.Connection, *conditions: sa.ColumnElement[bool]) -> tuple[list[Run], list[BrokenRun]]:
    """Raises one of _UNREADABLE or StorageError where not even the columns of a row can be read."""
    parsed: list[Run] = []
    broken: list[BrokenRun] = []
    query = sa.select(runs).where(*conditions).order_by(runs.c.number.desc())
    for row in connection.execute(query).mappings().all():
        try:
            parsed.append(run_from_row(row))
        except _UNREADABLE as error:
            broken.append(_broken(connection, row["number"], _reason(error)))
    return parsed, broken


def holder(connection: sa.Connection, number: int) -> Holder | None:
    """Who trains the run of a row that may be broken; None where the database's file is damaged at its place."""
    # As SQLite has them: what a column says in another kind is left out, and spoils no other.
    kinds: dict[str, tuple[type, ...]] = {"host": (str,), "pid": (int,), "pid_start": (str,), "heartbeat": (float, int)}
    values: dict[str, Any] = {}
    for name, kind in kinds.items():
        query = sa.select(sa.cast(runs.c[name], sa.LargeBinary), sa.func.typeof(runs.c[name]))
        try:
            row = connection.execute(query.where(runs.c.number == number)).one_or_none()
        except StorageError as error:
            if error.kind != "damaged":
                raise
            return None
        if row is None:
            return None
        value, stored = row
        values[name] = _as_kind(value, stored, kind)
    return Holder(number, **values)


def first_queued(connection: sa.Connection) -> int | None:
    """Number of the next run of the queue whose row is not on a damaged page, or None.

    Not to be asked within a transaction that writes: SQLite ends that at a damaged page.
    """
    # Their numbers are in the index; it is the rest of a row that may be damaged.
    order = sa.select(runs.c.number).where(runs.c.state == "queued").order_by(runs.c.queued, runs.c.number)
    for number in connection.execute(order).scalars():
        if _on_damaged_page(connection, number):
            continue
        here = sa.select(runs.c.number).where(runs.c.number == number, runs.c.deleted.is_(None))
        if connection.execute(here).scalar() is not None:
            return number
    return None


def running_on_damaged_pages(connection: sa.Connection) -> list[int]:
    """Numbers of the running runs whose rows are on a damaged page; the same holds as for `first_queued`."""
    return [number for number in _running(connection) if _on_damaged_page(connection, number)]


def count_running_here(connection: sa.Connection, leave_out: Sequence[int]) -> int:
    """How many runs train on this machine; rows that are on damaged pages must be left out."""
    numbers = [number for number in _running(connection) if number not in leave_out]
    # A host may be no text, if the row is broken.
    host = sa.cast(runs.c.host, sa.LargeBinary)
    query = sa.select(runs.c.number).where(runs.c.number.in_(numbers), host == socket.gethostname().encode())
    return len(connection.execute(query).all())


def _running(connection: sa.Connection) -> Sequence[int]:
    return connection.execute(sa.select(runs.c.number).where(runs.c.state == "running")).scalars().all()


def readable(connection: sa.Connection, query: "sa.Select[*tuple[Any, ...]]") -> list[sa.Row[Any]]:
    """What a query of the table of runs finds, without what is on damaged pages."""
    try:
        return list(connection.execute(query).all())
    except StorageError as error:
        if error.kind != "damaged":
            raise
    return _readable_between(connection, query, 1, _last_number(connection))


def _readable_between(
    connection: sa.Connection, query: "sa.Select[*tuple[Any, ...]]", first: int, last: int
) -> list[sa.Row[Any]]:
    if first > last:
        return []
    try:
        return list(connection.execute(query.where(runs.c.number.between(first, last))).all())
    except StorageError as error:
        if error.kind != "damaged":
            raise
        if first == last:
            return []
    middle = (first + last) // 2
    older = _readable_between(connection, query, first, middle)
    return older + _readable_between(connection, query, middle + 1, last)


def _last_number(connection: sa.Connection) -> int:
    """The last number that was given; it stands in a table of its own, as that of the runs may be damaged."""
    return int(connection.execute(sa.text("SELECT seq FROM sqlite_sequence WHERE name = 'runs'")).scalar() or 0)


def _as_kind(value: bytes | None, stored: str, kind: tuple[type, ...]) -> Any:
    try:
        if value is None or stored != {str: "text", int: "integer", float: "real"}[kind[0]]:
            return None
        return kind[0](value.decode())
    except ValueError:
        return None


def _on_damaged_page(connection: sa.Connection, number: int) -> bool:
    columns = [sa.cast(column, sa.LargeBinary) for column in runs.c]
    try:
        connection.execute(sa.select(*columns).where(runs.c.number == number)).all()
    except StorageError as error:
        return error.kind == "damaged"
    return False


def _broken(connection: sa.Connection, number: int, reason: str, removable: bool = True) -> BrokenRun:
    texts = [_bytes(connection, number, column) for column in (runs.c.id, runs.c.name)]
    return BrokenRun(number, texts[0], texts[1], reason, removable)


def _bytes(connection: sa.Connection, number: int, column: sa.Column[Any]) -> str:
    """What can be told of a text, whatever is in its place."""
    query = sa.select(sa.cast(column, sa.LargeBinary)).where(runs.c.number == number)
    try:
        value = connection.execute(query).scalar()
    except StorageError:
        return ""
    return "" if value is None else bytes(value).decode(errors="replace")


def _column(connection: sa.Connection, number: int) -> str:
    """Which column of a row cannot be read, and why; "" if each can."""
    for column in runs.c:
        try:
            connection.execute(sa.select(column).where(runs.c.number == number)).all()
        except _UNREADABLE:
            return f"{column.name}: holds no JSON"
        except StorageError as error:
            return f"{column.name}: {error}"
    return ""


def _reason(error: Exception) -> str:
    return str(error).split("\n")[0][:300]
