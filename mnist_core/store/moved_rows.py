"""Copies the rows of one database into another, whose kind may be another: values stay what they were."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from mnist_core.errors import StorageError
from mnist_core.store import history, rows, servers
from mnist_core.store.dialects import json_text
from mnist_core.store.measurements import stored
from mnist_core.store.schema import Measured, Text, runs
from mnist_core.store.stored_values import storable

# Rows that are read and written at once: memory holds two batches, whatever the size of the database.
_BATCH = 5000
# Kinds of failures that one row may be the cause of; any other ends the move.
_OF_A_ROW = ("conflict", "other")
# Stands for a value that the target would change.
_UNFIT = object()
_SPECIAL = ("nan", "inf", "-inf")
# What a column of each type may hold, where SQLite would keep anything. JSON travels as its text.
_KINDS: dict[type, tuple[type, ...]] = {
    sa.Integer: (int,),
    sa.Float: (float, int),
    Measured: (float, int, str),
    Text: (str,),
    sa.JSON: (str,),
    sa.LargeBinary: (bytes,),
}

# The values of a row in the order of its table's columns.
Row = Sequence[Any]


@dataclass(frozen=True)
class LeftOut:
    """A row that the target cannot keep, because it is damaged; it is still in the source."""

    table: str
    # Number of its run; None if it belongs to no run.
    run: int | None


@dataclass
class Moved:
    """What was copied: rows by table, what was left out, and how many runs wait in the queue."""

    rows: dict[str, int] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)
    queued: int = 0


class RowMover:
    """Copies tables from one transaction to another, those first that others refer to."""

    def __init__(
        self,
        origin: sa.Connection,
        copy: sa.Connection,
        about_target: Callable[[], AbstractContextManager[None]],
        report: Callable[[str, int, int], None],
    ) -> None:
        """Errors of writing pass through `about_target`; `report` is told table, rows copied and rows in all."""
        self._origin, self._copy, self._about_target, self._report = origin, copy, about_target, report
        self._from_file, self._to_file = (side.dialect.name == "sqlite" for side in (origin, copy))
        if self._from_file:
            origin.connection.driver_connection.text_factory = _text  # pyright: ignore[reportOptionalMemberAccess]
        self.moved = Moved()
        # Numbers of runs that were left out, and the columns of runs in whose texts a sign was replaced.
        self._gone: set[Any] = set()
        self._replaced: dict[int, list[str]] = {}

    def copy_table(self, table: sa.Table) -> None:
        """Copy all rows of a table, a batch at a time. Raises StorageError."""
        total = self._origin.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
        self._report(table.name, 0, total)
        done = kept = 0
        with closing(self._origin.execute(self._query(table), execution_options={"yield_per": _BATCH})) as result:
            for batch in result.partitions():
                fitting = self._fitting(table, [tuple(row) for row in batch])
                with self._about_target():
                    kept += self._insert(table, fitting)
                done += len(batch)
                self._report(table.name, done, total)
        self.moved.rows[table.name] = kept

    def end(self) -> None:
        """Bring over which numbers runs have had, and renew the fingerprints of labels that were changed on the way."""
        last = rows.last_number(self._origin)
        with self._about_target():
            rows.set_last_number(self._copy, last)
            for number, columns in self._replaced.items():
                history.relabel(self._copy, [number], columns)
            waiting = sa.select(sa.func.count()).where(runs.c.state == "queued", runs.c.deleted.is_(None))
            self.moved.queued = self._copy.execute(waiting).scalar_one()

    def _query(self, table: sa.Table) -> "sa.Select[*tuple[Any, ...]]":
        columns = [json_text(column) if isinstance(column.type, sa.JSON) else _raw(column) for column in table.c]
        query = sa.select(*columns).select_from(table)
        if self._from_file:
            return query
        # A file keeps the order of its rows, in which sweeps are listed.
        return query.order_by(*(table.c[name] for name in ("created",) if name in table.c), *table.primary_key.columns)

    def _fitting(self, table: sa.Table, batch: list[Row]) -> list[Row]:
        """The rows of a batch with values as the target keeps them, without those that it would change."""
        if self._gone and "run" in table.c:
            index = list(table.c).index(table.c["run"])
            batch = [row for row in batch if row[index] not in self._gone]
        for index, column in enumerate(table.c):
            values = [row[index] for row in batch]
            kept = self._as_kept(column, values)
            if kept is not values:
                batch = self._with_values(table, index, batch, kept)
        return batch

    def _as_kept(self, column: sa.Column[Any], values: list[Any]) -> list[Any]:
        """What the target keeps of a column's values, `_UNFIT` where nothing; the same list if all stay as they are."""
        present = set(map(type, values))
        if self._to_file:
            # A file keeps any value in any column, but no NaN.
            if self._from_file or float not in present or not isinstance(column.type, Measured):
                return values
            return [stored(value) if type(value) is float else value for value in values]
        kinds = _kinds_of(column)
        is_text, is_measured = isinstance(column.type, Text), isinstance(column.type, Measured)
        if present <= kinds and (str not in present or not (is_text or is_measured)):
            return values
        return [
            _UNFIT
            if type(value) not in kinds or (is_measured and isinstance(value, str) and value not in _SPECIAL)
            else storable(value)
            for value in values
        ]

    def _with_values(self, table: sa.Table, index: int, batch: list[Row], kept: list[Any]) -> list[Row]:
        """The rows of a batch with these values in one column; those for which there is none are left out."""
        fitting: list[Row] = []
        for row, value in zip(batch, kept, strict=True):
            if value is _UNFIT:
                self._leave_out(table, row)
                continue
            if value != row[index]:
                if table is runs and isinstance(value, str):
                    self._replaced.setdefault(row[0], []).append(list(table.c)[index].name)
                row = (*row[:index], value, *row[index + 1 :])
            fitting.append(row)
        return fitting

    def _insert(self, table: sa.Table, batch: list[Row]) -> int:
        """Write rows and return how many; those that the target refuses are found by halving, and left out."""
        if not batch:
            return 0
        try:
            with self._copy.begin_nested():
                self._write(table, batch)
            return len(batch)
        except StorageError as error:
            if error.kind not in _OF_A_ROW:
                raise
        if len(batch) == 1:
            self._leave_out(table, batch[0])
            return 0
        middle = len(batch) // 2
        return self._insert(table, batch[:middle]) + self._insert(table, batch[middle:])

    def _write(self, table: sa.Table, batch: list[Row]) -> None:
        names = ", ".join(column.name for column in table.c)
        if self._to_file:
            places = ", ".join("?" * len(table.c))
            self._copy.exec_driver_sql(f"INSERT INTO {table.name} ({names}) VALUES ({places})", batch)
        else:
            servers.copy_rows(self._copy, f"COPY {table.name} ({names}) FROM STDIN", batch)

    def _leave_out(self, table: sa.Table, row: Row) -> None:
        values = dict(zip((column.name for column in table.c), row, strict=True))
        number = values.get("number" if table is runs else "run")
        self.moved.left_out.append(LeftOut(table.name, number if isinstance(number, int) else None))
        if table is runs:
            self._gone.add(number)


def _raw(column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    return sa.type_coerce(column, sa.types.NullType()).label(column.name)


def _kinds_of(column: sa.Column[Any]) -> frozenset[type]:
    kinds = next(kinds for column_type, kinds in _KINDS.items() if isinstance(column.type, column_type))
    return frozenset((*kinds, type(None)))


def _text(value: bytes) -> str | bytes:
    """A text of SQLite; its bytes if they are no valid text."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value
