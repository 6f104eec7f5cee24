"""A little room on the disk that is set aside, so that runs can be deleted also when the disk is full.

SQLite has to write before it can remove anything. Where that fails for want of room, the reserve is given up, and the
write is repeated at once; it is made again with the next run that enters the queue.
"""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from mnist_core.errors import StorageError

_NAME = ".reserve"
# Bytes: the pages that the deletion of some hundred runs changes.
_SIZE = 1 << 20
_Result = TypeVar("_Result")


def keep_reserve(results: Path) -> None:
    """Set the room aside if it is not, and the disk has it."""
    path = results / _NAME
    with contextlib.suppress(OSError):
        if path.exists():
            return
        try:
            # Real bytes: a file with holes would take no room.
            path.write_bytes(b"\xff" * _SIZE)
        except OSError:
            path.unlink(missing_ok=True)


def with_reserve(results: Path, write: Callable[[], _Result]) -> _Result:
    """What `write` returns; on a full disk it is called again once the reserve is given up. Raises StorageError."""
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
