"""Turns errors of the database and the system into messages for a person: what failed, on which file, what to do.

The text of the original error is not shown. It may hold SQL with its values, the address and the password of a
server, or a link into another project's documentation.
"""

import errno
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import event

from mnist_core.errors import StorageError, StorageKind
from mnist_core.store.server_failures import of_server

DOCTOR = "`python -m mnist_core doctor` says what can be saved."

# Default file name of the database beside the runs.
DATABASE_NAME = "runs.db"
FOREIGN = (
    "is not a database of MNIST Lab but another kind of file. Leave MNIST_LAB_DATABASE empty, or name another "
    "file there."
)

# SQLite has no number for a missing table or column, nor Python's sqlite3 for a text that cannot be decoded: both say
# it only in their message.
_NOT_TEXT = "decode to UTF-8"
_LACKS = re.compile(r"no such (table|column): (?:\w+\.)?(\w+)")
# Free bytes on the disk below which no run goes on.
_NEARLY_FULL = 1_000_000
# The first bytes of every SQLite database: https://www.sqlite.org/fileformat.html.
_MAGIC = b"SQLite format 3\0"
# A faulty disk changes few of the first bytes, or makes them zero. If more differ, the file is of another kind.
_DAMAGED_BYTES = 4

_KINDS: dict[int, StorageKind] = {
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


@dataclass(frozen=True)
class SystemFault:
    """Why the system refuses something, and what a person can do about it: parts of a sentence."""

    kind: StorageKind
    reason: str
    remedy: str
    # Whether the message must name the file.
    of_a_file: bool = False


MAKE_ROOM = (
    "Free some space on it: remove other files, checkpoints of runs with `python -m mnist_core prune --all`, or runs "
    "that you delete with `python -m mnist_core prune --deleted`."
)
_FULL = SystemFault("full", "the disk is full", MAKE_ROOM)
_PERMISSION = SystemFault(
    "read-only",
    "permission is denied",
    "See that it is yours and that you may write there, or name another folder; that of results in MNIST_LAB_RESULTS.",
    of_a_file=True,
)
NO_MEMORY = SystemFault("other", "there is no memory left", "Train fewer runs at once.")
# Meaning of the system's error numbers (errno), for the store, the jobs, commands and pages alike.
_SYSTEM_FAULTS: dict[int | None, SystemFault] = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: replace(_FULL, reason="your share of the disk is full"),
    errno.EACCES: _PERMISSION,
    errno.EPERM: _PERMISSION,
    errno.EROFS: replace(_PERMISSION, reason="the disk may only be read"),
    errno.ENOENT: SystemFault("missing", "it is not there", "See that its folder is there, or name another.", True),
    # Unlike a missing folder it does not come back: whoever waits for it would wait for ever.
    errno.ENOTDIR: SystemFault("other", "a part of its path is not a folder", "Name another folder.", True),
    errno.EFBIG: SystemFault("other", "a file may not grow as large as this here", "Raise the limit (ulimit -f)."),
    errno.EMFILE: SystemFault("other", "too many files are open", "Raise the limit (ulimit -n)."),
    errno.ENFILE: SystemFault("other", "too many files are open on this machine", "Close other programs."),
    errno.ENOMEM: NO_MEMORY,
    errno.ENAMETOOLONG: SystemFault("other", "the name of a file or folder is too long", "Give a shorter one."),
    errno.EAGAIN: SystemFault("other", "no further process can be started now", "Train fewer runs at once."),
}


def system_fault(error: OSError) -> SystemFault:
    """The meaning of a system error, by its number."""
    if fault := _SYSTEM_FAULTS.get(error.errno):
        return fault
    reason = (error.strerror or type(error).__name__).lower()
    return SystemFault("other", reason, "See that the disk is in order, or name another file or folder.", True)


def listen(engine: sa.Engine, path: Path | None) -> None:
    """Make every error of this engine a StorageError, wherever it is used; `path` is the file of an SQLite database."""

    def raise_ours(context: sa.ExceptionContext) -> None:
        if context.is_pre_ping:
            # The pool asks whether a connection still works, and makes another one if it does not.
            return
        if failure := of_database(context.original_exception, path):
            raise failure

    event.listen(engine, "handle_error", raise_ours)


def of_database(error: BaseException, path: Path | None) -> StorageError | None:
    """A database driver's error as one of ours; None if neither the database nor the values to store caused it.

    `path` is the file of an SQLite database, None that of a server.
    """
    if isinstance(error, UnicodeEncodeError):
        return StorageError("A text holds a character that is not valid text, so it cannot be stored. Type it again.")
    if isinstance(error, OverflowError):
        return StorageError("A number is too large to be stored. Choose a smaller one.")
    if path is not None and isinstance(error, UnicodeDecodeError):
        # Python fails to decode SQLite's message if that quotes a name whose bytes are damaged.
        return StorageError(_sentences("damaged", 0, path), "damaged")
    if path is not None and isinstance(error, sqlite3.Error):
        return of_sqlite(error, path)
    if path is None and any(kind.__name__ == "Error" for kind in type(error).__mro__):
        return of_server(error)
    return None


def of_system(error: OSError, path: Path, done: str = "written") -> StorageError:
    """A system error about a file or folder of the store as one of ours; `done` says what could not be done to it."""
    fault = system_fault(error)
    return StorageError(f"{path} cannot be {done}: {fault.reason}. {fault.remedy}", fault.kind)


@contextmanager
def system_errors(path: Path, done: str = "written") -> Iterator[None]:
    """Within this context, raise an OSError about this file or folder as a StorageError."""
    try:
        yield
    except OSError as error:
        raise of_system(error, path, done) from None


def of_sqlite(error: sqlite3.Error, path: Path) -> StorageError:
    """An SQLite error in the database at `path` as one of ours, by its number: https://www.sqlite.org/rescode.html."""
    code = getattr(error, "sqlite_errorcode", None) or sqlite3.SQLITE_ERROR
    kind: StorageKind = _KINDS.get(code & 0xFF, "other")
    if code == sqlite3.SQLITE_READONLY_DBMOVED or not path.is_file():
        kind = "missing"
    elif code == sqlite3.SQLITE_NOTADB and is_foreign(path):
        kind = "foreign"
    elif code & 0xFF == sqlite3.SQLITE_IOERR:
        kind = "full" if _is_full(path) else "disk"
    if _NOT_TEXT in str(error):
        return StorageError(f"The database {path} holds a damaged text. {DOCTOR}", "damaged")
    if lacking := _LACKS.search(str(error)):
        return StorageError(f"The database {path} lacks the {lacking[1]} {lacking[2]}. {DOCTOR}", "incomplete")
    return StorageError(_sentences(kind, code, path), kind)


def is_foreign(path: Path) -> bool:
    """Whether the file is of another kind, rather than an SQLite database whose beginning is damaged."""
    if path.name == DATABASE_NAME:
        return False
    try:
        with path.open("rb") as file:
            head = file.read(len(_MAGIC))
    except OSError:
        return False
    differing = len(_MAGIC) - len(head) + sum(left != right for left, right in zip(head, _MAGIC, strict=False))
    return any(head) and differing > _DAMAGED_BYTES


def _sentences(kind: StorageKind, code: int, path: Path) -> str:
    if kind == "missing":
        if path.exists():
            return f"The database {path} cannot be opened. See that it and its folder are yours. {DOCTOR}"
        return f"The database {path} is not there. Bring it back to go on; {DOCTOR}"
    return {
        "full": f"The database {path} cannot be written: {_FULL.reason}. {_FULL.remedy}",
        "locked": f"Another program keeps the database {path} locked for long. Close what else has it open.",
        "damaged": f"The database {path} is damaged. {DOCTOR}",
        "foreign": f"{path} {FOREIGN}",
        "read-only": f"The database {path} may only be read here. See that it and its folder are yours and that you "
        "may write there, or name another folder in MNIST_LAB_RESULTS.",
        "conflict": f"The database {path} refuses an entry that contradicts another one. Look at what is there now.",
        "disk": f"The disk refuses to read or write the database {path}. See that it is there, in order and has room.",
        "unreachable": f"The database {path} cannot be reached. {DOCTOR}",
        "other": f"The database {path} fails (SQLite's error {code}). {DOCTOR}",
    }[kind]


def _is_full(path: Path) -> bool:
    try:
        return shutil.disk_usage(path.parent).free < _NEARLY_FULL
    except OSError:
        return False
