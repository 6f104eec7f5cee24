"""Reading runs: one by its number or id, or all that fit conditions."""

import contextlib
import json
from collections.abc import Sequence

import sqlalchemy as sa

from mnist_core.errors import StoreError
from mnist_core.store import rows
from mnist_core.store.connected_store import ConnectedStore
from mnist_core.store.dialects import json_text
from mnist_core.store.run import BrokenRun, Run
from mnist_core.store.schema import runs
from mnist_core.store.stored_values import storable

# Value of the column `deleted` once the final removal of a run has begun and can no longer be undone.
REMOVAL_BEGUN = 0.0
# Rows that are runs to compare and to ask.
_ORDINARY = runs.c.luck.is_(sa.null())


class ReadRuns(ConnectedStore):
    """Runs as they are in the database, without their measurements and files."""

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
