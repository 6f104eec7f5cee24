"""Checks whether a database file is undamaged and has the tables and columns of its version."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

from mnist_core.store.schema import CHANGES, SCHEMA_VERSION, first_tables, metadata

# Errors that SQLite raises. Python raises the second if SQLite's message quotes a name whose bytes are damaged.
SQLITE_ERRORS = (sqlite3.Error, UnicodeDecodeError)

_LOCK_SECONDS = 30.0
# The table, and the column that a statement adds to it or gives this name.
_ADDED = re.compile(r"ALTER TABLE (\w+) (?:ADD COLUMN|RENAME COLUMN \w+ TO) (\w+)")


def damage(path: Path) -> str:
    """What is wrong with the database of runs in this file; "" if nothing is. The file is only read."""
    address = f"{path.absolute().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(address, uri=True, timeout=_LOCK_SECONDS)) as connection:
            answer = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
            if answer != "ok":
                return " ".join(str(answer).split())
            if version(connection) is None:
                return "it does not say its version"
            lacks = lacking(connection)
    except SQLITE_ERRORS as error:
        return sqlite_message(error)
    return f"it lacks the {lacks[0]}" if lacks else ""


def version(connection: sqlite3.Connection) -> int | None:
    """The version stored in a database; None if there is none. Raises one of SQLITE_ERRORS."""
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'lab'").fetchone():
        return None
    row = connection.execute("SELECT value FROM lab WHERE key = 'schema'").fetchone()
    return None if row is None else as_version(row[0])


def as_version(value: object) -> int | None:
    """A stored version as a number; None if it is not a number."""
    return int(value) if isinstance(value, str) and re.fullmatch("[1-9][0-9]{0,3}", value) else None


def lacking(connection: sqlite3.Connection) -> list[str]:
    """Tables and columns that a database of its version should have and has not, each as "table runs" or "column
    runs.note"; nothing is known of a newer version. Raises one of SQLITE_ERRORS.
    """
    schema_version = version(connection) or SCHEMA_VERSION
    if schema_version > SCHEMA_VERSION:
        return []
    later = {
        added
        for step, statements in CHANGES.items()
        if step > schema_version
        for added in _ADDED.findall(" ".join(statements))
    }
    missing = []
    is_old = schema_version < SCHEMA_VERSION
    for table in first_tables(schema_version).values() if is_old else metadata.sorted_tables:
        present = {row[1] for row in connection.execute(f"PRAGMA table_info({table.name})")}
        if not present:
            missing.append(f"table {table.name}")
            continue
        wanted = (column.name for column in table.columns if (table.name, column.name) not in later)
        missing += [f"column {table.name}.{name}" for name in wanted if name not in present]
    return missing


def sqlite_message(error: Exception) -> str:
    """The message of an SQLite error, without bytes that are not text."""
    return "a name in it holds bytes that are not text" if isinstance(error, UnicodeDecodeError) else str(error)
