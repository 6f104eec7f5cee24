"""Copies of a SQLite database, taken while others write to it."""

import os
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from mnist_core.errors import StorageError, StoreError
from mnist_core.store.artifacts import write_atomically
from mnist_core.store.connections import LOCK_SECONDS, address, file_of
from mnist_core.store.failures import of_system
from mnist_core.store.soundness import SQLITE_ERRORS, damage, sqlite_message

# How many copies of each kind are kept beside the runs.
KEPT_BEFORE_MIGRATION = 3
KEPT_DAILY = 7
# The most bytes that all daily copies may take together; the newest is kept whatever its size.
DAILY_BYTES = 2_000_000_000

_FOLDER = "backups"
# A daily copy is made only if the disk has room for this many.
_ROOM = 3


def copy_database(source: Path, target: Path) -> tuple[str, int]:
    """Copy the SQLite database in the file `source` to `target`; returns the copy's SHA-256 and size in bytes.

    SQLite's online backup: the copy is one moment of the database, while other processes go on writing. It is a single
    file (no write-ahead log beside it) that only its owner can read, and is either whole or not there. A `target` that
    exists is replaced. Raises StoreError if the source cannot be read or the copy cannot be written, and StorageError
    of the kind "damaged" if SQLite finds a damage: a damaged copy must not push out older ones that are whole.
    """
    if not source.is_file():
        raise StoreError(f"there is no database {source} to copy")

    def write(path: Path) -> None:
        path.touch(mode=0o600)
        with closing(_opened(source)) as original, closing(sqlite3.connect(path)) as copy:
            original.backup(copy)
            # The copy inherits the write-ahead log of the original; without it the copy can be moved as one file.
            copy.execute("PRAGMA journal_mode=DELETE")
        if fault := damage(path):
            raise StorageError(
                f"The database {source} is damaged ({fault}), so no copy of it is made. "
                "`python -m mnist_core doctor` says what can be saved.",
                "damaged",
            )

    try:
        return write_atomically(target, write)
    except SQLITE_ERRORS as error:
        raise StoreError(
            f"the database {source} could not be copied to {target} ({sqlite_message(error)}). "
            "See that the disk has room; `python -m mnist_core doctor` says whether the database is damaged."
        ) from None
    except OSError as error:
        raise of_system(error, target) from None


def copy_before_migration(database: Path, results: Path, version: int) -> Path:
    """Keep a copy of a database of schema `version` in `results`/backups before it is changed; returns its path.

    The newest three such copies stay. Raises StoreError as `copy_database` does.
    """
    folder = backups_folder(results)
    target = folder / f"schema-{version}-{timestamp()}.db"
    copy_database(database, target)
    _keep_newest(target, "schema-*.db", KEPT_BEFORE_MIGRATION)
    return target


def copy_daily(database: Path, results: Path, now: float) -> Path | None:
    """Keep today's copy of a database in `results`/backups; returns its path, None if there is one already or no room.

    It is the database alone: metrics, figures and settings of all runs, and the hashes of their files, not the files
    themselves. The newest seven stay, as far as `DAILY_BYTES` allows. `now` is in unix seconds, the day is local.
    Raises StoreError as `copy_database` does.
    """
    folder = backups_folder(results)
    target = folder / f"daily-{time.strftime('%Y%m%d', time.localtime(now))}.db"
    if target.exists() or not database.is_file():
        return None
    if shutil.disk_usage(folder).free < _ROOM * database.stat().st_size:
        return None
    copy_database(database, target)
    _keep_newest(target, "daily-*.db", KEPT_DAILY, DAILY_BYTES)
    return target


def newest_copies(results: Path) -> list[Path]:
    """The copies that are kept beside the runs, the newest first."""
    return sorted((results / _FOLDER).glob("*.db"), key=_age, reverse=True)


def newest_copy(results: Path) -> Path | None:
    """The newest undamaged copy beside the runs; None if there is none."""
    return next((copy for copy in newest_copies(results) if not damage(copy)), None)


def database_file(url: str) -> Path | None:
    """The file of the SQLite database that an SQLAlchemy URL names; None for any other. Raises StoreError."""
    return file_of(address(url))


def backups_folder(results: Path) -> Path:
    """Where copies are kept beside the runs; made if it is missing, for its owner alone. Raises StoreError."""
    folder = results / _FOLDER
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise of_system(error, folder, "made") from None
    return folder


def _opened(database: Path) -> sqlite3.Connection:
    """Open the database without creating a file if it has vanished."""
    return sqlite3.connect(f"{database.absolute().as_uri()}?mode=rw", uri=True, timeout=LOCK_SECONDS)


def timestamp() -> str:
    """A moment as part of a file name: such names sort by time, and each is used only once."""
    seconds, rest = divmod(time.time_ns() // 1000, 1_000_000)
    return f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime(seconds))}-{rest:06d}-{os.getpid()}"


def _keep_newest(made: Path, pattern: str, count: int, most_bytes: float = float("inf")) -> None:
    """Remove the oldest copies beside the one just made, which stays: the clock may say that it is the oldest."""
    copies = [*sorted((path for path in made.parent.glob(pattern) if path != made), key=_age), made]
    while len(copies) > count or (len(copies) > 1 and sum(path.stat().st_size for path in copies) > most_bytes):
        copies.pop(0).unlink(missing_ok=True)


def _age(path: Path) -> tuple[float, str]:
    return path.stat().st_mtime, path.name
