"""Files that are given away: an earlier file of the same kind is replaced, any other only if it is asked for."""

import os
from collections.abc import Callable
from pathlib import Path

from mnist_core.errors import ExportError
from mnist_core.store import write_atomically

# How many bytes are searched for a format's marks, at each end of a file.
_SEARCHED_BYTES = 65_536


def write_output(
    path: Path, write: Callable[[Path], None], is_earlier: Callable[[Path], bool], overwrite: bool = False
) -> int:
    """Write a file at `path`, whole or not at all, and return its size in bytes.

    `is_earlier` says whether a file is one of the same kind from before, which may be replaced. Raises ExportError.
    """
    if "\0" in str(path):
        raise ExportError(f"path: {str(path)!r} is not a path; name a file.")
    try:
        check_replaceable(path, is_earlier, overwrite)

        def write_and_check(target: Path) -> None:
            write(target)
            # Check again: another program may have put a file there while this one was being made.
            check_replaceable(path, is_earlier, overwrite)

        path.parent.mkdir(parents=True, exist_ok=True)
        _, size = write_atomically(path, write_and_check)
    except OSError as error:
        raise ExportError(f"{path} cannot be written: {error.strerror}. Name another file.") from None
    return size


def holds_marks(*marks: bytes) -> Callable[[Path], bool]:
    """Whether a file holds all these bytes near its beginning or its end."""

    def is_earlier(path: Path) -> bool:
        with path.open("rb") as file:
            beginning = file.read(_SEARCHED_BYTES)
            file.seek(-min(path.stat().st_size, _SEARCHED_BYTES), os.SEEK_END)
            ending = file.read(_SEARCHED_BYTES)
        return all(mark in beginning or mark in ending for mark in marks)

    return is_earlier


def check_replaceable(path: Path, is_earlier: Callable[[Path], bool], overwrite: bool) -> None:
    """Raise ExportError unless `path` is a file that may be replaced, or nothing yet and its folder can be made."""
    if path.is_symlink():
        raise ExportError(f"{path} is a link to another file. Name that file itself.")
    if not path.exists():
        above = next(folder for folder in path.absolute().parents if folder.exists())
        if not above.is_dir():
            raise ExportError(f"{path} cannot be written: {above} is not a folder. Name another file.")
        return
    if path.is_dir():
        raise ExportError(f"{path} is a folder. Name a file.")
    if not path.is_file():
        raise ExportError(f"{path} is a device or a pipe, not a file. Name a file.")
    if not (overwrite or path.stat().st_size == 0 or is_earlier(path)):
        raise ExportError(
            f"{path} is there already and is not an earlier file of this kind. Name another file, or replace it with "
            "--overwrite."
        )
