"""The queue goes on by itself after errors of the database, of the system, of processes that do not start or hang."""

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from mnist_core.config.run_config import RunConfig
from mnist_core.jobs import local_executor, queue
from mnist_core.store.run import Run
from mnist_core.store.store import Store
from tests.app_process import ROOT, app_process, free_port, wait_until
from tests.watched_runs import stop_process

SHORT = RunConfig(dataset="mnist-5k", architecture="mlp-100", epochs=2)
LONG = SHORT.replace(epochs=5000)


def finished(store: Store, run: Run) -> bool:
    return store.run(run.id).state == "finished"


def in_database(store: Store, statement: str) -> None:
    with sa.create_engine(store.url).begin() as connection:
        connection.exec_driver_sql(statement)


def test_after_an_error_of_the_database_the_queue_goes_on_by_itself(
    store: Store, running: queue.Jobs, capfd: pytest.CaptureFixture[str]
):
    wait_until(lambda: queue.current_troubles() == [])
    in_database(store, "ALTER TABLE runs RENAME TO elsewhere")
    wait_until(lambda: bool(queue.current_troubles()))
    texts = [trouble.text for trouble in queue.current_troubles()]
    in_database(store, "ALTER TABLE elsewhere RENAME TO runs")
    run = store.enqueue(SHORT)
    wait_until(lambda: finished(store, run))
    assert queue.current_troubles() == []
    for text in [*texts, capfd.readouterr().err]:
        assert not any(secret in text for secret in ("SELECT", "sqlalche.me", "parameters", "runs.number"))


def test_a_folder_that_vanishes_for_a_while_holds_the_queue_up_and_no_longer(store: Store, running: queue.Jobs):
    wait_until(lambda: len(list(store.root.glob("worker.log"))) == 1)
    away = store.root.with_name("away")
    store.root.rename(away)
    in_away = Store.open(away)
    run = in_away.enqueue(SHORT)
    time.sleep(1.0)
    away.rename(store.root)
    wait_until(lambda: finished(store, run))
    assert queue.current_troubles() == []


@pytest.mark.long
def test_a_store_that_cannot_be_opened_at_first_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = tmp_path / "not yet"
    monkeypatch.setenv("MNIST_LAB_DATABASE", f"sqlite:///{folder / 'runs.db'}")
    thread = queue.start_from_environment()
    try:
        wait_until(lambda: bool(thread.troubles))
        folder.mkdir()
        run = Store.open().enqueue(SHORT)
        wait_until(lambda: finished(Store.open(), run))
        assert thread.troubles == []
        assert queue.start(Store.open()) is thread
    finally:
        thread.end()


def test_a_worker_begins_no_database_in_an_empty_folder(own_lab: Path):
    own_lab.mkdir(exist_ok=True)
    order = json.dumps({"run": "0", "worker": "0", "gpu": ""})
    command = [sys.executable, "-m", "mnist_core.jobs.worker"]
    done = subprocess.run(command, cwd=ROOT, input=f"{order}\n", capture_output=True, text=True, timeout=100)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert list(own_lab.iterdir()) == []


@pytest.mark.long
def test_the_start_of_the_server_begins_the_queue_without_a_visit(store: Store, own_lab: Path):
    run = store.enqueue(SHORT)
    with app_process(own_lab, free_port()):
        wait_until(lambda: finished(store, run))


@pytest.fixture
def broken_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Processes that this one starts cannot import torch as long as the file exists."""
    broken, program = tmp_path / "broken", tmp_path / "python"
    broken.write_text("")
    program.write_text(
        f'#!/bin/sh\nif [ -e "{broken}" ]; then echo "ImportError: libtorch_cpu.so" >&2; exit 1; fi\n'
        f'exec "{sys.executable}" "$@"\n'
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(sys, "executable", str(program))
    monkeypatch.setattr(local_executor, "_SPARE_DELAY_SECONDS", 0.5)
    return broken


# A command whose workers never start is tested in a third of the time.
@pytest.mark.long
def test_workers_that_die_at_their_start_are_tried_with_growing_pauses_and_the_queue_waits(
    broken_python: Path, store: Store
):
    runs = [store.enqueue(SHORT), store.enqueue(SHORT)]
    thread = queue.Jobs(store.url, lambda: store)
    thread.start()
    try:
        wait_until(lambda: bool(thread.troubles))
        time.sleep(3.0)
        attempts = (store.root / "worker.log").read_text().count("libtorch_cpu.so")
        assert 2 <= attempts <= 5, "more would not be growing pauses"
        assert "ImportError: libtorch_cpu.so" in thread.troubles[0].lines
        assert [store.run(run.id).state for run in runs] == ["queued", "queued"]
        broken_python.unlink()
        wait_until(lambda: all(finished(store, run) for run in runs))
        assert thread.troubles == []
        assert not any(store.run(run.id).note for run in runs)
    finally:
        thread.end()


def training(store: Store) -> tuple[Run, int]:
    run = store.enqueue(LONG)
    wait_until(lambda: store.run(run.id).epoch > 1)
    pid = store.run(run.id).pid
    assert pid
    return run, pid


@pytest.mark.parametrize(
    ("seconds", "wish"),
    [(6.0, ""), pytest.param(60.0, "stop", marks=pytest.mark.long)],
    ids=["six seconds", "a minute and stop"],
)
def test_a_worker_that_hangs_is_ended_and_its_run_can_be_resumed(
    store: Store, running: queue.Jobs, monkeypatch: pytest.MonkeyPatch, seconds: float, wish: str
):
    run, pid = training(store)
    # Only now, because a busy machine may be silent for longer before.
    monkeypatch.setattr(local_executor, "SILENT_SECONDS", seconds)
    stop_process(store, pid, while_it_writes=False)
    # Silence counts from the last sign of life, which on a busy machine may be a while before the stop.
    last_beat = store.run(run.id).heartbeat
    assert last_beat
    if wish:
        store.request(run.id, wish)
    try:
        wait_until(lambda: store.run(run.id).state == "interrupted", seconds=seconds + 120)
    finally:
        if store.run(run.id).state == "running":
            os.kill(pid, signal.SIGCONT)
    assert store.clock() - last_beat >= seconds
    wait_until(lambda: not Path(f"/proc/{pid}/exe").exists())
    halted = store.run(run.id)
    store.requeue(run.id)
    running.wake()
    wait_until(lambda: store.run(run.id).epoch > halted.epoch)


@pytest.mark.long
def test_a_worker_that_hangs_is_not_ended_while_nobody_can_write(
    store: Store, running: queue.Jobs, monkeypatch: pytest.MonkeyPatch, hold_the_database: Callable[[], "sa.Connection"]
):
    """A locked database silences every worker."""
    monkeypatch.setattr(local_executor, "SILENT_SECONDS", 4.0)
    monkeypatch.setattr(local_executor, "_DOUBT_SECONDS", 0.5)
    run, pid = training(store)
    lock = hold_the_database()
    time.sleep(8)
    lock.close()
    epoch = store.run(run.id).epoch
    wait_until(lambda: store.run(run.id).epoch > epoch)
    assert store.run(run.id).pid == pid


@pytest.fixture
def hold_the_database(store: Store) -> Iterator[Callable[[], "sa.Connection"]]:
    engine = sa.create_engine(store.url, isolation_level="AUTOCOMMIT")

    def hold() -> "sa.Connection":
        connection = engine.connect()
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        return connection

    yield hold
    engine.dispose()


@pytest.mark.long
def test_a_stopped_worker_that_locks_the_database_is_ended_too(
    store: Store, running: queue.Jobs, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(local_executor, "SILENT_SECONDS", 6.0)
    run, pid = training(store)
    stop_process(store, pid, while_it_writes=True)
    wait_until(lambda: store.run(run.id).state == "interrupted", seconds=120)


@pytest.mark.long
def test_a_run_waits_while_the_results_folder_is_away_and_goes_on_when_it_is_back(store: Store, running: queue.Jobs):
    run = store.enqueue(RunConfig(dataset="mnist-5k", architecture="mlp-100", epochs=5000, checkpoint_every=5000))
    wait_until(lambda: store.run(run.id).epoch > 1)
    pid, epoch = store.run(run.id).pid, store.run(run.id).epoch
    away = store.root.with_name("away")
    store.root.rename(away)
    wait_until(lambda: bool(queue.current_troubles()))
    time.sleep(3)
    assert not store.root.exists()
    away.rename(store.root)
    wait_until(lambda: store.run(run.id).epoch > epoch + 2)
    assert (store.run(run.id).state, store.run(run.id).pid) == ("running", pid)
