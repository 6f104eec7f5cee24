"""Copies of the database while others write to it."""

import os
import sqlite3
import stat
import threading
from collections import namedtuple
from contextlib import closing
from pathlib import Path

import pytest

from mnist_core.config.run_config import RunConfig
from mnist_core.errors import StoreError
from mnist_core.store import database_copies
from mnist_core.store.database_copies import (
    KEPT_BEFORE_MIGRATION,
    KEPT_DAILY,
    backups_folder,
    copy_before_migration,
    copy_daily,
    copy_database,
    newest_copies,
    newest_copy,
)
from mnist_core.store.store import Store
from mnist_core.upkeep.restore import restore


def test_a_copy_is_one_moment_of_a_database_that_is_written_to(own_lab: Path, tmp_path: Path):
    store = Store.open()
    over = threading.Event()
    targets = [tmp_path / f"copy-{index}.db" for index in range(10)]

    def write() -> None:
        while not over.is_set():
            store.enqueue_all([(RunConfig(), "a"), (RunConfig(), "b"), (RunConfig(), "c")])

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for target in targets:
            copy_database(own_lab / "runs.db", target)
            with closing(sqlite3.connect(target)) as copy:
                assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
                assert copy.execute("SELECT count(*) FROM runs").fetchone()[0] % 3 == 0
    finally:
        over.set()
        writer.join()
    assert {stat.S_IMODE(target.stat().st_mode) for target in targets} == {0o600}
    assert sorted(tmp_path.glob("*copy-*")) == targets


def test_a_copy_of_what_is_no_database_leaves_nothing(tmp_path: Path):
    (tmp_path / "bad.db").write_bytes(b"SQLite format 3\0" + b"x" * 5000)
    target = tmp_path / "copies" / "copy.db"
    for name in ("bad.db", "none.db"):
        with pytest.raises(StoreError):
            copy_database(tmp_path / name, target)
    assert not list(tmp_path.rglob("*.part"))
    assert not target.exists()
    assert not (tmp_path / "none.db").exists()


def test_only_the_newest_copies_before_migrations_stay(own_lab: Path):
    Store.open()
    paths = []
    for version in range(5):
        paths.append(copy_before_migration(own_lab / "runs.db", own_lab, version))
    assert sorted((own_lab / "backups").iterdir()) == sorted(paths[-3:])


def test_a_copy_that_was_just_made_stays_when_the_clock_was_set_back(own_lab: Path):
    Store.open()
    database = own_lab / "runs.db"
    for index in range(7):
        for copy in (copy_daily(database, own_lab, 86400.0 * index), copy_before_migration(database, own_lab, index)):
            assert copy
            os.utime(copy, (4e9, 4e9))
    for copy in (copy_daily(database, own_lab, 86400.0 * 20), copy_before_migration(database, own_lab, 9)):
        assert copy
        assert copy.is_file()
    names = [path.name.split("-")[0] for path in (own_lab / "backups").iterdir()]
    assert (names.count("daily"), names.count("schema")) == (KEPT_DAILY, KEPT_BEFORE_MIGRATION)


def test_a_copy_a_day_and_a_week_of_them(own_lab: Path, monkeypatch: pytest.MonkeyPatch):
    store = Store.open()
    made = [copy_daily(own_lab / "runs.db", own_lab, 86400.0 * day) for day in range(10)]
    assert copy_daily(own_lab / "runs.db", own_lab, 86400.0 * 9) is None
    kept = sorted((own_lab / "backups").iterdir())
    assert kept == made[-7:]
    assert newest_copy(own_lab) == made[-1]
    store.enqueue(RunConfig())
    monkeypatch.setattr(database_copies, "DAILY_BYTES", 1)
    last = copy_daily(own_lab / "runs.db", own_lab, 86400.0 * 20)
    assert [*(own_lab / "backups").iterdir()] == [last]


def test_no_copy_is_made_in_place_of_results_that_were_moved_away(own_lab: Path):
    Store.open()
    own_lab.rename(own_lab.with_name("away"))
    assert copy_daily(own_lab / "runs.db", own_lab, 86400.0) is None
    with pytest.raises(StoreError):
        copy_before_migration(own_lab.with_name("away") / "runs.db", own_lab, 1)
    assert not own_lab.exists()


def test_the_newest_copy_is_the_one_made_last_whatever_its_date(own_lab: Path):
    Store.open()
    database, made = own_lab / "runs.db", []
    backups_folder(own_lab)
    # Copies of an earlier version have no numbers.
    for name in ("daily-20260101.db", "schema-5-20251231.db"):
        copy_database(database, own_lab / "backups" / name)
        made.append(own_lab / "backups" / name)
    os.utime(made[0], (1, 1))
    os.utime(made[1], (5e9, 5e9))
    for day in (400.0, 100.0, 300.0):
        made.append(copy_daily(database, own_lab, 86400.0 * day))
        os.utime(made[-1], (8e9 - 1e7 * day, 8e9 - 1e7 * day))
    made.append(copy_before_migration(database, own_lab, 5))
    os.utime(made[-1], (9, 9))
    assert newest_copies(own_lab) == made[::-1]
    assert newest_copy(own_lab) == made[-1]


def test_the_numbers_of_copies_go_on_after_one_of_them_was_restored(own_lab: Path):
    store = Store.open()
    first, second = (copy_daily(own_lab / "runs.db", own_lab, 86400.0 * day) for day in (1, 2))
    assert first
    assert second
    store.engine.dispose()
    restore(first, own_lab / "runs.db", own_lab, replace=True)
    third = copy_daily(own_lab / "runs.db", own_lab, 0.0)
    assert newest_copies(own_lab) == [third, second, first]


@pytest.mark.parametrize(("room", "is_made"), [(3.5, True), (2.5, False)])
def test_a_daily_copy_needs_room_for_three(room: float, is_made: bool, own_lab: Path, monkeypatch: pytest.MonkeyPatch):
    store = Store.open()
    assert store.file is not None
    usage = namedtuple("usage", "total used free")
    free = int(room * store.file.stat().st_size)
    monkeypatch.setattr(database_copies.shutil, "disk_usage", lambda _: usage(free, 0, free))
    assert (database_copies.copy_daily(store.file, own_lab, 1e9) is not None) == is_made
