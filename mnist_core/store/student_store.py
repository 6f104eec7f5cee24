"""The store as one student of a class may use it: all runs that the student may see, changes of the student's own only.

The pages get this store in place of `Store`, so that what is not allowed is refused here, whatever a page shows.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import sqlalchemy as sa

from mnist_core.config import RunConfig
from mnist_core.errors import NotAllowedError
from mnist_core.store.allowed_folders import check_folder
from mnist_core.store.artifacts import Artifact
from mnist_core.store.quota_checks import check_disk, check_room, read_quotas
from mnist_core.store.run import IMPORTED, Run, new_id
from mnist_core.store.schema import runs, sweeps
from mnist_core.store.store import Store
from mnist_core.store.sweeps import SweepRow

if TYPE_CHECKING:
    import pandas as pd

# What only the teacher may do, and the methods for it.
_TEACHERS = {
    "remove runs for good": ("purge",),
    "mend records": ("delete_broken", "fail_broken", "keep_fingerprints", "relabel", "add_to_list"),
    "change settings": ("set_setting", "forget_setting"),
    # The lab's own workers record, and they have the whole store.
    "record what a run measures": (
        "claim",
        "release",
        "requeue_lost",
        "move",
        "beat",
        "describe",
        "record",
        "finish",
        "rewind",
    ),
}
# Runs without an owner are the teacher's, and for all to see.
_FOR_ALL = runs.c.owner.is_(None) | (runs.c.shared != 0)


class StudentStore(Store):
    """A view of a store: what the person with the id `owner` may see and do.

    Sees own runs, the teacher's and shared ones; changes own ones. Whatever else is asked raises NotAllowedError, and
    a run that may not be seen is one that does not exist.
    """

    def __init__(self, store: Store, owner: str) -> None:
        """Share database, folder and caches with `store`."""
        vars(self).update(vars(store))
        self.owner = owner
        self.visible = _FOR_ALL | (runs.c.owner == owner)

    def may_change(self, what: Run | SweepRow) -> bool:
        """Whether this is an own run or sweep."""
        return what.owner == self.owner

    def check_teacher(self, action: str) -> NoReturn:
        """As `Store.check_teacher`: raises NotAllowedError."""
        raise NotAllowedError(f"Only the teacher may {action}.")

    def request(self, run_id: str, wish: str) -> None:
        """As `Store.request`, for an own run. Raises NotAllowedError."""
        self._check_own([run_id])
        super().request(run_id, wish)

    def stop_all(self, ids: Sequence[str]) -> int:
        """As `Store.stop_all`, for own runs. Raises NotAllowedError."""
        self._check_own(ids)
        return super().stop_all(ids)

    def requeue(self, run_id: str, *, from_scratch: bool = False, back_to: Artifact | None = None) -> Run:
        """As `Store.requeue`, for an own run. Raises NotAllowedError."""
        self._check_own([run_id])
        return super().requeue(run_id, from_scratch=from_scratch, back_to=back_to)

    def set_tags(self, run_id: str, tags: Iterable[str]) -> None:
        """As `Store.set_tags`, for an own run; it stays marked as imported. Raises NotAllowedError."""
        found = [*self.runs(ids=[run_id], luck=None), *self.runs(ids=[run_id], deleted=True, luck=None)]
        kept = [IMPORTED] if any(run.imported for run in found) else []
        super().set_tags(run_id, dict.fromkeys([*kept, *tags]))

    def share(self, ids: Sequence[str], shared: bool = True) -> None:
        """As `Store.share`, for own runs. Raises NotAllowedError."""
        self._check_own(ids)
        super().share(ids, shared)

    def delete(self, ids: Sequence[str]) -> None:
        """As `Store.delete`, for own runs. Raises NotAllowedError."""
        self._check_own(ids)
        super().delete(ids)

    def restore(self, ids: Sequence[str]) -> None:
        """As `Store.restore`, for own runs. Raises NotAllowedError."""
        self._check_own(ids)
        super().restore(ids)

    def broken(self) -> list[Any]:
        """Rows that cannot be read concern the teacher only."""
        return []

    def sweeps(self) -> list[SweepRow]:
        """The student's own sweeps, the teacher's and those with shared runs, the last saved one first."""
        shared = self._shared_sweeps()
        return [sweep for sweep in super().sweeps() if sweep.owner in (None, self.owner) or sweep.id in shared]

    def sweep(self, sweep_id: str) -> SweepRow | None:
        """A sweep by its id; None if there is none that the student may see."""
        sweep = super().sweep(sweep_id)
        if sweep is None or sweep.owner in (None, self.owner) or sweep.id in self._shared_sweeps():
            return sweep
        return None

    def save_sweep(self, sweep_id: str, name: str, spec: dict[str, Any]) -> None:
        """As `Store.save_sweep`, for a new or an own sweep. Raises NotAllowedError."""
        self._check_own_sweep(sweep_id)
        super().save_sweep(sweep_id, name, spec)

    def delete_sweep(self, sweep_id: str) -> None:
        """As `Store.delete_sweep`, for an own sweep. Raises NotAllowedError."""
        self._check_own_sweep(sweep_id)
        super().delete_sweep(sweep_id)

    def add_imported(
        self, values: dict[str, Any], rows: "pd.DataFrame", files: Sequence[Artifact], folder: Path
    ) -> int:
        """As `Store.add_imported`; the run is the student's, under a new id: another person may have the same one.

        Raises ConfigError if the student has no room for its files, or if it learned from a folder of images that the
        student may not use here: the pages would show its pictures.
        """
        check_folder(self, RunConfig.model_validate(values["config"]))
        check_disk(self, sum(file.size for file in files), "archive")
        return super().add_imported(values | {"id": new_id(self.clock())}, rows, files, folder)

    def write_artifact(
        self, run: Run, path: str, kind: str, epoch: int | None, step: int | None, write: Callable[[Path], None]
    ) -> None:
        """As `Store.write_artifact`, for an own run. Raises NotAllowedError."""
        self._check_own([run.id])
        super().write_artifact(run, path, kind, epoch, step, write)

    def drop_artifact(self, run: Run, path: str) -> None:
        """As `Store.drop_artifact`, for an own run. Raises NotAllowedError."""
        self._check_own([run.id])
        super().drop_artifact(run, path)

    def _check_room(self, connection: sa.Connection, more: int) -> None:
        # Two pages of one student may add runs at the same moment.
        check_room(connection, read_quotas(self), self.owner, more, "queue")

    def _update(self, ids: Sequence[str], **values: Any) -> None:
        # All that a person writes into a run's row comes through here: name, tags, comment, shared, deleted.
        self._check_own(ids)
        super()._update(ids, **values)

    def _check_own(self, ids: Iterable[str]) -> None:
        wanted = set(ids)
        query = sa.select(runs.c.id).where(runs.c.id.in_(wanted), runs.c.owner == self.owner)
        with self.engine.connect() as connection:
            own_ids = set(connection.execute(query).scalars())
        if others := wanted - own_ids:
            seen = self.runs(ids=sorted(others), luck=None) or self.runs(ids=sorted(others), deleted=True, luck=None)
            named = f"Run #{seen[0].number} is another person's" if seen else "This run is not yours"
            raise NotAllowedError(f"{named}: only its owner and the teacher may change it.")

    def _shared_sweeps(self) -> set[str]:
        """Ids of the sweeps with a shared run, as when the teacher has sent one to the class."""
        query = sa.select(runs.c.sweep).where(runs.c.sweep.is_not(None), runs.c.shared != 0).distinct()
        with self.engine.connect() as connection:
            return set(connection.execute(query).scalars())

    def _check_own_sweep(self, sweep_id: str) -> None:
        with self.engine.connect() as connection:
            rows = connection.execute(sa.select(sweeps.c.owner).where(sweeps.c.id == sweep_id)).all()
        if rows and rows[0].owner != self.owner:
            raise NotAllowedError("This sweep is another person's: only its owner and the teacher may change it.")


def _refusing(action: str) -> Callable[..., NoReturn]:
    def refuse(self: StudentStore, *args: object, **kwargs: object) -> NoReturn:
        self.check_teacher(action)

    return refuse


for _action, _names in _TEACHERS.items():
    for _name in _names:
        setattr(StudentStore, _name, _refusing(_action))
