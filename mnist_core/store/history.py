"""Fingerprints of what a run recorded: SQLite itself does not notice that a stored figure has changed."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import sqlalchemy as sa

from mnist_core.store import metrics as metric_rows
from mnist_core.store.schema import fingerprints, metrics, runs

if TYPE_CHECKING:
    import numpy as np

# Under this name is the fingerprint of the run's own row; all others are names of metrics.
RESULTS = ""
# Raised by what reads rows, where a column holds something of another kind.
UNREADABLE = (ValueError, TypeError, OverflowError)
# Columns of a run that stay as they are once it has ended; name, tags and note may be changed by a person.
_RESULTS = (
    "id", "config", "digest", "created", "started", "finished", "epoch", "step", "steps_per_epoch", "parameters",
    "macs", "train_images", "seconds", "train_loss", "train_accuracy", "best_epoch", "validation_loss",
    "validation_accuracy", "test_loss", "test_accuracy", "device", "versions", "data",
)  # fmt: skip


def write(connection: sa.Connection, number: int) -> None:
    """Keep the fingerprints of a run that has just ended, in the transaction that ends it."""
    forget(connection, number)
    names = connection.execute(sa.select(metrics.c.name).where(metrics.c.run == number).distinct()).scalars().all()
    found = {name: of_metric(arrays) for name, arrays in metric_rows.columns(connection, number, names).items()}
    found[RESULTS] = _of_results(connection, number)
    rows = [{"run": number, "name": name, "sha256": digest} for name, digest in found.items()]
    connection.execute(fingerprints.insert(), rows)


def forget(connection: sa.Connection, number: int) -> None:
    """Forget a run's fingerprints, because more will be recorded."""
    connection.execute(fingerprints.delete().where(fingerprints.c.run == number))


def read(connection: sa.Connection, number: int) -> dict[str, str]:
    """The fingerprints of a run by name; empty while it has not ended, and of runs from before schema 4."""
    query = sa.select(fingerprints.c.name, fingerprints.c.sha256).where(fingerprints.c.run == number)
    return {row.name: row.sha256 for row in connection.execute(query)}


def changed(found: Mapping[str, "tuple[np.ndarray, ...]"], kept: Mapping[str, str]) -> list[str]:
    """Names of metrics whose arrays are not those of the fingerprints; one without a fingerprint passes as it is."""
    return [name for name, arrays in found.items() if name in kept and of_metric(arrays) != kept[name]]


def damage(connection: sa.Connection, number: int) -> list[str]:
    """What of a run is not as it was when it ended: names of metrics, and `RESULTS` for its own row."""
    kept = read(connection, number)
    names = [name for name in kept if name != RESULTS]
    try:
        damaged = changed(metric_rows.columns(connection, number, names), kept)
    except UNREADABLE:
        damaged = names
    return [*damaged, RESULTS] if changed_results(connection, [number]) else damaged


def changed_results(connection: sa.Connection, numbers: Iterable[int]) -> list[int]:
    """Those of the runs whose own figures are not what they were when the run ended."""
    found = []
    for number in numbers:
        kept = read(connection, number).get(RESULTS)
        try:
            if kept is not None and _of_results(connection, number) != kept:
                found.append(number)
        except UNREADABLE:
            found.append(number)
    return found


def of_metric(arrays: "Sequence[np.ndarray]") -> str:
    """The SHA-256 of one metric: step, epoch, seconds and value, as `Store.curves` gives them."""
    import numpy as np

    digest = hashlib.sha256()
    for array, kind in zip(arrays, ("<i8", "<i8", "<f8", "<f8"), strict=True):
        numbers = array.astype(kind)
        # One pattern of bits for every NaN: the database keeps only the word.
        digest.update(np.where(np.isnan(numbers), np.nan, numbers).tobytes() if kind == "<f8" else numbers.tobytes())
    return digest.hexdigest()


def _of_results(connection: sa.Connection, number: int) -> str:
    columns = [runs.c[name] for name in _RESULTS]
    row = connection.execute(sa.select(*columns).where(runs.c.number == number)).one()
    return hashlib.sha256(json.dumps(list(row), sort_keys=True).encode()).hexdigest()
