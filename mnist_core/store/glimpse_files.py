"""Files of glimpses: what was seen of a network while it trained, in at most 1 MB a run.

A file begins with a header, which describes what all glimpses share, and goes on with records of equal length, each
with a checksum of its own. While a run trains, records are appended. When the file would get too long, every other
record is dropped. Nothing in a file is executed or unpickled, so that one from a stranger's archive can be read.
"""

import json
import struct
import zlib
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mnist_core.errors import StoreError
from mnist_core.store.artifacts import write_atomically
from mnist_core.training import Glimpse, Look, PictureKind, Watched

# The file of a run that trains or whose worker was killed, and that of one that has ended, which is listed.
LIVE_GLIMPSES, GLIMPSES = "glimpses.live", "glimpses.bin"
GLIMPSES_KIND = "glimpses"
MOST_GLIMPSE_BYTES = 1_000_000
_VERSION = 1
_MAGIC = b"MNISTLAB glimpse"
# After the magic bytes: version, length of the JSON text, checksum of this text and the pixels after it.
_START = struct.Struct("<HII")
_MOST_JSON = 64_000
# With fewer glimpses than this in the most bytes there is nothing to replay.
_FEWEST = 4
_MOST_CLASSES = 10_000

_Count = Annotated[int, Field(ge=0, lt=2**31)]
_Side = Annotated[int, Field(ge=1, le=4096)]


class GlimpseFileError(StoreError):
    """A file of glimpses is damaged, or of a version that this program does not know."""


class _Header(BaseModel):
    """The JSON text of a file, fields as in `Watched`."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    split: Literal["validation", "training"]
    indices: list[_Count] = Field(min_length=1, max_length=64)
    labels: list[_Count] = Field(min_length=1, max_length=64)
    classes: int = Field(ge=1, le=_MOST_CLASSES)
    layers: list[Annotated[str, Field(min_length=1, max_length=64)]] = Field(max_length=64)
    picture: PictureKind
    weights_shape: tuple[Annotated[int, Field(ge=0, le=64)], _Side, _Side, _Side] = Field(strict=False)
    units: _Count
    # Channels, height and width of the images.
    image_shape: tuple[_Side, _Side, _Side] = Field(strict=False)


@dataclass(frozen=True, eq=False)
class Recording:
    """All glimpses of a run, the earliest first."""

    watched: Watched
    # A structured array, one record a glimpse; see `_record_type`.
    records: np.ndarray

    def __len__(self) -> int:
        return len(self.records)

    def glimpse(self, index: int) -> Glimpse:
        """The glimpse with this index; negative ones count from the end."""
        record = self.records[index]
        values = {name: float(record[name]) for name in _NUMBERS}
        look = Look(
            record["probabilities"].astype(np.float32),
            record["gradient_norms"],
            record["dead"],
            record["saturated"],
            record["weights"],
            float(record["limit"]),
        )
        return Glimpse(step=int(record["step"]), look=look, **values)

    @property
    def steps(self) -> np.ndarray:
        """Steps after which the glimpses were taken, int64 (glimpses,)."""
        return self.records["step"]

    @property
    def true_probabilities(self) -> np.ndarray:
        """Probability of the true class of each image, float32 (glimpses, images); NaN becomes 0."""
        labels = np.array(self.watched.labels)
        values = self.records["probabilities"][:, np.arange(len(labels)), labels]
        return np.nan_to_num(values.astype(np.float32))

    def until(self, step: int) -> "Recording":
        """The same without glimpses after this step."""
        return replace(self, records=self.records[self.steps <= step])


class GlimpseWriter:
    """Appends glimpses to a file that never gets longer than 1 MB. Raises OSError."""

    def __init__(self, path: Path, watched: Watched, before: Recording | None = None) -> None:
        """Begin the file at `path` anew, with the glimpses of `before` if they are of the same images and layers."""
        self._path, self._watched = path, watched
        self._type = _record_type(watched)
        self._head = _head_of(watched)
        self._records: list[bytes] = []
        if before is not None and _head_of(before.watched) == self._head:
            self._records = [_sealed(record.tobytes()) for record in before.records]
        # How many glimpses fit.
        self._room = (MOST_GLIMPSE_BYTES - len(self._head)) // self._type.itemsize
        if self.has_room:
            self._thin()
            self._rewrite()

    @property
    def has_room(self) -> bool:
        """Whether enough glimpses fit; otherwise there is no file, and nothing is recorded."""
        return self._room >= _FEWEST

    @property
    def last_step(self) -> int:
        """Step of the last glimpse; -1 if there is none."""
        return -1 if not self._records else int(np.frombuffer(self._records[-1], self._type)["step"][0])

    def __len__(self) -> int:
        return len(self._records)

    def append(self, glimpse: Glimpse, *, in_place_of_last: bool = False) -> bool:
        """Add a glimpse; returns whether every other one was dropped for it. Raises OSError."""
        kept = len(self._records) - (in_place_of_last and len(self._records) > 1)
        before, self._records = self._records, [*self._records[:kept], _packed(glimpse, self._type)]
        try:
            if is_thinned := self._thin():
                self._rewrite()
            else:
                self._write_last(kept)
        except OSError:
            self._records = before
            raise
        return is_thinned

    def _write_last(self, kept: int) -> None:
        with self._path.open("r+b") as file:
            # A write that failed before may have left a part of a record here.
            file.seek(len(self._head) + kept * self._type.itemsize)
            file.write(self._records[-1])
            file.truncate()

    def _thin(self) -> bool:
        """Drop every other glimpse until the rest fits; the first and the last stay."""
        is_thinned = False
        while len(self._records) > self._room:
            *others, last = self._records
            self._records = [*others[::2], last]
            is_thinned = True
        return is_thinned

    def _rewrite(self) -> None:
        content = self._head + b"".join(self._records)

        def write(target: Path) -> None:
            target.write_bytes(content)

        write_atomically(self._path, write)


def recording_path(folder: Path) -> Path | None:
    """The file of glimpses in the folder of a run: that of a run that trains comes first. None if there is none."""
    paths = (folder / name for name in (LIVE_GLIMPSES, GLIMPSES))
    return next((path for path in paths if path.is_file()), None)


def read_recording(path: Path, *, is_complete: bool = False) -> Recording:
    """The glimpses in this file; the last one may still be being written unless `is_complete`.

    Raises GlimpseFileError if the file is damaged, OSError if it cannot be read.
    """
    with path.open("rb") as file:
        content = file.read(MOST_GLIMPSE_BYTES + 1)
    if len(content) > MOST_GLIMPSE_BYTES:
        raise GlimpseFileError(f"{path.name} is longer than a file of glimpses can be.")
    watched, start = _read_head(content, path.name)
    kind = _record_type(watched)
    count, rest = divmod(len(content) - start, kind.itemsize)
    if rest and is_complete:
        raise GlimpseFileError(f"{path.name} ends in the middle of a glimpse.")
    records = np.frombuffer(content, kind, count, start)
    size = kind.itemsize - 4
    for number, offset in enumerate(range(start, start + count * kind.itemsize, kind.itemsize)):
        if zlib.crc32(content[offset : offset + size]) != records["checksum"][number]:
            raise GlimpseFileError(f"{path.name} is damaged: glimpse {number + 1} is not what was written.")
    if (np.diff(records["step"]) <= 0).any() or (records["step"] < 0).any():
        raise GlimpseFileError(f"{path.name} is damaged: its glimpses are out of order.")
    return Recording(watched, records)


def whole_glimpses(path: Path) -> bytes:
    """The content of a file of glimpses without a last one that was not written whole; empty without any glimpse.

    Raises as `read_recording` does.
    """
    recording = read_recording(path)
    content = b"".join(_sealed(record.tobytes()) for record in recording.records)
    return _head_of(recording.watched) + content if content else b""


# Fields of a glimpse that are single numbers.
_NUMBERS = tuple(field.name for field in fields(Glimpse) if field.name not in ("step", "look"))


def _record_type(watched: Watched) -> np.dtype:
    """A record: numbers, measures of each layer, probabilities, weights, and the checksum of all before it."""
    layers = (len(watched.layers),)
    return np.dtype(
        [
            ("step", "<i8"),
            *((name, "<f8") for name in _NUMBERS),
            ("limit", "<f8"),
            *((name, "<f4", layers) for name in ("gradient_norms", "dead", "saturated")),
            ("probabilities", "<f2", (len(watched.labels), watched.classes)),
            ("weights", "i1", watched.weights_shape),
            ("checksum", "<u4"),
        ]
    )


def _packed(glimpse: Glimpse, kind: np.dtype) -> bytes:
    record = np.zeros((), kind)
    for name in ("step", *_NUMBERS):
        record[name] = getattr(glimpse, name)
    for name in ("limit", "gradient_norms", "dead", "saturated", "probabilities", "weights"):
        record[name] = getattr(glimpse.look, name)
    return _sealed(record.tobytes())


def _sealed(record: bytes) -> bytes:
    """The record with the checksum of what it holds."""
    body = record[:-4]
    return body + struct.pack("<I", zlib.crc32(body))


def _head_of(watched: Watched) -> bytes:
    values: dict[str, Any] = {name: getattr(watched, name) for name in _Header.model_fields if name != "image_shape"}
    text = json.dumps(values | {"image_shape": watched.images.shape[1:]}, sort_keys=True).encode()
    body = text + watched.images.tobytes()
    return _MAGIC + _START.pack(_VERSION, len(text), zlib.crc32(body)) + body


def _read_head(content: bytes, name: str) -> tuple[Watched, int]:
    """What the glimpses share, and where the first one begins."""
    damaged = GlimpseFileError(f"{name} is damaged: its beginning is not what was written.")
    begin = len(_MAGIC) + _START.size
    if not content.startswith(_MAGIC) or len(content) < begin:
        raise damaged
    version, length, checksum = _START.unpack_from(content, len(_MAGIC))
    if version != _VERSION:
        raise GlimpseFileError(f"{name} has version {version}, this program reads {_VERSION}. Update MNIST Lab.")
    if length > _MOST_JSON:
        raise damaged
    try:
        header = _Header.model_validate_json(content[begin : begin + length])
    except (ValidationError, RecursionError):
        raise damaged from None
    shape = (len(header.labels), *header.image_shape)
    size = int(np.prod(shape, dtype=np.int64))
    end = begin + length + size
    is_possible = len(header.indices) == len(header.labels) and max(header.labels) < header.classes
    if not is_possible or len(content) < end or zlib.crc32(content[begin:end]) != checksum:
        raise damaged
    images = np.frombuffer(content, np.uint8, size, begin + length).reshape(shape)
    if int(np.prod(header.weights_shape, dtype=np.int64)) > MOST_GLIMPSE_BYTES:
        raise damaged
    watched = Watched(
        split=header.split,
        indices=tuple(header.indices),
        labels=tuple(header.labels),
        classes=header.classes,
        images=images,
        layers=tuple(header.layers),
        picture=header.picture,
        weights_shape=header.weights_shape,
        units=header.units,
    )
    return watched, end
