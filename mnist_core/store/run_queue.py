"""The queue: which runs wait, in which order, and who takes the next one."""

import os
from collections.abc import Iterable, Sequence

import sqlalchemy as sa

from mnist_core.config import LuckPart, RunConfig
from mnist_core.errors import RunStateError
from mnist_core.store import history, rows
from mnist_core.store.artifacts import Artifact
from mnist_core.store.claimed_runs import fingerprint_if_begun, front_of_queue
from mnist_core.store.connections import writing
from mnist_core.store.failures import system_errors
from mnist_core.store.quotas import SETTING as QUOTAS_SETTING
from mnist_core.store.quotas import Quotas
from mnist_core.store.read_figures import LATE, ReadFigures
from mnist_core.store.read_runs import ReadRuns
from mnist_core.store.reserve import keep_reserve
from mnist_core.store.run import NOT_BEGUN, RESUMABLE_STATES, Holder, Run, claim, new_row
from mnist_core.store.run_files import RunFiles
from mnist_core.store.schema import artifacts, measurements, runs


class RunQueue(ReadRuns, ReadFigures, RunFiles):
    """Queued runs are rows of the table of runs; a claim takes one for a worker."""

    def queue(self, order: Sequence[str] | None = None) -> list[Run]:
        """Queued runs, the next one first: of several persons one run each in turn.

        `order`: what `queued_ids` has just said, where it is known already.
        """
        places = {run_id: position for position, run_id in enumerate(self.queued_ids() if order is None else order)}
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
        """Ask a run to "stop" or "pause"; a queued run does so at once. Raises RunStateError if it has ended."""
        if not self._request([run_id], wish):
            raise RunStateError(f"this run is {self.run(run_id).state}: there is nothing to {wish}")

    def stop_all(self, ids: Sequence[str]) -> int:
        """Stop those of these runs that are queued or running, so that none of them begins; returns how many."""
        return self._request(ids, "stop")

    def _request(self, ids: Sequence[str], wish: str) -> int:
        state = {"stop": "stopped", "pause": "paused"}[wish]
        these = runs.c.id.in_(ids)
        taken_out = runs.update().where(these, runs.c.state == "queued").values(state=state, queued=None)
        with writing(self.engine).begin() as connection:
            # The queued ones first: one that a worker claims meanwhile is then found running.
            numbers = connection.execute(taken_out.returning(runs.c.number)).scalars().all()
            running = connection.execute(runs.update().where(these, runs.c.state == "running").values(request=wish))
            for number in numbers:
                fingerprint_if_begun(connection, number)
        return len(numbers) + running.rowcount

    def requeue(self, run_id: str, *, from_scratch: bool = False, back_to: Artifact | None = None) -> Run:
        """Put a paused, stopped, interrupted or failed run back into the queue, before the others.

        `from_scratch` removes the run's records and files; `back_to` removes only those after this checkpoint. Raises
        RunStateError if the run is in another state.
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
                    queued=front_of_queue(connection, self.clock()),
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
            raise RunStateError(
                f"this run is {self.run(run_id).state}: only {', '.join(RESUMABLE_STATES)} runs can be resumed"
            )
        # The run gets new fingerprints when it ends, so it no longer counts as fingerprinted late.
        if number in (late := self._late()):
            self._write_setting(LATE, [other for other in late if other != number])
        for file in files:
            target = self.folder(run_id) / file.path
            with system_errors(target, "removed"):
                target.unlink(missing_ok=True)
        return self.run(run_id)

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


def _end_of_queue(connection: sa.Connection, now: float) -> float:
    """A place behind all others in the queue, even if the clock was set back; equal places are ordered by number."""
    last = connection.execute(sa.select(sa.func.max(runs.c.queued)).where(runs.c.state == "queued")).scalar()
    return now if last is None else max(now, last)
