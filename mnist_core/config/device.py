"""What a run was trained on: a processor or a GPU, as data, and how earlier versions wrote it down as a text."""

import re
from collections.abc import Iterable
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

DeviceKind = Literal["cpu", "cuda", "mps"]

_T = TypeVar("_T")

# A run may go on many times, each time on another machine: it keeps the first entry and the latest ones.
MOST_ENTRIES = 20
# Most characters of a name; the texts of earlier versions were no longer.
_LENGTH = 200
# Stood between the devices of a run that continued on another device, and between the versions of a package.
_THEN, _THEN_VERSION = "; then ", ", then "
_THREADS = re.compile(r", (\d{1,5}) threads?$")
_PRODUCT = re.compile(r"[A-Za-z][A-Za-z0-9 ()/+._-]+", re.ASCII)


class Device(BaseModel):
    """One device that a run was trained on. Devices that differ in name or vectors add numbers in another order."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    kind: DeviceKind
    # The processor's or GPU's own name; "" where an earlier version did not record it.
    name: str = Field(default="", max_length=_LENGTH)
    # The vector instructions of a processor that torch used, such as "AVX-512"; "" if torch names none.
    vectors: str = Field(default="", max_length=_LENGTH)
    # Threads of the processor; None on a CUDA device.
    threads: int | None = Field(default=None, ge=0, lt=100_000)

    @property
    def label(self) -> str:
        """The device in words: "AMD EPYC 9B45, AVX-512, 1 thread", "mps, Apple M2, 1 thread", or the name of a GPU."""
        threads = "" if self.threads is None else f"{self.threads} thread{'s' * (self.threads != 1)}"
        kind = self.kind if self.kind == "mps" or not self.name else ""
        return ", ".join(part for part in (kind, self.name, self.vectors, threads) if part)

    @property
    def without_threads(self) -> "Device":
        """The same device, whatever the number of threads."""
        return self.model_copy(update={"threads": None})

    @classmethod
    def stored(cls, values: Iterable[Any] | None) -> "tuple[Device, ...]":
        """The devices from a column of the store. Raises ValidationError."""
        return tuple(cls.model_validate(value) for value in values or ())


def devices_json(devices: Iterable[Device]) -> list[dict[str, Any]]:
    """Devices as a column of the store, an archive or the command line has them."""
    return [device.model_dump(mode="json") for device in devices]


def device_labels(devices: Iterable[Device]) -> str:
    """Devices in words, in the order in which a run used them; "" without one."""
    return _THEN.join(device.label for device in devices)


def version_labels(versions: Iterable[str]) -> str:
    """The versions of one package in the order in which a run used them: "2.12.0, then 2.13.0"; "" without one."""
    return _THEN_VERSION.join(versions)


def with_latest(before: tuple[_T, ...], now: _T) -> tuple[_T, ...]:
    """What a run used before, and what it uses now, unless that is the last entry already."""
    entries = before if before and before[-1] == now else (*before, now)
    return entries if len(entries) <= MOST_ENTRIES else (entries[0], *entries[-MOST_ENTRIES + 1 :])


def devices_from_text(text: str | None) -> tuple[Device, ...]:
    """The devices in a text of schema 7 or archive 2, such as "cpu, 1 thread; then NVIDIA H100".

    An unknown text, as an archive may hold it, becomes the name of a processor.
    """
    return tuple(_device(part[:_LENGTH]) for part in (text or "").split(_THEN)[:MOST_ENTRIES] if part)


def versions_from_text(text: str) -> tuple[str, ...]:
    """The versions of one package in a text of schema 7 or archive 2."""
    return tuple(text.split(_THEN_VERSION)[:MOST_ENTRIES])


def _device(text: str) -> Device:
    threads = _THREADS.search(text)
    count = int(threads[1]) if threads else None
    rest = text[: threads.start()] if threads else text
    if rest in ("cpu", "auto"):
        return Device(kind="cpu", threads=count)
    if rest == "mps" or rest.startswith("mps, "):
        return Device(kind="mps", name=rest[len("mps, ") :], threads=count)
    # A text that does not look like the name of a product counts as a processor.
    if threads is None and _PRODUCT.fullmatch(rest) and not rest.startswith("cpu"):
        return Device(kind="cuda", name=rest)
    # Names of processors have no comma.
    name, _, vectors = rest.partition(", ")
    return Device(kind="cpu", name=name, vectors=vectors, threads=count)
