"""Reads the table of runs as runs; rows that cannot be read are returned apart and do not spoil the others."""

import socket
import time
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from mnist_core.errors import StorageError
from mnist_core.store.dialects import as_bytes
from mnist_core.store.fair_order import fair_order
from mnist_core.store.run import BrokenRun, Holder, Run, run_from_row
from mnist_core.store.schema import runs

# Errors of parsing a column that is not JSON, JSON of another shape, or JSON nested too deeply.
_UNREADABLE = (ValueError, TypeError, RecursionError)
# The clocks of a cluster's machines may differ by so many seconds.
_CLOCKS_DIFFER = 60.0
# What gives runs their numbers on a server.
_SEQUENCE = "CAST(pg_get_serial_sequence('runs', 'number') AS regclass)"


def read(connection: sa.Connection, *conditions: sa.ColumnElement[bool]) -> tuple[list[Run], list[BrokenRun]]:
    """The runs that fit every condition, newest first, and the rows among them that cannot be read."""
    try:
        return _parsed(connection, *conditions)
    except (*_UNREADABLE, StorageError) as error:
        if isinstance(error, StorageError) and error.kind != "damaged":
            raise
    return _halved(connection, 1, last_number(connection), conditions)


def read_numbers(
    connection: sa.Connection, numbers: Sequence[int], *conditions: sa.ColumnElement[bool]
) -> tuple[list[Run], list[BrokenRun]]:
    """As `read`, of the rows with these numbers.

    Where a row cannot be read the list itself is halved: SQLite looks up all of it, whatever range is asked for too.
    """
    if not numbers:
        return [], []
    try:
        return _parsed(connection, runs.c.number.in_(numbers), *conditions)
    except (*_UNREADABLE, StorageError) as error:
        if isinstance(error, StorageError) and error.kind != "damaged":
            raise
        if len(numbers) == 1:
            return [], [_alone(connection, numbers[0], error)]
    middle = len(numbers) // 2
    first, second = (read_numbers(connection, part, *conditions) for part in (numbers[:middle], numbers[middle:]))
    return first[0] + second[0], first[1] + second[1]


def _halved(
    connection: sa.Connection, first: int, last: int, conditions: tuple[sa.ColumnElement[bool], ...]
) -> tuple[list[Run], list[BrokenRun]]:
    """Read the rows with numbers from `first` to `last`, halving the range until each unreadable row is alone."""
    if first > last:
        return [], []
    try:
        return _parsed(connection, runs.c.number.between(first, last), *conditions)
    except (*_UNREADABLE, StorageError) as error:
        if first == last:
            return [], [_alone(connection, first, error)]
    middle = (first + last) // 2
    newer, broken = _halved(connection, middle + 1, last, conditions)
    older, also_broken = _halved(connection, first, middle, conditions)
    return newer + older, broken + also_broken


def _alone(connection: sa.Connection, number: int, error: Exception) -> BrokenRun:
    """What is known of a row that cannot be read."""
    removable = not _on_damaged_page(connection, number)
    return _broken(connection, number, _column(connection, number) or _reason(error), removable)


def _parsed(connection: sa.Connection, *conditions: sa.ColumnElement[bool]) -> tuple[list[Run], list[BrokenRun]]:
    """Read rows as runs. Raises one of _UNREADABLE or StorageError if the columns of a row cannot be read."""
    parsed: list[Run] = []
    broken: list[BrokenRun] = []
    query = sa.select(runs).where(*conditions).order_by(runs.c.number.desc())
    for row in connection.execute(query).mappings().all():
        try:
            parsed.append(_run(_Row(row)))
        except _UNREADABLE as error:
            broken.append(_broken(connection, row["number"], _reason(error)))
    return parsed, broken


class _Row:
    """A row of the table of runs that equals another if all columns have the same values of the same types."""

    def __init__(self, columns: sa.RowMapping) -> None:
        self.columns = columns
        self._text = repr(tuple(columns.values()))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Row) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)


@lru_cache(maxsize=1000)
def _run(row: _Row) -> Run:
    """`run_from_row`, once for each row as it is: pages read the same runs again and again, and most seldom change."""
    return run_from_row(row.columns)


def holder(connection: sa.Connection, number: int) -> Holder | None:
    """The process that trains the run of a row, even if the row is broken; None if it lies on a damaged page."""
    if connection.dialect.name != "sqlite":
        query = sa.select(*(runs.c[name] for name in ("host", "pid", "pid_start", "heartbeat")))
        row = connection.execute(query.where(runs.c.number == number)).one_or_none()
        return None if row is None else Holder(number, *row)
    # SQLite stores any type in any column. A value of another type is left out, and the others are still read.
    kinds: dict[str, tuple[type, ...]] = {"host": (str,), "pid": (int,), "pid_start": (str,), "heartbeat": (float, int)}
    values: dict[str, Any] = {}
    for name, kind in kinds.items():
        query = sa.select(as_bytes(runs.c[name]), sa.func.typeof(runs.c[name]))
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


def queue_order(connection: sa.Connection, most_of_student: int | None = None) -> Iterator[int]:
    """Numbers of the queued runs, also of deleted ones, in the order of `fair_order`."""
    # These queries read only indexes, so that a damaged row cannot end them.
    order = sa.select(runs.c.number, runs.c.owner).where(runs.c.state == "queued")
    order = order.order_by(runs.c.queued, runs.c.number)
    of_students = sa.select(runs.c.owner).where(runs.c.state == "queued", runs.c.owner.is_not(None)).limit(1)
    if connection.execute(of_students).first() is None:
        # Without students the places are the order, and the first one is found at once.
        return (row.number for row in connection.execute(order))
    waiting = [(row.number, row.owner) for row in connection.execute(order)]
    owners = {owner for _, owner in waiting}
    training = sa.select(runs.c.owner, sa.func.count()).where(runs.c.state == "running").group_by(runs.c.owner)
    running = {row[0]: row[1] for row in connection.execute(training)}
    # What began in the future began before the clock was set back; its owner would wait until the clock is there again.
    past = runs.c.started <= time.time() + _CLOCKS_DIFFER
    begun = sa.select(runs.c.owner, sa.func.max(runs.c.started)).where(past).group_by(runs.c.owner)
    last_started = {owner: at for owner, at in connection.execute(begun) if owner in owners}
    return fair_order(waiting, running, last_started, most_of_student)


def first_queued(connection: sa.Connection, most_of_student: int | None = None) -> int | None:
    """Number of the next run of the queue whose row is not on a damaged page, or None.

    Do not call it within a transaction that writes, because SQLite rolls that back at a damaged page.
    """
    for number in queue_order(connection, most_of_student):
        if _on_damaged_page(connection, number):
            continue
        here = sa.select(runs.c.number).where(runs.c.number == number, runs.c.deleted.is_(None))
        if connection.execute(here).scalar() is not None:
            return number
    return None


def owner_has_room(most_of_student: int) -> sa.ColumnElement[bool]:
    """A condition on a run: it is nobody's or the teacher's, or fewer runs of its student train than may."""
    others = runs.alias()
    same = sa.select(sa.func.count()).where(others.c.state == "running", others.c.owner == runs.c.owner)
    return runs.c.owner.is_(None) | (same.correlate(runs).scalar_subquery() < most_of_student)


def running_on_damaged_pages(connection: sa.Connection) -> list[int]:
    """Numbers of the running runs whose rows are on a damaged page; the same holds as for `first_queued`."""
    return [number for number in _running(connection) if _on_damaged_page(connection, number)]


def count_running_here(connection: sa.Connection, leave_out: Sequence[int]) -> int:
    """How many runs train on this machine, without the numbers in `leave_out`, whose rows are on damaged pages."""
    numbers = [number for number in _running(connection) if number not in leave_out]
    # Compare bytes, because the host in a broken row may not be valid text.
    host = as_bytes(runs.c.host)
    query = sa.select(runs.c.number).where(runs.c.number.in_(numbers), host == socket.gethostname().encode())
    return len(connection.execute(query).all())


def _running(connection: sa.Connection) -> Sequence[int]:
    return connection.execute(sa.select(runs.c.number).where(runs.c.state == "running")).scalars().all()


def readable(connection: sa.Connection, query: "sa.Select[*tuple[Any, ...]]") -> list[sa.Row[Any]]:
    """The rows that a query of the table of runs finds, without those on damaged pages."""
    try:
        return list(connection.execute(query).all())
    except StorageError as error:
        if error.kind != "damaged":
            raise
    return _readable_between(connection, query, 1, last_number(connection))


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


def last_number(connection: sa.Connection) -> int:
    """The highest number that a run ever got, read from the database's own count of them."""
    if connection.dialect.name == "sqlite":
        # The table of the runs may be damaged.
        query = sa.text("SELECT seq FROM sqlite_sequence WHERE name = 'runs'")
    else:
        query = sa.text(f"SELECT pg_sequence_last_value({_SEQUENCE})")
    return int(connection.execute(query).scalar() or 0)


def set_last_number(connection: sa.Connection, number: int) -> None:
    """Let the next run get a number behind this one."""
    if connection.dialect.name != "sqlite":
        connection.execute(
            sa.text(f"SELECT setval({_SEQUENCE}, :number, :called)"), {"number": max(number, 1), "called": number > 0}
        )
        return
    connection.execute(sa.text("DELETE FROM sqlite_sequence WHERE name = 'runs'"))
    connection.execute(sa.text("INSERT INTO sqlite_sequence (name, seq) VALUES ('runs', :number)"), {"number": number})


def _as_kind(value: bytes | None, stored: str, kind: tuple[type, ...]) -> Any:
    try:
        if value is None or stored != {str: "text", int: "integer", float: "real"}[kind[0]]:
            return None
        return kind[0](value.decode())
    except ValueError:
        return None


def _on_damaged_page(connection: sa.Connection, number: int) -> bool:
    columns = [as_bytes(column) for column in runs.c]
    try:
        connection.execute(sa.select(*columns).where(runs.c.number == number)).all()
    except StorageError as error:
        return error.kind == "damaged"
    return False


def _broken(connection: sa.Connection, number: int, reason: str, removable: bool = True) -> BrokenRun:
    texts = [_bytes(connection, number, column) for column in (runs.c.id, runs.c.name)]
    return BrokenRun(number, texts[0], texts[1], reason, removable)


def _bytes(connection: sa.Connection, number: int, column: sa.Column[Any]) -> str:
    """The value of a column as text, whatever its type; "" if it cannot be read."""
    query = sa.select(as_bytes(column)).where(runs.c.number == number)
    try:
        value = connection.execute(query).scalar()
    except StorageError:
        return ""
    return "" if value is None else bytes(value).decode(errors="replace")


def _column(connection: sa.Connection, number: int) -> str:
    """Name of the column of a row that cannot be read, with the reason; "" if all can."""
    for column in runs.c:
        try:
            connection.execute(sa.select(column).where(runs.c.number == number)).all()
        except _UNREADABLE:
            return f"{column.name}: is not JSON"
        except StorageError as error:
            return f"{column.name}: {error}"
    return ""


def _reason(error: Exception) -> str:
    return str(error).split("\n")[0][:300]
