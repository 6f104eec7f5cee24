"""Restores a results folder from a backup, comparing every file with its hash."""

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
    remove_leftovers_of,
    soundness,
    timestamp,
)
from mnist_core.upkeep import manifest
from mnist_core.upkeep.backup import backups
from mnist_core.upkeep.manifest import DATABASE, MANIFEST, BackupManifest, content_path

# A run whose last sign of life is more recent than this is being trained.
_ALIVE_SECONDS = 60.0
_NOTE = "It was training when the backup was made. Resume it to go on from the last checkpoint."


@dataclass(frozen=True)
class Restored:
    """The result of a restore."""

    source: Path
    runs: int
    files: int
    # Size of the restored files in bytes.
    size: int
    # Number of files that were damaged or missing when the backup was made.
    missing: int
    # Folder that keeps the replaced runs and database; None if nothing was replaced.
    aside: Path | None


def restore(source: Path, database: Path, results: Path, replace: bool = False) -> Restored:
    """Restore a backup into the folder `results`, and its database to the file `database`.

    `source` is a folder of backups (then the newest is restored), one of its backups, or a copy of a database alone,
    such as those in `results`/backups. Runs that are there are only touched with `replace`, which moves them aside and
    keeps them. Everything is checked before anything is put in place, the database last. Raises StoreError.
    """
    present = [path for path in (database, *_run_folders(results)) if path.exists()]
    # A database without a run, as the app makes one at its start, can be replaced without a loss.
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
        for folder in (results, database.parent):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        remove_leftovers(results)
        temporary.mkdir(mode=0o700)
        _check_room(about, database, results)
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
    """Restore only the database; the files of runs stay as they are."""
    if database.exists() and not replace:
        raise StoreError(f"{database} is there already; --replace moves it aside and keeps it")
    runs = _check_database(source, source)
    temporary = database.with_name(f".{database.name}.{timestamp()}.part")
    try:
        database.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        copy_database(source, temporary)
        _end_training(temporary)
        aside = _move_aside(database, results, files=False) if database.exists() else None
        _put_database(temporary, database)
    except OSError as error:
        raise of_system(error, database) from None
    finally:
        temporary.unlink(missing_ok=True)
    return Restored(source, runs, 0, database.stat().st_size, 0, aside)


def _chosen(source: Path) -> Path:
    """The path of the backup to restore."""
    if (source / MANIFEST).is_file():
        return source
    candidates = backups(source)
    if not candidates:
        raise StoreError(f"{source} holds no backup; `python -m mnist_core backup DIR` makes one")
    return candidates[-1]


def _check_room(about: BackupManifest, database: Path, results: Path) -> None:
    needed = {results: about.database.size + sum(file.size for file in about.files)}
    # The database may lie on another disk.
    needed.setdefault(database.parent, about.database.size)
    for folder, size in needed.items():
        free = shutil.disk_usage(folder).free
        if size > free:
            raise StoreError(f"the backup takes {size:,} bytes, and {folder} has room for {free:,}; free some first")


def _collect(chosen: Path, about: BackupManifest, temporary: Path) -> None:
    """Copy everything to a temporary folder beside its target. Raises StoreError if a hash is not the manifest's."""
    if not copy_checked(chosen / DATABASE, temporary / DATABASE, about.database.sha256):
        raise StoreError(f"{chosen / DATABASE} is missing or damaged; restore another backup of this folder")
    for file in about.files:
        content = content_path(chosen.parent, file.sha256)
        if not copy_checked(content, temporary / file.run / file.path, file.sha256):
            raise StoreError(
                f"{content}, which is {file.path} of a run, is missing or damaged; restore another backup, or make "
                "this one again while the original is there"
            )


def _check_database(database: Path, source: Path) -> int:
    """The number of runs in a database from `source`. Raises StoreError if the database cannot be used."""
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
    """Whether everything there comes from a restore of this backup that was interrupted before its last step."""
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
    """Mark running runs as interrupted, so that they can be resumed: nobody trains the runs of a copy."""
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
    """Move the present runs and database into a new folder; returns that folder."""
    aside = results / f"{REPLACED_PREFIX}{timestamp()}"
    aside.mkdir(mode=0o700)
    for path in (database, *(database.with_name(database.name + end) for end in ("-wal", "-shm"))):
        if path.exists():
            shutil.move(path, aside / path.name)
    for folder in _run_folders(results) if files else []:
        folder.rename(aside / folder.name)
    return aside


def _put_database(temporary: Path, database: Path) -> None:
    """Put the database in place, which is the last step and makes the restored runs visible."""
    # SQLite would take log files of the old database for those of the new one.
    for end in ("-wal", "-shm"):
        database.with_name(database.name + end).unlink(missing_ok=True)
    remove_leftovers_of(database)
    # First beside its target, which may be on another disk: from there it takes its place in one step.
    beside = database.with_name(f".{database.name}.{timestamp()}.part")
    try:
        shutil.move(temporary, beside)
        beside.chmod(0o600)
        beside.replace(database)
    finally:
        beside.unlink(missing_ok=True)


def _run_folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if RUN_FOLDER.fullmatch(path.name) and path.is_dir())
