"""Store: the one place that all processes share. The queued rows are the queue."""

import contextlib
import json
import os
import shutil
import socket
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from mnist_core import environment
from mnist_core.config import RunConfig
from mnist_core.errors import LostRunError, StoreError
from mnist_core.events import Event
from mnist_core.store import metrics as metric_rows
from mnist_core.store.artifacts import Artifact, is_intact, write_atomically
from mnist_core.store.runs import NAME_LENGTH, RESUMABLE, Run, State, claim, new_row, run_from_row
from mnist_core.store.schema import artifacts, connect, lab, metrics, runs, writing

if TYPE_CHECKING:
    import pandas as pd


class Store:
    """Runs, metrics and artifacts. Safe to use from several threads and processes."""

    def __init__(self, folder: Path, url: str, clock: Callable[[], float] = time.time) -> None:
        self.root, self.url, self.clock = folder, url, clock
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"the results folder {folder} cannot be made: {error}. Set MNIST_LAB_RESULTS.") from error
        self._engine = connect(url)

    @classmethod
    def open(cls, folder: Path | None = None) -> "Store":
        """The store that the environment names, or the one in `folder`."""
        if folder is None:
            return cls(environment.results_dir(), environment.database_url())
        return cls(folder, f"sqlite:///{folder / 'runs.db'}")

    def run(self, run_id: str) -> Run:
        """One run by its id. Raises StoreError if there is none."""
        with self._engine.connect() as connection:
            row = connection.execute(sa.select(runs).where(runs.c.id == run_id)).mappings().first()
        if row is None:
            raise StoreError(f"there is no run {run_id!r}; `python -m mnist_core list` shows the ids")
        return run_from_row(row)

    def find(self, text: str) -> Run:
        """One run by its number ("12" or "#12"), id, or the beginning of an id. Raises StoreError."""
        if text.removeprefix("#").isdigit() and len(text) < 9:
            matches = runs.c.number == int(text.removeprefix("#"))
        else:
            matches = runs.c.id.startswith(text, autoescape=True)
        with self._engine.connect() as connection:
            found = connection.execute(sa.select(runs.c.id).where(matches, runs.c.deleted.is_(None))).scalars().all()
        if len(found) != 1:
            raise StoreError(
                f"{text!r} names {'no run' if not found else f'{len(found)} runs'}; "
                "`python -m mnist_core list` shows numbers and ids"
            )
        return self.run(found[0])

    def runs(
        self, ids: Sequence[str] | None = None, states: Sequence[str] | None = None, deleted: bool = False
    ) -> list[Run]:
        """Runs, newest first; with `ids`, those in that order as far as they exist."""
        query = sa.select(runs).where(runs.c.deleted.is_not(None) if deleted else runs.c.deleted.is_(None))
        if ids is not None:
            query = query.where(runs.c.id.in_(ids))
        if states is not None:
            query = query.where(runs.c.state.in_(states))
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by(runs.c.number.desc())).mappings().all()
        places = {run_id: place for place, run_id in enumerate(ids or ())}
        return sorted(map(run_from_row, rows), key=lambda run: places.get(run.id, 0))

    def queue(self) -> list[Run]:
        """Queued runs, the next one first."""
        return sorted(self.runs(states=["queued"]), key=lambda run: (run.queued or 0, run.number))

    def metrics(
        self, run_id: str, after: int = 0, names: Sequence[str] | None = None, limit: int | None = None
    ) -> "pd.DataFrame":
        """Metrics of a run with an id above `after`: columns id, step, epoch, name, value, seconds.

        Names: per step train_loss, train_accuracy, learning_rate (where it changes); per epoch
        epoch_train_loss, epoch_train_accuracy, validation_loss, validation_accuracy.
        """
        with self._engine.connect() as connection:
            return metric_rows.read(connection, self._number(connection, run_id), after, names, limit)

    def artifacts(self, run_id: str, kind: str | None = None) -> list[Artifact]:
        """Files of a run, in the order in which training wrote them."""
        columns = [artifacts.c[name] for name in ("path", "kind", "epoch", "step", "sha256", "size")]
        query = sa.select(*columns).join(runs, runs.c.number == artifacts.c.run).where(runs.c.id == run_id)
        if kind is not None:
            query = query.where(artifacts.c.kind == kind)
        with self._engine.connect() as connection:
            return [Artifact(**row) for row in connection.execute(query.order_by(artifacts.c.step)).mappings()]

    def folder(self, run_id: str) -> Path:
        """Where the run's files lie."""
        return self.root / run_id

    def intact(self, run_id: str, artifact: Artifact) -> bool:
        """Whether the artifact's file is there, byte for byte as it was written."""
        return is_intact(self.folder(run_id) / artifact.path, artifact)

    def setting(self, key: str, default: Any = None) -> Any:
        """A setting of this store, such as "runs_at_once"."""
        with self._engine.connect() as connection:
            value = connection.execute(sa.select(lab.c.value).where(lab.c.key == f"setting:{key}")).scalar()
        return default if value is None else json.loads(value)

    def enqueue(self, config: RunConfig, name: str = "", tags: Iterable[str] = (), *, claimed: bool = False) -> Run:
        """Put a new run at the end of the queue; `claimed`: the caller trains it at once, past the queue."""
        now = self.clock()
        values = new_row(config, name, tags, now) | (claim(now) if claimed else {})
        with writing(self._engine).begin() as connection:
            connection.execute(runs.insert().values(**values))
        return self.run(values["id"])

    def request(self, run_id: str, wish: str) -> None:
        """Ask a run to "stop" or "pause"; a queued one obeys at once. Raises StoreError if it is over."""
        state = {"stop": "stopped", "pause": "paused"}[wish]
        with writing(self._engine).begin() as connection:
            mine = runs.c.id == run_id
            queued = connection.execute(
                runs.update().where(mine, runs.c.state == "queued").values(state=state, queued=None)
            )
            running = connection.execute(runs.update().where(mine, runs.c.state == "running").values(request=wish))
        if not queued.rowcount and not running.rowcount:
            raise StoreError(f"this run is {self.run(run_id).state}: there is nothing to {wish}")

    def requeue(self, run_id: str) -> Run:
        """Put a paused, stopped, interrupted or failed run back into the queue, before the others."""
        with writing(self._engine).begin() as connection:
            first = connection.execute(sa.select(sa.func.min(runs.c.queued))).scalar()
            done = connection.execute(
                runs.update()
                .where(runs.c.id == run_id, runs.c.state.in_(RESUMABLE))
                .values(
                    state="queued", request=None, finished=None, queued=self.clock() if first is None else first - 1
                )
            )
        if not done.rowcount:
            raise StoreError(f"this run is {self.run(run_id).state}: only {', '.join(RESUMABLE)} runs can be resumed")
        return self.run(run_id)

    def rename(self, run_id: str, name: str) -> None:
        """Give a run another name; names need not be unique. Raises StoreError if it is empty."""
        if not name.strip():
            raise StoreError("name: is empty; a run needs a name")
        self._update([run_id], name=name.strip()[:NAME_LENGTH])

    def set_tags(self, run_id: str, tags: Iterable[str]) -> None:
        """Replace a run's tags."""
        self._update([run_id], tags=sorted({tag.strip() for tag in tags} - {""}))

    def delete(self, ids: Sequence[str]) -> None:
        """Hide runs; `restore` undoes it, `purge` removes them for good. Running ones are stopped."""
        self._update(ids, deleted=self.clock())
        for run in self.runs(ids=ids, states=["queued", "running"], deleted=True):
            with contextlib.suppress(StoreError):  # it has ended by itself meanwhile
                self.request(run.id, "stop")

    def restore(self, ids: Sequence[str]) -> None:
        """Undo `delete`."""
        self._update(ids, deleted=None)

    def purge(self, deleted_before: float) -> int:
        """Remove runs that were deleted before this time, with their files; returns how many."""
        old = (runs.c.deleted < deleted_before) & (runs.c.state != "running")
        with writing(self._engine).begin() as connection:
            ids = connection.execute(sa.select(runs.c.id).where(old)).scalars().all()
            connection.execute(runs.delete().where(old))
        for run_id in ids:
            shutil.rmtree(self.folder(run_id), ignore_errors=True)
        return len(ids)

    def set_setting(self, key: str, value: Any) -> None:
        """Change a setting of this store; the value must be JSON."""
        key = f"setting:{key}"
        with writing(self._engine).begin() as connection:
            connection.execute(lab.delete().where(lab.c.key == key))
            connection.execute(lab.insert().values(key=key, value=json.dumps(value)))

    def claim(self, run_id: str | None = None, limit: int | None = None) -> Run | None:
        """Take the next queued run (or this one) if fewer than `limit` are running here; None if there is none.

        The run's `worker` is a fresh token: only its holder may record to the run.
        """
        with writing(self._engine).begin() as connection:
            if limit is not None:
                busy = sa.select(sa.func.count()).where(runs.c.state == "running", runs.c.host == socket.gethostname())
                if connection.execute(busy).scalar_one() >= limit:
                    return None
            queued = sa.select(runs.c.number).where(runs.c.state == "queued", runs.c.deleted.is_(None))
            if run_id is not None:
                queued = queued.where(runs.c.id == run_id)
            queued = queued.order_by(runs.c.queued, runs.c.number).limit(1).with_for_update(skip_locked=True)
            claimed = connection.execute(
                runs.update()
                .where(runs.c.number == queued.scalar_subquery())
                .values(**claim(self.clock()))
                .returning(runs.c.id)
            ).scalar()
        return None if claimed is None else self.run(claimed)

    def beat(self, run: Run) -> str | None:
        """Say that the run's worker lives; returns "stop", "pause" or None. Raises LostRunError."""
        with writing(self._engine, durable=False).begin() as connection:
            self._write(connection, run, pid=os.getpid(), heartbeat=self.clock())
            return connection.execute(sa.select(runs.c.request).where(runs.c.number == run.number)).scalar()

    def describe(self, run: Run, **values: Any) -> None:
        """Fill in what the worker learned: parameters, macs, device, versions, config after a fallback, note."""
        if "config" in values:
            config: RunConfig = values["config"]
            values |= {"config": config.model_dump(mode="json"), "digest": config.digest()}
        with writing(self._engine).begin() as connection:
            self._write(connection, run, **values)

    def record(self, run: Run, events: Sequence[Event]) -> None:
        """Store the metrics in these events and the progress they mean. Raises LostRunError."""
        with writing(self._engine, durable=False).begin() as connection:
            self._write(connection, run, heartbeat=self.clock(), **metric_rows.progress(events))
            last = connection.execute(
                sa.select(metrics.c.value)
                .where(metrics.c.run == run.number, metrics.c.name == "learning_rate")
                .order_by(metrics.c.id.desc())
                .limit(1)
            ).scalar()
            if found := metric_rows.rows(run.number, events, last):
                connection.execute(metrics.insert(), found)

    def finish(self, run: Run, state: State, note: str = "", **values: Any) -> None:
        """End the worker's hold on a run; `note` is added to what the run says already."""
        with writing(self._engine).begin() as connection:
            said = connection.execute(sa.select(runs.c.note).where(runs.c.number == run.number)).scalar() or ""
            note = said if note in said else f"{said} {note}".strip()
            self._write(
                connection,
                run,
                state=state,
                note=note,
                request=None,
                worker=None,
                pid=None,
                finished=self.clock(),
                **values,
            )

    def rewind(self, run: Run, step: int) -> None:
        """Forget what was recorded after `step`: the run goes on from a checkpoint that is older."""
        with writing(self._engine).begin() as connection:
            self._write(connection, run, step=step)
            for table in (metrics, artifacts):
                connection.execute(table.delete().where(table.c.run == run.number, table.c.step > step))

    def write_artifact(
        self, run: Run, path: str, kind: str, epoch: int | None, step: int | None, write: Callable[[Path], None]
    ) -> None:
        """Write a file into the run's folder so that it is either complete and known, or not there."""
        sha256, size = write_atomically(self.folder(run.id) / path, write)
        same = (artifacts.c.run == run.number) & (artifacts.c.path == path)
        with writing(self._engine, durable=False).begin() as connection:
            self._write(connection, run, heartbeat=self.clock())
            connection.execute(artifacts.delete().where(same))
            connection.execute(
                artifacts.insert().values(
                    run=run.number, path=path, kind=kind, epoch=epoch, step=step, sha256=sha256, size=size
                )
            )

    def drop_artifact(self, run: Run, path: str) -> None:
        """Forget a file of the run and remove it."""
        with writing(self._engine, durable=False).begin() as connection:
            connection.execute(artifacts.delete().where(artifacts.c.run == run.number, artifacts.c.path == path))
        (self.folder(run.id) / path).unlink(missing_ok=True)

    def _number(self, connection: sa.Connection, run_id: str) -> int:
        number = connection.execute(sa.select(runs.c.number).where(runs.c.id == run_id)).scalar()
        return -1 if number is None else number

    def _update(self, ids: Sequence[str], **values: Any) -> None:
        with writing(self._engine).begin() as connection:
            connection.execute(runs.update().where(runs.c.id.in_(ids)).values(**values))

    def _write(self, connection: sa.Connection, run: Run, **values: Any) -> None:
        mine = (runs.c.number == run.number) & (runs.c.worker == run.worker) & (runs.c.state == "running")
        if not connection.execute(runs.update().where(mine).values(**values)).rowcount:
            raise LostRunError(f"run #{run.number} no longer belongs to this worker")
