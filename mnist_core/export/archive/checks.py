"""Checks of the files in a run's archive before they are used: config, metrics, predictions, checkpoints."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors import SafetensorError, safe_open

from mnist_core.architectures import check_initial_weights, describe_architecture
from mnist_core.config import READING_RULE, DataFacts, RunConfig, TrainingRules, dataset
from mnist_core.data import input_shape, input_shape_and_classes
from mnist_core.errors import ArchitectureError, ConfigError, StoreError
from mnist_core.export.archive.format import CONFIG, RUN, ArchiveError, CheckpointNetwork, check_texts, parse_model
from mnist_core.store import SERIES, read_recording
from mnist_core.text import one_line
from mnist_core.training import check_needs, count_training_images

METRIC_TYPES: Mapping[str, pa.DataType] = {
    "step": pa.int64(),
    "epoch": pa.int64(),
    "name": pa.string(),
    "value": pa.float64(),
    "seconds": pa.float64(),
}
METRIC_NAMES = frozenset(SERIES)
SPLITS = frozenset({"validation", "test"})
_METRIC_ROWS = 2_000_000
# The most cells that a table of predictions may have.
_CELLS = 100_000_000
# The most bytes that a table may take, packed or unpacked: this many for each cell, and a fixed part for its header.
_CELL_BYTES = 16
_TABLE_BYTES = 100_000
_TEXTS = ("progress", "network", "scalars")
_PROGRESS = frozenset({"epoch", "step", "seconds", "loss_sum", "correct", "best_loss", "best_accuracy", "best_epoch"})
# Number of classes assumed for a folder of images whose classes the archive does not name.
_FOLDER_CLASSES = 10


def check_config(config: RunConfig, data: DataFacts | None) -> None:
    """Raise ArchiveError unless the config's network can be built and this program can read the config's data."""
    if data is not None and data.rule > READING_RULE:
        raise ArchiveError(
            f"its pictures were read by a newer rule ({data.rule}, this program knows {READING_RULE}). Update MNIST "
            "Lab, then import it again."
        )
    if data is not None and config.dataset != "folder" and data.classes != dataset(config.dataset).classes:
        raise ArchiveError(f"{RUN} names other classes than {config.dataset} has.")
    with _sound(CONFIG, "does not name a network that can be built"):
        shape, classes = _shape_of(config, data)
        check_initial_weights(config.initial_weights, shape, classes or _FOLDER_CLASSES)
        describe_architecture(config.architecture, shape, classes or _FOLDER_CLASSES)
        check_needs(config, shape, classes or _FOLDER_CLASSES, count_training_images(config))


def check_rules(rules: Mapping[str, int] | None) -> None:
    """Raise ArchiveError if the run follows a rule, or a version of one, that this program does not know."""
    today = asdict(TrainingRules())
    for name, version in (rules or {}).items():
        if version > today.get(name, 0):
            raise ArchiveError(
                f"its run follows a newer rule (rules.{one_line(name)}: {version}). Update MNIST Lab, then import it "
                "again."
            )


def metrics_of(path: Path) -> pd.DataFrame:
    """The metrics in this file: columns step, epoch, name, value, seconds. Raises ArchiveError."""
    with _sound(path.name):
        with pq.ParquetFile(path) as file:
            schema = [(field.name, field.type) for field in file.schema_arrow]
        if schema != [*METRIC_TYPES.items()]:
            raise ArchiveError(f"{path.name} has other columns than {', '.join(METRIC_TYPES)} with their types.")
        columns = _columns(path, _METRIC_ROWS, "name", METRIC_NAMES)
        frame = pd.DataFrame(columns, columns=list(METRIC_TYPES))
        steps, seconds = frame[["step", "epoch"]].to_numpy(), frame["seconds"].to_numpy()
        if not ((steps >= 0).all() and np.isfinite(seconds).all()):
            raise ArchiveError(f"{path.name} holds a negative step or a time that is not finite.")
    return frame


def check_predictions(path: Path, config: RunConfig, data: DataFacts | None) -> None:
    """Raise ArchiveError unless the file holds predictions of the config's network, as `analysis.scores` describes."""
    with _sound(path.name):
        with pq.ParquetFile(path) as file:
            names = [field.name for field in file.schema_arrow]
            kinds = [field.type for field in file.schema_arrow]
        classes = _shape_of(config, data)[1] or len(names) - 3
        if classes < 1 or names != ["split", "index", "label", *(f"p{index}" for index in range(classes))]:
            raise ArchiveError(f"{path.name} has other columns than split, index, label, p0, p1 ... of each class.")
        text, *whole, first = kinds[:4]
        numbers = all(map(pa.types.is_integer, whole)) and all(map(pa.types.is_floating, (first, *kinds[4:])))
        if not numbers or not (pa.types.is_string(text) or pa.types.is_large_string(text)):
            raise ArchiveError(f"{path.name} has columns of the wrong types.")
        columns = _columns(path, _CELLS // len(names), "split", SPLITS)
        answers = np.stack([columns[name] for name in names[3:]])
        label, index, split = columns["label"], columns["index"], columns["split"]
        if not (
            label.size > 0
            and ((label >= 0) & (label < classes)).all()
            # NaN fails both comparisons, so it is refused, too.
            and ((answers >= 0) & (answers <= 1.001)).all()
            and all(np.array_equal(index[split == name], np.arange((split == name).sum())) for name in SPLITS)
        ):
            raise ArchiveError(f"{path.name} holds a label, an index or a probability that cannot be right.")


def check_glimpses(path: Path, config: RunConfig, data: DataFacts | None) -> None:
    """Raise ArchiveError unless the file holds glimpses of a network with the classes and images of the config."""
    with _sound(path.name):
        watched = read_recording(path, is_complete=True).watched
        shape, classes = _shape_of(config, data)
        if classes not in (0, watched.classes) or shape[0] != watched.images.shape[1]:
            raise ArchiveError(f"{path.name} is of other images or classes than {CONFIG} names.")


def check_checkpoint(path: Path, name: str, config: RunConfig, data: DataFacts | None) -> None:
    """Raise ArchiveError unless the file is a checkpoint that can be opened, with the weights of the config's network.

    Tensors are not read: only their names and sizes, which safetensors checks against the length of the file.
    """
    with _sound(name, "is not a checkpoint that can be opened"):
        with safe_open(path, framework="numpy") as file:
            texts = file.metadata() or {}
            slices = {key: file.get_slice(key) for key in file.keys()}  # noqa: SIM118
            tensors = {key: (value.get_dtype(), tuple(value.get_shape())) for key, value in slices.items()}
        about = {text: json.loads(texts[text]) for text in _TEXTS}
        if texts.get("format") != "mnist-lab 1" or not all(isinstance(value, dict) for value in about.values()):
            raise ValueError("it is not a checkpoint of this program")
        for values in about.values():
            check_texts(values, name)
        network = parse_model(CheckpointNetwork, about["network"], name)
        _check_network(network, config, data, name)
        if not all(_is_number(about["progress"][key]) for key in _PROGRESS):
            raise ValueError("its progress holds something other than numbers")
        _check_weights(network, tensors, name)


def _check_network(network: CheckpointNetwork, config: RunConfig, data: DataFacts | None, name: str) -> None:
    shape, classes = _shape_of(config, data)
    if network.architecture != config.architecture:
        raise ArchiveError(f"{name} holds {network.architecture!r}, and {CONFIG} names {config.architecture!r}.")
    if tuple(network.shape) != shape or classes not in (0, len(network.classes)):
        raise ArchiveError(f"{name} is for other images or classes than {CONFIG} names.")
    if data is not None and tuple(network.classes) != data.classes:
        raise ArchiveError(f"{name} names other classes than {RUN}.")
    # The images are scaled by one mean for all pixels, one for each channel, or one for each pixel.
    places = {1, shape[0], math.prod(shape)}
    if len(network.mean) != len(network.std) or len(network.mean) not in places:
        raise ArchiveError(f"{name} has means and deviations that do not fit its images.")


def _check_weights(network: CheckpointNetwork, tensors: Mapping[str, tuple[str, tuple[int, ...]]], name: str) -> None:
    """Raise ArchiveError or ValueError unless the tensors have the names, types and shapes of the network's weights.

    The network is built on torch's meta device, which needs no memory for the weights.
    """
    import torch

    from mnist_core.architectures import build_network

    line, shape, classes = network.architecture, (*network.shape,), len(network.classes)
    model_tensors = {key: dtype_and_shape for key, dtype_and_shape in tensors.items() if key.startswith("model.")}
    described = describe_architecture(line, shape, classes)  # pyright: ignore[reportArgumentType]
    if described.parameters > sum(math.prod(sides) for _, sides in model_tensors.values()):
        raise ValueError("it holds fewer weights than its network has")
    with torch.device("meta"):
        state = build_network(line, shape, classes).state_dict()  # pyright: ignore[reportArgumentType]
    types = {torch.float32: "F32", torch.int64: "I64"}
    if model_tensors != {f"model.{key}": (types.get(value.dtype), tuple(value.shape)) for key, value in state.items()}:
        raise ArchiveError(f"{name} holds weights that do not fit {line}.")
    if tensors.get("random.cpu") != ("U8", tuple(torch.get_rng_state().shape)):
        raise ValueError("it lacks the state of the random numbers")


def _shape_of(config: RunConfig, data: DataFacts | None) -> tuple[tuple[int, int, int], int]:
    """Input shape (C, H, W) and number of classes of the config's data set.

    A folder of images may not be on this machine: its classes are those that the run recorded, 0 if it recorded none.
    """
    if config.dataset == "folder":
        return input_shape(config), 0 if data is None else len(data.classes)
    return input_shape_and_classes(config)


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, float | int) and math.isfinite(value))


def _columns(path: Path, rows: int, text: str, words: frozenset[str]) -> dict[str, np.ndarray]:
    """Read all columns of a table, each as an array (rows,). Raises ArchiveError if it is too large or lacks values.

    The size is checked before anything is unpacked. `text` names the only column of text, which may hold nothing but
    `words`. It is read as a dictionary, so that a long word is refused before it is repeated in a million rows.
    """
    with pq.ParquetFile(path, read_dictionary=[text]) as file:
        about = file.metadata
        if about.num_rows > rows:
            raise ArchiveError(f"{path.name} has {about.num_rows:,} rows, more than any run writes.")
        # Do not ask pyarrow for the codecs: it aborts the process on an unknown one.
        unpacked = sum(about.row_group(group).total_byte_size for group in range(about.num_row_groups))
        if max(unpacked, path.stat().st_size) > _CELL_BYTES * about.num_rows * about.num_columns + _TABLE_BYTES:
            raise ArchiveError(f"{path.name} is packed in a way that this program does not use.")
        # The declared size may be a lie. Then pyarrow still unpacks one page at a time, each below 2 GB.
        table = file.read(use_threads=False)
    if any(column.null_count for column in table.columns):
        raise ArchiveError(f"{path.name} lacks values.")
    chunks: Sequence[pa.DictionaryArray] = table[text].chunks
    if any(len(chunk.dictionary) > len(words) or not {*chunk.dictionary.to_pylist()} <= words for chunk in chunks):
        raise ArchiveError(f"{path.name} holds a {text} that no run records.")
    values = {name: table[name].to_numpy() for name in table.column_names if name != text}
    return values | {text: np.array(table[text].cast(pa.string()).to_pylist(), dtype=object)}


@contextmanager
def _sound(name: str, otherwise: str = "is damaged, or not a file that can be opened") -> Iterator[None]:
    """Turn every error of reading a file from a stranger's archive into an ArchiveError that names the file."""
    try:
        yield
    except ArchiveError:
        raise
    except (
        ArithmeticError,
        ArchitectureError,
        AttributeError,
        ConfigError,
        LookupError,
        OSError,
        RecursionError,
        SafetensorError,
        StoreError,
        TypeError,
        ValueError,
        pa.ArrowException,
    ) as error:
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise ArchiveError(f"{name} {otherwise} ({reason}).") from None
