"""What was measured of runs, and whether it is still what was recorded."""

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import sqlalchemy as sa

from mnist_core.errors import StoreError
from mnist_core.store import history
from mnist_core.store import measurements as measured
from mnist_core.store.connected_store import ConnectedStore
from mnist_core.store.connections import writing
from mnist_core.store.run import Run
from mnist_core.store.run_curves import RunCurves
from mnist_core.store.schema import SERIES, measurements

if TYPE_CHECKING:
    import pandas as pd

# For at least this many runs it is quicker to read the whole table than each row by its number.
_MANY = 5_000
# Setting with the numbers of runs whose fingerprints were made after they had ended.
LATE = "fingerprinted_late"


class ReadFigures(ConnectedStore):
    """Curves and metrics, guarded by the fingerprints with which runs ended."""

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

    def count_metrics(self, run_id: str) -> int:
        """Number of recorded values of a run."""
        with self.engine.connect() as connection:
            counts = [sa.func.count(measurements.c[name]) for name in SERIES]
            query = sa.select(*counts).where(measurements.c.run == self._number(connection, run_id))
            return sum(connection.execute(query).one())

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
        self._write_setting(LATE, sorted({*self.fingerprinted_late(), *late}))

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
        late = self.setting(LATE, [])
        return late if isinstance(late, list) else []

    def _check(self, number: int, curves: RunCurves, kept: dict[str, str]) -> None:
        if damaged := history.changed_metrics(curves, kept):
            names = ", ".join(sorted(damaged)).replace("_", " ")
            raise StoreError(
                f"The recorded {names} of run #{number} in the database is no longer what was recorded. Bring the "
                "database back from a backup, or train it again."
            )


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
