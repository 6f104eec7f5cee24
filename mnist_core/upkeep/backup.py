"""A backup of a results folder while runs train: one moment of the database, and the files that it lists."""

import os
import re
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from mnist_core.errors import StoreError
from mnist_core.store import (
    SQLITE_ERRORS,
    copy_checked,
    copy_database,
    of_system,
    remove_leftovers,
    sqlite_message,
    timestamp,
)
from mnist_core.upkeep import manifest
from mnist_core.upkeep.manifest import (
    CONTENTS,
    DATABASE,
    MANIFEST,
    BackupContent,
    BackupFile,
    BackupManifest,
    content_path,
)

# A training run may replace a file after the database was copied and before the file is. After this many attempts the
# database is locked while the remaining files are copied.
_ATTEMPTS = 3
_LOCK_SECONDS = 30.0
_STAMP = re.compile(r"\d{8}-\d{6}-\d{6}-\d+")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Backup:
    """A finished backup."""

    folder: Path
    manifest: BackupManifest
    # Bytes that earlier backups did not hold.
    copied: int

    @property
    def size(self) -> int:
        """Bytes that a restored folder has."""
        return self.manifest.database.size + sum(file.size for file in self.manifest.files)


def back_up(
    database: Path, results: Path, folder: Path, keep: int = 0, progress: Callable[[int, int], None] | None = None
) -> Backup:
    """Copy the database and every file that it lists into `folder`, which may hold earlier backups.

    Content of an earlier backup is not copied again. Every copy is compared with its hash. `keep`: how many of the
    newest backups stay, the others are removed. `progress` is called with the number of saved files and of all files.
    If the process is interrupted, no half backup is left, and the next backup uses what was copied. Raises StoreError.
    """
    if not database.is_file():
        raise StoreError(f"there is no database {database}, so there is nothing to back up. Check MNIST_LAB_RESULTS.")
    if folder.resolve() in (results.resolve(), *results.resolve().parents):
        raise StoreError(f"{folder} holds the results themselves; name another folder for the backup")
    name = _name_after(backups(folder))
    temporary = folder / f".{name}.part"
    try:
        (folder / CONTENTS).mkdir(parents=True, exist_ok=True, mode=0o700)
        remove_leftovers(folder)
        temporary.mkdir(mode=0o700)
        about, copied = _fill(database, results, folder, temporary, progress or (lambda done, of: None))
        manifest.write(about, temporary / MANIFEST)
        _flush(temporary / MANIFEST)
        temporary.rename(folder / name)
    except OSError as error:
        raise of_system(error, folder) from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    if keep:
        _forget_old(folder, keep)
    return Backup(folder / name, about, copied)


def backups(folder: Path) -> list[Path]:
    """The backups in a folder, the oldest first."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if _STAMP.fullmatch(path.name) and (path / MANIFEST).is_file())


def _name_after(earlier: list[Path]) -> str:
    """A name that sorts behind those of all earlier backups, even if the clock was set back since."""
    name = timestamp()
    if not earlier or name > earlier[-1].name:
        return name
    day, time_of_day, fraction, _ = earlier[-1].name.split("-")
    moment = int(f"{day}{time_of_day}{fraction}") + 1
    return f"{moment // 10**12:08}-{moment // 10**6 % 10**6:06}-{moment % 10**6:06}-{os.getpid()}"


@dataclass(frozen=True)
class _Copied:
    """One attempt: the copied database, the files that it lists, and how far they could be copied."""

    database: BackupContent
    runs: int
    files: list[BackupFile]
    missing: list[BackupFile]
    # Bytes copied in this attempt.
    new: int


def _fill(
    database: Path, results: Path, folder: Path, temporary: Path, progress: Callable[[int, int], None]
) -> tuple[BackupManifest, int]:
    """Copy until the files match the copied database; returns what was copied and how many bytes were new."""
    copied = _attempt(database, results, folder, temporary, progress)
    new = copied.new
    for attempt in range(2, _ATTEMPTS + 2):
        if copied.missing or any(not content_path(folder, file.sha256).is_file() for file in copied.files):
            with _locked(database, attempt > _ATTEMPTS):
                copied = _attempt(database, results, folder, temporary, progress)
            new += copied.new
    about = BackupManifest(
        created=time.time(),
        runs=copied.runs,
        database=copied.database,
        files=[file for file in copied.files if file not in copied.missing],
        missing=copied.missing,
    )
    return about, new


def _attempt(
    database: Path, results: Path, folder: Path, temporary: Path, progress: Callable[[int, int], None]
) -> _Copied:
    sha256, size = copy_database(database, temporary / DATABASE)
    runs, files = _listed(temporary / DATABASE)
    missing: list[BackupFile] = []
    new = 0
    for index, file in enumerate(files):
        count = _keep(results, folder, file)
        if count is None:
            missing.append(file)
        new += count or 0
        progress(index + 1, len(files))
    return _Copied(BackupContent(sha256=sha256, size=size), runs, files, missing, new)


def _keep(results: Path, folder: Path, file: BackupFile) -> int | None:
    """Copy one file unless its content is there; returns the bytes copied, None if the file is missing or damaged."""
    target = content_path(folder, file.sha256)
    if target.is_file() and target.stat().st_size == file.size:
        return 0
    source = results / file.run / file.path
    return file.size if copy_checked(source, target, file.sha256) else None


@contextmanager
def _locked(database: Path, really: bool) -> Iterator[None]:
    """Within this context nobody else can write to the database."""
    if not really:
        yield
        return
    with closing(sqlite3.connect(database, timeout=_LOCK_SECONDS, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
            yield
        except SQLITE_ERRORS as error:
            raise StoreError(
                f"the database {database} cannot be read ({sqlite_message(error)}). `doctor` says more."
            ) from None


def _listed(database: Path) -> tuple[int, list[BackupFile]]:
    """The number of runs in a database, and the files that it lists.

    Raises StoreError if one cannot be the path of a run's file.
    """
    query = "SELECT runs.id, artifacts.path, sha256, size FROM artifacts JOIN runs ON runs.number = artifacts.run"
    try:
        with closing(sqlite3.connect(database)) as connection:
            runs = connection.execute("SELECT count(*) FROM runs").fetchone()[0]
            rows = connection.execute(f"{query} ORDER BY runs.number, artifacts.path").fetchall()
        return runs, [BackupFile(run=run, path=path, sha256=sha256, size=size) for run, path, sha256, size in rows]
    except (sqlite3.Error, ValueError):
        raise StoreError(
            "the database does not list its files as this program does. `python -m mnist_core doctor` says more."
        ) from None


def _forget_old(folder: Path, keep: int) -> None:
    """Remove all but the newest backups, then all contents that no remaining backup needs."""
    for path in backups(folder)[:-keep]:
        # Rename first, so that an interrupted removal leaves nothing that looks like a backup.
        doomed = path.rename(path.with_name(f".{path.name}.old.part"))
        shutil.rmtree(doomed, ignore_errors=True)
    # A backup that another process is making may need contents that no finished one lists; the next one removes them.
    if any(_STAMP.fullmatch(path.name[1 : -len(".part")]) for path in folder.glob(".*.part")):
        return
    needed: set[str] = set()
    for path in backups(folder):
        needed |= {file.sha256 for file in manifest.read(path / MANIFEST).files}
    for content in (folder / CONTENTS).glob("??/*"):
        # Anything else in the folder was put there by somebody, and is not a copy of a run's file.
        is_copy = _SHA256.fullmatch(content.name) and content == content_path(folder, content.name)
        if is_copy and content.name not in needed and content.is_file():
            content.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
