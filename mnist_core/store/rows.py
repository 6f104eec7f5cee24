"""Rows of the table of runs as runs; one that cannot be read is told apart, and spoils no other."""

from typing import Any

import sqlalchemy as sa

from mnist_core.errors import StorageError
from mnist_core.store.runs import BrokenRun, Run, run_from_row
from mnist_core.store.schema import runs


def read(connection: sa.Connection, *conditions: sa.ColumnElement[bool]) -> tuple[list[Run], list[BrokenRun]]:
    """The runs that fit every condition, newest first, and the rows among them that cannot be read."""
    try:
        return _parsed(connection, *conditions)
    except (ValueError, TypeError, StorageError) as error:
        if isinstance(error, StorageError) and error.kind != "damaged":
            raise
    # Even the numbers may stand on a damaged page; the last one that was given stands in a table of its own.
    last = connection.execute(sa.text("SELECT seq FROM sqlite_sequence WHERE name = 'runs'")).scalar()
    return _halved(connection, 1, int(last or 0), conditions)


def _halved(
    connection: sa.Connection, first: int, last: int, conditions: tuple[sa.ColumnElement[bool], ...]
) -> tuple[list[Run], list[BrokenRun]]:
    """The same of the numbers from `first` to `last`, which are halved until what cannot be read is alone."""
    if first > last:
        return [], []
    try:
        return _parsed(connection, runs.c.number.between(first, last), *conditions)
    except (ValueError, TypeError, StorageError) as error:
        if first == last:
            return [], [_broken(connection, first, _column(connection, first) or _reason(error))]
    middle = (first + last) // 2
    newer, broken = _halved(connection, middle + 1, last, conditions)
    older, also_broken = _halved(connection, first, middle, conditions)
    return newer + older, broken + also_broken


def _parsed(connection: sa.Connection, *conditions: sa.ColumnElement[bool]) -> tuple[list[Run], list[BrokenRun]]:
    """Raises ValueError, TypeError or StorageError where not even the columns of a row can be read."""
    found: list[Run] = []
    broken: list[BrokenRun] = []
    query = sa.select(runs).where(*conditions).order_by(runs.c.number.desc())
    for row in connection.execute(query).mappings().all():
        try:
            found.append(run_from_row(row))
        except ValueError as error:
            broken.append(_broken(connection, row["number"], _reason(error)))
    return found, broken


def _broken(connection: sa.Connection, number: int, reason: str) -> BrokenRun:
    texts = [_bytes(connection, number, column) for column in (runs.c.id, runs.c.name)]
    return BrokenRun(number, texts[0], texts[1], reason)


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
        except (ValueError, TypeError):
            return f"{column.name}: holds no JSON"
        except StorageError as error:
            return f"{column.name}: {error}"
    return ""


def _reason(error: Exception) -> str:
    return str(error).split("\n")[0][:300]
