"""Copies of a SQLite database, taken while others write to it."""

import os
import re
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from mnist_core.errors import StorageError, StoreError
from mnist_core.store.artifacts import write_atomically
from mnist_core.store.connections import LOCK_SECONDS, address, file_of
from mnist_core.store.failures import of_database, of_system
from mnist_core.store.soundness import SQLITE_ERRORS, damage, sqlite_message

# How many copies of each kind are kept beside the runs.
KEPT_BEFORE_MIGRATION = 3
KEPT_DAILY = 7
# The most bytes that all daily copies may take together; the newest is kept whatever its size.
DAILY_BYTES = 2_000_000_000

_FOLDER = "backups"
# Key in a copy's table `lab`: its number among the copies beside the same runs.
_NUMBER = "copy"
_DIGITS = re.compile("[0-9]{1,18}")
# A daily copy is made only if the disk has room for this many.
_ROOM = 3


def copy_database(source: Path, target: Path, number: int | None = None) -> tuple[str, int]:
    """Copy the SQLite database in the file `source` to `target`; returns the copy's SHA-256 and size in bytes.

    SQLite's online backup: the copy is one moment of the database, while other processes go on writing. It is a single
    file (no write-ahead log beside it) that only its owner can read, and is either whole or not there. A `target` that
    exists is replaced. `number` is stored in the copy, for `newest_copies`. Raises StoreError if the source cannot be
    read or the copy cannot be written, and StorageError of the kind "damaged" if SQLite finds a damage: a damaged copy
    must not push out older ones that are whole.
    """
    if not source.is_file():
        raise StoreError(f"there is no database {source} to copy")

    def write(path: Path) -> None:
        path.touch(mode=0o600)
        with closing(_opened(source)) as original, closing(sqlite3.connect(path)) as copy:
            original.backup(copy)
            # The copy inherits the write-ahead log of the original; without it the copy can be moved as one file.
            copy.execute("PRAGMA journal_mode=DELETE")
            if number is not None:
                with copy:
                    copy.execute("INSERT OR REPLACE INTO lab (key, value) VALUES (?, ?)", (_NUMBER, str(number)))
        if fault := damage(path):
            raise StorageError(
                f"The database {source} is damaged ({fault}), so no copy of it is made. "
                "`python -m mnist_core doctor` says what can be saved.",
                "damaged",
            )

    try:
        return write_atomically(target, write)
    except SQLITE_ERRORS as error:
        if (failure := of_database(error, source)) and failure.kind == "damaged":
            raise failure from None
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
    copy_database(database, target, _next_number(folder))
    _keep_newest(target, "schema-*.db", KEPT_BEFORE_MIGRATION)
    return target


def copy_daily(database: Path, results: Path, now: float) -> Path | None:
    """Keep today's copy of a database in `results`/backups; returns its path, None if there is one already or no room.

    It is the database alone: metrics, figures and settings of all runs, and the hashes of their files, not the files
    themselves. The newest seven stay, as far as `DAILY_BYTES` allows. `now` is in unix seconds, the day is local.
    Raises StoreError as `copy_database` does.
    """
    if not database.is_file():
        return None
    folder = backups_folder(results)
    target = folder / f"daily-{time.strftime('%Y%m%d', time.localtime(now))}.db"
    if target.exists():
        return None
    if shutil.disk_usage(folder).free < _ROOM * database.stat().st_size:
        return None
    copy_database(database, target, _next_number(folder))
    _keep_newest(target, "daily-*.db", KEPT_DAILY, DAILY_BYTES)
    return target


def newest_copies(results: Path) -> list[Path]:
    """The copies that are kept beside the runs, the newest first.

    Their order is that of the numbers they got when they were made, not of their dates: the clock may have been wrong.
    Copies from before there were numbers are older than all others; their dates decide.
    """
    return sorted((results / _FOLDER).glob("*.db"), key=_order, reverse=True)


def newest_copy(results: Path) -> Path | None:
    """The newest undamaged copy beside the runs; None if there is none."""
    return next((copy for copy in newest_copies(results) if not damage(copy)), None)


def database_file(url: str) -> Path | None:
    """The file of the SQLite database that an SQLAlchemy URL names; None for any other. Raises StoreError."""
    return file_of(address(url))


def backups_folder(results: Path) -> Path:
    """Where copies are kept beside the runs; made if it is missing, for its owner alone.

    Raises StoreError, also if `results` is not there.
    """
    folder = results / _FOLDER
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
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
    copies = [*sorted((path for path in made.parent.glob(pattern) if path != made), key=_order), made]
    while len(copies) > count or (len(copies) > 1 and sum(path.stat().st_size for path in copies) > most_bytes):
        copies.pop(0).unlink(missing_ok=True)


def _next_number(folder: Path) -> int:
    return 1 + max((_number(path) for path in folder.glob("*.db")), default=0)


def _order(path: Path) -> tuple[int, float, str]:
    return _number(path), path.stat().st_mtime, path.name


def _number(copy: Path) -> int:
    """The number that a copy got when it was made; 0 if it has none that can be read."""
    try:
        with closing(sqlite3.connect(f"{copy.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
            row = connection.execute("SELECT value FROM lab WHERE key = ?", (_NUMBER,)).fetchone()
    except SQLITE_ERRORS:
        return 0
    return int(row[0]) if row and isinstance(row[0], str) and _DIGITS.fullmatch(row[0]) else 0
