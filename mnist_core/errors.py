"""The errors that MNIST Lab raises on purpose: each names what is wrong and the remedy.

Forms and the command line catch `MnistLabError` and show its text; anything else is a bug.
"""

import re
from typing import Literal

_LONG_WORD = re.compile(r"(\S{80})\S+")


class MnistLabError(Exception):
    """Base of every error whose text is meant for the person at the screen."""

    # Whether the same may succeed later, as when the database is locked: what came of it then must not be kept.
    passes: bool = False


class ConfigError(MnistLabError):
    """A hyperparameter has a value that cannot be used.

    `message` is the text without the field; `reason` says what the value should be, where the rule of that one field
    is broken.
    """

    def __init__(self, field: str, message: str, reason: str = "") -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message
        self.reason = reason


class PathError(MnistLabError):
    """A text that a person typed is no usable path on this machine."""


class ArchitectureError(MnistLabError):
    """An architecture does not parse or its shapes do not fit.

    `start` and `end` are the character range of the offending layer in `text`.
    """

    def __init__(self, message: str, text: str = "", start: int = 0, end: int = 0) -> None:
        # The message repeats words of the text, and a word may be as long as the whole text.
        super().__init__(_LONG_WORD.sub(r"\1…", message))
        self.text, self.start, self.end = text, start, end

    def pointer(self) -> str:
        """The architecture with a line of carets under the layer that is wrong."""
        return f"{self.text}\n{' ' * self.start}{'^' * max(1, self.end - self.start)}"


class DataError(MnistLabError):
    """A data set is missing, damaged or not what it says it is."""


class StoreError(MnistLabError):
    """The database of runs cannot be used, or what was asked of it cannot be done."""


# full: the disk is full; disk: the disk reports an error; incomplete: a table is gone; foreign: the database belongs to
# another program; conflict: a row contradicts one that exists; unreachable: the server of the database does not answer,
# or lets nobody in. The other kinds explain themselves.
StorageKind = Literal[
    "full",
    "locked",
    "disk",
    "damaged",
    "incomplete",
    "missing",
    "read-only",
    "foreign",
    "conflict",
    "unreachable",
    "other",
]
# Kinds of errors that waiting may solve, because a person can make room or bring the results folder back.
# "disk" is among them: on a full disk SQLite reports a disk error if the index of its log cannot grow.
# A server that does not answer may only be starting again.
_PASSING: tuple[StorageKind, ...] = ("full", "locked", "disk", "missing", "unreachable")


class StorageError(StoreError):
    """The database, or a file beside it, cannot be read or written; `kind` says why.

    The text never holds SQL, values or passwords.
    """

    def __init__(self, message: str, kind: StorageKind = "other") -> None:
        super().__init__(message)
        self.kind: StorageKind = kind
        self.passes = kind in _PASSING


class NotAllowedError(StoreError):
    """A student asked for what only the owner of a run, or the teacher, may do."""


class RunStateError(StoreError):
    """The state of the run does not allow what was asked: it has ended already, or somebody else has resumed it."""


class LostRunError(StoreError):
    """The run belongs to another worker now, or is no longer running: this worker must not write to it."""


class CheckpointError(MnistLabError):
    """A checkpoint is missing, damaged or does not fit its network."""


class DeviceError(MnistLabError):
    """The device asked for is missing, busy or out of memory."""


class ExportError(MnistLabError):
    """A run cannot be exported in the requested format."""
