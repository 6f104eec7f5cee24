"""The way back: a backup becomes a results folder, every file compared with its hash."""

import contextlib
import shutil
import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from mnist_core.errors import StorageError, StoreError
from mnist_core.store import (
    FOREIGN,
    REPLACED_PREFIX,
    RUN_FOLDER,
    SCHEMA_VERSION,
    copy_checked,
    copy_database,
    file_sha256,
    is_foreign,
    of_system,
    remove_leftovers,
    soundness,
    timestamp,
)
from mnist_core.upkeep import manifest
from mnist_core.upkeep.backup import backups
from mnist_core.upkeep.manifest import DATABASE, MANIFEST, BackupManifest, content_path

# a run that was heard of since then trains
_ALIVE_SECONDS = 60.0
_NOTE = "It was training when the backup was made. Resume it to go on from the last checkpoint."


@dataclass(frozen=True)
class Restored:
    """What was brought back."""

    source: Path
    runs: int
    files: int
    # bytes
    size: int
    # files that were damaged or gone when the backup was made
    missing: int
    # where what was there before is kept
    aside: Path | None


def restore(source: Path, database: Path, results: Path, replace: bool = False) -> Restored:
    """Bring a backup back into `results`, its database to the file `database`.

    `source` is a folder of backups (the newest counts), one of its backups, or a copy of a database alone, such as
    those in `results`/backups. Runs that are there are never touched unless `replace`: then they are moved aside and
    kept. Everything is checked before anything is put in its place, the database last. Raises StoreError.
    """
    present = [path for path in (database, *_run_folders(results)) if path.exists()]
    # A database that the app has begun and that has no run yet is nothing that could be lost.
    begun = present == [database] and _is_without_runs(database)
    if is_foreign(database):
        raise StorageError(f"{database} {FOREIGN}", "foreign")
    if replace:
        _refuse_while_training(database)
    if source.is_file():
        return _restore_database(source, database, results, replace)
    chosen = _chosen(source)
    about = manifest.read(chosen / MANIFEST)
    temporary = results / f".restore-{timestamp()}.part"
    try:
        results.mkdir(parents=True, exist_ok=True, mode=0o700)
        remove_leftovers(results)
        temporary.mkdir(mode=0o700)
        _check_room(about, results)
        _collect(chosen, about, temporary)
        _check_database(temporary / DATABASE, chosen / DATABASE)
        if present and not (replace or begun) and not _is_unfinished(present, database, temporary):
            raise StoreError(
                f"{results} holds runs already. Restore into another folder with --into, or let --replace move them "
                "aside; they are kept."
            )
        _end_training(temporary / DATABASE)
        aside = _move_aside(database, results) if present and (replace or begun) else None
        for folder in _run_folders(temporary):
            if not (results / folder.name).exists():
                folder.rename(results / folder.name)
        _put_database(temporary / DATABASE, database)
    except OSError as error:
        raise of_system(error, results) from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    size = about.database.size + sum(file.size for file in about.files)
    return Restored(chosen, about.runs, len(about.files), size, len(about.missing), aside)


def _restore_database(source: Path, database: Path, results: Path, replace: bool) -> Restored:
    """Only the database comes back; the files of runs stay as they are."""
    if database.exists() and not replace:
        raise StoreError(f"{database} is there already; --replace moves it aside and keeps it")
    runs = _check_database(source, source)
    temporary = database.with_name(f".{database.name}.{timestamp()}.part")
    try:
        copy_database(source, temporary)
        _end_training(temporary)
        aside = _move_aside(database, results, files=False) if database.exists() else None
        _put_database(temporary, database)
    finally:
        temporary.unlink(missing_ok=True)
    return Restored(source, runs, 0, database.stat().st_size, 0, aside)


def _chosen(source: Path) -> Path:
    """The backup that is meant."""
    if (source / MANIFEST).is_file():
        return source
    candidates = backups(source)
    if not candidates:
        raise StoreError(f"{source} holds no backup; `python -m mnist_core backup DIR` makes one")
    return candidates[-1]


def _check_room(about: BackupManifest, results: Path) -> None:
    needed = about.database.size + sum(file.size for file in about.files)
    free = shutil.disk_usage(results).free
    if needed > free:
        raise StoreError(f"the backup takes {needed:,} bytes, and {results} has room for {free:,}; free some first")


def _collect(chosen: Path, about: BackupManifest, temporary: Path) -> None:
    """Lay everything out beside its place. Raises StoreError if a content is not what the manifest says."""
    if not copy_checked(chosen / DATABASE, temporary / DATABASE, about.database.sha256):
        raise StoreError(f"{chosen / DATABASE} is missing or damaged; restore another backup of this folder")
    for file in about.files:
        content = content_path(chosen.parent, file.sha256)
        if not copy_checked(content, temporary / file.run / file.path, file.sha256):
            raise StoreError(
                f"{content}, which is {file.path} of a run, is missing or damaged; restore another backup, or make "
                "this one anew while the original is there"
            )


def _check_database(database: Path, source: Path) -> int:
    """How many runs a database from `source` holds. Raises StoreError if it would be of no use in its place."""
    if fault := soundness.damage(database):
        raise StoreError(f"{source} is damaged ({fault}); restore another backup")
    with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        version = soundness.version(connection) or SCHEMA_VERSION
        runs = connection.execute("SELECT count(*) FROM runs").fetchone()[0]
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"{source} was written by a newer MNIST Lab (schema {version}, this one knows {SCHEMA_VERSION}). Update "
            "MNIST Lab, then restore it again"
        )
    return runs


def _is_without_runs(database: Path) -> bool:
    try:
        with closing(sqlite3.connect(database)) as connection:
            return connection.execute("SELECT count(*) FROM runs").fetchone() == (0,)
    except soundness.SQLITE_ERRORS:
        return False


def _is_unfinished(present: list[Path], database: Path, temporary: Path) -> bool:
    """Whether all that is there comes from a restoring of this very backup that was ended before the database."""
    if database in present:
        return False
    return all(_same_files(folder, temporary / folder.name) for folder in present)


def _same_files(folder: Path, other: Path) -> bool:
    contents = [
        {path.relative_to(top): file_sha256(path) for path in top.rglob("*") if path.is_file()}
        for top in (folder, other)
    ]
    return contents[0] == contents[1]


def _end_training(database: Path) -> None:
    """Nobody trains the runs of a copy: what was running can be resumed."""
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(
            "UPDATE runs SET state = 'interrupted', worker = NULL, pid = NULL, request = NULL, note = trim(note || ?) "
            "WHERE state = 'running'",
            (f" {_NOTE}",),
        )
        connection.commit()
        connection.execute("PRAGMA journal_mode=DELETE")


def _refuse_while_training(database: Path) -> None:
    if not database.exists():
        return
    alive = "SELECT number FROM runs WHERE state = 'running' AND heartbeat > ?"
    with contextlib.suppress(*soundness.SQLITE_ERRORS), closing(sqlite3.connect(database)) as connection:
        if row := connection.execute(alive, (time.time() - _ALIVE_SECONDS,)).fetchone():
            raise StoreError(f"run #{row[0]} is training; stop the app and its runs, then restore")


def _move_aside(database: Path, results: Path, files: bool = True) -> Path:
    """Move what is there into a folder of its own; returns it."""
    aside = results / f"{REPLACED_PREFIX}{timestamp()}"
    aside.mkdir(mode=0o700)
    for path in (database, *(database.with_name(database.name + end) for end in ("-wal", "-shm"))):
        with contextlib.suppress(FileNotFoundError):
            path.rename(aside / path.name)
    for folder in _run_folders(results) if files else []:
        folder.rename(aside / folder.name)
    return aside


def _put_database(temporary: Path, database: Path) -> None:
    """The last step: with the database in its place, the results are there."""
    database.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # What a database that is gone has left behind would be taken for the new one's.
    for end in ("-wal", "-shm"):
        database.with_name(database.name + end).unlink(missing_ok=True)
    temporary.chmod(0o600)
    temporary.replace(database)


def _run_folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if RUN_FOLDER.fullmatch(path.name) and path.is_dir())
