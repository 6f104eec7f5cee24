"""What the database and the system say when they refuse, in a sentence: what, which file, what to do.

Nothing else of such an error is told. Its own text may hold SQL with its values, the address and the password of a
server, or a link into another project's documentation.
"""

import errno
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import event

from mnist_core.errors import StorageError

DOCTOR = "`python -m mnist_core doctor` says what can be saved."

_LACKS = re.compile(r"no such (table|column): (?:\w+\.)?(\w+)")
_FREE_SOME = (
    "Free some space on it: remove other files, or checkpoints of runs with `python -m mnist_core prune --all`."
)
# bytes: with less than that no run goes on
_NEARLY_FULL = 1_000_000

_KINDS: dict[int, str] = {
    sqlite3.SQLITE_FULL: "full",
    sqlite3.SQLITE_BUSY: "locked",
    sqlite3.SQLITE_LOCKED: "locked",
    sqlite3.SQLITE_CORRUPT: "damaged",
    sqlite3.SQLITE_NOTADB: "damaged",
    sqlite3.SQLITE_CANTOPEN: "missing",
    sqlite3.SQLITE_READONLY: "read-only",
    sqlite3.SQLITE_PERM: "read-only",
    sqlite3.SQLITE_AUTH: "read-only",
    sqlite3.SQLITE_CONSTRAINT: "conflict",
}
_SYSTEM: dict[int | None, str] = {
    errno.ENOSPC: "full",
    errno.EDQUOT: "full",
    errno.EACCES: "read-only",
    errno.EPERM: "read-only",
    errno.EROFS: "read-only",
    errno.ENOENT: "missing",
    errno.ENOTDIR: "missing",
}


def listen(engine: sa.Engine, path: Path | None) -> None:
    """Make every error of this engine a StorageError, wherever it is used; `path` is the file of an SQLite database."""

    def raise_ours(context: sa.ExceptionContext) -> None:
        if failure := of_database(context.original_exception, path):
            raise failure

    event.listen(engine, "handle_error", raise_ours)


def of_database(error: BaseException, path: Path | None) -> StorageError | None:
    """The error of a database driver as ours; None if it is no error of the database or of what was to be stored.

    `path` is the file of an SQLite database, None that of a server.
    """
    if isinstance(error, UnicodeEncodeError):
        return StorageError("A text holds a sign that belongs to no text, so it cannot be stored. Type it anew.")
    if isinstance(error, OverflowError):
        return StorageError("A number is too large to be stored. Choose a smaller one.")
    if path is not None and isinstance(error, UnicodeDecodeError):
        # The message of SQLite quoted a name whose bytes are damaged.
        return StorageError(_sentences("damaged", 0, path), "damaged")
    if path is not None and isinstance(error, sqlite3.Error):
        return of_sqlite(error, path)
    if path is None and any(kind.__name__ == "Error" for kind in type(error).__mro__):
        return StorageError(
            f"The database of MNIST_LAB_DATABASE refuses ({type(error).__name__}). See that its server runs and that "
            "this user may read and write there."
        )
    return None


def of_system(error: OSError, path: Path, done: str = "written") -> StorageError:
    """An error of the system about a file or folder of the store as ours; `done` says what could not be done to it."""
    kind = _SYSTEM.get(error.errno, "other")
    reason = error.strerror or type(error).__name__
    remedy = {
        "full": _FREE_SOME,
        "read-only": "See that it is yours and that you may write there, or name another folder in MNIST_LAB_RESULTS.",
        "missing": "See that its folder is there.",
        "other": "See that the disk is there and in order.",
    }[kind]
    return StorageError(f"{path} cannot be {done} ({reason}). {remedy}", kind)


@contextmanager
def system_errors(path: Path, done: str = "written") -> Iterator[None]:
    """Raise an OSError of what is done to this file or folder as a StorageError."""
    try:
        yield
    except OSError as error:
        raise of_system(error, path, done) from None


def of_sqlite(error: sqlite3.Error, path: Path) -> StorageError:
    """An error of SQLite in the database at `path` as ours, by its number: https://www.sqlite.org/rescode.html."""
    code = getattr(error, "sqlite_errorcode", None) or sqlite3.SQLITE_ERROR
    kind = _KINDS.get(code & 0xFF, "other")
    if code == sqlite3.SQLITE_READONLY_DBMOVED or not path.is_file():
        kind = "missing"
    elif code & 0xFF == sqlite3.SQLITE_IOERR:
        kind = "full" if _is_full(path) else "disk"
    if "decode to UTF-8" in str(error):
        return StorageError(f"The database {path} holds a text that is none. {DOCTOR}", "damaged")
    if lacking := _LACKS.search(str(error)):
        return StorageError(f"The database {path} lacks the {lacking[1]} {lacking[2]}. {DOCTOR}", "incomplete")
    return StorageError(_sentences(kind, code, path), kind)


def _sentences(kind: str, code: int, path: Path) -> str:
    if kind == "missing":
        if path.exists():
            return f"The database {path} cannot be opened. See that it and its folder are yours. {DOCTOR}"
        return f"The database {path} is not there. Bring it back to go on; {DOCTOR}"
    return {
        "full": f"The disk is full, so the database {path} cannot be written. {_FREE_SOME}",
        "locked": f"Another program keeps the database {path} locked for long. Close what else has it open.",
        "damaged": f"The database {path} is damaged. {DOCTOR}",
        "read-only": f"The database {path} may only be read here. See that it and its folder are yours and that you "
        "may write there, or name another folder in MNIST_LAB_RESULTS.",
        "conflict": f"The database {path} refuses an entry that contradicts another one. Look at what is there now.",
        "disk": f"The disk refuses to read or write the database {path}. See that it is there, in order and has room.",
        "other": f"The database {path} fails (SQLite's error {code}). {DOCTOR}",
    }[kind]


def _is_full(path: Path) -> bool:
    try:
        return shutil.disk_usage(path.parent).free < _NEARLY_FULL
    except OSError:
        return False
