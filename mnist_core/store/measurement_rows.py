"""From a row a value, as before version 7, to a row an event."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from mnist_core.store.measurements import insert_rows, rows_of_values
from mnist_core.store.schema import SERIES, measurements, old_metrics, runs


def fill_measurements(connection: sa.Connection) -> None:
    """Create the table of measurements, fill it from the table of metrics, and remove that.

    One run at a time, so that memory holds one run, whatever the size of the database.
    """
    measurements.create(connection)
    columns = [old_metrics.c[name] for name in ("step", "epoch", "seconds", "name", "value", "special")]
    query = sa.select(*columns).where(old_metrics.c.name.in_(SERIES)).order_by(old_metrics.c.id)
    for number in connection.execute(sa.select(runs.c.number)).scalars().all():
        old: Sequence[Any] = connection.execute(query.where(old_metrics.c.run == number)).all()
        values = ((*event, value if special is None else special) for *event, value, special in old)
        if rows := list(rows_of_values(number, values)):
            insert_rows(connection, rows)
            connection.execute(runs.update().where(runs.c.number == number).values(recorded=len(rows)))
    old_metrics.drop(connection)
