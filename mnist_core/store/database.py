"""The connection that all parts of the store share, its settings, and the rule of who may write to a run."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from mnist_core.errors import LostRunError
from mnist_core.store.connections import address, connect, file_of, writing
from mnist_core.store.failures import system_errors
from mnist_core.store.migrations import begin_file, migrate
from mnist_core.store.reserve import with_reserve
from mnist_core.store.run import Run
from mnist_core.store.schema import lab, runs


class Database:
    """An open database with the folder of its runs."""

    def __init__(
        self, folder: Path, url: str, clock: Callable[[], float] = time.time, *, only_look: bool = False
    ) -> None:
        """Open the database at `url`, with the runs' files in `folder`; both are made if no run was ever kept there.

        With `only_look` nothing is made, nor is an older database brought up to date. Raises StorageError.
        """
        location = address(url)
        self.root, self.clock = folder, clock
        # With the full path: a worker in another directory is given it.
        self.url = location.render_as_string(hide_password=False)
        # of an SQLite database, else None
        self.file = file_of(location)
        if not only_look:
            with system_errors(folder, "made"):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self.file is not None:
                begin_file(self.file, folder)
        self._engine = connect(location)
        # What `history.changed_rows` found of each run, as long as this process lives.
        self._checked: dict[int, tuple[int, bool]] = {}
        if not only_look:
            with_reserve(folder, lambda: migrate(self._engine, folder))

    def setting(self, key: str, default: Any = None) -> Any:
        """A setting of this store, such as "runs_at_once"; the default where none can be read."""
        with self._engine.connect() as connection:
            value = connection.execute(sa.select(lab.c.value).where(lab.c.key == f"setting:{key}")).scalar()
        try:
            return default if value is None else json.loads(value)
        except (ValueError, RecursionError):
            return default

    def set_setting(self, key: str, value: Any) -> None:
        """Change a setting of this store; the value must be JSON."""
        key = f"setting:{key}"
        with writing(self._engine).begin() as connection:
            connection.execute(lab.delete().where(lab.c.key == key))
            connection.execute(lab.insert().values(key=key, value=json.dumps(value)))

    def _number(self, connection: sa.Connection, run_id: str) -> int:
        number = connection.execute(sa.select(runs.c.number).where(runs.c.id == run_id)).scalar()
        return -1 if number is None else number

    def _write(self, connection: sa.Connection, run: Run, **values: Any) -> None:
        mine = (runs.c.number == run.number) & (runs.c.worker == run.worker) & (runs.c.state == "running")
        if not connection.execute(runs.update().where(mine).values(**values)).rowcount:
            raise LostRunError(f"run #{run.number} no longer belongs to this worker")
