"""An examination of a results folder, and the repairs that cannot lose anything."""

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Literal

from mnist_core.environment import sqlite_url
from mnist_core.errors import MnistLabError
from mnist_core.store import (
    FOREIGN,
    REMOVAL_BEGUN,
    RUN_FOLDER,
    SCHEMA_VERSION,
    Store,
    copy_database,
    file_sha256,
    is_foreign,
    leftovers,
    newest_copy,
    remove_leftovers,
    replaced_folders,
    soundness,
)
from mnist_core.text import size_in_words
from mnist_core.upkeep.finding import Finding
from mnist_core.upkeep.recovery import recover_rows
from mnist_core.upkeep.restore import restore
from mnist_core.upkeep.stray_files import list_again, stray_files

# Free bytes on the disk below which a run of a large network would fill it.
_LITTLE = 500_000_000
# A message names at most this many things of one kind.
_NAMED = 5
# The bits of a file's mode that are permissions of everybody but the owner.
_OTHERS = 0o077
_SQLITE_MESSAGES = 20
_ADOPT = (
    "doctor --repair brings its run back, if a copy of the database knows it. "
    "If it was deleted for good, remove the folder."
)


def examine(database: Path, results: Path, repair: bool = False, fingerprint: bool = False) -> list[Finding]:
    """What is wrong with the results folder and its database file; with `repair`, after what is safe was repaired.

    Without `repair` and `fingerprint` nothing is changed. Repairs remove files of processes that are gone, take
    permissions from other users, rebuild an index of the database, replace a missing database by its newest copy, and
    copy missing rows of runs and files from the newest copy. Nothing that was recorded is removed or replaced.
    `fingerprint` stores missing fingerprints, made from the records as they are now.
    """
    if not results.is_dir():
        return [Finding("results", "note", f"{results} is not there yet: it is made with the first run")]
    if is_foreign(database):
        return [Finding("results", "wrong", f"{database} {FOREIGN}")]
    findings = [*_folder(results), *_permissions(database, results, repair), *_temporary(results, repair)]
    missing = _missing_database(database, results, repair)
    findings += missing
    if any(finding.state == "wrong" for finding in missing) or not database.is_file():
        return findings
    sound = _database(database, results, repair)
    findings += sound
    if any(finding.state == "wrong" for finding in sound):
        return findings
    findings += _folders_without_rows(database, results, repair)
    with _as_findings() as failures, _opened(results, database, change=repair or fingerprint) as store:
        findings += [*_runs(store, repair), *_unguarded(store, fingerprint)]
    return [*findings, *failures]


def _folder(results: Path) -> list[Finding]:
    free = shutil.disk_usage(results).free
    text = f"{results}: {size_in_words(free)} free"
    if not os.access(results, os.W_OK | os.X_OK):
        remedy = "Change its owner or permissions, or name another folder in MNIST_LAB_RESULTS."
        return [Finding("results", "wrong", f"{results} cannot be written to", remedy)]
    if free < _LITTLE:
        remedy = "Free some: `python -m mnist_core prune --dry-run` says how much runs can give back."
        return [Finding("results", "wrong", text, remedy)]
    return [Finding("results", "well", text)]


def _permissions(database: Path, results: Path, repair: bool) -> list[Finding]:
    if os.name == "nt" or not database.exists():
        return []
    ends = ("", "-wal", "-shm")
    inside = database.parent.resolve() == results.resolve()
    files = [database.with_name(database.name + end) for end in ends]
    paths = [] if inside else [path for path in files if path.exists()]
    # Change permissions only of a folder that holds runs: a setting may name a shared folder such as /tmp.
    if inside or _run_folders(results):
        paths.insert(0, results)
    findings = []
    for path in paths:
        mode = path.stat().st_mode & 0o777
        if not mode & _OTHERS:
            continue
        text = f"{path} can be opened by other users of this machine"
        if repair:
            path.chmod(mode & ~_OTHERS)
            findings.append(Finding("results", "repaired", f"{text}; now it is yours alone"))
        else:
            findings.append(Finding("results", "wrong", text, f"chmod go= '{path}', or doctor --repair"))
    return findings


def _temporary(results: Path, repair: bool) -> list[Finding]:
    paths = remove_leftovers(results) if repair else leftovers(results)
    if not paths:
        return []
    text = f"{len(paths)} temporary file{'s' * (len(paths) > 1)} of processes that were killed: {_named(paths)}"
    if repair:
        return [Finding("results", "repaired", f"{text}; removed")]
    return [Finding("results", "wrong", text, "doctor --repair removes them.")]


def _missing_database(database: Path, results: Path, repair: bool) -> list[Finding]:
    """Finding if there are folders of runs, but no database or an empty one."""
    if database.is_file() and database.stat().st_size:
        return []
    folders = _run_folders(results)
    if not folders and (aside := replaced_folders(results)):
        text = f"there is no database {database}: a restoring was cut short; what was there before is in {aside[-1]}"
        return [Finding("results", "wrong", text, "Repeat it: python -m mnist_core restore DIR")]
    if not folders:
        return [Finding("results", "note", f"there is no database {database} yet: it is made with the first run")]
    state = "is empty" if database.is_file() else "is missing"
    text = f"{database} {state}, but the folders of {len(folders)} runs are there"
    copy = newest_copy(results)
    if copy is None:
        return [Finding("results", "wrong", text, "Bring it back from a backup: python -m mnist_core restore DIR")]
    if repair:
        with _as_findings() as failures:
            restore(copy, database, results, replace=True)
            return [Finding("results", "repaired", f"{text}; brought back from {copy}")]
        return failures
    return [Finding("results", "wrong", text, f"doctor --repair brings it back from {copy}")]


def _database(database: Path, results: Path, repair: bool) -> list[Finding]:
    """Check with SQLite whether the file is undamaged, and whether it has the expected tables and version."""
    try:
        messages = _check_database(database, "integrity_check")
        # The quick check leaves out only whether the indexes hold what the tables do; SQLite can make those again.
        only_indexes = bool(messages) and not _check_database(database, "quick_check")
        if only_indexes and repair:
            with closing(sqlite3.connect(database)) as connection:
                connection.execute("REINDEX")
            if not (messages := _check_database(database, "integrity_check")):
                return [Finding("results", "repaired", f"an index of {database} was damaged; it was made again")]
        with closing(_reading(database)) as connection:
            version = soundness.version(connection)
            lacks = soundness.lacking(connection)
    except soundness.SQLITE_ERRORS as error:
        text = f"{database} is damaged ({soundness.sqlite_message(error)})"
        return [Finding("results", "wrong", text, _bring_back(results))]
    if messages:
        remedy = "doctor --repair makes it again." if only_indexes else _bring_back(results)
        return [Finding("results", "wrong", f"{database} is damaged: {messages[0]}", remedy)]
    if version is None:
        return [Finding("results", "wrong", f"{database} does not say its version", _bring_back(results))]
    if version > SCHEMA_VERSION:
        return [Finding("results", "wrong", f"{database} was written by a newer MNIST Lab", "Update MNIST Lab.")]
    if version < SCHEMA_VERSION and not lacks and not repair:
        text = f"{database} is whole, and of an earlier version (schema {version})"
        return [Finding("results", "note", text, "It is copied and brought up to date when the app next opens it.")]
    if lacks:
        return [Finding("results", "wrong", f"{database} lacks the {_named(lacks)}", _bring_back(results))]
    return [Finding("results", "well", f"{database} is whole ({size_in_words(database.stat().st_size)})")]


def _check_database(database: Path, check: Literal["integrity_check", "quick_check"]) -> list[str]:
    """What one of SQLite's own checks complains of: https://www.sqlite.org/pragma.html#pragma_integrity_check."""
    with closing(_reading(database)) as connection:
        rows = connection.execute(f"PRAGMA {check}({_SQLITE_MESSAGES})").fetchall()
    return [row[0] for row in rows if row[0] != "ok"]


def _folders_without_rows(database: Path, results: Path, repair: bool) -> list[Finding]:
    with closing(_reading(database)) as connection:
        ids = {row[0] for row in connection.execute("SELECT id FROM runs")}
    strays = [path for path in _run_folders(results) if path.name not in ids]
    findings = []
    for folder in strays:
        text = f"the folder {folder} belongs to no run of the database"
        with _as_findings() as failures:
            number = recover_rows(database, results, folder.name) if repair else None
            if number is not None:
                findings.append(Finding("results", "repaired", f"{text}; it is run #{number} again"))
            else:
                findings.append(Finding("results", "wrong", text, _ADOPT))
        findings += failures
    return findings


@contextmanager
def _opened(results: Path, database: Path, *, change: bool) -> Iterator[Store]:
    """Open the store without changing it, unless asked to: an older database is copied and the copy migrated."""
    if change:
        yield Store(results, sqlite_url(database))
        return
    with closing(_reading(database)) as connection:
        older = soundness.version(connection) != SCHEMA_VERSION
    if not older:
        yield Store(results, sqlite_url(database), only_look=True)
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / database.name
        copy_database(database, copy)
        Store(copy.parent, sqlite_url(copy))
        yield Store(results, sqlite_url(copy), only_look=True)


def _runs(store: Store, repair: bool) -> list[Finding]:
    """Check of every run whether its row can be read, its records are unchanged and its files undamaged."""
    findings: list[Finding] = []
    assert store.file is not None
    with closing(_reading(store.file)) as connection:
        rows = connection.execute("SELECT id, number, deleted FROM runs ORDER BY number").fetchall()
    unfinished = [number for _, number, deleted in rows if deleted == REMOVAL_BEGUN]
    if unfinished:
        text = f"the removal of {_runs_named(unfinished)} was cut short"
        remedy = "It is finished while the app is open, or by `python -m mnist_core prune --deleted`."
        findings.append(Finding("results", "note", text, remedy))
    kept = [(run_id, number) for run_id, number, deleted in rows if deleted != REMOVAL_BEGUN]
    size = 0
    for run_id, number in kept:
        of_run, run_size = _run(store, run_id, number, repair)
        findings += of_run
        size += run_size
    text = f"{len(kept)} run{'s' * (len(kept) != 1)} with {size_in_words(size)} of files: looked through"
    return [*findings, Finding("results", "well", text)]


def _unguarded(store: Store, fingerprint: bool) -> list[Finding]:
    """Findings on runs whose fingerprints are missing or were made late, so that earlier changes go unnoticed."""
    late, without = store.fingerprinted_late(), store.without_fingerprints()
    findings = []
    if without and fingerprint:
        store.keep_fingerprints(without)
        text = f"fingerprints of {_runs_named(without)} are kept from now on, of what is there"
        findings.append(Finding("results", "repaired", f"{text}. What changed before cannot be noticed any more"))
    elif without:
        text = (
            f"an earlier version kept no fingerprints, or fewer, of {_runs_named(without)}: a change may go unnoticed"
        )
        remedy = "doctor --fingerprint keeps them of what is there now."
        findings.append(Finding("results", "note", text, remedy))
    if late:
        text = f"the fingerprints of {_runs_named(late)} are younger than their end: an earlier change goes unnoticed"
        findings.append(Finding("results", "note", text))
    return findings


def _run_folders(results: Path) -> list[Path]:
    return sorted(path for path in results.iterdir() if RUN_FOLDER.fullmatch(path.name))


def _runs_named(numbers: list[int]) -> str:
    """Runs by their numbers, such as "2 runs (#1, #3)"."""
    return f"{len(numbers):,} run{'s' * (len(numbers) > 1)} ({_named([f'#{number}' for number in numbers])})"


def _run(store: Store, run_id: str, number: int, repair: bool) -> tuple[list[Finding], int]:
    """Findings about a run, and the bytes of its files."""
    findings = []
    restoring = "Bring them back from a backup (restore), or train it again."
    try:
        run = store.run(run_id)
        if not run.active:
            findings += _strays(store, run_id, number, repair)
        if changed := store.changed_parts(run_id):
            text = f"run #{number}: {', '.join(changed)} in the database changed after the run ended"
            findings.append(Finding("results", "wrong", text, restoring))
        # Read after the repair, which may have listed files again.
        active, artifacts = run.active, store.artifacts(run_id, checked=False)
    except (MnistLabError, ValueError, TypeError, KeyError) as error:
        reason = str(error).splitlines()[0][:200]
        remedy = "Bring the database back from a backup (restore), or delete the run."
        return [Finding("results", "wrong", f"run #{number}: its row cannot be read ({reason})", remedy)], 0
    folder = store.folder(run_id)
    damaged = [
        artifact.path
        for artifact in artifacts
        if not (folder / artifact.path).is_file() or file_sha256(folder / artifact.path) != artifact.sha256
    ]
    # A training run replaces files while they are examined.
    if damaged and not active:
        text = f"run #{number}: {len(damaged)} of {len(artifacts)} files are missing or damaged: {_named(damaged)}"
        findings.append(Finding("results", "wrong", text, restoring))
    return findings, sum(artifact.size for artifact in artifacts)


def _strays(store: Store, run_id: str, number: int, repair: bool) -> list[Finding]:
    """Findings on checkpoints and predictions in the folder of an ended run that the list of its files lacks."""
    listed = store.artifacts(run_id, checked=False)
    paths = stray_files(store, run_id, listed)
    if not paths:
        return []
    text = f"run #{number}: {len(paths)} file{'s' * (len(paths) > 1)} in its folder it does not list: {_named(paths)}"
    if repair and list_again(store, run_id, paths):
        return [Finding("results", "repaired", f"{text}; listed again from a copy of the database")]
    if not store.is_recorded_list(run_id, listed):
        remedy = f"Bring the list back from a backup (restore), or remove them from {store.folder(run_id)}."
        return [
            Finding("results", "wrong", text, f"doctor --repair looks for them in copies of the database. {remedy}")
        ]
    # The list is complete, so a process was killed while it wrote or removed these files.
    if not repair:
        return [
            Finding("results", "wrong", text, "They are left over from a killed process; doctor --repair removes them.")
        ]
    for path in paths:
        (store.folder(run_id) / path).unlink(missing_ok=True)
    return [Finding("results", "repaired", f"{text}; they were left over from a killed process, and are removed")]


@contextmanager
def _as_findings() -> Iterator[list[Finding]]:
    """Turn an error that a person can mend into a finding, so that it does not end the examination."""
    failures: list[Finding] = []
    try:
        yield failures
    except MnistLabError as error:
        failures.append(Finding("results", "wrong", str(error)))
    except (*soundness.SQLITE_ERRORS, OSError) as error:
        failures.append(
            Finding("results", "wrong", f"the examination could not go on ({soundness.sqlite_message(error)})")
        )


def _bring_back(results: Path) -> str:
    copy = newest_copy(results)
    if copy is None:
        return "Bring it back from a backup: python -m mnist_core restore DIR --replace"
    command = f"python -m mnist_core restore '{copy}' --replace"
    return f"Bring it back from its newest copy (what is there is kept): {command}"


def _reading(database: Path) -> sqlite3.Connection:
    """A read-only connection."""
    return sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True, timeout=30)


def _named(things: list) -> str:
    shown = ", ".join(str(thing) for thing in things[:_NAMED])
    return shown if len(things) <= _NAMED else f"{shown} and {len(things) - _NAMED} more"
