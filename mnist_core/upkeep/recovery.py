"""Recovers the rows of a run from a copy of the database, for a run whose folder is still there."""

import contextlib
import sqlite3
from contextlib import closing
from pathlib import Path

from mnist_core.environment import sqlite_url
from mnist_core.store import SQLITE_ERRORS, Store, newest_copies

_NOTE = "Its row was missing and was brought back from a copy of the database."
_PARTS = ("metrics", "artifacts", "fingerprints")


def recover_rows(database: Path, results: Path, run_id: str) -> int | None:
    """Copy a run's rows from the newest copy that has them; returns the run's number, None if no copy has them.

    A run that was deleted in the copy is not recovered. The run keeps its number unless another run has it now.
    """
    for copy in newest_copies(results):
        with closing(sqlite3.connect(database, timeout=30, isolation_level=None)) as connection:
            connection.execute("ATTACH ? AS copy", (str(copy),))
            number = _number(connection, run_id)
            if number is None:
                continue
            connection.execute("BEGIN IMMEDIATE")
            # If this copy is damaged, an older one may have the rows.
            with contextlib.suppress(*SQLITE_ERRORS), connection:
                recovered = _bring(connection, run_id, number)
                connection.commit()
                Store(results, sqlite_url(database)).relabel(recovered)
                return recovered
    return None


def _number(connection: sqlite3.Connection, run_id: str) -> int | None:
    try:
        row = connection.execute("SELECT number FROM copy.runs WHERE id = ? AND deleted IS NULL", (run_id,)).fetchone()
    except SQLITE_ERRORS:
        return None
    return None if row is None else row[0]


def _bring(connection: sqlite3.Connection, run_id: str, old: int) -> int:
    """Copy the rows of the run; returns its new number."""
    taken = connection.execute("SELECT 1 FROM main.runs WHERE number = ?", (old,)).fetchone()
    columns = _columns(connection, "runs") - ({"number"} if taken else set())
    names = ", ".join(sorted(columns))
    number = connection.execute(
        f"INSERT INTO main.runs ({names}) SELECT {names} FROM copy.runs WHERE id = ? RETURNING number", (run_id,)
    ).fetchone()[0]
    connection.execute(
        "UPDATE main.runs SET state = CASE WHEN state IN ('running', 'queued') THEN 'interrupted' ELSE state END, "
        "queued = NULL, worker = NULL, pid = NULL, request = NULL, note = trim(note || ?) WHERE number = ?",
        (f" {_NOTE}", number),
    )
    for table in _PARTS:
        names = ", ".join(sorted(_columns(connection, table) - {"run", "id"}))
        if names:
            connection.execute(
                f"INSERT INTO main.{table} (run, {names}) SELECT ?, {names} FROM copy.{table} WHERE run = ?",
                (number, old),
            )
    return number


def _columns(connection: sqlite3.Connection, table: str) -> set[str]:
    """The columns that a table has in both databases; empty if one of them lacks the table."""
    main, copy = (connection.execute(f"PRAGMA {name}.table_info({table})").fetchall() for name in ("main", "copy"))
    return {row[1] for row in main} & {row[1] for row in copy}
