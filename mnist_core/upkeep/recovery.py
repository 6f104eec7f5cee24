"""Recovers the rows of a run from a copy of the database, for a run whose folder is still there."""

import contextlib
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from mnist_core.environment import sqlite_url
from mnist_core.errors import StoreError
from mnist_core.store import SCHEMA_VERSION, SQLITE_ERRORS, Store, newest_copies, soundness

_NOTE = "Its row was missing and was brought back from a copy of the database."
_PARTS = ("measurements", "artifacts", "fingerprints")


def recover_rows(database: Path, results: Path, run_id: str) -> int | None:
    """Copy a run's rows from the newest copy that has them; returns the run's number, None if no copy has them.

    A run that was deleted in the copy is not recovered. The run keeps its number unless another run has it now.
    """
    for copy in newest_copies(results):
        recovered = None
        # If this copy is damaged, an older one may have the rows.
        with contextlib.suppress(*SQLITE_ERRORS, StoreError), _of_today(copy) as source:
            recovered = _recover_from(source, database, run_id)
        if recovered is not None:
            Store(results, sqlite_url(database)).relabel(recovered)
            return recovered
    return None


@contextlib.contextmanager
def _of_today(copy: Path) -> Iterator[Path]:
    """The copy, or a copy of it that is brought up to date: a copy stays as it was made, and so may be older."""
    with closing(sqlite3.connect(f"{copy.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        is_old = (soundness.version(connection) or SCHEMA_VERSION) < SCHEMA_VERSION
    if not is_old:
        yield copy
        return
    with tempfile.TemporaryDirectory() as folder:
        newer = Path(folder) / copy.name
        shutil.copyfile(copy, newer)
        Store(Path(folder), sqlite_url(newer))
        yield newer


def _recover_from(source: Path, database: Path, run_id: str) -> int | None:
    with closing(sqlite3.connect(database, timeout=30, isolation_level=None)) as connection:
        connection.execute("ATTACH ? AS copy", (str(source),))
        number = _number(connection, run_id)
        if number is None:
            return None
        connection.execute("BEGIN IMMEDIATE")
        with connection:
            recovered = _bring(connection, run_id, number)
            connection.commit()
            return recovered


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
        names = ", ".join(sorted(_columns(connection, table) - {"run"}))
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
