"""A reserve of disk space, so that runs can be deleted even when the disk is full.

SQLite has to write before it can remove anything. Where that fails for want of room, the reserve is given up, and the
write is repeated at once; it is made again with the next run that enters the queue.
"""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from mnist_core.errors import StorageError

_NAME = ".reserve"
# Bytes of the reserve, enough for the pages that deleting some hundred runs changes.
_SIZE = 1 << 20
_Result = TypeVar("_Result")


def keep_reserve(results: Path) -> None:
    """Make the reserve if it is missing and the disk has room for it."""
    path = results / _NAME
    with contextlib.suppress(OSError):
        if path.exists():
            return
        try:
            # Write real bytes, because a sparse file would take no room on the disk.
            path.write_bytes(b"\xff" * _SIZE)
        except OSError:
            path.unlink(missing_ok=True)


def with_reserve(results: Path, write: Callable[[], _Result]) -> _Result:
    """Return the result of `write`; on a full disk, give up the reserve and try again. Raises StorageError."""
    try:
        return write()
    except StorageError as error:
        if error.kind != "full" or not _give_up(results):
            raise
    return write()


def _give_up(results: Path) -> bool:
    try:
        (results / _NAME).unlink()
    except OSError:
        return False
    return True
