"""The files of runs: a row with a hash makes a file valid."""

import contextlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import sqlalchemy as sa

from mnist_core.errors import StorageError
from mnist_core.store import history
from mnist_core.store.artifacts import Artifact, intact_bytes, is_intact, write_atomically
from mnist_core.store.connected_store import ConnectedStore
from mnist_core.store.connections import writing
from mnist_core.store.failures import DOCTOR, system_errors
from mnist_core.store.fences import claimed_files, remove_file
from mnist_core.store.run import Run
from mnist_core.store.schema import artifacts, runs


class RunFiles(ConnectedStore):
    """Checkpoints, predictions and all other files, each run's in a folder of its own."""

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

    def _forget(self, run: Run, path: str) -> None:
        with writing(self.engine, durable=False).begin() as connection:
            if run.worker is not None:
                self._write(connection, run, heartbeat=self.clock())
            before = history.files_of(connection, run.number)
            connection.execute(artifacts.delete().where(artifacts.c.run == run.number, artifacts.c.path == path))
            history.relist(connection, run.number, before)


def _is_whole(artifact: Artifact) -> bool:
    texts = (artifact.path, artifact.kind, artifact.sha256)
    places = (artifact.epoch, artifact.step)
    return (
        all(isinstance(text, str) and "\0" not in text for text in texts)
        and all(index is None or isinstance(index, int) for index in places)
        and isinstance(artifact.size, int)
    )
