"""The files of runs in the store: their rows, and writing them so that a row means a whole file."""

import contextlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import sqlalchemy as sa

from mnist_core.errors import StorageError
from mnist_core.store import history
from mnist_core.store.artifacts import Artifact, intact_bytes, is_intact, write_atomically
from mnist_core.store.connections import writing
from mnist_core.store.database import Database
from mnist_core.store.failures import DOCTOR, system_errors
from mnist_core.store.run import Run
from mnist_core.store.schema import artifacts, runs


class Files(Database):
    """Artifacts of runs: checkpoints and predictions."""

    def artifacts(self, run_id: str, kind: str | None = None, *, checked: bool = True) -> list[Artifact]:
        """Files of a run, in the order in which training wrote them.

        Raises StorageError if a row is damaged; if `checked` also if the list is not the one that was recorded.
        """
        columns = [artifacts.c[name] for name in ("path", "kind", "epoch", "step", "sha256", "size")]
        query = sa.select(*columns).join(runs, runs.c.number == artifacts.c.run).where(runs.c.id == run_id)
        with self._engine.connect() as connection:
            files = [Artifact(**row) for row in connection.execute(query.order_by(artifacts.c.step)).mappings()]
            recorded = history.read_fingerprints(connection, self._number(connection, run_id)).get(history.OF_FILES)
        if not all(map(_is_whole, files)) or (checked and recorded not in (None, history.files_digest(files))):
            raise StorageError(f"The list of files of a run ({run_id}) in the database is damaged. {DOCTOR}", "damaged")
        return [file for file in files if kind in (None, file.kind)]

    def folder(self, run_id: str) -> Path:
        """Where the run's files lie."""
        return self.root / run_id

    def sizes(self, ids: Sequence[str] | None = None) -> dict[str, int]:
        """Bytes that the files of each run take on the disk now, by its id; a run without files is left out.

        Without `ids` of all runs.
        """
        query = sa.select(runs.c.id, artifacts.c.path).join(artifacts)
        if ids is not None:
            query = query.where(runs.c.id.in_(ids))
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
        bytes_by_run: dict[str, int] = {}
        for run_id, path in rows:
            # What is damaged in a row names no file; nothing of it could be freed.
            with contextlib.suppress(OSError, ValueError, TypeError):
                bytes_by_run[run_id] = (
                    bytes_by_run.get(run_id, 0) + os.stat(os.path.join(self.root, run_id, path)).st_size
                )
        return bytes_by_run

    def size(self, run_id: str, artifact: Artifact) -> int:
        """Bytes that the artifact's file takes on the disk now; 0 if it is gone."""
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
            # Where the results have been moved away, no folder is begun in their place: they could not be put back.
            self.root.stat()
            sha256, size = write_atomically(target, write)
        same = (artifacts.c.run == run.number) & (artifacts.c.path == path)
        with writing(self._engine, durable=False).begin() as connection:
            self._write(connection, run, heartbeat=self.clock())
            connection.execute(artifacts.delete().where(same))
            connection.execute(
                artifacts.insert().values(
                    run=run.number, path=path, kind=kind, epoch=epoch, step=step, sha256=sha256, size=size
                )
            )

    def is_recorded_list(self, run_id: str, files: Sequence[Artifact]) -> bool | None:
        """Whether these are the files that a run had when it ended; None if that was not recorded."""
        with self._engine.connect() as connection:
            recorded = history.read_fingerprints(connection, self._number(connection, run_id)).get(history.OF_FILES)
        return None if recorded is None else recorded == history.files_digest(files)

    def add_to_list(self, run_id: str, files: Sequence[Artifact]) -> bool:
        """List files of an ended run again whose rows were lost; False if the list would not be the recorded one."""
        if self.is_recorded_list(run_id, [*self.artifacts(run_id, checked=False), *files]) is False:
            return False
        with writing(self._engine).begin() as connection:
            number = self._number(connection, run_id)
            connection.execute(artifacts.insert(), [{"run": number, **vars(file)} for file in files])
        return True

    def drop_artifact(self, run: Run, path: str) -> None:
        """Forget a file of the run and remove it, also where the disk is full."""
        target = self.folder(run.id) / path
        try:
            self._forget(run, path)
        except StorageError as error:
            if error.kind != "full":
                raise
            # There is no room to write that it is gone before it is gone.
            with system_errors(target, "removed"):
                target.unlink(missing_ok=True)
            self._forget(run, path)
        with system_errors(target, "removed"):
            target.unlink(missing_ok=True)

    def _forget(self, run: Run, path: str) -> None:
        with writing(self._engine, durable=False).begin() as connection:
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
