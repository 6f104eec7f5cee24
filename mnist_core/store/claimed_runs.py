"""What a worker does with the run that it holds by a claim; nobody else may record to it."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa

from mnist_core.config import DataFacts, RunConfig, devices_json
from mnist_core.events import Event
from mnist_core.store import history
from mnist_core.store import measurements as measured
from mnist_core.store.connected_store import ConnectedStore, held_row
from mnist_core.store.connections import writing
from mnist_core.store.page_columns import renew_page_columns
from mnist_core.store.run import Run, RunState, this_process
from mnist_core.store.schema import artifacts, measurements, runs


class ClaimedRuns(ConnectedStore):
    """Runs that train, as their workers record them."""

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
                measured.insert_rows(connection, values)

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

    def release(self, run: Run) -> bool:
        """Undo a claim whose holder has not begun: the run goes back to the head of the queue, as if never claimed.

        Returns False and changes nothing if the run has begun (its worker has recorded its process number) or has
        another holder. A request to stop or pause that came meanwhile is carried out at once.
        """
        with writing(self.engine).begin() as connection:
            untouched = held_row(run) & runs.c.pid.is_(None)
            common = {"worker": None, "host": None, "heartbeat": None, "request": None, "pid_start": None}
            for wish, state in (("stop", "stopped"), ("pause", "paused")):
                if connection.execute(
                    runs.update().where(untouched, runs.c.request == wish).values(state=state, **common)
                ).rowcount:
                    fingerprint_if_begun(connection, run.number)
                    return True
            queued = front_of_queue(connection, self.clock())
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
            connection.execute(runs.update().where(held_row(run), runs.c.request.is_(None)).values(request="move"))

    def _hand_back(self, connection: sa.Connection, run: Run, wanted: sa.ColumnElement[bool]) -> bool:
        """Put a running run back to the head of the queue, if it is still under this claim and as it is wanted."""
        gone = dict.fromkeys(("worker", "host", "pid", "pid_start", "heartbeat", "trouble", "request"))
        queued = front_of_queue(connection, self.clock())
        back = runs.update().where(held_row(run), runs.c.deleted.is_(None), wanted)
        return bool(connection.execute(back.values(state="queued", queued=queued, **gone)).rowcount)


def fingerprint_if_begun(connection: sa.Connection, number: int) -> None:
    """Store the fingerprints of a run that is taken out of the queue, unless it has never begun and has no figures."""
    if connection.execute(sa.select(runs.c.started).where(runs.c.number == number)).scalar() is not None:
        history.write_fingerprints(connection, number)


def front_of_queue(connection: sa.Connection, now: float) -> float:
    """A place before all others in the queue, read from the index, so that a damaged page does not matter."""
    first = connection.execute(sa.select(sa.func.min(runs.c.queued)).where(runs.c.state == "queued")).scalar()
    return now if first is None else first - 1
