"""Metrics as tidy rows: events in, data frames out."""

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from mnist_core.events import EpochEnd, Event, RunFinished, RunStarted, StepEnd
from mnist_core.store.schema import metrics

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("id", "step", "epoch", "name", "value", "seconds")


def rows(number: int, events: Iterable[Event], learning_rate: float | None) -> list[dict[str, Any]]:
    """The events as rows; the learning rate gets one only where it differs from the one before."""
    found = []
    for event in events:
        if isinstance(event, RunStarted):
            continue
        for name, value in _values(event):
            if name == "learning_rate":
                if value == learning_rate:
                    continue
                learning_rate = value
            found.append(
                {"run": number, "step": event.step, "epoch": event.epoch, "name": name, "seconds": event.seconds}
                | _stored(value)
            )
    return found


def progress(events: Sequence[Event]) -> dict[str, Any]:
    """What the run's own row learns from these events."""
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


def read(
    connection: sa.Connection, number: int, after: int, names: Sequence[str] | None, limit: int | None
) -> "pd.DataFrame":
    """Rows of one run with an id above `after`, oldest first; NaN and infinities as such."""
    import pandas as pd

    columns = [metrics.c[name] for name in ("id", "step", "epoch", "name", "value", "seconds", "special")]
    query = sa.select(*columns).where(metrics.c.run == number, metrics.c.id > after).order_by(metrics.c.id)
    if names is not None:
        query = query.where(metrics.c.name.in_(names))
    found = connection.execute(query.limit(limit)).all()
    values = [float(row.special) if row.special else row.value for row in found]
    table = pd.DataFrame({name: [row[place] for row in found] for place, name in enumerate(COLUMNS)}, columns=COLUMNS)
    return table.assign(value=pd.Series(values, dtype="float64")).astype(
        {"id": "int64", "step": "int64", "epoch": "int64", "seconds": "float64", "name": "str"}
    )


def _values(event: Event) -> list[tuple[str, float]]:
    if isinstance(event, StepEnd):
        return [
            ("train_loss", event.loss),
            ("train_accuracy", event.accuracy),
            ("learning_rate", event.learning_rate),
        ]
    if isinstance(event, EpochEnd):
        found = [("epoch_train_loss", event.train_loss), ("epoch_train_accuracy", event.train_accuracy)]
        if event.validation_loss is not None and event.validation_accuracy is not None:
            found += [("validation_loss", event.validation_loss), ("validation_accuracy", event.validation_accuracy)]
        return found
    return []


def _stored(value: float) -> dict[str, float | str | None]:
    finite = math.isfinite(value)
    return {"value": value if finite else None, "special": None if finite else str(value)}
