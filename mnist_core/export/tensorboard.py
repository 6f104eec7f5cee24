"""A run's curves and settings as a TensorBoard event file, written without TensorBoard.

The format: records, each with its length and masked CRC-32C sums (tensorflow/core/lib/io/record_writer.h), that hold
Event messages in protobuf's wire format (tensorboard/compat/proto/event.proto and summary.proto).
"""

import json
import math
import struct
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from mnist_core.store import Run, Store, write_atomically
from mnist_core.text import in_table_cell

# Names of metrics as TensorBoard groups them: what stands before the slash is a section.
TAGS = {
    "train_loss": "loss/train",
    "validation_loss": "loss/validation",
    "epoch_train_loss": "loss/train_epoch",
    "train_accuracy": "accuracy/train",
    "validation_accuracy": "accuracy/validation",
    "epoch_train_accuracy": "accuracy/train_epoch",
    "learning_rate": "learning_rate",
}
# The largest number that a float32 holds.
_LARGEST = 3.4028234e38
# The number of the type string: DT_STRING in tensorboard/compat/proto/types.proto.
_STRING = 7


def write_to_tensorboard(store: Store, run: Run, folder: Path) -> Path:
    """Write an event file of the run into a folder of its own below `folder`, and return that folder.

    Scalars (float32, as TensorBoard keeps them) stand at their step with the time at which they were measured (unix
    seconds); the settings are a table under Text. `tensorboard --logdir FOLDER` shows them all. A file from before is
    replaced.
    """
    target = folder / f"run-{run.number}"
    content = b"".join(_record(event) for event in _events(store, run))

    def fill(path: Path) -> None:
        path.write_bytes(content)

    target.mkdir(parents=True, exist_ok=True)
    write_atomically(target / f"events.out.tfevents.{int(run.created)}.{run.id}", fill)
    return target


def tag_of(run: Run, name: str) -> str:
    """The TensorBoard tag of a metric: from `TAGS`, changed where `measures.metric_name` changes the metric's name."""
    if run.optimistic and name.startswith("validation_"):
        return TAGS[name].replace("validation", "test_optimistic")
    if name in ("train_loss", "epoch_train_loss") and run.training_loss_label:
        return f"{TAGS[name]}_{run.training_loss_label.replace(' ', '_')}"
    return TAGS[name]


def _events(store: Store, run: Run) -> Iterator[bytes]:
    """Event messages, ordered by time within each curve."""
    began = run.started or run.created
    yield _event(began, 0, _bytes(3, b"brain.Event:2"))
    yield _event(began, 0, _bytes(5, _bytes(1, _text("settings", _settings(run)))))
    curves = store.curves(run.id, TAGS)
    for name, series in curves.items():
        tag = tag_of(run, name)
        columns = (column.tolist() for column in (series.value, series.step, series.seconds))
        for value, step, seconds in zip(*columns, strict=True):
            yield _event(began + seconds, step, _scalar(tag, value))
    for name in ("loss", "accuracy"):
        if (figure := getattr(run, f"test_{name}")) is not None:
            tag = f"{name}/best_test_optimistic" if run.optimistic else f"{name}/test"
            yield _event(began + run.seconds, run.step, _scalar(tag, figure))


def _settings(run: Run) -> str:
    settings = run.config.model_dump(mode="json").items()
    rows = "\n".join(f"| {name} | {in_table_cell(json.dumps(value))} |" for name, value in settings)
    return f"Run {run.number}: {in_table_cell(run.name)}\n\n| setting | value |\n|---|---|\n{rows}"


def _event(time: float, step: int, rest: bytes) -> bytes:
    return b"\x09" + struct.pack("<d", time) + b"\x10" + _varint(step) + rest


def _scalar(tag: str, value: float) -> bytes:
    number = b"\x15" + struct.pack("<f", math.copysign(math.inf, value) if abs(value) > _LARGEST else value)
    return _bytes(5, _bytes(1, _bytes(1, tag.encode()) + number))


def _text(tag: str, text: str) -> bytes:
    """A Summary.Value for the Text tab: a tensor of one string, and the name of the plugin that shows it."""
    tensor = b"\x08" + _varint(_STRING) + _bytes(2, _bytes(2, b"\x08\x01")) + _bytes(8, text.encode())
    return _bytes(1, tag.encode()) + _bytes(8, tensor) + _bytes(9, _bytes(1, _bytes(1, b"text")))


def _bytes(field: int, content: bytes) -> bytes:
    """A protobuf field that holds a message, a text or bytes."""
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    groups = bytearray()
    while value > 0x7F:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*groups, value])


def _record(content: bytes) -> bytes:
    length = struct.pack("<Q", len(content))
    return length + _masked_sum(length) + content + _masked_sum(content)


def _masked_sum(content: bytes) -> bytes:
    table, value = _sums(), 0xFFFFFFFF
    for byte in content:
        value = table[(value ^ byte) & 0xFF] ^ value >> 8
    value ^= 0xFFFFFFFF
    return struct.pack("<I", ((value >> 15 | value << 17) + 0xA282EAD8) & 0xFFFFFFFF)


@cache
def _sums() -> tuple[int, ...]:
    """Table of the CRC-32C (Castagnoli, reflected polynomial 0x82F63B78) of each byte."""
    sums = list(range(256))
    for _ in range(8):
        sums = [value >> 1 ^ (0x82F63B78 if value & 1 else 0) for value in sums]
    return tuple(sums)
