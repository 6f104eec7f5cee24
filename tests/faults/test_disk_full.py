"""A disk that is full while a run trains, with a real small file system: nothing is lost, nothing is left over."""

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mnist_core.config.run_config import RunConfig
from mnist_core.errors import StorageError
from mnist_core.jobs import queue
from mnist_core.store.run import Run
from mnist_core.store.store import Store
from mnist_core.upkeep import disk
from tests.app_process import ROOT, wait_until

# The run keeps two checkpoints; one for each epoch would fill the disk again.
LONG = RunConfig(dataset="mnist-5k", architecture="mlp-100", epochs=5000, checkpoint_every=5000)
MEGABYTES = 16


@pytest.fixture(autouse=True)
def small_disk(own_lab: Path) -> Iterator[Path]:
    """The results folder on a file system of its own, of 16 MB."""
    own_lab.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "tmpfs", str(own_lab)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("only root can mount a small file system")
    yield own_lab
    subprocess.run(["umount", "-l", str(own_lab)], check=True)


def training(store: Store) -> Run:
    run = store.enqueue(LONG)
    wait_until(lambda: store.run(run.id).epoch > 1)
    return run


def fill(disk: Path) -> Path:
    """Leave no byte free."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        for size in (1 << 16, 1 << 12, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"0" * size)
    return filler


def is_told() -> bool:
    """Whether a message about a full disk is shown on every page."""
    return any("Free some space" in trouble.text for trouble in queue.current_troubles())


def check_undamaged(store: Store, run: Run) -> None:
    assert sqlite3.connect(store.root / "runs.db").execute("PRAGMA integrity_check").fetchone() == ("ok",)
    files = store.artifacts(run.id)
    assert files
    assert all(store.intact(run.id, file) for file in files)
    for name in ("train_loss", "validation_loss"):
        steps = store.metrics(run.id, names=[name])["step"]
        assert steps.is_unique
        assert steps.is_monotonic_increasing
    epochs = store.metrics(run.id, names=["validation_loss"])["epoch"].tolist()
    assert epochs == list(range(1, len(epochs) + 1)), "an epoch was lost"


def parts(disk: Path) -> list[Path]:
    return list(disk.rglob(".*.part"))


def test_a_run_waits_while_the_disk_is_full_and_goes_on_when_there_is_room(
    store: Store, running: queue.Jobs, small_disk: Path
):
    run = training(store)
    pid = store.run(run.id).pid
    filler = fill(small_disk)
    wait_until(is_told)
    epoch = store.run(run.id).epoch
    assert store.run(run.id).state == "running"
    filler.unlink()
    wait_until(lambda: store.run(run.id).epoch > epoch + 2)
    assert store.run(run.id).pid == pid
    wait_until(lambda: queue.current_troubles() == [])
    store.request(run.id, "stop")
    wait_until(lambda: store.run(run.id).state == "stopped")
    check_undamaged(store, run)
    assert parts(small_disk) == []


@pytest.mark.long
def test_a_run_that_is_killed_on_a_full_disk_can_be_resumed_and_leaves_no_temporary_file(
    store: Store, running: queue.Jobs, small_disk: Path
):
    run = training(store)
    pid = store.run(run.id).pid
    assert pid
    filler = fill(small_disk)
    wait_until(is_told)
    os.kill(pid, signal.SIGKILL)
    # What a process leaves that is killed in the middle of a file.
    checkpoints = store.folder(run.id) / "checkpoints"
    filler.unlink()
    (checkpoints / f".epoch-9999.safetensors.{pid}.part").write_bytes(b"half")
    wait_until(lambda: store.run(run.id).state == "interrupted")
    assert parts(small_disk) == []
    halted = store.run(run.id)
    store.requeue(run.id)
    running.wake()
    wait_until(lambda: store.run(run.id).epoch > halted.epoch)
    store.request(run.id, "pause")
    wait_until(lambda: store.run(run.id).state == "paused")
    check_undamaged(store, run)


@pytest.mark.long
def test_a_run_of_the_command_line_says_what_it_waits_for_and_can_be_ended(store: Store, small_disk: Path):
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "mnist_core",
            "train",
            "--dataset",
            "mnist-5k",
            "--architecture",
            "mlp-100",
            "--epochs",
            "5000",
            "--checkpoint-every",
            "5000",
        ],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    wait_until(lambda: bool(store.runs()) and store.runs()[0].epoch > 1)
    filler = fill(small_disk)
    epoch = store.runs()[0].epoch
    time.sleep(5)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    # Of the database or of a checkpoint, whichever was to be written first; the terminal breaks lines anywhere.
    assert "Free some space" in " ".join(output.split())
    assert not any(word in output for word in ("Traceback", "sqlalche", "INSERT", "UPDATE"))
    command = [sys.executable, "-m", "mnist_core", "list", "--json"]
    # Look while nothing can be written, and afterwards.
    for _ in range(2):
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        assert json.loads(listed.stdout)[0]["state"] == "interrupted"
        filler.unlink(missing_ok=True)
    run = store.runs()[0]
    assert (run.state, run.epoch >= epoch) == ("interrupted", True)
    check_undamaged(store, run)
    assert parts(small_disk) == []


def write_some(path: Path) -> None:
    path.write_bytes(b"x" * 100_000)


def rename_often(store: Store, run: Run) -> None:
    for number in range(10_000):
        store.rename(run.id, f"name {number} {'x' * 150}")


def test_checkpoints_can_be_pruned_on_a_full_disk(store: Store, small_disk: Path):
    run = store.enqueue(LONG, claimed=True)
    for epoch in range(1, 5):
        name = f"checkpoints/epoch-{epoch:04}.safetensors"
        store.write_artifact(run, name, "checkpoint", epoch, epoch, write_some)
    store.finish(run, "stopped")
    fill(small_disk)
    with pytest.raises(StorageError) as refused:
        rename_often(store, run)
    assert refused.value.kind == "full"
    freed = disk.prune(store, [store.run(run.id)])
    assert [(pruning.run.number, len(pruning.checkpoints), pruning.size) for pruning in freed] == [(1, 3, 300_000)]
    assert [file.epoch for file in store.artifacts(run.id)] == [4]
    assert len(list(store.folder(run.id).rglob("*.safetensors"))) == 1
    store.rename(run.id, "there is room again")


def test_runs_can_be_deleted_on_a_full_disk_which_then_has_room(store: Store, small_disk: Path):
    """The command line works alone: no other process has the database open, so its log files do not exist either."""
    first, second = (store.enqueue(LONG, claimed=True) for _ in range(2))
    for run in (first, second):
        store.write_artifact(run, "checkpoints/epoch-0001.safetensors", "checkpoint", 1, 1, write_some)
        store.finish(run, "stopped")
    store.engine.dispose()
    fill(small_disk)
    for words in (("list",), ("delete", "1"), ("prune", "--deleted")):
        ended = subprocess.run(
            [sys.executable, "-m", "mnist_core", *words], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert ended.returncode == 0, ended.stderr
    assert [run.id for run in store.runs()] == [second.id]
    assert not store.folder(first.id).exists()
    store.rename(second.id, "there is room again")
    check_undamaged(store, second)
