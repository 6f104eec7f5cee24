"""Files of a run belong to the holder of its claim: whoever lost it neither writes nor removes one."""

from pathlib import Path

import pytest

from mnist_core.config.run_config import RunConfig
from mnist_core.errors import LostRunError, StorageError
from mnist_core.store import artifacts, fences
from mnist_core.store.run import Run
from mnist_core.store.store import Store

FILE = "checkpoints/epoch-0001.safetensors"


def write(text: str):
    return lambda target: target.write_text(text)


def claimed(store: Store) -> Run:
    run = store.claim(store.enqueue(RunConfig()).id)
    assert run is not None
    return run


def taken_over(store: Store, run: Run) -> Run:
    """The same run, claimed by another process after its holder was given up."""
    store.finish(run, "interrupted")
    fences.shut_out(store.folder(run.id))
    store.requeue(run.id)
    again = store.claim(run.id)
    assert again is not None
    return again


def test_a_file_is_put_in_place_and_nothing_is_left_beside_it(store: Store):
    run = claimed(store)
    store.write_artifact(run, FILE, "checkpoint", 1, 1, write("a"))
    assert [path.name for path in store.folder(run.id).rglob("*") if path.is_file()] == [Path(FILE).name]
    assert [path.name for path in store.folder(run.id).iterdir()] == ["checkpoints"]
    store.drop_artifact(run, FILE)
    assert not list(store.folder(run.id).rglob("*.safetensors"))


def test_an_earlier_holder_writes_no_file(store: Store):
    old = claimed(store)
    new = taken_over(store, old)
    store.write_artifact(new, FILE, "checkpoint", 1, 1, write("new"))
    with pytest.raises(LostRunError):
        store.write_artifact(old, FILE, "checkpoint", 1, 1, write("old"))
    assert (store.folder(new.id) / FILE).read_text() == "new"


def test_a_holder_that_sleeps_while_it_writes_puts_nothing_in_place(store: Store):
    old = claimed(store)
    later: list[Run] = []

    def sleeps(target: Path) -> None:
        target.write_text("old")
        later.append(taken_over(store, old))
        store.write_artifact(later[0], FILE, "checkpoint", 1, 1, write("new"))

    with pytest.raises(LostRunError):
        store.write_artifact(old, FILE, "checkpoint", 1, 1, sleeps)
    (artifact,) = store.artifacts(old.id)
    assert (store.folder(old.id) / FILE).read_text() == "new"
    assert store.intact(old.id, artifact)


def test_an_earlier_holder_removes_no_file(store: Store):
    old = claimed(store)
    store.write_artifact(old, FILE, "checkpoint", 1, 1, write("a"))
    new = taken_over(store, old)
    with pytest.raises(LostRunError):
        store.drop_artifact(old, FILE)
    (artifact,) = store.artifacts(new.id)
    assert store.intact(new.id, artifact)


def test_no_folder_is_made_in_place_of_one_that_was_moved_away(tmp_path: Path):
    away = tmp_path / "away" / "run"
    with pytest.raises(FileNotFoundError), fences.claimed_files(away, "token", lambda: None):
        raise AssertionError("there is nothing to write into")
    with pytest.raises(FileNotFoundError):
        artifacts.write_text_atomically(away / "file", "")
    assert list(tmp_path.iterdir()) == []


def test_results_that_are_moved_away_while_a_file_is_written_leave_no_folder_in_their_place(store: Store):
    run = claimed(store)
    folder = store.folder(run.id)

    def moves(target: Path) -> None:
        target.write_text("a")
        store.root.rename(store.root.with_name("away"))

    with pytest.raises(StorageError):
        store.write_artifact(run, FILE, "checkpoint", 1, 1, moves)
    for _ in range(2):
        assert not store.root.exists()
        with pytest.raises(StorageError):
            store.write_artifact(run, FILE, "checkpoint", 1, 1, write("b"))
    store.root.with_name("away").rename(store.root)
    store.write_artifact(run, FILE, "checkpoint", 1, 1, write("c"))
    assert (folder / FILE).read_text() == "c"
    assert [path.name for path in folder.iterdir()] == ["checkpoints"]


def test_a_holder_that_sleeps_while_it_removes_leaves_the_file(tmp_path: Path):
    (tmp_path / "kept").write_text("new")
    with fences.claimed_files(tmp_path, "old", lambda: None) as staging:
        fences.shut_out(tmp_path)
        with pytest.raises(OSError, match="kept"):
            fences.remove_file(tmp_path / "kept", staging)
    assert (tmp_path / "kept").read_text() == "new"
