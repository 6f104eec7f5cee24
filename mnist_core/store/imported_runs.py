"""Imports a run that was trained elsewhere: all of its rows and files, or none."""

import shutil
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from mnist_core.errors import StorageError, StoreError
from mnist_core.store import history
from mnist_core.store.artifacts import Artifact, is_intact
from mnist_core.store.connections import writing
from mnist_core.store.failures import system_errors
from mnist_core.store.measurements import insert_rows, rows_of_values, stored
from mnist_core.store.page_columns import renew_page_columns
from mnist_core.store.schema import artifacts, runs

if TYPE_CHECKING:
    import pandas as pd

# Rows of measurements in one INSERT statement.
_ROWS = 5_000


def add_imported(
    engine: sa.Engine,
    target: Path,
    values: dict[str, Any],
    rows: "pd.DataFrame",
    files: Sequence[Artifact],
    folder: Path,
) -> int:
    """Insert a run that has ended, with its curves, and move its `folder` of files to `target`; returns its number.

    `values` are columns of the table of runs, `rows` has the columns step, epoch, name, value and seconds. One
    transaction: if anything fails, rows and files are as before. Raises StoreError if the run's folder is there.
    """
    if target.exists() and not _remove_half(engine, values["id"], target, files):
        raise StoreError(f"the folder {target} is in the way; move it elsewhere and import again")
    moved = False
    try:
        with writing(engine).begin() as connection:
            number = connection.execute(runs.insert().values(**values).returning(runs.c.number)).scalar_one()
            renew_page_columns(connection, runs.c.number == number)
            recorded = 0
            wide = rows_of_values(number, _values(rows))
            while some := list(islice(wide, _ROWS)):
                insert_rows(connection, some)
                recorded += len(some)
            connection.execute(runs.update().where(runs.c.number == number).values(recorded=recorded))
            if files:
                connection.execute(artifacts.insert(), [{"run": number, **vars(file)} for file in files])
            history.write_fingerprints(connection, number)
            with system_errors(target):
                folder.rename(target)
            moved = True
    except BaseException as error:
        _undo(moved, target)
        if isinstance(error, StorageError) and error.kind == "conflict":
            raise StoreError("the same run is being imported at this moment; look at the table of runs") from None
        raise
    return number


def _remove_half(engine: sa.Engine, run_id: str, target: Path, files: Sequence[Artifact]) -> bool:
    """Remove the folder left by an import that was killed before its commit; False if the folder is of another run."""
    with engine.connect() as connection:
        if connection.execute(sa.select(runs.c.number).where(runs.c.id == run_id)).first() is not None:
            return False
    present = {str(path.relative_to(target)) for path in target.rglob("*") if path.is_file()}
    if present != {file.path for file in files} or not all(is_intact(target / file.path, file) for file in files):
        return False
    shutil.rmtree(target)
    return True


def _undo(moved: bool, target: Path) -> None:
    if moved:
        shutil.rmtree(target, ignore_errors=True)


def _values(table: "pd.DataFrame") -> Iterator[tuple[int, int, float, str, float | str]]:
    columns = (table[name].to_numpy().tolist() for name in ("step", "epoch", "seconds", "name", "value"))
    for step, epoch, seconds, name, value in zip(*columns, strict=True):
        yield step, epoch, seconds, name, stored(value)
