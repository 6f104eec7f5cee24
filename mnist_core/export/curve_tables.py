"""Curves of runs as one long table: CSV for spreadsheets, Parquet for programs."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mnist_core.analysis import measures
from mnist_core.store import Run, Store
from mnist_core.text import in_spreadsheet

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("run", "name", "metric", "step", "epoch", "seconds", "value")


def curve_table(store: Store, runs: Sequence[Run]) -> "pd.DataFrame":
    """Every recorded value of these runs, one a row, run after run, in the order of training.

    Columns: number and name of the run; metric (as in `Store.metrics`: train_loss, validation_accuracy ..., but
    test_accuracy_optimistic and the like where the test images chose the epoch, and train_loss_with_label_smoothing
    where it is that: see `measures.metric_name`); step and epoch (both from 1) and seconds of training at which it
    holds; the value, which may be NaN or infinite.
    """
    import pandas as pd

    parts = [pd.DataFrame(columns=pd.Index(COLUMNS))] if not runs else []
    for run in runs:
        part = store.metrics(run.id).drop(columns="id")
        metric = [measures.metric_name(run, name) for name in part["name"].tolist()]
        parts.append(part.assign(run=run.number, name=run.name, metric=metric))
    return pd.concat(parts, ignore_index=True).loc[:, list(COLUMNS)]


def write_curves_csv(store: Store, runs: Sequence[Run], path: Path) -> None:
    """The table as CSV in UTF-8, numbers in full precision; NaN is written as nan, infinities as inf and -inf."""
    path.write_text(as_csv(curve_table(store, runs)), encoding="utf-8", newline="")


def as_csv(values: "pd.DataFrame") -> str:
    """A table as CSV for spreadsheets; a text or heading that they would run as a formula gets a leading apostrophe."""
    guarded = values.copy()
    for name in values.select_dtypes(exclude=["number", "bool"]).columns:
        shown = {text: in_spreadsheet(text) for text in values[name].dropna().unique()}
        guarded[name] = values[name].map(shown.get)
    # With \r\n as the line end, pandas quotes every text that holds \r or \n, so that no text can begin a new row.
    return guarded.rename(columns=in_spreadsheet).to_csv(index=False, na_rep="nan", lineterminator="\r\n")


def write_curves_parquet(store: Store, runs: Sequence[Run], path: Path) -> None:
    """The table as Parquet, with the types of its columns."""
    curve_table(store, runs).to_parquet(path, index=False)
