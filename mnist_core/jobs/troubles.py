"""Errors that pass by themselves or by a person's hand, in words without secrets."""

import errno
from dataclasses import dataclass

from mnist_core.errors import MnistLabError, StorageError

# What any use of the store may raise when the disk is full, the database locked, or a folder gone.
STORE_ERRORS = (MnistLabError, OSError)

# Kinds of what a person can end by making room. Where the index of its log cannot grow, SQLite calls a full disk an
# error of the disk.
_PASSING = ("full", "locked", "disk")
_FREE_SOME = (
    "Free some space on it: remove other files, or checkpoints of runs with `python -m mnist_core prune --all`."
)
_ROOM = f"The disk is full. {_FREE_SOME}"
_SYSTEM = {
    errno.ENOSPC: _ROOM,
    errno.EDQUOT: f"Your share of the disk is full. {_FREE_SOME}",
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
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    return isinstance(error, StorageError) and error.kind in _PASSING


def explain(error: BaseException) -> str:
    """What is wrong and the remedy, without SQL, its values, addresses or passwords."""
    if isinstance(error, MnistLabError):
        return str(error)
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
