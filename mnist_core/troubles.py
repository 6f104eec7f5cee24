"""Errors of the system and of the database that pass by themselves or by a person's hand, in words without secrets."""

import errno
from dataclasses import dataclass

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from mnist_core.errors import MnistLabError

# What any use of the store may raise when the disk is full, the database locked, or a folder gone.
STORE_ERRORS = (MnistLabError, SQLAlchemyError, OSError)

_ROOM = "The disk is full. Free some space on it: delete runs or other files."
# By a part of SQLite's own message. Nothing else of a database's error is shown: it may hold SQL and its values.
_DATABASE = {
    "is full": _ROOM,
    "locked": "The database is locked by another program for long: close what else has it open.",
    "unable to open": "The database cannot be opened: see that the results folder is there and is yours.",
    "readonly": "The database cannot be written to: see that the results folder is there and is yours.",
    "disk i/o": "The disk of the results folder refuses to read or write: see that it is there and has room.",
    "malformed": "The database is damaged; `python -m mnist_core doctor` says what can be saved.",
    "not a database": "The database is damaged; `python -m mnist_core doctor` says what can be saved.",
    "no such table": "The database lacks a table; `python -m mnist_core doctor` says what can be saved.",
}
# What a person can end by making room. Where the index of its log cannot grow, SQLite calls a full disk an I/O error.
_PASSING = ("is full", "locked", "disk i/o")
_SYSTEM = {
    errno.ENOSPC: _ROOM,
    errno.EDQUOT: "Your share of the disk is full. Free some space on it: delete runs or other files.",
    errno.EFBIG: "A file may not grow as large as this here: raise the limit (ulimit -f).",
    errno.EMFILE: "Too many files are open: raise the limit (ulimit -n).",
    errno.ENFILE: "Too many files are open on this machine.",
    errno.ENOMEM: "There is no memory left: train fewer runs at once.",
    errno.ENAMETOOLONG: "The name of a file or folder is too long: give a shorter one.",
    errno.EAGAIN: "No further process can be started now: train fewer runs at once.",
}


@dataclass(frozen=True)
class Trouble:
    """What keeps runs from going on, for a person: a sentence with the remedy, and lines that some program said."""

    text: str
    lines: str = ""


class Pauses:
    """Seconds to wait between tries: each twice the one before it, up to the longest."""

    def __init__(self, first: float, most: float) -> None:
        self._first, self._most = first, most
        self._coming = first

    def next(self) -> float:
        """How long to wait now."""
        pause, self._coming = self._coming, min(2 * self._coming, self._most)
        return pause

    def begin_anew(self) -> None:
        """A try has succeeded: the next pause is the first again."""
        self._coming = self._first


def passes(error: BaseException) -> bool:
    """Whether trying again may help: the disk has no room, or another program keeps the database locked."""
    if isinstance(error, DBAPIError):
        reason = str(error.orig).lower()
        return any(part in reason for part in _PASSING)
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    return getattr(error, "kind", "") in ("full", "locked")


def told(error: BaseException) -> str:
    """What is wrong and the remedy, without SQL, its values, addresses or passwords."""
    if isinstance(error, MnistLabError):
        return str(error)
    if isinstance(error, DBAPIError):
        reason = str(error.orig).lower()
        known = next((text for part, text in _DATABASE.items() if part in reason), None)
        name = type(error.orig).__name__
        return known or f"The database cannot be used ({name}); `python -m mnist_core doctor` looks into it."
    if isinstance(error, OSError):
        if error.errno in _SYSTEM:
            return _SYSTEM[error.errno]
        where = f" {error.filename}:" if error.filename else ""
        return f"The system refuses:{where} {error.strerror or type(error).__name__}. Name another file or folder."
    if isinstance(error, ImportError):
        return f"The package {error.name} is missing: install it."
    if isinstance(error, MemoryError):
        return _SYSTEM[errno.ENOMEM]
    return f"An unexpected error ({type(error).__name__}); details are in the terminal of the server."
