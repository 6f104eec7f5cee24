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
