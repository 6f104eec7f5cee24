"""The manifest of a backup: a JSON file beside its database that lists the content.

A backup folder keeps each content once, in `files` under its SHA-256, whichever backups need it; each backup is a
folder of its own, named after its moment, with the copy of the database and this manifest.
"""

import hashlib
import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mnist_core import __version__
from mnist_core.errors import StoreError

DATABASE, MANIFEST, CONTENTS = "runs.db", "manifest.json", "files"
_Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_Size = Annotated[int, Field(ge=0)]
# Patterns of a run's id and of a path inside its folder, which must never lead out of it.
_RUN = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
_PATH = r"^\w[\w.-]*(/\w[\w.-]*)*$"


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class BackupContent(_Model):
    """The content of a file, identified by its hash."""

    sha256: _Sha256
    # Size in bytes.
    size: _Size


class BackupFile(BackupContent):
    """A file of a run in a backup."""

    run: str = Field(pattern=_RUN)
    path: str = Field(pattern=_PATH)


class BackupManifest(_Model):
    """The manifest of one backup."""

    format: Literal["mnist-lab backup"] = "mnist-lab backup"
    version: Literal[1] = 1
    mnist_lab: str = __version__
    # Time of the backup in unix seconds.
    created: float
    # Number of runs in the database.
    runs: int
    database: BackupContent
    files: list[BackupFile]
    # Files that were damaged or missing when the backup was made, so it does not hold them.
    missing: list[BackupFile]


def write(manifest: BackupManifest, path: Path) -> None:
    """Write the manifest together with its own hash."""
    values = manifest.model_dump(mode="json")
    path.write_text(json.dumps({**values, "sha256": _digest(values)}, indent=1), encoding="utf-8")


def read(path: Path) -> BackupManifest:
    """Read the manifest in this file. Raises StoreError if it is damaged or was written by a newer program."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(values, dict) and isinstance(values.get("version"), int) and values["version"] > 1:
            raise StoreError(f"{path} was written by a newer MNIST Lab. Update MNIST Lab, then restore it again.")
        digest = values.pop("sha256")
        if digest != _digest(values):
            raise ValueError("its hash is another")
        return BackupManifest.model_validate(values)
    except (OSError, ValueError, KeyError, AttributeError, TypeError, RecursionError, ValidationError):
        raise StoreError(f"{path} is missing or damaged; restore another backup of this folder.") from None


def content_path(folder: Path, sha256: str) -> Path:
    """The path at which a backup folder keeps this content."""
    return folder / CONTENTS / sha256[:2] / sha256


def _digest(values: dict) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
