"""Databases of earlier versions: copied, then brought up to date once, however many processes begin at that moment."""

import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from mnist_core.config.run_config import RunConfig
from mnist_core.errors import StorageError
from mnist_core.store.schema import SCHEMA_VERSION
from mnist_core.store.store import Store
from tests.app_process import ROOT
from tests.faults.old_databases import write_old

PROCESSES = 4
OPEN = """
import sys
from mnist_core.store import Store
print("ready", flush=True)
sys.stdin.readline()
print(len(Store.open().runs()))
"""


def schema_of(path: Path) -> dict[str, set[str]]:
    with closing(sqlite3.connect(path)) as connection:
        tables = [
            row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'index')")
        ]
        return {
            table: {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
            for table in tables
            if not table.startswith("sqlite_")
        }


def version_of(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT value FROM lab WHERE key = 'schema'").fetchall()[0][0]


@pytest.mark.parametrize("version", range(1, SCHEMA_VERSION))
def test_every_earlier_version_is_copied_and_brought_up_to_date(version: int, own_lab: Path, tmp_path: Path):
    path = own_lab / "runs.db"
    write_old(path, version)
    assert [run.name for run in Store.open().runs()] == ["kept"]
    fresh = Store.open(tmp_path / "fresh").file
    assert fresh is not None
    assert schema_of(path) == schema_of(fresh)
    assert version_of(path) == str(SCHEMA_VERSION)
    copies = list((own_lab / "backups").iterdir())
    assert [version_of(copy) for copy in copies] == [str(version)]
    Store.open()
    assert list((own_lab / "backups").iterdir()) == copies


def test_four_processes_that_start_at_once_migrate_once(own_lab: Path):
    path = own_lab / "runs.db"
    write_old(path, 1)
    with closing(sqlite3.connect(path)) as connection, connection:
        # Enough for a copy that takes a moment, while the others arrive.
        rows = ((step, 1, "train_loss", 1.0, 1.0) for step in range(200_000))
        connection.executemany(
            "INSERT INTO metrics (run, step, epoch, name, value, seconds) VALUES (1,?,?,?,?,?)", rows
        )
    command = [sys.executable, "-c", OPEN]
    processes = [
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(PROCESSES)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b"\n")
        process.stdin.flush()
    answers = [process.communicate(timeout=60) for process in processes]
    assert answers == [(b"1\n", b"")] * PROCESSES
    assert version_of(path) == str(SCHEMA_VERSION)
    copies = list((own_lab / "backups").iterdir())
    assert [version_of(copy) for copy in copies] == ["1"]
    with closing(sqlite3.connect(copies[0])) as copy:
        assert copy.execute("SELECT count(*) FROM metrics").fetchone() == (200_000,)


def test_a_newer_version_is_left_as_it_is(own_lab: Path):
    path = own_lab / "runs.db"
    write_old(path, SCHEMA_VERSION)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE lab SET value = ? WHERE key = 'schema'", (str(SCHEMA_VERSION + 1),))
    before = path.read_bytes()
    with pytest.raises(StorageError) as refused:
        Store.open()
    assert str(path) in str(refused.value)
    assert re.search(rf"\b{SCHEMA_VERSION + 1}\b", str(refused.value))
    assert path.read_bytes() == before
    assert not (own_lab / "backups").exists()


@pytest.mark.parametrize("value", ["", "old", "0", "-1", "9" * 5_000])
def test_a_version_that_is_none_is_a_damage(value: str, own_lab: Path):
    path = own_lab / "runs.db"
    write_old(path, SCHEMA_VERSION)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE lab SET value = ? WHERE key = 'schema'", (value,))
    with pytest.raises(StorageError) as refused:
        Store.open()
    assert refused.value.kind == "damaged"
    assert "doctor" in str(refused.value)
    assert len(str(refused.value)) < 500


def test_results_are_for_their_user_alone(own_lab: Path):
    store = Store.open()
    store.enqueue(RunConfig())
    assert own_lab.stat().st_mode & 0o777 == 0o700
    for path in own_lab.glob("runs.db*"):
        assert path.stat().st_mode & 0o077 == 0
