"""What the files in a run's zip must hold before they are believed: metrics, predictions, checkpoints. Torch-free."""

import json
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors import SafetensorError, safe_open

from mnist_core.architectures import describe
from mnist_core.errors import ArchitectureError
from mnist_core.export.archive_format import ArchiveError

METRIC_TYPES: Mapping[str, pa.DataType] = {
    "step": pa.int64(), "epoch": pa.int64(), "name": pa.string(), "value": pa.float64(), "seconds": pa.float64(),
}  # fmt: skip
METRIC_NAMES = frozenset({"train_loss", "train_accuracy", "learning_rate", "epoch_train_loss", "epoch_train_accuracy",
                          "validation_loss", "validation_accuracy"})  # fmt: skip
_METRIC_ROWS = 2_000_000
_CELLS = 100_000_000  # of the table of predictions
_TEXTS = ("progress", "network", "scalars")


def metrics_of(path: Path) -> pd.DataFrame:
    """The metrics in this file: columns step, epoch, name, value, seconds. Raises ArchiveError."""
    with _parquet(path) as file:
        found = {field.name: field.type for field in file.schema_arrow}
        if found != METRIC_TYPES:
            raise ArchiveError(f"{path.name} has other columns than {', '.join(METRIC_TYPES)} with their types.")
        table = _table(file, path, _METRIC_ROWS)
    frame = pd.DataFrame({name: table[name].to_numpy() for name in METRIC_TYPES}, columns=list(METRIC_TYPES))
    seconds = frame["seconds"].to_numpy()
    whole = bool(
        (frame[["step", "epoch"]].to_numpy() >= 0).all()
        and np.isfinite(seconds).all()
        and set(frame["name"].unique()) <= METRIC_NAMES
    )
    if not whole:
        raise ArchiveError(f"{path.name} holds a step, a time or a name that no run records.")
    return frame


def check_predictions(path: Path) -> None:
    """Raise ArchiveError unless the file holds answers as `results` describes them."""
    with _parquet(path) as file:
        names = [field.name for field in file.schema_arrow]
        classes = len(names) - 3
        if classes < 2 or names != ["split", "index", "label", *(f"p{place}" for place in range(classes))]:
            raise ArchiveError(f"{path.name} has other columns than split, index, label, p0, p1 ...")
        frame = _table(file, path, _CELLS // len(names)).to_pandas()
    try:
        answers = frame[names[3:]].to_numpy(np.float32)
        labels, places = (frame[name].to_numpy(np.int64) for name in ("label", "index"))
    except (TypeError, ValueError):
        raise ArchiveError(f"{path.name} holds something else than numbers.") from None
    whole = (
        all(pd.api.types.is_integer_dtype(frame[name]) for name in ("label", "index"))
        and set(frame["split"].unique()) <= {"validation", "test"}
        and bool(((labels >= 0) & (labels < classes)).all())
        and bool(((answers >= 0) & (answers <= 1.001)).all())  # false for NaN too
        and all(
            np.array_equal(places[frame["split"].to_numpy() == split], np.arange((frame["split"] == split).sum()))
            for split in ("validation", "test")
        )
    )
    if not whole:
        raise ArchiveError(f"{path.name} holds a label, a place or a probability that cannot be.")


def check_checkpoint(path: Path, name: str) -> None:
    """Raise ArchiveError unless the file is a checkpoint that can be opened and whose network can be built.

    Tensors are not read: only their names and sizes, which safetensors checks against the length of the file.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            texts = file.metadata() or {}
            sizes = {key: math.prod(file.get_slice(key).get_shape()) for key in file.keys()}  # noqa: SIM118
        about = {text: json.loads(texts[text]) for text in _TEXTS}
        network = about["network"]
        shape = tuple(int(side) for side in network["shape"])
        classes, mean, std = (network[key] for key in ("classes", "mean", "std"))
        described = describe(network["architecture"], shape, len(classes))  # pyright: ignore[reportArgumentType]
        plain = all(isinstance(value, float | int) and math.isfinite(value) for value in (*mean, *std))
        weights = sum(size for key, size in sizes.items() if key.startswith("model."))
        if texts.get("format") != "mnist-lab 1" or not plain or not all(isinstance(name, str) for name in classes):
            raise ValueError("it is no checkpoint of this program")
        if described.parameters > weights or "random.cpu" not in sizes:
            raise ValueError("it holds fewer weights than its network has")
    except (OSError, SafetensorError, ArchitectureError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise ArchiveError(f"{name} is no checkpoint that can be opened ({error}).") from None


def _parquet(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path)
    except (OSError, pa.ArrowException) as error:
        raise ArchiveError(f"{path.name} is no Parquet file that can be opened ({_first_line(error)}).") from None


def _table(file: pq.ParquetFile, path: Path, rows: int) -> pa.Table:
    """All rows, if there are at most `rows` and none is missing a value."""
    if file.metadata.num_rows > rows:
        raise ArchiveError(f"{path.name} has {file.metadata.num_rows:,} rows, more than any run writes.")
    try:
        table = file.read()
    except (OSError, pa.ArrowException) as error:
        raise ArchiveError(f"{path.name} is damaged ({_first_line(error)}).") from None
    if any(column.null_count for column in table.columns):
        raise ArchiveError(f"{path.name} lacks values.")
    return table


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
