"""Files of a run: written under a temporary name, flushed, hashed and renamed. A file counts only with its row."""

import errno
import hashlib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mnist_core import environment
from mnist_core.store.leftovers import remove_leftovers_of

_CHUNK = 1 << 20
# A run's folder has the name of its id.
RUN_FOLDER = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# Beginning of the name of a folder in which a restore keeps the files that it replaced.
REPLACED_PREFIX = "replaced-"


@dataclass(frozen=True)
class Artifact:
    """A file in a run's folder; `step` and `epoch` say where in training it was written."""

    path: str
    # "checkpoint", "predictions", "glimpses" or "seeds"
    kind: str
    epoch: int | None
    step: int | None
    sha256: str
    # Size in bytes.
    size: int


def make_results_folder(folder: Path) -> None:
    """Make the folder of all runs unless it is there, for no one else, or on a cluster its group. Raises OSError."""
    if not folder.is_dir():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # The mode of mkdir would lose what the umask takes away.
        folder.chmod(environment.folder_mode())


def write_atomically(target: Path, write: Callable[[Path], None], staging: Path | None = None) -> tuple[str, int]:
    """Call `write` with a temporary path, then move it to `target`; returns sha256 and size.

    The temporary file lies beside `target`, or in the folder `staging`. No folder is made: if the results were moved
    away, a new folder in their place would keep them from being put back. Raises OSError, also where a device or a pipe
    is in the place of the file: it would be replaced, not written to.
    """
    if target.exists() and not target.is_file() and not target.is_dir():
        raise OSError(errno.EINVAL, "it is a device or a pipe, not a file", str(target))
    remove_leftovers_of(target)
    temporary = (staging or target.parent) / f".{target.name}.{os.getpid()}.part"
    try:
        write(temporary)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = temporary.stat().st_size
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    return digest, size


def write_text_atomically(target: Path, text: str) -> None:
    """Write a text in UTF-8 as `write_atomically` does."""

    def write(path: Path) -> None:
        path.write_text(text, encoding="utf-8")

    write_atomically(target, write)


def copy_checked(source: Path, target: Path, sha256: str) -> bool:
    """Copy a file to `target` if it has this hash; otherwise, or if it is missing, return False and write nothing.

    The bytes that are written are those that were hashed. Raises OSError if `target` cannot be written.
    """
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    digest = hashlib.sha256()
    try:
        try:
            original = source.open("rb")
        except OSError:
            return False
        with original, temporary.open("wb") as copy:
            while chunk := original.read(_CHUNK):
                digest.update(chunk)
                copy.write(chunk)
            copy.flush()
            os.fsync(copy.fileno())
        if digest.hexdigest() != sha256:
            return False
        temporary.replace(target)
        return True
    finally:
        temporary.unlink(missing_ok=True)


def intact_bytes(path: Path, artifact: Artifact) -> bytes | None:
    """The content of the file; None if it is missing or its hash is wrong.

    The bytes that are returned are those that were hashed, so a file that changes meanwhile cannot pass.
    """
    try:
        content = path.read_bytes()
    except OSError:
        return None
    return content if hashlib.sha256(content).hexdigest() == artifact.sha256 else None


def is_intact(path: Path, artifact: Artifact) -> bool:
    """Whether the file is there, can be read, and has the bytes that were written."""
    try:
        return path.is_file() and path.stat().st_size == artifact.size and file_sha256(path) == artifact.sha256
    except OSError:
        return False


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file: 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def replaced_folders(results: Path) -> list[Path]:
    """Folders in which restores keep the runs or the database that they replaced, the oldest first."""
    return sorted(
        path
        for path in results.glob(f"{REPLACED_PREFIX}*")
        if path.is_dir() and any(RUN_FOLDER.fullmatch(entry.name) or entry.suffix == ".db" for entry in path.iterdir())
    )
