"""Files of a run: written to a temporary name, flushed, hashed, renamed. The row makes a file valid."""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Artifact:
    """A file in a run's folder; `step` and `epoch` say where in training it was written."""

    path: str
    kind: str  # "checkpoint" or "predictions"
    epoch: int | None
    step: int | None
    sha256: str
    size: int  # bytes


def write_atomically(target: Path, write: Callable[[Path], None]) -> tuple[str, int]:
    """Call `write` with a temporary path beside `target`, then move it there; returns sha256 and size."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
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


def intact_bytes(path: Path, artifact: Artifact) -> bytes | None:
    """What the file holds, if that is what was written; None if it is missing or damaged.

    What is hashed is what is returned: a file that changes meanwhile cannot pass.
    """
    try:
        content = path.read_bytes()
    except OSError:
        return None
    return content if hashlib.sha256(content).hexdigest() == artifact.sha256 else None


def is_intact(path: Path, artifact: Artifact) -> bool:
    """Whether the file is there and has the bytes that were written."""
    if not path.is_file() or path.stat().st_size != artifact.size:
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == artifact.sha256
