"""The board of a sweep: its runs as a table, and the best so far."""

from typing import Any

import pandas as pd

from mnist_core.store import Store
from mnist_core.sweeps.running import load

_MEASURED = {"validation_accuracy": "float64", "test_accuracy": "float64", "train_loss": "float64",
             "seconds": "float64", "epoch": "int64", "note": "str"}  # fmt: skip


def table(store: Store, sweep_id: str) -> pd.DataFrame:
    """One row a run, oldest first: run (id), number, state, seed, a column for each axis, then what it achieved.

    validation_accuracy (of the best epoch) and test_accuracy are fractions, train_loss is that of the last epoch; what
    is not known yet is NaN.
    """
    sweep = load(store, sweep_id)
    lines = sweep.templates()
    runs = sorted(store.runs(sweep=sweep_id), key=lambda run: run.number)
    points = [sweep.point_of(run.config, lines) for run in runs]
    columns: dict[str, pd.Series] = {
        "run": pd.Series([run.id for run in runs], dtype="str"),
        "number": pd.Series([run.number for run in runs], dtype="int64"),
        "state": pd.Series([run.state for run in runs], dtype="str"),
        "seed": pd.Series([run.config.seed for run in runs], dtype="int64"),
    }
    columns |= {field: _values([point[field] for point in points]) for field in sweep.fields}
    columns |= {name: pd.Series([getattr(run, name) for run in runs], dtype=kind) for name, kind in _MEASURED.items()}
    return pd.DataFrame(columns)


def measure(table: pd.DataFrame) -> str:
    """The column that runs are compared by: validation accuracy, or test accuracy where nothing was held out."""
    return "validation_accuracy" if len(table["validation_accuracy"].dropna()) else "test_accuracy"


def best(table: pd.DataFrame) -> pd.Series | None:
    """The row of the run with the highest accuracy so far (see `measure`), or None before the first."""
    scores = table[measure(table)].dropna()
    return table.loc[scores.idxmax()] if len(scores) else None


def _values(values: list[Any]) -> pd.Series:
    """A column that keeps None, such as "all training images", as it is."""
    return pd.Series(values, dtype="object" if not values or None in values else None)
