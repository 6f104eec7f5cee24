"""Errors that pass by themselves or once a person acts, explained without secrets."""

import os
from dataclasses import dataclass

from mnist_core.errors import MnistLabError
from mnist_core.store import NO_MEMORY, SystemFault, system_fault

# Errors that any use of the store may raise if the disk is full, the database locked or a folder gone.
STORE_ERRORS = (MnistLabError, OSError)


@dataclass(frozen=True)
class Trouble:
    """What holds up runs, for a person to read: a sentence with the remedy, and lines of a program's output."""

    text: str
    lines: str = ""
    # The explanation of the error behind it, if there is one: a page that meets the same error need not repeat it.
    cause: str = ""


class Pauses:
    """Seconds to wait between tries: each twice the one before it, up to the longest."""

    def __init__(self, first: float, most: float) -> None:
        self._first, self._most = first, most
        self._coming = first

    def next(self) -> float:
        """The next pause in seconds."""
        pause, self._coming = self._coming, min(2 * self._coming, self._most)
        return pause

    def begin_anew(self) -> None:
        """Start again with the first pause, because a try has succeeded."""
        self._coming = self._first


def passes(error: BaseException) -> bool:
    """Whether trying again may help: the disk has no room, the database is locked, or its server does not answer."""
    if isinstance(error, OSError):
        return system_fault(error).kind == "full"
    return isinstance(error, MnistLabError) and error.passes


def explain(error: BaseException) -> str:
    """A message with the cause and the remedy, without SQL, its values, addresses or passwords."""
    if isinstance(error, MnistLabError):
        return str(error)
    if isinstance(error, OSError):
        return _sentences(system_fault(error), error.filename)
    if isinstance(error, ImportError):
        return f"The package {error.name} is missing: install it."
    if isinstance(error, MemoryError):
        return _sentences(NO_MEMORY)
    return f"An unexpected error ({type(error).__name__}); details are in the terminal of the server."


def _sentences(fault: SystemFault, file: object = None) -> str:
    if fault.of_a_file and isinstance(file, str | bytes | os.PathLike):
        return f"{os.fsdecode(file)} cannot be used: {fault.reason}. {fault.remedy}"
    return f"{fault.reason[0].upper()}{fault.reason[1:]}. {fault.remedy}"
