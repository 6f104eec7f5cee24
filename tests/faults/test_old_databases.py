"""Databases of earlier versions: copied, then brought up to date once, however many processes begin at that moment."""

import math
import re
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from mnist_core.config.device import Device
from mnist_core.config.rules import TrainingRules
from mnist_core.config.run_config import RunConfig
from mnist_core.errors import StorageError
from mnist_core.events import StepEnd
from mnist_core.store.run_pages import RunQuery, read_page
from mnist_core.store.schema import SCHEMA_VERSION
from mnist_core.store.soundness import damage
from mnist_core.store.store import Store
from mnist_core.upkeep.recovery import recover_rows
from tests.app_process import ROOT
from tests.faults.old_databases import write_large_schema_6, write_old, write_schema

PROCESSES = 4
OPEN = """
import sys
from mnist_core.store import Store
print("ready", flush=True)
sys.stdin.readline()
print(len(Store.open().runs()))
"""
MIGRATE = """
from mnist_core import environment
from mnist_core.store.store import Store
from mnist_core.upkeep.recovery import recover_rows
print("ready", flush=True)
Store.open()
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
    store = Store.open()
    assert [run.name for run in store.runs()] == ["kept"]
    # What pages of runs are found by is filled in.
    found = RunQuery(text="KEPT", dataset=RunConfig().dataset, architecture=RunConfig().architecture)
    assert [run.name for run in read_page(store, found).runs] == ["kept"]
    fresh = Store.open(tmp_path / "fresh").file
    assert fresh is not None
    assert schema_of(path) == schema_of(fresh)
    assert version_of(path) == str(SCHEMA_VERSION)
    copies = list((own_lab / "backups").iterdir())
    assert [version_of(copy) for copy in copies] == [str(version)]
    Store.open()
    assert list((own_lab / "backups").iterdir()) == copies


def test_what_was_measured_by_an_earlier_version_is_still_the_same(own_lab: Path):
    write_schema(own_lab / "runs.db", 6)
    with closing(sqlite3.connect(own_lab / "runs.db")) as connection:
        counts = dict(connection.execute("SELECT run, count(*) FROM metrics GROUP BY run"))
    store = Store.open()
    runs = {run.number: run for run in store.runs()}
    assert {number: store.changed_parts(run.id) for number, run in runs.items()} == {
        **{number: [] for number in (1, 2, 3, 4)},
        # Changed from outside before it was brought up to date.
        5: ["validation_loss"],
        6: ["results"],
    }
    assert [run.number for run in store.changed_runs([*runs.values()])] == [6]
    diverged = store.curves(runs[1].id)
    np.testing.assert_array_equal(diverged["train_loss"].value, [2.0, 1.5, math.inf, -math.inf, math.nan, 1.25, 0.75])
    assert diverged["learning_rate"].step.tolist() == [1, 2, 3]
    np.testing.assert_array_equal(diverged["epoch_train_loss"].value, [math.nan, 1.0])
    assert diverged["validation_loss"].epoch.tolist() == [2]
    assert np.isnan(diverged["validation_loss"].value).all()
    repeated = store.curves(runs[4].id)["train_loss"]
    assert repeated.step.tolist() == [1, 2, 3, 2, 3, 4]
    assert repeated.value.tolist() == [2.0, 1.5, 1.25, 1.75, 1.0, 0.5]
    assert {number: store.count_metrics(run.id) for number, run in runs.items()} == counts | {3: 0}
    # It goes on with ids that were not used before.
    last, _ = store.new_curves(runs[4].id, 0)
    store.record(runs[4], [StepEnd(5, 2, 0.25, 0.5, 0.001, 1.0, 1.0)])
    after, new = store.new_curves(runs[4].id, last)
    assert (after, new["train_loss"].value.tolist()) == (last + 1, [0.25])


def test_the_machines_of_an_earlier_version_are_read_from_its_texts(own_lab: Path):
    write_schema(own_lab / "runs.db", 7)
    store = Store.open()
    runs = {run.number: run for run in store.runs()}
    epyc = Device(kind="cpu", name="AMD EPYC 9B45", vectors="AVX-512", threads=1)
    first, second = TrainingRules(1, 1, 1), TrainingRules(2, 2, 1)
    assert {number: (run.devices, run.rules) for number, run in runs.items()} == {
        1: ((epyc,), second),
        2: ((epyc, Device(kind="cuda", name="NVIDIA H100 80GB HBM3")), second),
        3: ((Device(kind="cpu", threads=1),), first),
        4: ((Device(kind="cpu", name="Another processor", vectors="AVX2", threads=1),), second),
        6: ((Device(kind="mps", name="Apple M2", threads=4),), TrainingRules(1, 2, 1)),
        # It has not begun.
        7: ((), None),
    }
    assert runs[2].versions == {
        "mnist-lab": ("0.2.0",),
        "torch": ("2.12.0", "2.13.0"),
        "python": ("3.11.7",),
        "machine": ("Linux x86_64",),
    }
    assert (runs[3].versions, runs[7].versions) == ({"torch": ("2.9.0",)}, None)
    # Its versions were no object before, either.
    assert [broken.number for broken in store.broken()] == [5]
    # Changed from outside before it was brought up to date.
    assert [run.number for run in store.changed_runs([*runs.values()])] == [4]
    assert [store.changed_parts(runs[number].id) for number in (1, 2, 3, 4, 6)] == [[], [], [], ["results"], []]


@pytest.mark.parametrize(
    "change",
    [
        "device = CAST(x'ff41' AS TEXT)",
        "device = x'00ff'",
        "versions = CAST(x'ff' AS TEXT)",
        "versions = 7",
        f"versions = '{'[' * 5000}'",
        "name = CAST(x'ff' AS TEXT)",
        "config = 'no JSON'",
        "device = char(55357)",
    ],
)
def test_a_row_that_cannot_be_read_does_not_hold_up_the_others(change: str, own_lab: Path):
    write_schema(own_lab / "runs.db", 7)
    with closing(sqlite3.connect(own_lab / "runs.db")) as connection, connection:
        connection.execute(f"UPDATE runs SET {change} WHERE number = 1")
    store = Store.open()
    assert [run.number for run in store.runs()] == [7, 6, 4, 3, 2]
    assert [run.number for run in read_page(store).runs] == [7, 6, 4, 3, 2]
    assert sorted(broken.number for broken in store.broken()) == [1, 5]
    assert [run.number for run in store.changed_runs(store.runs())] == [4]


def test_a_row_comes_back_from_a_copy_of_an_earlier_version(own_lab: Path):
    path = own_lab / "runs.db"
    write_schema(path, 6)
    store = Store.open()
    lost, curves = store.find("2"), store.metrics(store.find("2").id)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("DELETE FROM runs WHERE number = 2")
    assert recover_rows(path, own_lab, lost.id) == 2
    assert store.metrics(lost.id).equals(curves)
    assert store.changed_parts(lost.id) == []
    assert [version_of(copy) for copy in (own_lab / "backups").iterdir()] == ["6"]


def test_a_process_that_is_killed_while_it_migrates_leaves_the_old_database(own_lab: Path):
    path = own_lab / "runs.db"
    write_large_schema_6(path, doublings=12)
    command = [sys.executable, "-c", MIGRATE]
    for moment in (0.05, 0.15, 0.3):
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        time.sleep(moment)
        process.kill()
        process.wait()
        process.stdout.close()
        assert version_of(path) == "6" or moment > 0.05
    store = Store.open()
    assert version_of(path) == str(SCHEMA_VERSION)
    assert damage(path) == ""
    assert store.count_metrics(store.find("1").id) == 2**12 * 23
    assert store.changed_parts(store.find("2").id) == []


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
