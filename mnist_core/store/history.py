"""Fingerprints of what a run recorded: SQLite itself does not notice that a stored figure has changed."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from mnist_core.store import metrics as metric_rows
from mnist_core.store import rows
from mnist_core.store.schema import fingerprints, metrics, runs

if TYPE_CHECKING:
    import numpy as np

# Under this name is the fingerprint of the run's own row; all others are names of metrics.
RESULTS = ""
# Raised by what reads rows, where a column holds something of another kind.
UNREADABLE = (ValueError, TypeError, OverflowError)
# Columns of a run that stay as they are once it has ended; name, tags and note may be changed by a person.
_RESULTS = (
    "id",
    "config",
    "digest",
    "created",
    "started",
    "finished",
    "epoch",
    "step",
    "steps_per_epoch",
    "parameters",
    "macs",
    "train_images",
    "seconds",
    "train_loss",
    "train_accuracy",
    "best_epoch",
    "validation_loss",
    "validation_accuracy",
    "test_loss",
    "test_accuracy",
    "device",
    "versions",
    "data",
)
_AS_JSON = ("config", "versions", "data")


def write(connection: sa.Connection, number: int) -> None:
    """Keep the fingerprints of a run that has just ended, in the transaction that ends it."""
    forget(connection, number)
    names = connection.execute(sa.select(metrics.c.name).where(metrics.c.run == number).distinct()).scalars().all()
    found = {name: of_metric(arrays) for name, arrays in metric_rows.columns(connection, number, names).items()}
    found[RESULTS] = _of_results(connection, number)
    values = [{"run": number, "name": name, "sha256": digest} for name, digest in found.items()]
    connection.execute(fingerprints.insert(), values)


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
    return [*damaged, RESULTS] if changed_results(connection, [number], {}) else damaged


def changed_results(
    connection: sa.Connection, numbers: Sequence[int] | None, checked: dict[int, tuple[int, bool]]
) -> list[int]:
    """Those of the runs whose own figures are not what they were when the run ended; of all runs without `numbers`.

    `checked` keeps what was found of each row, by its number, with a hash of its content: only a row that is another
    one than at the last check is looked at in full, which takes most of the time where there are thousands.
    """
    columns = [sa.type_coerce(runs.c[name], sa.Text) if name in _AS_JSON else runs.c[name] for name in _RESULTS]
    query = sa.select(runs.c.number, fingerprints.c.sha256, *columns)
    query = query.join(fingerprints, (fingerprints.c.run == runs.c.number) & (fingerprints.c.name == RESULTS))
    if numbers is not None:
        query = query.where(runs.c.number.in_(numbers))
    found = []
    for row in rows.readable(connection, query):
        number, kept, *values = tuple(row)
        content = hash((kept, *values))
        if number not in checked or checked[number][0] != content:
            checked[number] = content, _sha256(values) != kept
        if checked[number][1]:
            found.append(number)
    return found


def without(connection: sa.Connection) -> list[int]:
    """Numbers of the runs that have begun and ended without a fingerprint: before schema 4 none was kept."""
    begun = (runs.c.step > 0) | runs.c.started.is_not(None) | runs.c.state.in_(("finished", "diverged"))
    query = sa.select(runs.c.number).where(begun, runs.c.state.not_in(("queued", "running"))).order_by(runs.c.number)
    kept = set(with_fingerprints(connection))
    return [row.number for row in rows.readable(connection, query) if row.number not in kept]


def with_fingerprints(connection: sa.Connection) -> Sequence[int]:
    """Numbers of the runs that have fingerprints."""
    return connection.execute(sa.select(fingerprints.c.run).where(fingerprints.c.name == RESULTS)).scalars().all()


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
    return _sha256_of(connection.execute(sa.select(*columns).where(runs.c.number == number)).one())


def _sha256(values: Sequence[Any]) -> str | None:
    """The same of a row whose JSON is still text; None where that is none."""
    try:
        pairs = zip(_RESULTS, values, strict=True)
        return _sha256_of([json.loads(text) if name in _AS_JSON and text is not None else text for name, text in pairs])
    except UNREADABLE:
        return None


def _sha256_of(values: Iterable[Any]) -> str:
    return hashlib.sha256(json.dumps(list(values), sort_keys=True).encode()).hexdigest()
