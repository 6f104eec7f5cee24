"""What training measured: an event is one row, and the rows of a run are arrays, one set for each series."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from mnist_core.events import EpochEnd, Event, RunFinished, StepEnd
from mnist_core.store.run_curves import MetricSeries, RunCurves
from mnist_core.store.schema import SERIES, measurements

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

# Columns of the long table that is exported: one row a value.
LONG_COLUMNS = ("id", "step", "epoch", "name", "value", "seconds")
_NOT_MEASURED: Mapping[str, None] = dict.fromkeys(SERIES)


def row_of(event: Event, learning_rate: float | None) -> dict[str, Any] | None:
    """What an event measured, as columns of its row; None if nothing.

    The learning rate is left out where it is still `learning_rate`, as after the event before.
    """
    if isinstance(event, StepEnd):
        values = {"train_loss": event.loss, "train_accuracy": event.accuracy}
        if event.learning_rate != learning_rate:
            values["learning_rate"] = event.learning_rate
    elif isinstance(event, EpochEnd):
        values = {"epoch_train_loss": event.train_loss, "epoch_train_accuracy": event.train_accuracy}
        if event.validation_loss is not None and event.validation_accuracy is not None:
            values |= {"validation_loss": event.validation_loss, "validation_accuracy": event.validation_accuracy}
    else:
        return None
    moment = {"step": event.step, "epoch": event.epoch, "seconds": event.seconds}
    return {**_NOT_MEASURED, **moment, **{name: stored(value) for name, value in values.items()}}


def insert_rows(connection: sa.Connection, values: Sequence[Mapping[str, Any]]) -> None:
    """Write rows, each with all columns of the table.

    The driver is given statement and values as they are: SQLAlchemy would look at every value first, which takes as
    long as all else.
    """
    statement = measurements.insert().compile(dialect=connection.dialect)
    names = getattr(statement, "positiontup", None)
    ready = [tuple(row[name] for name in names) for row in values] if names else [dict(row) for row in values]
    connection.exec_driver_sql(str(statement), ready)


def rows(number: int, last: int, events: Iterable[Event], learning_rate: float | None) -> list[dict[str, Any]]:
    """The rows of these events of a run whose last row has the id `last`."""
    values = []
    for event in events:
        if (columns := row_of(event, learning_rate)) is not None:
            values.append({"run": number, "id": last + len(values) + 1, **columns})
        if isinstance(event, StepEnd):
            learning_rate = event.learning_rate
    return values


def rows_of_values(number: int, values: Iterable[tuple[int, int, float, str, Any]]) -> Iterator[dict[str, Any]]:
    """The rows of a run whose values (step, epoch, seconds, name of the series, value as stored) were written singly.

    Values that follow one another were measured at once if step, epoch and seconds are equal and their series stand in
    the order of `SERIES`, as an event's do. So each series keeps its order, whatever the order of the values.
    """
    ranks = {name: rank for rank, name in enumerate(SERIES)}
    row: dict[str, Any] = {"id": 0}
    before, last = None, len(SERIES)
    for step, epoch, seconds, name, value in values:
        moment, rank = (step, epoch, seconds), ranks[name]
        if rank <= last or moment != before:
            if row["id"]:
                yield row
            row = {
                **_NOT_MEASURED,
                "run": number,
                "id": row["id"] + 1,
                "step": step,
                "epoch": epoch,
                "seconds": seconds,
            }
        row[name] = value
        before, last = moment, rank
    if row["id"]:
        yield row


def is_last(connection: sa.Connection, values: Mapping[str, Any], last: int) -> bool:
    """Whether the row with the id `last` of a run is the one with these values."""
    names = ("step", "epoch", "seconds")
    kept = sa.select(*(measurements.c[name] for name in names))
    kept = kept.where(measurements.c.run == values["run"], measurements.c.id == last)
    return [tuple(row) for row in connection.execute(kept)] == [tuple(values[name] for name in names)]


def progress(events: Sequence[Event]) -> dict[str, Any]:
    """Columns of the run's own row that these events change."""
    values: dict[str, Any] = {}
    for event in events:
        if isinstance(event, StepEnd | EpochEnd | RunFinished):
            values |= {"step": event.step, "seconds": event.seconds}
        if isinstance(event, StepEnd):
            values |= {"learning_rate": event.learning_rate, "images_per_second": event.images_per_second}
        elif isinstance(event, EpochEnd):
            values |= {"epoch": event.epoch, "train_loss": event.train_loss, "train_accuracy": event.train_accuracy}
            if event.best:
                values |= {
                    "best_epoch": event.epoch,
                    "validation_loss": event.validation_loss,
                    "validation_accuracy": event.validation_accuracy,
                }
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in values.items()
    }


def read(connection: sa.Connection, number: int, names: Iterable[str], after: int = 0) -> tuple[int, RunCurves]:
    """The curves of a run, of what was recorded after the row with the id `after`; and the id of the last row.

    A series that the run has not is empty. Raises ValueError, TypeError or OverflowError where a row is damaged.
    """
    names = list(names)
    keys, values = _columns(connection, number, names, after)
    curves = {}
    for name in names:
        present, measured = values[name]
        step, epoch, seconds = (column[present] for column in keys[1:])
        curves[name] = MetricSeries(step, epoch, seconds, measured[present])
    return int(keys[0][-1]) if len(keys[0]) else after, curves


def read_long(connection: sa.Connection, number: int, names: Iterable[str]) -> "pd.DataFrame":
    """The curves of a run as one long table for exports: a row a value, in the order in which they were recorded."""
    import numpy as np
    import pandas as pd

    names = [name for name in SERIES if name in set(names)]
    keys, values = _columns(connection, number, names, 0)
    parts = []
    for rank, name in enumerate(names):
        present, measured = values[name]
        columns = dict(zip(("id", "step", "epoch", "seconds"), (column[present] for column in keys), strict=True))
        parts.append(pd.DataFrame({**columns, "name": name, "value": measured[present], "rank": rank}))
    types = {"id": "int64", "step": "int64", "epoch": "int64", "seconds": "float64", "name": "str", "value": "float64"}
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=[*LONG_COLUMNS, "rank"])
    order = np.lexsort((table["rank"].to_numpy(np.int64), table["id"].to_numpy(np.int64)))
    return table.iloc[order].reset_index(drop=True).loc[:, list(LONG_COLUMNS)].astype(types)


def stored(value: float) -> float | str:
    """A value as its column holds it. SQLite has no NaN, which is therefore the text "nan"; NULL is: not measured."""
    return value if math.isfinite(value) else str(value)


def _columns(
    connection: sa.Connection, number: int, names: Sequence[str], after: int
) -> "tuple[list[np.ndarray], dict[str, tuple[np.ndarray, np.ndarray]]]":
    """Of the rows in which one of these series was measured: id, step, epoch and seconds; of each series, in which
    rows it was measured, and its values there. All arrays (N,).
    """
    import numpy as np

    series = [name for name in names if name in SERIES]
    key_columns = [measurements.c[name] for name in ("id", "step", "epoch", "seconds")]
    measured = sa.or_(sa.false(), *(measurements.c[name].is_not(None) for name in series))
    query = sa.select(*key_columns, *(measurements.c[name] for name in series))
    query = query.where(measurements.c.run == number, measurements.c.id > after, measured)
    records = connection.execute(query.order_by(measurements.c.id)).all()
    columns = list(zip(*records, strict=True)) if records else [()] * (len(key_columns) + len(series))
    kinds = (np.int64, np.int64, np.int64, np.float64)
    keys = [np.array(column, dtype=kind) for column, kind in zip(columns, kinds, strict=False)]
    values = {name: (np.zeros(len(records), dtype=bool), np.zeros(len(records))) for name in names}
    for name, column in zip(series, columns[len(key_columns) :], strict=True):
        # As a float, None becomes NaN, and so does the text "nan".
        numbers = np.array(column, dtype=np.float64)
        present = ~np.isnan(numbers)
        for row in np.flatnonzero(~present):
            present[row] = column[row] is not None
        values[name] = present, numbers
    return keys, values
