"""Store: the database and files of all runs, shared by all processes. Its queued rows are the queue."""

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from mnist_core import environment
from mnist_core.config import DataFacts, LuckPart, RunConfig, devices_json
from mnist_core.errors import LostRunError, StorageError, StoreError
from mnist_core.events import Event
from mnist_core.store import history, rows
from mnist_core.store import measurements as measured
from mnist_core.store.artifacts import (
    RUN_FOLDER,
    Artifact,
    intact_bytes,
    is_intact,
    make_results_folder,
    write_atomically,
)
from mnist_core.store.connections import address, connect, file_of, writing
from mnist_core.store.dialects import as_bytes, json_text
from mnist_core.store.failures import DOCTOR, system_errors
from mnist_core.store.fences import claimed_files, remove_file
from mnist_core.store.imported_runs import add_imported
from mnist_core.store.leftovers import remove
from mnist_core.store.migrations import begin_file, migrate
from mnist_core.store.page_columns import renew_page_columns
from mnist_core.store.quotas import SETTING as QUOTAS_SETTING
from mnist_core.store.quotas import Quotas
from mnist_core.store.reserve import keep_reserve, with_reserve
from mnist_core.store.run import (
    NAME_LENGTH,
    NOT_BEGUN,
    RESUMABLE_STATES,
    BrokenRun,
    Holder,
    Run,
    RunState,
    claim,
    clean_comment,
    clean_tags,
    new_row,
    this_process,
)
from mnist_core.store.run_curves import RunCurves
from mnist_core.store.schema import SERIES, artifacts, lab, measurements, runs
from mnist_core.store.stored_values import storable
from mnist_core.store.sweeps import SweepRow, read_at_epoch, read_sweep, read_sweeps, remove_sweep, write_sweep
from mnist_core.text import one_line

if TYPE_CHECKING:
    import pandas as pd


# Deleted runs can be brought back within this time.
UNDO_SECONDS = 24 * 3600.0
# Value of the column `deleted` once the final removal of a run has begun and can no longer be undone.
REMOVAL_BEGUN = 0.0
_DELETED = sa.select(runs.c.number, runs.c.deleted)
# For at least this many runs it is quicker to read the whole table than each row by its number.
_MANY = 5_000
# The database, and the owner whose view of it a store is.
Scope = tuple[str, str | None]
_LATE = "fingerprinted_late"
# Rows that are runs to compare and to ask.
_ORDINARY = runs.c.luck.is_(sa.null())


class Store:
    """Runs, metrics, artifacts and sweeps: one database with the folder of its runs.

    Safe to use from several threads and processes.
    """

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

    @classmethod
    def open(cls, folder: Path | None = None) -> "Store":
        """The store that the environment names, or the one in `folder`."""
        if folder is None:
            return cls(environment.results_dir(), environment.database_url())
        return cls(folder, environment.sqlite_url(folder / "runs.db"))

    @property
    def scope(self) -> Scope:
        """What a cache of this store's runs must be kept apart by: the database, and whose view of it this is."""
        return self.url, self.owner

    def may_change(self, what: Run | SweepRow) -> bool:
        """Whether whoever has this store may rename, stop or delete this run or sweep."""
        return True

    def check_teacher(self, action: str) -> None:
        """Raise NotAllowedError where a student has this store; `action` says what only the teacher may do."""

    def run(self, run_id: str) -> Run:
        """One run by its id. Raises StoreError if there is none."""
        with self.engine.connect() as connection:
            matches, broken = rows.read(connection, runs.c.id == run_id, self.visible)
        if broken:
            raise StoreError(f"{broken[0].described} {broken[0].remedy}")
        if not matches:
            raise StoreError(f"there is no run {run_id!r}; `python -m mnist_core list` shows the ids")
        return matches[0]

    def find(self, text: str) -> Run:
        """One run by its number ("12" or "#12"), id, or the beginning of an id. Raises StoreError."""
        return self.run(self.identify(text)[1])

    def identify(self, text: str) -> tuple[int, str]:
        """Number and id of a run that is named as for `find`, even if its row cannot be read. Raises StoreError."""
        text = storable(text)
        digits = text.removeprefix("#")
        if digits.isascii() and digits.isdecimal() and len(text) < 9:
            matches = runs.c.number == int(digits)
        else:
            matches = runs.c.id.istartswith(text, autoescape=True)
        with self.engine.connect() as connection:
            here = (runs.c.deleted.is_(None), _ORDINARY, self.visible)
            query = sa.select(runs.c.number, runs.c.id).where(matches, *here)
            numbers = connection.execute(query).all()
        if not text or len(numbers) != 1:
            raise StoreError(
                f"{text!r} names {'no run' if not (text and numbers) else f'{len(numbers)} runs'}; "
                "`python -m mnist_core list` shows numbers and ids"
            )
        return numbers[0].number, numbers[0].id

    def runs(
        self,
        ids: Sequence[str] | None = None,
        states: Sequence[str] | None = None,
        deleted: bool = False,
        *,
        digests: Sequence[str] | None = None,
        sweep: str | None = None,
        owners: Sequence[str] | None = None,
        luck: bool | None = False,
    ) -> list[Run]:
        """Runs that fit every given condition, newest first; with `ids`, in the order of these.

        Rows that cannot be read are left out; `broken` has them. Rows that train many seeds together (`Run.luck`) are
        there if they are named by `ids`; with `luck` there are only those, with None both.
        """
        conditions: list[sa.ColumnElement[bool]] = [
            runs.c.deleted > REMOVAL_BEGUN if deleted else runs.c.deleted.is_(None),
            self.visible,
        ]
        if luck or (luck is not None and ids is None):
            conditions.append(_ORDINARY if not luck else sa.not_(_ORDINARY))
        for column, wanted in (
            (runs.c.id, ids),
            (runs.c.state, states),
            (runs.c.digest, digests),
            (runs.c.owner, owners),
        ):
            if wanted is not None:
                conditions.append(column.in_(wanted))
        if sweep is not None:
            conditions.append(runs.c.sweep == sweep)
        with self.engine.connect() as connection:
            matches, _ = rows.read(connection, *conditions)
        places = {run_id: position for position, run_id in enumerate(ids or ())}
        return sorted(matches, key=lambda run: places.get(run.id, 0))

    def runs_and_broken(self) -> tuple[list[Run], list[BrokenRun]]:
        """All runs, and all rows that cannot be read as runs, without deleted ones; newest first."""
        with self.engine.connect() as connection:
            return rows.read(connection, runs.c.deleted.is_(None), _ORDINARY, self.visible)

    def broken(self) -> list[BrokenRun]:
        """Rows that cannot be read as runs, without deleted ones; newest first."""
        return self.runs_and_broken()[1]

    def delete_broken(self, numbers: Sequence[int]) -> None:
        """Delete rows that cannot be read; `purge` removes them for good like other deleted runs."""
        gone = {"deleted": self.clock(), "state": "failed", "worker": None, "request": None, "queued": None}

        def hide() -> None:
            with writing(self.engine).begin() as connection:
                connection.execute(runs.update().where(runs.c.number.in_(numbers)).values(**gone))

        with_reserve(self.root, hide)

    def queue(self, order: Sequence[str] | None = None) -> list[Run]:
        """Queued runs, the next one first: of several persons one run each in turn.

        `order`: what `queued_ids` has just said, where it is known already.
        """
        places = {run_id: place for place, run_id in enumerate(self.queued_ids() if order is None else order)}
        waiting = self.runs(states=["queued"], luck=None)
        return sorted(waiting, key=lambda run: (places.get(run.id, len(places)), run.queued or 0, run.number))

    def queued_ids(self) -> list[str]:
        """The ids of all queued runs, whoever's they are, in the order in which they are trained."""
        waiting = (runs.c.state == "queued") & runs.c.deleted.is_(None)
        with self.engine.connect() as connection:
            order = list(rows.queue_order(connection))
            ids = {
                row.number: row.id
                for row in rows.readable(connection, sa.select(runs.c.number, runs.c.id).where(waiting))
            }
        return [ids[number] for number in order if number in ids]

    def count_queued(self) -> int:
        """Number of queued runs."""
        waiting = (runs.c.state == "queued") & runs.c.deleted.is_(None)
        with self.engine.connect() as connection:
            return connection.execute(sa.select(sa.func.count()).where(waiting)).scalar_one()

    def count_runs(self) -> int:
        """Number of runs, without deleted ones."""
        with self.engine.connect() as connection:
            query = sa.select(sa.func.count()).where(runs.c.deleted.is_(None), _ORDINARY, self.visible)
            return connection.execute(query).scalar_one()

    def finished_stamp(self) -> tuple[int, int, float]:
        """What changes when a run finishes, is deleted or comes back: count of runs, sum of numbers, latest end."""
        columns = (sa.func.count(), sa.func.sum(runs.c.number), sa.func.max(runs.c.finished))
        here = (runs.c.deleted.is_(None), _ORDINARY, self.visible)
        query = sa.select(*columns).where(runs.c.state == "finished", *here)
        with self.engine.connect() as connection:
            count, numbers, latest = connection.execute(query).one()
        return count, numbers or 0, latest or 0.0

    def curves(self, run_id: str, names: Iterable[str] = SERIES) -> RunCurves:
        """What was measured of a run: for each series step, epoch, seconds and value, which are arrays.

        Series: per step train_loss, train_accuracy, learning_rate (where it changes); per epoch epoch_train_loss,
        epoch_train_accuracy, validation_loss, validation_accuracy. One that was not measured is empty.
        Raises StoreError if what an ended run recorded has changed since.
        """
        return self.new_curves(run_id, 0, names)[1]

    def new_curves(self, run_id: str, after: int, names: Iterable[str] = SERIES) -> tuple[int, RunCurves]:
        """What was measured of a run after the row with the id `after`, and the id of the last row.

        0 stands for all; then it raises StoreError if what an ended run recorded has changed since.
        """
        with self.engine.connect() as connection, _readable():
            number = self._number(connection, run_id)
            last, curves = measured.read(connection, number, names, after)
            if not after:
                self._check(number, curves, history.read_fingerprints(connection, number))
        return last, curves

    def metrics(self, run_id: str, names: Iterable[str] = SERIES) -> "pd.DataFrame":
        """What was measured of a run as one long table to export: columns id, step, epoch, name, value, seconds.

        A row a value, in the order in which they were recorded. Raises StoreError as `curves` does.
        """
        names = list(names)
        with self.engine.connect() as connection, _readable():
            number = self._number(connection, run_id)
            kept = history.read_fingerprints(connection, number)
            self._check(number, measured.read(connection, number, names)[1], kept)
            return measured.read_long(connection, number, names)

    def changed_parts(self, run_id: str) -> list[str]:
        """The parts of an ended run that changed since it was recorded.

        Names of metrics; "results" for its own figures, "files" for the list of its files; "name", "tags", "note",
        "state", "sweep".
        """
        with self.engine.connect() as connection:
            return history.changed_parts(connection, self._number(connection, run_id))

    def changed_runs(self, runs: Sequence[Run]) -> list[Run]:
        """The runs whose figures or labels in the database changed since they ended."""
        with self.engine.connect() as connection:
            numbers = [run.number for run in runs]
            changed = set(history.changed_rows(connection, numbers if len(numbers) < _MANY else None, self._checked))
        return [run for run in runs if run.number in changed]

    def without_fingerprints(self) -> list[int]:
        """Numbers of ended runs that lack a fingerprint, so that a change may go unnoticed."""
        with self.engine.connect() as connection:
            return history.without_fingerprints(connection)

    def keep_fingerprints(self, numbers: Sequence[int]) -> None:
        """Store fingerprints of ended runs that have none, made from their figures as they are now.

        `fingerprinted_late` then lists them.
        """
        with writing(self.engine).begin() as connection:
            missing = set(history.without_fingerprints(connection)) & set(numbers)
            late = missing - history.with_fingerprint(connection, history.OF_ROW)
            for number in sorted(missing):
                # Skip a broken row, which is shown as broken anyway.
                with contextlib.suppress(*history.UNREADABLE):
                    history.complete_fingerprints(connection, number)
        self.set_setting(_LATE, sorted({*self.fingerprinted_late(), *late}))

    def relabel(self, number: int) -> None:
        """Accept the note and state of an ended run although they were changed from outside the store."""
        with writing(self.engine).begin() as connection:
            history.relabel(connection, [number], ["note", "state"])

    def fingerprinted_late(self) -> list[int]:
        """Numbers of the runs whose fingerprints were made later by `keep_fingerprints`, not when they ended."""
        late = self._late()
        if not late:
            return []
        with self.engine.connect() as connection:
            kept = history.with_fingerprint(connection, history.OF_ROW)
        return [number for number in late if number in kept]

    def _late(self) -> list[int]:
        late = self.setting(_LATE, [])
        return late if isinstance(late, list) else []

    def _check(self, number: int, curves: RunCurves, kept: dict[str, str]) -> None:
        if damaged := history.changed_metrics(curves, kept):
            names = ", ".join(sorted(damaged)).replace("_", " ")
            raise StoreError(
                f"The recorded {names} of run #{number} in the database is no longer what was recorded. Bring the "
                "database back from a backup, or train it again."
            )

    def count_metrics(self, run_id: str) -> int:
        """Number of recorded values of a run."""
        with self.engine.connect() as connection:
            counts = [sa.func.count(measurements.c[name]) for name in SERIES]
            query = sa.select(*counts).where(measurements.c.run == self._number(connection, run_id))
            return sum(connection.execute(query).one())

    def continued_epochs(self, run_id: str) -> set[int]:
        """Epochs of a run from which other runs continue; deleted runs count, because they may be restored."""
        # Compare the config as text, so that broken JSON in one row does not end the query.
        text = json_text(runs.c.config)
        with self.engine.connect() as connection:
            condition = text.element.contains(run_id, autoescape=True)
            texts = rows.readable(connection, sa.select(text).where(condition))
        epochs: set[int] = set()
        for (config,) in texts:
            with contextlib.suppress(ValueError, TypeError, AttributeError, RecursionError):
                values = json.loads(config)
                if values.get("continue_from") == run_id and values.get("continue_epoch") is not None:
                    epochs.add(int(values["continue_epoch"]))
        return epochs

    def enqueue(
        self,
        config: RunConfig,
        name: str = "",
        tags: Iterable[str] = (),
        *,
        claimed: bool = False,
        sweep: str | None = None,
    ) -> Run:
        """Put a new run at the end of the queue; with `claimed` the caller trains it at once, without queueing."""
        now = self.clock()
        with writing(self.engine).begin() as connection:
            self._check_room(connection, 0 if claimed else 1)
            values = new_row(config, name, tags, now, _end_of_queue(connection, now), sweep)
            values["owner"] = self.owner
            values |= claim(now, os.getpid()) if claimed else {}
            connection.execute(runs.insert().values(**values))
        keep_reserve(self.root)
        return self.run(values["id"])

    def enqueue_all(
        self,
        entries: Sequence[tuple[RunConfig, str]],
        tags: Iterable[str] = (),
        sweep: str | None = None,
        luck: Sequence[LuckPart] = (),
    ) -> list[Run]:
        """Put many runs at the end of the queue in this order: configs with their names ("" for a default name).

        With `luck`, one part for each, they are rows that train many seeds together.
        """
        tags, now = list(tags), self.clock()
        if not entries:
            return []
        with writing(self.engine).begin() as connection:
            self._check_room(connection, len(entries))
            position = _end_of_queue(connection, now)
            values = [
                new_row(config, name, tags, now, position, sweep, part)
                for (config, name), part in zip(entries, luck or [None] * len(entries), strict=True)
            ]
            connection.execute(runs.insert(), [{**row, "owner": self.owner} for row in values])
        keep_reserve(self.root)
        return self.runs(ids=[row["id"] for row in values])

    def request(self, run_id: str, wish: str) -> None:
        """Ask a run to "stop" or "pause"; a queued run does so at once. Raises StoreError if the run has ended."""
        state = {"stop": "stopped", "pause": "paused"}[wish]
        with writing(self.engine).begin() as connection:
            mine = runs.c.id == run_id
            queued = connection.execute(
                runs.update().where(mine, runs.c.state == "queued").values(state=state, queued=None)
            )
            running = connection.execute(runs.update().where(mine, runs.c.state == "running").values(request=wish))
            if queued.rowcount:
                _keep_fingerprints(connection, self._number(connection, run_id))
        if not queued.rowcount and not running.rowcount:
            raise StoreError(f"this run is {self.run(run_id).state}: there is nothing to {wish}")

    def requeue(self, run_id: str, *, from_scratch: bool = False, back_to: Artifact | None = None) -> Run:
        """Put a paused, stopped, interrupted or failed run back into the queue, before the others.

        `from_scratch` removes the run's records and files; `back_to` removes only those after this checkpoint. Raises
        StoreError if the run is in another state.
        """
        step = -1 if from_scratch else back_to and back_to.step
        files = [] if step is None else [file for file in self.artifacts(run_id) if (file.step or 0) > step]
        with writing(self.engine).begin() as connection:
            self._check_room(connection, 1)
            done = connection.execute(
                runs.update()
                .where(runs.c.id == run_id, runs.c.state.in_(RESUMABLE_STATES))
                .values(
                    state="queued",
                    # The note says how the run ended, and it has not ended any more.
                    note="",
                    request=None,
                    finished=None,
                    queued=_front_of_queue(connection, self.clock()),
                )
            )
            number = self._number(connection, run_id)
            if done.rowcount:
                history.forget_fingerprints(connection, number)
            if done.rowcount and step is not None:
                for table in (measurements, artifacts):
                    connection.execute(table.delete().where(table.c.run == number, table.c.step > step))
                values = {"epoch": back_to.epoch, "step": step} if back_to else NOT_BEGUN
                connection.execute(runs.update().where(runs.c.number == number).values(**values))
        if not done.rowcount:
            raise StoreError(
                f"this run is {self.run(run_id).state}: only {', '.join(RESUMABLE_STATES)} runs can be resumed"
            )
        # The run gets new fingerprints when it ends, so it no longer counts as fingerprinted late.
        if number in (late := self._late()):
            self.set_setting(_LATE, [other for other in late if other != number])
        for file in files:
            target = self.folder(run_id) / file.path
            with system_errors(target, "removed"):
                target.unlink(missing_ok=True)
        return self.run(run_id)

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
        with_reserve(self.root, lambda: self._update(ids, deleted=self.clock()))
        for run in self.runs(ids=ids, states=["queued", "running"], deleted=True):
            # The run may have ended by itself meanwhile.
            with contextlib.suppress(StoreError):
                self.request(run.id, "stop")

    def restore(self, ids: Sequence[str]) -> None:
        """Undo `delete`."""
        with writing(self.engine).begin() as connection:
            deleted = runs.c.id.in_(ids) & (runs.c.deleted > REMOVAL_BEGUN)
            connection.execute(runs.update().where(deleted).values(deleted=None))

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

    def claim(self, run_id: str | None = None, limit: int | None = None, *, token: str | None = None) -> Run | None:
        """Take the next queued run (or this one) if fewer than `limit` are running here; None if there is none.

        A machine of a cluster names the `token` of its claim; it too waits until the run's student has room.

        The run's `worker` is a new token: only its holder may record to the run. A run that is claimed by its id is
        trained in this process; any other is handed to a worker, and begins with that worker's first beat.
        """
        # The jobs ask ten times a second, and mostly nothing is queued.
        if run_id is None and not self._is_any_queued():
            return None
        quotas = Quotas.stored(self.setting(QUOTAS_SETTING))
        while True:
            with self.engine.connect() as connection:
                number = None if run_id is not None else rows.first_queued(connection, quotas.running)
                if run_id is None and number is None:
                    return None
                damaged = [] if limit is None else rows.running_on_damaged_pages(connection)
                # Looked at before it is asked for good, because workers wait while that holds the lock: where another
                # app on this machine trains in all places, this one asks ten times a second.
                if limit is not None and rows.count_running_here(connection, damaged) >= limit:
                    return None
            named = runs.c.number == number if run_id is None else runs.c.id == run_id
            wanted = sa.and_(named, runs.c.state == "queued", runs.c.deleted.is_(None))
            if run_id is None or token is not None:
                # Asked again while the run is claimed: another app may just have claimed a run of the same student.
                wanted &= rows.owner_has_room(quotas.running)
            with writing(self.engine).begin() as connection:
                if limit is not None and rows.count_running_here(connection, damaged) >= limit:
                    return None
                values = claim(self.clock(), None if run_id is None else os.getpid(), token)
                change = runs.update().where(wanted).values(**values).returning(runs.c.id)
                claimed = connection.execute(change).scalar()
                matches, broken = rows.read(connection, runs.c.id == claimed) if claimed else ([], [])
                # Nobody can train a broken run, so end it: it must not hold up the others.
                if broken:
                    self._fail(connection, broken[0].number)
            if matches or (run_id is not None and not broken):
                return matches[0] if matches else None
            # The run was broken, or another process claimed it first: try the next one.

    def _is_any_queued(self) -> bool:
        """Whether there is a queued run, perhaps only deleted ones or some whose rows cannot be read."""
        # Only an index is read, so that a damaged row cannot end it.
        query = sa.select(runs.c.number).where(runs.c.state == "queued").limit(1)
        with self.engine.connect() as connection:
            return connection.execute(query).first() is not None

    def broken_holders(self) -> list[Holder]:
        """The processes that train running runs whose rows cannot be read as runs."""
        with self.engine.connect() as connection:
            _, broken = rows.read(connection, runs.c.state == "running")
            holders = [rows.holder(connection, run.number) for run in broken]
        return [holder for holder in holders if holder is not None]

    def fail_broken(self, number: int) -> None:
        """End a running run that cannot be read and that nobody trains, so that another run can take its place."""
        with writing(self.engine).begin() as connection:
            self._fail(connection, number)

    def _fail(self, connection: sa.Connection, number: int) -> None:
        values = {"state": "failed", "worker": None, "host": None, "pid": None, "pid_start": None, "heartbeat": None}
        connection.execute(runs.update().where(runs.c.number == number).values(**values))

    def release(self, run: Run) -> bool:
        """Undo a claim whose holder has not begun: the run goes back to the head of the queue, as if never claimed.

        Returns False and changes nothing if the run has begun (its worker has recorded its process number) or has
        another holder. A request to stop or pause that came meanwhile is carried out at once.
        """
        with writing(self.engine).begin() as connection:
            untouched = _held(run) & runs.c.pid.is_(None)
            common = {"worker": None, "host": None, "heartbeat": None, "request": None, "pid_start": None}
            for wish, state in (("stop", "stopped"), ("pause", "paused")):
                if connection.execute(
                    runs.update().where(untouched, runs.c.request == wish).values(state=state, **common)
                ).rowcount:
                    _keep_fingerprints(connection, run.number)
                    return True
            queued = _front_of_queue(connection, self.clock())
            back = runs.update().where(untouched).values(state="queued", queued=queued, **common)
            return bool(connection.execute(back).rowcount)

    def requeue_lost(self, run: Run) -> bool:
        """Put a run whose machine is gone back to the head of the queue, from where it goes on; False if it changed.

        One step, so that nobody who waits for its end takes it for ended. Its holder can record nothing from then on.
        """
        with writing(self.engine).begin() as connection:
            return self._hand_back(connection, run, sa.or_(runs.c.request.is_(None), runs.c.request == "move"))

    def move(self, run: Run) -> None:
        """Ask the worker of a running run to pause it and hand it back to the queue; wishes of a person go first."""
        with writing(self.engine).begin() as connection:
            connection.execute(runs.update().where(_held(run), runs.c.request.is_(None)).values(request="move"))

    def _hand_back(self, connection: sa.Connection, run: Run, wanted: sa.ColumnElement[bool]) -> bool:
        """Put a running run back to the head of the queue, if it is still under this claim and as it is wanted."""
        gone = dict.fromkeys(("worker", "host", "pid", "pid_start", "heartbeat", "trouble", "request"))
        queued = _front_of_queue(connection, self.clock())
        back = runs.update().where(_held(run), runs.c.deleted.is_(None), wanted)
        return bool(connection.execute(back.values(state="queued", queued=queued, **gone)).rowcount)

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

    def beat(self, run: Run) -> str | None:
        """Record a sign of life of the run's worker; returns "stop", "pause", "move" or None. Raises LostRunError."""
        with writing(self.engine, durable=False, in_turn=False).begin() as connection:
            self._write(connection, run, **this_process(), heartbeat=self.clock())
            return connection.execute(sa.select(runs.c.request).where(runs.c.number == run.number)).scalar()

    def describe(self, run: Run, **values: Any) -> None:
        """Record what the worker found out: parameters, macs, devices, versions, rules, data, the changed config,
        a note.
        """
        if "config" in values:
            config: RunConfig = values["config"]
            values |= {"config": config.model_dump(mode="json"), "digest": config.digest()}
        if isinstance(facts := values.get("data"), DataFacts):
            values["data"] = facts.model_dump(mode="json")
        if devices := values.get("devices"):
            values["devices"] = devices_json(devices)
        if rules := values.get("rules"):
            values["rules"] = asdict(rules)
        with writing(self.engine).begin() as connection:
            self._write(connection, run, **values)
            if "config" in values:
                renew_page_columns(connection, runs.c.number == run.number)

    def record(self, run: Run, events: Sequence[Event]) -> None:
        """Store what these events measured and the progress. Raises LostRunError."""
        with writing(self.engine, durable=False, in_turn=False).begin() as connection:
            before = sa.select(runs.c.learning_rate, runs.c.recorded).where(runs.c.number == run.number)
            rate, last = connection.execute(before).one_or_none() or (None, 0)
            values = measured.rows(run.number, last, events, rate)
            progress = measured.progress(events)
            if values and self.file is None and measured.is_last(connection, values[-1], last):
                # The connection was lost just after this was committed, so that the worker tries again.
                values = []
            self._write(connection, run, heartbeat=self.clock(), recorded=last + len(values), **progress)
            if values:
                connection.execute(measurements.insert(), values)

    def finish(self, run: Run, state: RunState, note: str = "", **values: Any) -> None:
        """End a run in this state and the worker's hold on it; `note` is added to the run's note.

        A run that was to be moved is queued again instead of being paused.
        """
        with writing(self.engine).begin() as connection:
            if state == "paused" and self._hand_back(connection, run, runs.c.request == "move"):
                return
            before = connection.execute(sa.select(runs.c.note).where(runs.c.number == run.number)).scalar() or ""
            self._write(
                connection,
                run,
                state=state,
                note=f"{before} {note}".strip(),
                request=None,
                worker=None,
                pid=None,
                pid_start=None,
                trouble=None,
                finished=self.clock(),
                **values,
            )
            history.write_fingerprints(connection, run.number)

    def rewind(self, run: Run, step: int, **values: Any) -> None:
        """Remove what was recorded after `step`, because the run goes on from an older checkpoint.

        `values` are the columns of the run's row at that step.
        """
        with writing(self.engine).begin() as connection:
            for table in (measurements, artifacts):
                connection.execute(table.delete().where(table.c.run == run.number, table.c.step > step))
            rates = measurements.c.learning_rate
            changes = sa.select(rates).where(measurements.c.run == run.number, rates.is_not(None))
            rate = connection.execute(changes.order_by(measurements.c.id.desc()).limit(1)).scalar()
            self._write(connection, run, step=step, learning_rate=rate, **values)

    def artifacts(self, run_id: str, kind: str | None = None, *, checked: bool = True) -> list[Artifact]:
        """Files of a run, in the order in which training wrote them.

        Raises StorageError if a row is damaged; if `checked` also if the list is not the one that was recorded.
        """
        with self.engine.connect() as connection:
            number = self._number(connection, run_id)
            files = history.files_of(connection, number)
            damaged = not all(map(_is_whole, files)) or (
                checked and history.is_recorded_list(connection, number, files) is False
            )
        if damaged:
            raise StorageError(f"The list of files of a run ({run_id}) in the database is damaged. {DOCTOR}", "damaged")
        return [file for file in files if kind in (None, file.kind)]

    def folder(self, run_id: str) -> Path:
        """The folder of the run's files."""
        return self.root / run_id

    def sizes(self, ids: Sequence[str] | None = None) -> dict[str, int]:
        """Bytes that the files of each run take on the disk now, by the run's id; runs without files are left out.

        Without `ids` the sizes of all runs.
        """
        query = sa.select(runs.c.id, artifacts.c.path).join(artifacts)
        if ids is not None:
            query = query.where(runs.c.id.in_(ids))
        with self.engine.connect() as connection:
            rows = connection.execute(query).all()
        bytes_by_run: dict[str, int] = {}
        for run_id, path in rows:
            # Skip files whose damaged rows hold no valid path.
            with contextlib.suppress(OSError, ValueError, TypeError):
                bytes_by_run[run_id] = (
                    bytes_by_run.get(run_id, 0) + os.stat(os.path.join(self.root, run_id, path)).st_size
                )
        return bytes_by_run

    def size(self, run_id: str, artifact: Artifact) -> int:
        """Bytes that the artifact's file takes on the disk now; 0 if it is missing."""
        try:
            return (self.folder(run_id) / artifact.path).stat().st_size
        except OSError:
            return 0

    def intact(self, run_id: str, artifact: Artifact) -> bool:
        """Whether the artifact's file is there, byte for byte as it was written."""
        return is_intact(self.folder(run_id) / artifact.path, artifact)

    def read_artifact(self, run_id: str, artifact: Artifact) -> bytes | None:
        """The content of the artifact's file, checked by its hash; None if the file is missing or damaged."""
        return intact_bytes(self.folder(run_id) / artifact.path, artifact)

    def write_artifact(
        self, run: Run, path: str, kind: str, epoch: int | None, step: int | None, write: Callable[[Path], None]
    ) -> None:
        """Write a file into the run's folder so that it is either complete and known, or not there.

        Raises StorageError, LostRunError.
        """
        target = self.folder(run.id) / path
        with system_errors(target):
            # Never with parents: if the results were moved away, a new folder would keep them from being put back.
            self.folder(run.id).mkdir(exist_ok=True)
            target.parent.mkdir(exist_ok=True)
            with claimed_files(self.folder(run.id), run.worker or "", lambda: self._check_holder(run)) as staging:
                sha256, size = write_atomically(target, write, staging)
        same = (artifacts.c.run == run.number) & (artifacts.c.path == path)
        with writing(self.engine, durable=False, in_turn=False).begin() as connection:
            self._write(connection, run, heartbeat=self.clock())
            connection.execute(artifacts.delete().where(same))
            connection.execute(
                artifacts.insert().values(
                    run=run.number, path=path, kind=kind, epoch=epoch, step=step, sha256=sha256, size=size
                )
            )

    def is_recorded_list(self, run_id: str, files: Sequence[Artifact]) -> bool | None:
        """Whether the run had exactly these files when it ended; None if that was not recorded."""
        with self.engine.connect() as connection:
            return history.is_recorded_list(connection, self._number(connection, run_id), files)

    def add_to_list(self, run_id: str, files: Sequence[Artifact]) -> bool:
        """Add lost rows of files of an ended run; False if the list would not be the recorded one then."""
        if self.is_recorded_list(run_id, [*self.artifacts(run_id, checked=False), *files]) is False:
            return False
        with writing(self.engine).begin() as connection:
            number = self._number(connection, run_id)
            connection.execute(artifacts.insert(), [{"run": number, **vars(file)} for file in files])
        return True

    def drop_artifact(self, run: Run, path: str) -> None:
        """Remove a file of the run and its row, even if the disk is full. Raises StorageError, LostRunError."""
        try:
            self._forget(run, path)
        except StorageError as error:
            if error.kind != "full":
                raise
            # On a full disk the row cannot be deleted before the file has made room.
            self._remove_file(run, path)
            self._forget(run, path)
        self._remove_file(run, path)

    def _remove_file(self, run: Run, path: str) -> None:
        folder = self.folder(run.id)
        target = folder / path
        with system_errors(target, "removed"):
            if run.worker is None:
                target.unlink(missing_ok=True)
            elif target.exists():
                with claimed_files(folder, run.worker, lambda: self._check_holder(run)) as staging:
                    remove_file(target, staging)

    def _check_holder(self, run: Run) -> None:
        """Raise LostRunError unless the run is still running under this claim."""
        if not self.holds(run):
            raise LostRunError(f"run #{run.number} no longer belongs to this worker")

    def _forget(self, run: Run, path: str) -> None:
        with writing(self.engine, durable=False).begin() as connection:
            if run.worker is not None:
                self._write(connection, run, heartbeat=self.clock())
            before = history.files_of(connection, run.number)
            connection.execute(artifacts.delete().where(artifacts.c.run == run.number, artifacts.c.path == path))
            history.relist(connection, run.number, before)

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
        key = f"setting:{key}"
        with writing(self.engine).begin() as connection:
            connection.execute(lab.delete().where(lab.c.key == key))
            connection.execute(lab.insert().values(key=key, value=json.dumps(value)))

    def forget_setting(self, key: str) -> None:
        """Remove a setting that is of no use any more."""
        with writing(self.engine).begin() as connection:
            connection.execute(lab.delete().where(lab.c.key == f"setting:{key}"))

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
        if not connection.execute(runs.update().where(_held(run)).values(**values)).rowcount:
            raise LostRunError(f"run #{run.number} no longer belongs to this worker")


def _keep_fingerprints(connection: sa.Connection, number: int) -> None:
    """Store the fingerprints of a run that is taken out of the queue, unless it has never begun and has no figures."""
    if connection.execute(sa.select(runs.c.started).where(runs.c.number == number)).scalar() is not None:
        history.write_fingerprints(connection, number)


def _held(run: Run) -> sa.ColumnElement[bool]:
    """The row of a running run, as long as it is under this claim."""
    return (runs.c.number == run.number) & (runs.c.worker == run.worker) & (runs.c.state == "running")


def _front_of_queue(connection: sa.Connection, now: float) -> float:
    """A place before all others in the queue, read from the index, so that a damaged page does not matter."""
    first = connection.execute(sa.select(sa.func.min(runs.c.queued)).where(runs.c.state == "queued")).scalar()
    return now if first is None else first - 1


def _end_of_queue(connection: sa.Connection, now: float) -> float:
    """A place behind all others in the queue, even if the clock was set back; equal places are ordered by number."""
    last = connection.execute(sa.select(sa.func.max(runs.c.queued)).where(runs.c.state == "queued")).scalar()
    return now if last is None else max(now, last)


@contextlib.contextmanager
def _readable() -> Iterator[None]:
    """Within this context, turn errors of rows that hold values of a wrong type into a StoreError."""
    try:
        yield
    except history.UNREADABLE:
        raise StoreError(
            "The recorded metrics of this run in the database are damaged. Bring the database back from a backup, or "
            "train again."
        ) from None


def _is_whole(artifact: Artifact) -> bool:
    texts = (artifact.path, artifact.kind, artifact.sha256)
    places = (artifact.epoch, artifact.step)
    return (
        all(isinstance(text, str) and "\0" not in text for text in texts)
        and all(index is None or isinstance(index, int) for index in places)
        and isinstance(artifact.size, int)
    )
