"""Copies of a SQLite database, taken while others write to it."""

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from mnist_core.errors import StoreError
from mnist_core.store.artifacts import write_atomically

# How many copies are kept beside the runs, of each kind.
KEPT_BEFORE_MIGRATION = 3
KEPT_DAILY = 7

_FOLDER = "backups"
_LOCK_SECONDS = 30.0


def copy_database(source: Path, target: Path) -> tuple[str, int]:
    """Copy the SQLite database in the file `source` to `target`; returns the copy's SHA-256 and size in bytes.

    SQLite's online backup: the copy is one moment of the database, while other processes go on writing. It is a single
    file (no write-ahead log beside it) that only its owner can read, and is either whole or not there. A `target` that
    exists is replaced. Raises StoreError if the source cannot be read or the copy cannot be written.
    """
    if not source.is_file():
        raise StoreError(f"there is no database {source} to copy")

    def write(path: Path) -> None:
        path.touch(mode=0o600)
        with closing(_opened(source)) as original, closing(sqlite3.connect(path)) as copy:
            original.backup(copy)
            # The copy inherits the write-ahead log of the original; without it the copy can be moved as one file.
            copy.execute("PRAGMA journal_mode=DELETE")

    try:
        return write_atomically(target, write)
    except sqlite3.Error as error:
        raise StoreError(
            f"the database {source} could not be copied to {target} ({error}). See that the disk has room; "
            "`python -m mnist_core doctor` says whether the database is damaged."
        ) from None
    except OSError as error:
        raise StoreError(
            f"{target} cannot be written ({error.strerror}). See that the disk has room and the folder is yours."
        ) from None


def copy_before_migration(database: Path, results: Path, version: int) -> Path:
    """Keep a copy of a database of schema `version` in `results`/backups before it is changed; returns its path.

    The newest three such copies stay. Raises StoreError as `copy_database` does.
    """
    folder = backups_folder(results)
    target = folder / f"schema-{version}-{_stamp()}.db"
    copy_database(database, target)
    _keep_newest(folder, "schema-*.db", KEPT_BEFORE_MIGRATION)
    return target


def backups_folder(results: Path) -> Path:
    """Where copies are kept beside the runs; made if it is missing, for its owner alone. Raises StoreError."""
    folder = results / _FOLDER
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{folder} cannot be made ({error.strerror}). See that the folder is yours.") from None
    return folder


def _opened(database: Path) -> sqlite3.Connection:
    """A connection that never makes a new file where the old one has vanished."""
    return sqlite3.connect(f"{database.absolute().as_uri()}?mode=rw", uri=True, timeout=_LOCK_SECONDS)


def _stamp() -> str:
    """The moment, as part of a file's name that sorts by time and is used only once."""
    return f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{os.getpid()}"


def _keep_newest(folder: Path, pattern: str, count: int) -> None:
    copies = sorted(folder.glob(pattern), key=lambda path: (path.stat().st_mtime, path.name))
    for path in copies[:-count]:
        path.unlink(missing_ok=True)
