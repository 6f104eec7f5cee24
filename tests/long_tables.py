"""Curves of runs as tests write them down: tables with a row a value."""

import numpy as np
import pandas as pd

from mnist_core.store import MetricSeries, RunCurves


def as_curves(table: pd.DataFrame) -> RunCurves:
    """The curves in a table with the columns name, value, epoch, and step and seconds where they matter."""
    curves = {}
    for name, rows in table.groupby("name", sort=False):
        columns = (rows[column] if column in rows else rows["epoch"] for column in ("step", "epoch", "seconds"))
        step, epoch, seconds = (column.to_numpy() for column in columns)
        curves[str(name)] = MetricSeries(step, epoch, seconds, rows["value"].to_numpy(np.float64))
    return curves
