"""The format of a run's archive: the names of its members, and the models of its JSON files."""

import json
import re
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from mnist_core.config import MOST_ENTRIES, DataFacts, Device, devices_from_text, devices_json
from mnist_core.errors import StoreError
from mnist_core.store import COMMENT_LENGTH, LATEST_TIME, NAME_LENGTH, glimpse_files, versions_json
from mnist_core.text import is_text

# An archive of version 2 also says which data the run was given; one of version 3 has devices, versions and rules as
# data, where there were texts before; one of version 4 may have glimpses. Programs refuse versions that are newer than
# they are.
VERSION = 4
MANIFEST, RUN, CONFIG, METRICS, PREDICTIONS = (
    "manifest.json",
    "run.json",
    "config.json",
    "metrics.parquet",
    "predictions.parquet",
)
REQUIRED = (MANIFEST, RUN, CONFIG, METRICS)
_CHECKPOINT = re.compile(r"checkpoints/(epoch-[0-9]{4,9}|paused)\.safetensors", re.ASCII)
# The most bytes of each JSON file. A manifest and a run list as many files as an archive may hold.
_JSON_BYTES = {MANIFEST: 8_000_000, RUN: 8_000_000, CONFIG: 200_000}
_JSON_PARTS = 400_000
_JSON_DEPTH = 32

_M = TypeVar("_M", bound=BaseModel)
_Count = Annotated[int, Field(ge=0, lt=2**63)]
_Seconds = Annotated[float, Field(ge=0, lt=1e11)]
_Time = Annotated[float, Field(ge=0, le=LATEST_TIME)]
_Loss = Annotated[float, Field(ge=0)]
_Fraction = Annotated[float, Field(ge=0, le=1)]


class ArchiveError(StoreError):
    """An archive cannot be imported, because it is damaged, hostile or of another program. Nothing was imported."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The archive was not imported: {reason}")


class _StrictModel(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True)


class Member(_StrictModel):
    """One member of the archive as the manifest lists it."""

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    # Size in bytes when unpacked.
    size: _Count


class Manifest(_StrictModel):
    """The manifest: the version of the archive and a list of all its other members."""

    format: Literal["mnist-lab run"]
    version: Literal[1, 2, 3, 4]
    # The version of the program that wrote the archive.
    mnist_lab: str = Field(max_length=40)
    members: dict[str, Member]


class RunFile(_StrictModel):
    """A checkpoint, the file of predictions or that of glimpses, with the step and epoch at which it was written."""

    path: str
    kind: Literal["checkpoint", "predictions", "glimpses"]
    epoch: _Count | None
    step: _Count | None


class RunRecord(_StrictModel):
    """The row of a run in the store, without what belongs to one machine; units as in `Run`."""

    # The run's number in the store where it was trained; an import gives it a new one.
    number: int = Field(ge=1, lt=2**31)
    id: str
    name: str = Field(min_length=1, max_length=NAME_LENGTH)
    tags: list[str] = Field(max_length=100)
    state: Literal["paused", "stopped", "finished", "diverged", "failed", "interrupted"]
    note: str = Field(max_length=20_000)
    created: _Time
    started: _Time | None
    finished: _Time | None
    epoch: _Count
    step: _Count
    steps_per_epoch: _Count | None
    parameters: _Count | None
    macs: _Count | None
    train_images: _Count | None
    seconds: _Seconds
    images_per_second: float | None = Field(ge=0)
    learning_rate: float | None = Field(ge=0)
    train_loss: _Loss | None
    train_accuracy: _Fraction | None
    best_epoch: _Count | None
    validation_loss: _Loss | None
    validation_accuracy: _Fraction | None
    test_loss: _Loss | None
    test_accuracy: _Fraction | None
    devices: list[Device] | None = Field(max_length=MOST_ENTRIES)
    versions: dict[str, Annotated[list[str], Field(max_length=MOST_ENTRIES)]] | None = Field(max_length=100)
    rules: dict[str, Annotated[int, Field(ge=1, lt=1000)]] | None = Field(max_length=100)
    files: list[RunFile]
    # Not strict, because JSON has lists where the model has tuples. DataFacts limits each of its fields itself.
    data: Annotated[DataFacts | None, Field(strict=False)] = None
    # Only where a person has written something, so that earlier versions read all other archives.
    comment: str = Field("", max_length=COMMENT_LENGTH)

    @field_validator("id")
    @classmethod
    def _canonical(cls, value: str) -> str:
        if str(UUID(value)) != value:
            raise ValueError("is not an id")
        return value


class OldMachine(_StrictModel):
    """What archives of versions 1 and 2 say of a run's machine: texts."""

    device: str | None = Field(max_length=200)
    versions: dict[str, str] | None = Field(max_length=100)

    def columns(self) -> dict[str, Any]:
        """The same as archives of version 3 say it."""
        devices = None if self.device is None else devices_json(devices_from_text(self.device))
        versions = {"versions": None, "rules": None} if self.versions is None else versions_json(self.versions)
        return {"devices": devices, **versions}


class CheckpointNetwork(_StrictModel):
    """The network of a checkpoint: what is needed to build it for the checkpoint's weights."""

    architecture: str
    shape: list[Annotated[int, Field(ge=1, le=4096)]] = Field(min_length=3, max_length=3)
    classes: list[str] = Field(min_length=1)
    mean: list[float]
    std: list[Annotated[float, Field(gt=0)]]


def is_expected(name: str) -> bool:
    """Whether an archive may have a member of this name."""
    return name in REQUIRED or kind_of(name) is not None


def kind_of(name: str) -> Literal["checkpoint", "predictions", "glimpses"] | None:
    """The kind of the run's file that has this name in an archive, or None."""
    if name == PREDICTIONS:
        return "predictions"
    if name == glimpse_files.GLIMPSES:
        return "glimpses"
    return "checkpoint" if _CHECKPOINT.fullmatch(name) else None


def most_bytes(name: str) -> int | None:
    """The most bytes that a member of this name may have; None if only the limit of the whole archive holds."""
    return glimpse_files.MOST_GLIMPSE_BYTES if name == glimpse_files.GLIMPSES else _JSON_BYTES.get(name)


def read_manifest(path: Path) -> Manifest:
    """The manifest in this file. Raises ArchiveError."""
    values = read_json(path)
    version = values.get("version")
    if isinstance(version, int) and version > VERSION:
        raise ArchiveError(
            f"it was written by a newer MNIST Lab (archive version {version}, this one reads {VERSION}). "
            "Update MNIST Lab, then import it again."
        )
    return parse_model(Manifest, values, path.name)


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file. Raises ArchiveError if a key is there twice or a number is not finite."""
    try:
        if path.stat().st_size > _JSON_BYTES[path.name]:
            raise ValueError("it is too large")
        text = path.read_text(encoding="utf-8")
        # Parsed JSON takes many times the size of its text; how much memory depends on the number of parts.
        if sum(map(text.count, "[{,")) > _JSON_PARTS:
            raise ValueError("it has too many parts")
        values = json.loads(text, object_pairs_hook=_unique, parse_constant=_not_finite)
        if _depth(values) > _JSON_DEPTH:
            raise ValueError("its parts are nested too deeply")
    except (ValueError, RecursionError) as error:
        raise ArchiveError(f"{path.name} is not JSON as this program writes it ({error}).") from None
    if not isinstance(values, dict):
        raise ArchiveError(f"{path.name} does not hold an object.")
    check_texts(values, path.name)
    return values


def check_texts(values: dict[str, Any], name: str) -> None:
    """Raise ArchiveError that names the field of a text that is no valid Unicode, which JSON can hold."""
    if wrong := [field for field, value in values.items() if not is_text((field, value))]:
        field = wrong[0].encode("ascii", "backslashreplace").decode()
        raise ArchiveError(f"{name} does not fit: {field}: holds a character that is not valid text.")


def parse_model(model: type[_M], values: dict[str, Any], name: str) -> _M:
    """The values as this model. Raises ArchiveError that names the first wrong field."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise ArchiveError(f"{name} does not fit: {field}: {first['msg'].lower()}.") from None


def _depth(values: Any) -> int:
    """How many lists and objects lie in each other, at most one more than is allowed."""
    depth, level = 0, [values]
    while level and depth <= _JSON_DEPTH:
        depth += 1
        inner = [
            value.values() if isinstance(value, dict) else value for value in level if isinstance(value, dict | list)
        ]
        level = [value for part in inner for value in part]
    return depth


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError("a key is there twice")
    return values


def _not_finite(text: str) -> float:
    raise ValueError(f"{text} is not a number")
