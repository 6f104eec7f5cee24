"""Store: the database and files of all runs, shared by all processes. Its queued rows are the queue."""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from mnist_core import environment
from mnist_core.errors import StoreError
from mnist_core.store import rows
from mnist_core.store.artifacts import RUN_FOLDER, Artifact
from mnist_core.store.claimed_runs import ClaimedRuns
from mnist_core.store.connections import writing
from mnist_core.store.dialects import as_bytes
from mnist_core.store.imported_runs import add_imported
from mnist_core.store.leftovers import remove
from mnist_core.store.read_runs import REMOVAL_BEGUN
from mnist_core.store.reserve import with_reserve
from mnist_core.store.run import NAME_LENGTH, clean_comment, clean_tags
from mnist_core.store.run_queue import RunQueue
from mnist_core.store.schema import runs
from mnist_core.store.sweeps import SweepRow, read_at_epoch, read_sweep, read_sweeps, remove_sweep, write_sweep
from mnist_core.text import one_line

if TYPE_CHECKING:
    import pandas as pd

# Deleted runs can be brought back within this time.
UNDO_SECONDS = 24 * 3600.0
_DELETED = sa.select(runs.c.number, runs.c.deleted)


class Store(RunQueue, ClaimedRuns):
    """Runs, metrics, artifacts and sweeps: one database with the folder of its runs.

    Safe to use from several threads and processes.
    """

    @classmethod
    def open(cls, folder: Path | None = None) -> "Store":
        """The store that the environment names, or the one in `folder`."""
        if folder is None:
            return cls(environment.results_dir(), environment.database_url())
        return cls(folder, environment.sqlite_url(folder / "runs.db"))

    def rename(self, run_id: str, name: str) -> None:
        """Give a run another name; names need not be unique. Raises StoreError if it is empty."""
        line = one_line(name).strip()[:NAME_LENGTH]
        if not line:
            raise StoreError("name: is empty; a run needs a name")
        self._update([run_id], name=line)

    def set_tags(self, run_id: str, tags: Iterable[str]) -> None:
        """Replace a run's tags."""
        self._update([run_id], tags=clean_tags(tags))

    def set_comment(self, run_id: str, text: str) -> None:
        """Replace what a person has written about a run; "" removes it."""
        self._update([run_id], comment=clean_comment(text))

    def share(self, ids: Sequence[str], shared: bool = True) -> None:
        """Let all of a class see these runs, or only their owners and the teacher."""
        self._update(ids, shared=int(shared))

    def delete(self, ids: Sequence[str]) -> None:
        """Hide runs; `restore` undoes it, `purge` removes them for good. Running ones are stopped."""

        def hide_and_stop() -> None:
            self._update(ids, deleted=self.clock())
            self.stop_all(ids)

        with_reserve(self.root, hide_and_stop)

    def restore(self, ids: Sequence[str]) -> None:
        """Undo `delete`."""
        with writing(self.engine).begin() as connection:
            deleted = runs.c.id.in_(ids) & (runs.c.deleted > REMOVAL_BEGUN)
            connection.execute(runs.update().where(deleted).values(deleted=None))

    def delete_broken(self, numbers: Sequence[int]) -> None:
        """Delete rows that cannot be read; `purge` removes them for good like other deleted runs."""
        gone = {"deleted": self.clock(), "state": "failed", "worker": None, "request": None, "queued": None}

        def hide() -> None:
            with writing(self.engine).begin() as connection:
                connection.execute(runs.update().where(runs.c.number.in_(numbers)).values(**gone))

        with_reserve(self.root, hide)

    def purge(self, deleted_before: float) -> int:
        """Remove runs that were deleted before this time, with their files; returns how many.

        A run whose folder the system does not remove stays deleted. The process may be killed at any moment, so each
        run is first marked, which keeps `restore` away; then its folder goes, and its rows last. The next purge
        finishes what was interrupted.
        """
        old = (runs.c.deleted < deleted_before) & (runs.c.state != "running")
        with self.engine.connect() as connection:
            marked = {row.number: row.deleted for row in rows.readable(connection, _DELETED.where(old))}
        if not marked:
            return 0
        with_reserve(self.root, lambda: self._mark(dict.fromkeys(marked, REMOVAL_BEGUN)))
        with self.engine.connect() as connection:
            # Select ids as bytes, because a damaged id may not be valid text.
            query = sa.select(runs.c.number, as_bytes(runs.c.id).label("id"))
            named = connection.execute(query.where(runs.c.number.in_(marked))).all()
        kept = {row.number: marked[row.number] for row in named if not self._remove_folder(row.id)}
        if kept:
            self._mark(kept)
        gone = [{"gone": number} for number in marked if number not in kept]
        if gone:
            with writing(self.engine).begin() as connection:
                connection.execute(runs.delete().where(runs.c.number == sa.bindparam("gone")), gone)
        return len(gone)

    def _mark(self, deleted: Mapping[int, float]) -> None:
        """Change the times of deletion of runs, by their numbers."""
        changes = [{"marked": number, "time": moment} for number, moment in deleted.items()]
        change = runs.update().where(runs.c.number == sa.bindparam("marked")).values(deleted=sa.bindparam("time"))
        with writing(self.engine).begin() as connection:
            connection.execute(change, changes)

    def _remove_folder(self, id_bytes: bytes | None) -> bool:
        """Remove the folder of a run, if it has one; False if the system refuses.

        The folder is first renamed like a temporary file, so that `remove_leftovers` finds it if the process is killed.
        """
        # Check the id first: a damaged one could name any folder, even that of all results.
        run_id = (id_bytes or b"").decode(errors="replace")
        if not RUN_FOLDER.fullmatch(run_id) or not self.folder(run_id).exists():
            return True
        doomed = self.root / f".{run_id}.{os.getpid()}.part"
        try:
            self.folder(run_id).rename(doomed)
        except OSError:
            return False
        remove(doomed)
        return True

    def sweeps(self) -> list[SweepRow]:
        """All sweeps, the last saved one first."""
        with self.engine.connect() as connection:
            return read_sweeps(connection)

    def sweep(self, sweep_id: str) -> SweepRow | None:
        """A sweep by its id; None if there is none."""
        with self.engine.connect() as connection:
            return read_sweep(connection, sweep_id)

    def at_epoch(self, sweep_id: str, name: str, epoch: int) -> dict[str, float]:
        """A metric with one value per epoch, for all runs of a sweep that have it, by their ids."""
        with self.engine.connect() as connection:
            return read_at_epoch(connection, sweep_id, name, epoch)

    def save_sweep(self, sweep_id: str, name: str, spec: dict[str, Any]) -> None:
        """Add a sweep, or replace the name and content of one that is there."""
        with writing(self.engine).begin() as connection:
            write_sweep(connection, sweep_id, name, spec, self.clock(), self.owner)

    def delete_sweep(self, sweep_id: str) -> None:
        """Delete a sweep; its runs stay as single runs."""
        with writing(self.engine).begin() as connection:
            remove_sweep(connection, sweep_id)

    def add_imported(
        self, values: dict[str, Any], rows: "pd.DataFrame", files: Sequence[Artifact], folder: Path
    ) -> int:
        """Import a run that was trained elsewhere, with its metrics and its folder of files; returns its number.

        `values` are columns of the table of runs, `rows` has the columns step, epoch, name, value and seconds. Rows and
        files come in together or not at all. Raises StoreError if the run's folder is there.
        """
        values = values | {"owner": self.owner}
        return add_imported(self.engine, self.root / values["id"], values, rows, files, folder)
