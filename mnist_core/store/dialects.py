"""Expressions that SQLite and PostgreSQL write differently."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class JsonText(FunctionElement[str]):
    """The text of a column of JSON as it is stored, whether or not it is valid."""

    type = sa.Text()
    inherit_cache = True


class AsBytes(FunctionElement[bytes]):
    """The bytes of a column's value, whatever its type and even if they are no valid text."""

    type = sa.LargeBinary()
    inherit_cache = True


class LargestFirst(FunctionElement[Any]):
    """An order: the largest value first, NULL last; for ORDER BY and for the column of an index."""

    type = sa.types.NullType()
    inherit_cache = True


class Position(FunctionElement[int]):
    """Where a text stands in another, from 1; 0 where it does not."""

    type = sa.Integer()
    inherit_cache = True


def largest_first(column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    """An order of rows: the largest value of the column first, NULL last."""
    return LargestFirst(column)


def contains(text: sa.ColumnElement[str], part: str) -> sa.ColumnElement[bool]:
    """Whether the text has this part, letter by letter."""
    return Position(text, sa.bindparam(None, part, sa.Text())) > 0


def json_text(column: sa.Column[Any]) -> sa.ColumnElement[str]:
    """The text of a column of JSON, under the name of the column."""
    return JsonText(column).label(column.name)


def as_bytes(column: sa.Column[Any]) -> sa.ColumnElement[bytes]:
    """The bytes of a column's value as text; NULL stays NULL."""
    return AsBytes(column)


@compiles(JsonText)
def _plain_text(element: JsonText, compiler: Any, **options: Any) -> str:
    return compiler.process(element.clauses, **options)


@compiles(JsonText, "postgresql")
def _cast_text(element: JsonText, compiler: Any, **options: Any) -> str:
    # Its driver makes objects of JSON unless it is asked for text.
    return f"CAST({compiler.process(element.clauses, **options)} AS TEXT)"


@compiles(AsBytes)
def _blob(element: AsBytes, compiler: Any, **options: Any) -> str:
    return f"CAST({compiler.process(element.clauses, **options)} AS BLOB)"


@compiles(AsBytes, "postgresql")
def _converted(element: AsBytes, compiler: Any, **options: Any) -> str:
    # A cast to bytes would read backslashes as escapes.
    return f"convert_to(CAST({compiler.process(element.clauses, **options)} AS TEXT), 'UTF8')"


@compiles(LargestFirst)
def _descending(element: LargestFirst, compiler: Any, **options: Any) -> str:
    # NULL is the smallest value in SQLite.
    return f"{compiler.process(element.clauses, **options)} DESC"


@compiles(LargestFirst, "postgresql")
def _descending_nulls_last(element: LargestFirst, compiler: Any, **options: Any) -> str:
    return f"{compiler.process(element.clauses, **options)} DESC NULLS LAST"


@compiles(Position)
def _instr(element: Position, compiler: Any, **options: Any) -> str:
    return f"instr({compiler.process(element.clauses, **options)})"


@compiles(Position, "postgresql")
def _strpos(element: Position, compiler: Any, **options: Any) -> str:
    return f"strpos({compiler.process(element.clauses, **options)})"
