"""Temporary files of processes that were killed: their names end in the process's number and `.part`.

SQLite adds the journal of a copy of a database that was being written.
"""

import contextlib
import os
import re
import shutil
import time
from pathlib import Path

from mnist_core.store import processes

_NAME = re.compile(r"\..*[.-](\d{1,9})\.part(-journal)?")
# On Windows, where processes cannot be asked for, files older than this count as left over.
_OLD_SECONDS = 24 * 3600.0


def leftovers(folder: Path, *, owner_gone: bool = False) -> list[Path]:
    """Temporary files and folders below `folder` whose process is gone; what lies in such a folder is not listed.

    `owner_gone`: nobody writes there, even if another process has the number in the file's name by now.
    """
    paths: list[Path] = []
    for top, folders, files in os.walk(folder):
        for name in [*folders, *files]:
            match = _NAME.fullmatch(name)
            if match and (owner_gone or not _is_alive(int(match[1]), Path(top, name))):
                paths.append(Path(top, name))
        folders[:] = [name for name in folders if not _NAME.fullmatch(name)]
    return sorted(paths)


def remove_leftovers(folder: Path, *, owner_gone: bool = False) -> list[Path]:
    """Remove what `leftovers` finds; returns it."""
    paths = leftovers(folder, owner_gone=owner_gone)
    for path in paths:
        remove(path)
    return paths


def remove_leftovers_of(target: Path) -> None:
    """Remove temporary files beside `target` that were to become it, of processes that are gone."""
    with contextlib.suppress(OSError):
        for entry in os.scandir(target.parent):
            match = _NAME.fullmatch(entry.name) if entry.name.startswith(f".{target.name}.") else None
            if match and not _is_alive(int(match[1]), Path(entry.path)):
                remove(Path(entry.path))


def remove(path: Path) -> None:
    """Remove a file, or a folder with everything in it, as far as the system allows."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def _is_alive(process: int, path: Path) -> bool:
    """Whether the process that writes the file may still do so."""
    # On Windows the age of the file decides, because processes cannot be asked for.
    if os.name == "nt":
        with contextlib.suppress(OSError):
            return time.time() - path.stat().st_mtime < _OLD_SECONDS
        return False
    return processes.lives(process, None) is not False
