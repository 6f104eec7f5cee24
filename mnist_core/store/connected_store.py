"""What all parts of the store share: the database, the folder of the runs, whose view of them it is, and settings."""

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from mnist_core.errors import LostRunError
from mnist_core.store import history
from mnist_core.store.artifacts import make_results_folder
from mnist_core.store.connections import address, connect, file_of, writing
from mnist_core.store.failures import system_errors
from mnist_core.store.migrations import begin_file, migrate
from mnist_core.store.page_columns import renew_page_columns
from mnist_core.store.reserve import with_reserve
from mnist_core.store.run import Run
from mnist_core.store.schema import lab, runs
from mnist_core.store.sweeps import SweepRow

# The database, and the owner whose view of it a store is.
Scope = tuple[str, str | None]


class ConnectedStore:
    """The database and the folder of its runs. Safe to use from several threads and processes."""

    # Owner of what is added here, and the condition for rows that can be seen; `StudentStore` has others.
    owner: str | None = None
    visible: sa.ColumnElement[bool] = sa.true()

    def __init__(
        self, folder: Path, url: str, clock: Callable[[], float] = time.time, *, only_look: bool = False
    ) -> None:
        """Open the database at `url`, with the runs' files in `folder`; both are made if no run was ever kept there.

        With `only_look` nothing is created, and an older database is not migrated. Raises StorageError.
        """
        location = address(url)
        self.root, self.clock = folder, clock
        # This address has the full path, because workers get it and run in another directory.
        self.url = location.render_as_string(hide_password=False)
        # The database file; None for a database on a server.
        self.file = file_of(location)
        if not only_look:
            with system_errors(folder, "made"):
                make_results_folder(folder)
            if self.file is not None:
                begin_file(self.file, folder)
        self.engine = connect(location)
        # Cache of `history.changed_rows`, by the run's number.
        self._checked: dict[int, tuple[int, bool]] = {}
        if not only_look:
            with_reserve(folder, lambda: migrate(self.engine, folder))

    @property
    def scope(self) -> Scope:
        """What a cache of this store's runs must be kept apart by: the database, and whose view of it this is."""
        return self.url, self.owner

    def may_change(self, what: Run | SweepRow) -> bool:
        """Whether whoever has this store may rename, stop or delete this run or sweep."""
        return True

    def check_teacher(self, action: str) -> None:
        """Raise NotAllowedError where a student has this store; `action` says what only the teacher may do."""

    def setting(self, key: str, default: Any = None) -> Any:
        """A setting of this store, such as "runs_at_once"; the default if there is none or it cannot be read."""
        with self.engine.connect() as connection:
            value = connection.execute(sa.select(lab.c.value).where(lab.c.key == f"setting:{key}")).scalar()
        try:
            return default if value is None else json.loads(value)
        except (ValueError, RecursionError):
            return default

    def set_setting(self, key: str, value: Any) -> None:
        """Change a setting of this store; the value must be JSON."""
        self._write_setting(key, value)

    def _write_setting(self, key: str, value: Any) -> None:
        key = f"setting:{key}"
        with writing(self.engine).begin() as connection:
            connection.execute(lab.delete().where(lab.c.key == key))
            connection.execute(lab.insert().values(key=key, value=json.dumps(value)))

    def forget_setting(self, key: str) -> None:
        """Remove a setting that is of no use any more."""
        with writing(self.engine).begin() as connection:
            connection.execute(lab.delete().where(lab.c.key == f"setting:{key}"))

    def holds(self, run: Run) -> bool:
        """Whether the run is still running under this claim."""
        return bool(self.held([run]))

    def held(self, claimed: Sequence[Run]) -> set[str]:
        """Ids of those of these runs that are still running under their claims."""
        numbers = [run.number for run in claimed if run.worker is not None]
        if not numbers:
            return set()
        query = sa.select(runs.c.number, runs.c.worker).where(runs.c.number.in_(numbers), runs.c.state == "running")
        with self.engine.connect() as connection:
            workers = {row.number: row.worker for row in connection.execute(query)}
        return {run.id for run in claimed if run.worker is not None and workers.get(run.number) == run.worker}

    def _check_room(self, connection: sa.Connection, more: int) -> None:
        """Raise ConfigError if so many runs more may not wait; asked within the transaction that adds them."""

    def _update(self, ids: Sequence[str], **values: Any) -> None:
        with writing(self.engine).begin() as connection:
            change = runs.update().where(runs.c.id.in_(ids)).values(**values).returning(runs.c.number)
            numbers = connection.execute(change).scalars().all()
            history.relabel(connection, numbers, values)
            if values.keys() & {"name", "tags"}:
                renew_page_columns(connection, runs.c.number.in_(numbers))

    def _number(self, connection: sa.Connection, run_id: str) -> int:
        number = connection.execute(sa.select(runs.c.number).where(runs.c.id == run_id, self.visible)).scalar()
        return -1 if number is None else number

    def _write(self, connection: sa.Connection, run: Run, **values: Any) -> None:
        if not connection.execute(runs.update().where(held_row(run)).values(**values)).rowcount:
            raise _lost(run)

    def _check_holder(self, run: Run) -> None:
        """Raise LostRunError unless the run is still running under this claim."""
        if not self.holds(run):
            raise _lost(run)


def _lost(run: Run) -> LostRunError:
    return LostRunError(f"run #{run.number} no longer belongs to this worker")


def held_row(run: Run) -> sa.ColumnElement[bool]:
    """The row of a running run, as long as it is under this claim."""
    return (runs.c.number == run.number) & (runs.c.worker == run.worker) & (runs.c.state == "running")
