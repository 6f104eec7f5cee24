"""Backups of real results folders, made while runs train, and the way back."""

import json
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from mnist_core.commands import cli
from mnist_core.config.run_config import RunConfig
from mnist_core.errors import StorageError, StoreError
from mnist_core.jobs import queue
from mnist_core.store import concurrency
from mnist_core.store.artifacts import file_sha256
from mnist_core.store.database_copies import copy_daily, newest_copies, newest_copy
from mnist_core.store.store import Store
from mnist_core.upkeep import manifest
from mnist_core.upkeep.backup import back_up, backups
from mnist_core.upkeep.manifest import BackupContent
from mnist_core.upkeep.restore import restore
from tests.app_process import wait_until
from tests.labs import trained_run

ROOT = Path(__file__).parents[2]
SMALL = RunConfig(dataset="mnist-5k", train_images=500, architecture="softmax", epochs=3)


def trained(store: Store, **changes: object) -> None:
    trained_run(store, SMALL.replace(**changes))


def files_of(results: Path) -> dict[str, str]:
    """The hash of every file of a run, by its path."""
    return {
        str(path.relative_to(results)): file_sha256(path)
        for path in sorted(results.glob("????????-????-*/**/*"))
        if path.is_file()
    }


def rows_of(database: Path) -> dict[str, list[tuple[object, ...]]]:
    with closing(sqlite3.connect(database)) as connection:
        return {
            name: connection.execute(f"SELECT * FROM {name}").fetchall()
            for name in ("runs", "measurements", "artifacts", "sweeps", "lab", "fingerprints")
        }


def test_everything_comes_back_and_a_second_backup_copies_only_what_is_new(own_lab: Path, tmp_path: Path):
    store = Store.open()
    trained(store)
    first = back_up(own_lab / "runs.db", own_lab, tmp_path / "safe")
    assert first.copied == sum(file.size for run in store.runs() for file in store.artifacts(run.id)) > 0
    trained(store, seed=1)
    second = back_up(own_lab / "runs.db", own_lab, tmp_path / "safe")
    assert second.copied == sum(file.size for file in store.artifacts(store.find("2").id))
    assert second.manifest.missing == []
    assert [path.name for path in backups(tmp_path / "safe")] == [first.folder.name, second.folder.name]

    restore(tmp_path / "safe", tmp_path / "new" / "runs.db", tmp_path / "new")
    assert files_of(tmp_path / "new") == files_of(own_lab)
    assert rows_of(tmp_path / "new" / "runs.db") == rows_of(own_lab / "runs.db")
    # The first one is still what it was.
    restore(first.folder, tmp_path / "old" / "runs.db", tmp_path / "old")
    assert [run.number for run in Store.open(tmp_path / "old").runs()] == [1]


@pytest.mark.long
def test_a_backup_while_runs_train_holds_whole_files_of_one_moment(own_lab: Path, tmp_path: Path):
    """The run writes and removes checkpoints every few milliseconds while it is backed up."""
    store = Store.open()
    run = store.enqueue(SMALL.replace(epochs=10_000, checkpoint_every=50), claimed=True)
    over = threading.Event()
    script = "import sys; from mnist_core.store import Store; from mnist_core.jobs.worker import work\n"
    script += f"store = Store.open(); [None for _ in work(store, store.run({run.id!r}))]"
    trainer = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT)
    try:
        deadline = time.monotonic() + 40
        while store.run(run.id).epoch < 5:
            assert time.monotonic() < deadline
            assert trainer.poll() is None
            time.sleep(0.02)
        before = store.run(run.id).epoch
        made = [back_up(own_lab / "runs.db", own_lab, tmp_path / "safe") for _ in range(5)]
        assert store.run(run.id).epoch > before
    finally:
        over.set()
        trainer.kill()
        trainer.wait()
    for index, backup in enumerate(made):
        assert backup.manifest.missing == []
        folder = tmp_path / f"restored-{index}"
        restore(backup.folder, folder / "runs.db", folder)
        again = Store.open(folder)
        (copy,) = again.runs()
        assert copy.state == "interrupted"
        artifacts = again.artifacts(copy.id)
        assert artifacts
        assert all(again.intact(copy.id, artifact) for artifact in artifacts)
        assert again.metrics(copy.id)["step"].to_numpy().max() == copy.step


def test_a_file_that_is_damaged_is_named_and_the_rest_is_safe(own_lab: Path, tmp_path: Path):
    store = Store.open()
    trained(store)
    path = store.folder(store.find("1").id) / "predictions.parquet"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    made = back_up(own_lab / "runs.db", own_lab, tmp_path / "safe")
    assert [file.path for file in made.manifest.missing] == ["predictions.parquet"]
    done = restore(tmp_path / "safe", tmp_path / "new" / "runs.db", tmp_path / "new")
    assert (done.missing, done.files) == (1, len(store.artifacts(store.find("1").id)) - 1)


def test_a_backup_that_is_killed_leaves_no_half_one_and_the_next_goes_on(own_lab: Path, tmp_path: Path):
    store = Store.open()
    trained(store)
    command = (
        "import os, sys; from pathlib import Path; from mnist_core.upkeep.backup import back_up; "
        "results, folder = map(Path, sys.argv[1:]); "
        "back_up(results / 'runs.db', results, folder, progress=lambda done, of: done < 2 or os.kill(os.getpid(), 9))"
    )
    ended = subprocess.run([sys.executable, "-c", command, own_lab, tmp_path / "safe"], cwd=ROOT, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert backups(tmp_path / "safe") == []
    with pytest.raises(StoreError):
        restore(tmp_path / "safe", tmp_path / "new" / "runs.db", tmp_path / "new")
    made = back_up(own_lab / "runs.db", own_lab, tmp_path / "safe")
    assert made.copied < made.size
    assert backups(tmp_path / "safe") == [made.folder]
    assert not list((tmp_path / "safe").rglob("*.part"))


def test_runs_that_are_there_are_not_touched_unasked(own_lab: Path, tmp_path: Path):
    store = Store.open()
    trained(store)
    back_up(own_lab / "runs.db", own_lab, tmp_path / "safe")
    other = Store.open(tmp_path / "other")
    trained(other, seed=7)
    before = files_of(tmp_path / "other"), rows_of(tmp_path / "other" / "runs.db")
    with pytest.raises(StoreError, match="--replace"):
        restore(tmp_path / "safe", tmp_path / "other" / "runs.db", tmp_path / "other")
    assert (files_of(tmp_path / "other"), rows_of(tmp_path / "other" / "runs.db")) == before
    assert not list((tmp_path / "other").rglob("*.part"))
    done = restore(tmp_path / "safe", tmp_path / "other" / "runs.db", tmp_path / "other", replace=True)
    assert files_of(tmp_path / "other") == files_of(own_lab)
    assert done.aside
    assert (files_of(done.aside), rows_of(done.aside / "runs.db")) == before


def test_a_database_that_has_no_run_yet_makes_room(own_lab: Path, tmp_path: Path):
    trained(Store.open(), epochs=1)
    back_up(own_lab / "runs.db", own_lab, tmp_path / "safe")
    Store.open(tmp_path / "new")
    restore(tmp_path / "safe", tmp_path / "new" / "runs.db", tmp_path / "new")
    assert [run.number for run in Store.open(tmp_path / "new").runs()] == [1]


def test_the_jobs_keep_a_copy_a_day_and_remove_what_was_deleted_a_day_ago(
    own_lab: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(queue, "_HOUSEKEEPING_SECONDS", 0.2)
    store = Store.open()
    concurrency.set_runs_at_once(store, 0)
    runs = [store.enqueue(SMALL) for _ in range(3)]
    for run in runs:
        store.request(run.id, "stop")
    store.clock = lambda: time.time() - 25 * 3600
    store.delete([runs[0].id])
    store.clock = time.time
    store.delete([runs[1].id])
    thread = queue.start(store)
    try:
        wait_until(lambda: bool(list((own_lab / "backups").glob("daily-*.db"))))
        wait_until(lambda: [run.id for run in store.runs(deleted=True)] == [runs[1].id])
    finally:
        thread.end()
    assert [run.id for run in store.runs()] == [runs[2].id]


def damage_content(folder: Path) -> None:
    path = max((folder / "files").glob("*/*"), key=lambda path: path.stat().st_size)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


def damage_database(folder: Path) -> None:
    path = backups(folder)[-1] / "runs.db"
    content = bytearray(path.read_bytes())
    content[-1] ^= 4
    path.write_bytes(content)


def damage_manifest(folder: Path) -> None:
    path = backups(folder)[-1] / "manifest.json"
    path.write_text(path.read_text().replace('"size": ', '"size": 1', 1))


def climb_out(folder: Path) -> None:
    path = backups(folder)[-1] / "manifest.json"
    path.write_text(path.read_text().replace('"predictions.parquet"', '"../../evil.parquet"', 1))


@pytest.mark.parametrize("harm", [damage_content, damage_database, damage_manifest, climb_out])
def test_a_damaged_backup_is_refused_and_nothing_is_written(
    own_lab: Path, tmp_path: Path, harm: Callable[[Path], None]
):
    trained(Store.open(), epochs=1)
    back_up(own_lab / "runs.db", own_lab, tmp_path / "safe")
    harm(tmp_path / "safe")
    with pytest.raises(StoreError):
        restore(tmp_path / "safe", tmp_path / "new" / "runs.db", tmp_path / "new")
    assert list((tmp_path / "new").glob("*")) == []
    assert list((tmp_path / "new").glob(".*")) == []


def spoil(database: Path) -> None:
    """Overwrite the second half of what the database holds, as a broken disk does; it can still be opened."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(database.read_bytes())
    half = len(content) // 2 // 4096 * 4096
    content[half:] = b"\xa5" * (len(content) - half)
    database.write_bytes(content)


def put_database(backup: Path, change: Callable[[Path], None]) -> None:
    """Change the database of a backup and write its new hash and size into the manifest."""
    change(backup / "runs.db")
    about = manifest.read(backup / "manifest.json")
    size = (backup / "runs.db").stat().st_size
    changed = about.model_copy(update={"database": BackupContent(sha256=file_sha256(backup / "runs.db"), size=size)})
    manifest.write(changed, backup / "manifest.json")


def from_the_future(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE lab SET value = '999' WHERE key = 'schema'")


def without_a_column(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("ALTER TABLE runs DROP COLUMN request")


def test_a_damaged_database_is_not_backed_up_and_pushes_no_whole_copy_out(own_lab: Path, tmp_path: Path):
    trained(Store.open(), epochs=1)
    whole = back_up(own_lab / "runs.db", own_lab, tmp_path / "safe")
    daily = [copy_daily(own_lab / "runs.db", own_lab, 86400.0 * day) for day in range(7)]
    spoil(own_lab / "runs.db")
    with pytest.raises(StorageError) as refused:
        back_up(own_lab / "runs.db", own_lab, tmp_path / "safe", keep=1)
    assert refused.value.kind == "damaged"
    with pytest.raises(StorageError):
        copy_daily(own_lab / "runs.db", own_lab, 86400.0 * 8)
    assert backups(tmp_path / "safe") == [whole.folder]
    assert sorted((own_lab / "backups").iterdir()) == daily
    # A backup of an earlier version, which did not check this.
    spoil(newest_copies(own_lab)[0])
    assert newest_copy(own_lab) == daily[-2]


@pytest.mark.parametrize("change", [spoil, from_the_future, without_a_column])
def test_a_backup_that_could_not_be_used_takes_nothing_away(
    change: Callable[[Path], None], own_lab: Path, tmp_path: Path
):
    store = Store.open()
    store.finish(store.enqueue(SMALL, claimed=True), "finished")
    back_up(own_lab / "runs.db", own_lab, tmp_path / "safe")
    backup = backups(tmp_path / "safe")[-1]
    put_database(backup, change)
    before = rows_of(own_lab / "runs.db")
    for source in (tmp_path / "safe", backup / "runs.db"):
        with pytest.raises(StoreError) as refused:
            restore(source, own_lab / "runs.db", own_lab, replace=True)
        assert str(backup / "runs.db") in str(refused.value)
    assert rows_of(own_lab / "runs.db") == before
    assert not list(own_lab.glob("*replaced-*"))
    assert not list(own_lab.glob(".*.part"))


def test_the_jobs_say_that_no_copy_can_be_kept(own_lab: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(queue, "_HOUSEKEEPING_SECONDS", 0.2)
    store = Store.open()
    concurrency.set_runs_at_once(store, 0)
    with closing(sqlite3.connect(own_lab / "runs.db")) as connection:
        # It can be used, but some rows cannot be found by their index.
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_master SET rootpage = 2 WHERE name = 'runs_by_digest'")
        connection.commit()
    thread = queue.start(store)
    try:
        wait_until(lambda: any(str(own_lab / "runs.db") in trouble.text for trouble in thread.troubles))
        assert not list((own_lab / "backups").glob("daily-*.db"))
    finally:
        thread.end()


def test_a_restoring_that_was_ended_before_the_database_is_done_again(own_lab: Path, tmp_path: Path):
    trained(Store.open(), epochs=1)
    back_up(own_lab / "runs.db", own_lab, tmp_path / "safe")
    restore(tmp_path / "safe", tmp_path / "new" / "runs.db", tmp_path / "new")
    (tmp_path / "new" / "runs.db").unlink()
    restore(tmp_path / "safe", tmp_path / "new" / "runs.db", tmp_path / "new")
    assert files_of(tmp_path / "new") == files_of(own_lab)


def test_old_backups_go_and_what_later_ones_need_stays(own_lab: Path, tmp_path: Path):
    store = Store.open()
    trained(store, epochs=1)
    back_up(own_lab / "runs.db", own_lab, tmp_path / "safe")
    store.delete([store.find("1").id])
    store.purge(deleted_before=float("inf"))
    trained(store, seed=1, epochs=1)
    back_up(own_lab / "runs.db", own_lab, tmp_path / "safe")
    foreign = [tmp_path / "safe" / "files" / name for name in ("my/notes.txt", "ab/notes.txt", f"ab/{'c' * 64}")]
    for path in foreign:
        path.parent.mkdir(exist_ok=True)
        path.write_text("not of a run")
    last = back_up(own_lab / "runs.db", own_lab, tmp_path / "safe", keep=2)
    assert len(backups(tmp_path / "safe")) == 2
    contents = set((tmp_path / "safe" / "files").glob("*/*"))
    copies = {manifest.content_path(tmp_path / "safe", file.sha256) for file in last.manifest.files}
    assert contents == copies | set(foreign)
    restore(tmp_path / "safe", tmp_path / "new" / "runs.db", tmp_path / "new")
    assert files_of(tmp_path / "new") == files_of(own_lab)


def test_two_backups_at_once_take_nothing_from_each_other(own_lab: Path, tmp_path: Path):
    store = Store.open()
    trained(store, epochs=1)
    safe = tmp_path / "safe"

    def make_another(done: int, of: int) -> None:
        if done == of and not backups(safe):
            store.delete([store.find("1").id])
            store.purge(deleted_before=float("inf"))
            back_up(own_lab / "runs.db", own_lab, safe, keep=1)

    first = back_up(own_lab / "runs.db", own_lab, safe, progress=make_another)
    assert first.manifest.files
    assert not first.manifest.missing
    restored = restore(first.folder, tmp_path / "new" / "runs.db", tmp_path / "new")
    assert (restored.runs, restored.files) == (1, len(first.manifest.files))
    last = back_up(own_lab / "runs.db", own_lab, safe, keep=1)
    assert backups(safe) == [last.folder]
    assert list((safe / "files").glob("*/*")) == []


def test_a_database_on_another_disk_comes_back(own_lab: Path, tmp_path: Path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(disk)], capture_output=True).returncode:
        pytest.skip("no other file system can be mounted here")
    try:
        store = Store(own_lab, f"sqlite:///{disk / 'runs.db'}")
        trained(store, epochs=1)
        before = rows_of(disk / "runs.db")
        back_up(disk / "runs.db", own_lab, tmp_path / "safe")
        trained(store, seed=1, epochs=1)
        store.engine.dispose()
        done = restore(tmp_path / "safe", disk / "runs.db", own_lab, replace=True)
        assert rows_of(disk / "runs.db") == before
        assert [path.name for path in disk.iterdir()] == ["runs.db"]
        assert done.aside
        assert len(rows_of(done.aside / "runs.db")["runs"]) == 2
        assert files_of(own_lab)
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_the_newest_backup_is_the_one_made_last_whatever_the_clock_says(own_lab: Path, tmp_path: Path):
    store = Store.open()
    trained(store, epochs=1)
    early = back_up(own_lab / "runs.db", own_lab, tmp_path / "safe").folder
    future = early.rename(early.with_name("20991231-235959-999999-1"))
    store.rename(store.find("1").id, "later")
    made = [back_up(own_lab / "runs.db", own_lab, tmp_path / "safe", keep=2).folder for _ in range(2)]
    assert backups(tmp_path / "safe") == made
    assert not future.exists()
    restore(tmp_path / "safe", tmp_path / "new" / "runs.db", tmp_path / "new")
    assert [run.name for run in Store.open(tmp_path / "new").runs()] == ["later"]


def test_the_commands(
    own_lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def command(*arguments: str) -> int:
        monkeypatch.setattr("sys.argv", ["mnist_core", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return int(ended.value.code or 0)

    trained(Store.open(), epochs=1)
    assert command("backup", str(tmp_path / "safe"), "--json") == 0
    assert json.loads(capsys.readouterr().out)["runs"] == 1
    assert command("restore", str(tmp_path / "safe")) == 2
    assert "--replace" in capsys.readouterr().err
    assert command("backup", str(own_lab)) == 2
    shutil.rmtree(own_lab)
    assert command("restore", str(tmp_path / "safe")) == 0
    assert [run.state for run in Store.open().runs()] == ["finished"]
