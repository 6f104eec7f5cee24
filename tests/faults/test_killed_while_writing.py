"""Killed in the middle of an export, an import or a restoring: nothing half stands where a whole file belongs."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from mnist_core.config.run_config import RunConfig
from mnist_core.errors import StorageError, StoreError
from mnist_core.export import formats
from mnist_core.export.archive import archive
from mnist_core.store.leftovers import remove_leftovers
from mnist_core.store.run import Run
from mnist_core.store.store import Store
from mnist_core.upkeep.backup import back_up
from mnist_core.upkeep.doctor import examine
from mnist_core.upkeep.restore import restore
from tests.labs import train_now

ROOT = Path(__file__).parents[2]
# Bytes of a file: copying and hashing them takes long enough to kill the process meanwhile.
LARGE = 120_000_000
SMALL = RunConfig(dataset="mnist-5k", train_images=100, architecture="softmax", epochs=1)


def large_run(store: Store) -> Run:
    """A run with a file that takes a while to be copied; it takes no room, as it is empty but for its length."""
    run = store.enqueue(RunConfig(), claimed=True)
    path = "checkpoints/epoch-0001.safetensors"

    def write(target: Path) -> None:
        target.touch()
        os.truncate(target, LARGE)

    store.write_artifact(run, path, "checkpoint", 1, 1, write)
    store.finish(run, "stopped")
    return store.run(run.id)


def killed(code: str, begun: Callable[[], bool]) -> None:
    """Run Python code in a process of its own and kill it as soon as it has begun to write."""
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
    deadline = time.monotonic() + 60
    while not begun():
        assert process.poll() is None, "it ended before it was seen to write"
        assert time.monotonic() < deadline
        time.sleep(0.001)
    process.kill()
    process.wait()
    assert process.returncode < 0


def parts(folder: Path) -> list[Path]:
    return list(folder.rglob("*.part"))


def test_an_export_that_is_killed_leaves_the_file_of_before(own_lab: Path, tmp_path: Path):
    store = Store.open()
    run = large_run(store)
    target = tmp_path / "taken" / "run.zip"
    target.parent.mkdir()
    target.write_bytes(b"of before")
    code = (
        "from pathlib import Path; from mnist_core.export import write_export; from mnist_core.store import Store; "
        f"store = Store.open(); write_export(store, store.run({run.id!r}), 'zip', Path({str(target)!r}))"
    )
    killed(code, lambda: any(path.stat().st_size > 1000 for path in parts(target.parent)))
    assert target.read_bytes() == b"of before"
    formats.write_export(store, run, "csv", target)
    assert [path.name for path in target.parent.iterdir()] == ["run.zip"]


def test_an_import_that_is_killed_changes_nothing_and_leaves_nothing(own_lab: Path, tmp_path: Path):
    other = Store.open(tmp_path / "other")
    formats.write_export(other, large_run(other), "zip", tmp_path / "large.zip")
    small = other.enqueue(SMALL, claimed=True)
    train_now(other, small)
    formats.write_export(other, other.run(small.id), "zip", tmp_path / "small.zip")
    store = Store.open()
    code = (
        "from pathlib import Path; from mnist_core.export import read_archive; from mnist_core.store import Store; "
        f"read_archive(Store.open(), Path({str(tmp_path / 'large.zip')!r}))"
    )
    killed(code, lambda: any(path.is_file() and path.stat().st_size > 1000 for path in own_lab.rglob("*.safetensors")))
    assert store.runs() == []
    archive.read_archive(store, tmp_path / "small.zip")
    assert parts(own_lab) == []
    # Killed after the folder was moved, and before the database knew of it.
    with store.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM runs")
    archive.read_archive(store, tmp_path / "small.zip")
    (run,) = store.runs()
    assert all(store.intact(run.id, file) for file in store.artifacts(run.id))


def test_a_restoring_that_is_killed_is_done_again(own_lab: Path, tmp_path: Path):
    store = Store.open()
    run = large_run(store)
    back_up(own_lab / "runs.db", own_lab, tmp_path / "safe")
    new = tmp_path / "new"
    code = (
        "from pathlib import Path; from mnist_core.upkeep.restore import restore; "
        f"restore(Path({str(tmp_path / 'safe')!r}), Path({str(new / 'runs.db')!r}), Path({str(new)!r}))"
    )
    killed(code, lambda: new.is_dir() and any(path.is_dir() for path in new.rglob("checkpoints")))
    assert [path for path in new.iterdir() if not path.name.startswith(".")] == []
    restore(tmp_path / "safe", new / "runs.db", new)
    again = Store.open(new)
    assert [(restored.id, restored.state) for restored in again.runs()] == [(run.id, "stopped")]
    assert all(again.intact(run.id, file) for file in again.artifacts(run.id))
    assert parts(new) == []


# Kills the process right before it does something of this kind to a path that ends like that.
KILL = """
import os, signal, sys
def look(event, arguments):
    if event == {event!r} and str(arguments[{place}]).endswith({end!r}) and str(arguments[0]).startswith({start!r}):
        os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(look)
"""


def killed_before(event: str, count: int, end: str, start: str, code: str) -> None:
    hook = KILL.format(event=event, place=count, end=end, start=start)
    assert subprocess.run([sys.executable, "-c", hook + code], cwd=ROOT).returncode == -signal.SIGKILL


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
def test_a_restoring_that_is_killed_with_all_put_aside_leaves_no_empty_store(own_lab: Path, tmp_path: Path):
    run = large_run(Store.open())
    back_up(own_lab / "runs.db", own_lab, tmp_path / "safe")
    code = (
        "from pathlib import Path; from mnist_core.upkeep.restore import restore; lab = "
        f"Path({str(own_lab)!r}); restore(Path({str(tmp_path / 'safe')!r}), lab / 'runs.db', lab, replace=True)"
    )
    killed_before("os.rename", 1, run.id, str(own_lab / ".restore-"), code)
    (aside,) = own_lab.glob("replaced-*")
    assert (aside / run.id).is_dir()
    with pytest.raises(StorageError) as refused:
        Store.open()
    assert refused.value.kind == "missing"
    assert str(aside) in str(refused.value)
    assert any(
        finding.state == "wrong" and str(aside) in finding.text for finding in examine(own_lab / "runs.db", own_lab)
    )
    assert not (own_lab / "runs.db").exists()
    restore(tmp_path / "safe", own_lab / "runs.db", own_lab)
    assert [restored.id for restored in Store.open().runs()] == [run.id]


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
def test_a_removal_that_is_killed_leaves_nothing_that_stays(own_lab: Path):
    store = Store.open()
    run = large_run(store)
    store.delete([run.id])
    code = "from mnist_core.store import Store; Store.open().purge(float('inf'))"
    killed_before("os.remove", 0, "epoch-0001.safetensors", "", code)
    assert not store.folder(run.id).exists()
    assert sum(path.stat().st_size for path in own_lab.rglob("*.safetensors")) == LARGE
    remove_leftovers(own_lab)
    assert not list(own_lab.rglob("*.safetensors"))
    assert [finding.text for finding in examine(own_lab / "runs.db", own_lab) if finding.state == "wrong"] == []


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
@pytest.mark.parametrize("begun", [0, 1, 2])
def test_a_removal_that_is_killed_is_never_undone_to_a_run_without_files(begun: int, own_lab: Path):
    """The process is killed before the folder is renamed, after that, and once the folder is gone."""
    store = Store.open()
    run = large_run(store)
    store.delete([run.id])
    dying = (
        "lab._remove_folder = die",
        "store.remove = die",
        "keep = lab._remove_folder; lab._remove_folder = lambda name: keep(name) and die()",
    )
    code = (
        "import os, signal; from mnist_core.store import store; lab = store.Store.open()\n"
        f"die = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n{dying[begun]}\nlab.purge(float('inf'))"
    )
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False)
    assert ended.returncode == -signal.SIGKILL
    again = Store.open()
    assert again.runs(deleted=True) == []
    again.restore([run.id])
    assert again.runs() == []
    remove_leftovers(own_lab)
    assert again.purge(0.0) == 0
    assert again.purge(again.clock()) == 1
    assert not list(own_lab.rglob("*.safetensors"))
    assert [finding.text for finding in examine(own_lab / "runs.db", own_lab) if finding.state == "wrong"] == []


def test_the_journal_of_a_copy_that_was_killed_is_removed(tmp_path: Path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    gone = tmp_path / f".copy.db.{ended.pid}.part-journal"
    kept = tmp_path / f".copy.db.{os.getpid()}.part-journal"
    for path in (gone, kept):
        path.touch()
    assert remove_leftovers(tmp_path) == [gone]
    assert list(tmp_path.iterdir()) == [kept]


@pytest.mark.parametrize("damaged", ["''", "'.'", "'..'", "'backups'", "x'ff00'", "CAST(x'ff41' AS TEXT)"])
def test_a_damaged_id_removes_no_other_folder(damaged: str, own_lab: Path):
    store = Store.open()
    run, other = large_run(store), large_run(store)
    (own_lab / "backups").mkdir()
    with closing(sqlite3.connect(own_lab / "runs.db")) as connection, connection:
        connection.execute(f"UPDATE runs SET id = {damaged} WHERE number = 1")
    store.delete_broken([1])
    assert store.purge(float("inf")) == 1
    assert [left.id for left in store.runs()] == [other.id]
    assert {run.id, other.id, "backups"} <= {path.name for path in own_lab.iterdir()}
    assert all(store.intact(other.id, file) for file in store.artifacts(other.id))


@pytest.mark.skipif(os.name == "nt", reason="needs a limit of the system for files")
def test_a_full_disk_leaves_nothing_at_the_target(own_lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Files may grow to a limit here, which the system enforces as it does the end of a disk."""
    store = Store.open()
    run = large_run(store)
    back = back_up(own_lab / "runs.db", own_lab, tmp_path / "safe")
    code = (
        "import resource, signal, sys; from pathlib import Path; from mnist_core.store import Store\n"
        "from mnist_core.errors import MnistLabError; from mnist_core.export import write_export\n"
        "from mnist_core.upkeep.backup import back_up; from mnist_core.upkeep.restore import restore\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (10**7, 10**7))\n"
        f"store, lab, folder = Store.open(), Path({str(own_lab)!r}), Path({str(tmp_path)!r})\n"
        "for write in (lambda: write_export(store, store.runs()[0], 'zip', folder / 'run.zip'),\n"
        "              lambda: back_up(lab / 'runs.db', lab, folder / 'other'),\n"
        "              lambda: restore(folder / 'safe', folder / 'new' / 'runs.db', folder / 'new')):\n"
        "    try:\n"
        "        write()\n"
        "    except MnistLabError as error:\n"
        "        print(error)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert len(ended.stdout.splitlines()) == 3
    assert not (tmp_path / "run.zip").exists()
    assert [path for name in ("other", "new") for path in (tmp_path / name).rglob("*") if path.is_file()] == []
    assert back.folder.is_dir()
    with pytest.raises(StoreError):
        restore(tmp_path / "other", tmp_path / "new" / "runs.db", tmp_path / "new")
    assert store.intact(run.id, store.artifacts(run.id)[0])
