"""Runs that the command line trains: ended by signals at any moment, killed, stopped and left asleep."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from mnist_core.config.run_config import RunConfig
from mnist_core.jobs import liveness, queue
from mnist_core.store import concurrency, processes
from mnist_core.store.run import Run
from mnist_core.store.store import Store
from tests.app_process import ROOT, wait_until
from tests.watched_runs import stop_process

CLI = [sys.executable, "-m", "mnist_core"]
TRAIN = [*CLI, "train", "--dataset", "mnist-5k", "--architecture", "mlp-100", "--epochs", "2000"]


@pytest.fixture
def training(store: Store) -> Iterator["subprocess.Popen[str]"]:
    """A run that the command line trains, in its first epochs."""
    process = begin(TRAIN)
    wait_until(lambda: bool(store.runs()) and store.runs()[0].epoch > 1)
    yield process
    end(process)


def begin(command: list[str]) -> "subprocess.Popen[str]":
    # Under nohup the end of the terminal is ignored, and a new process would inherit that.
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    try:
        return subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    finally:
        signal.signal(signal.SIGHUP, before)


def end(process: "subprocess.Popen[str]") -> None:
    if process.poll() is None:
        process.kill()
        process.send_signal(signal.SIGCONT)
    process.communicate()


def answer(*words: str) -> str:
    """What a command of the command line prints, once it has ended well."""
    done = subprocess.run([*CLI, *words], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def kill(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.wait()


@pytest.mark.parametrize(
    "sent",
    [signal.SIGINT, signal.SIGTERM, pytest.param(signal.SIGHUP, marks=pytest.mark.long)],
    ids=lambda sent: sent.name,
)
def test_a_run_that_is_asked_to_end_is_saved_first(
    store: Store, training: "subprocess.Popen[str]", sent: signal.Signals
):
    training.send_signal(sent)
    _, errors = training.communicate(timeout=30)
    run = store.runs()[0]
    last = store.artifacts(run.id, kind="checkpoint")[-1]
    assert (run.state, last.step) == ("interrupted", run.step)
    assert store.intact(run.id, last)
    assert "Traceback" not in errors
    # SIGTERM ends the process as its sender expects; the command itself answers Ctrl-C.
    assert training.returncode == (130 if sent == signal.SIGINT else -sent)


def test_ctrl_c_while_torch_is_imported_leaves_a_run_that_can_be_resumed(store: Store):
    process = begin(TRAIN)
    wait_until(lambda: bool(store.runs()))
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    run = store.runs()[0]
    assert (run.state, run.started) == ("interrupted", None)
    assert "Traceback" not in errors


@pytest.mark.parametrize("moment", [0.3, 0.7])
def test_ctrl_c_while_the_command_line_is_imported_just_ends_it(store: Store, moment: float):
    process = begin([*CLI, "list"])
    time.sleep(moment)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode in (-signal.SIGINT, 130, 0)
    assert errors == ""


@pytest.mark.long
def test_a_killed_run_is_recognised_by_each_command_without_an_app(
    store: Store, training: "subprocess.Popen[str]", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    kill(training)
    killed = store.runs()[0]
    assert killed.state == "running"
    for command in (["list"], ["show", "1"], ["export", "1", "--as", "zip", "-o", str(tmp_path / "run.zip")]):
        results = tmp_path / command[0]
        shutil.copytree(store.root, results)
        monkeypatch.setenv("MNIST_LAB_RESULTS", str(results))
        assert "running" not in answer(*command)
        assert Store.open().runs()[0].state == "interrupted"
    monkeypatch.setenv("MNIST_LAB_RESULTS", str(store.root))
    later = begin([*CLI, "resume", "1"])
    try:
        wait_until(lambda: store.runs()[0].epoch > killed.epoch + 1)
        assert store.runs()[0].pid == later.pid
    finally:
        end(later)


def asleep_for_a_day(store: Store, run: Run) -> None:
    """The state of the store after the machine has slept: the run's last sign of life is a day old."""
    with sa.create_engine(store.url).begin() as connection:
        connection.exec_driver_sql("UPDATE runs SET heartbeat = heartbeat - 86400 WHERE number = ?", (run.number,))


@pytest.mark.long
def test_a_run_that_is_only_asleep_is_left_alone_and_goes_on(store: Store, training: "subprocess.Popen[str]"):
    stop_process(store, training.pid, while_it_writes=False)
    run = store.runs()[0]
    asleep_for_a_day(store, run)
    assert json.loads(answer("list", "--json"))[0]["state"] == "running"
    thread = queue.start(store)
    try:
        # Long enough for the patrol to look at least twice.
        time.sleep(5)
        assert store.run(run.id).state == "running"
        training.send_signal(signal.SIGCONT)
        wait_until(lambda: store.run(run.id).epoch > run.epoch + 2)
        assert store.run(run.id).pid == training.pid
    finally:
        thread.end()


def claimed_by(store: Store, pid: int, start: str | None) -> Run:
    run = store.enqueue(RunConfig(), claimed=True)
    store.describe(run, pid=pid, pid_start=start)
    return store.run(run.id)


def test_a_process_that_has_got_the_number_of_a_dead_one_is_not_taken_for_it(store: Store):
    start = processes.start_of(os.getpid())
    assert start is not None
    alive = claimed_by(store, os.getpid(), start)
    other = claimed_by(store, os.getpid(), start[:-1] + ("1" if start[-1] != "1" else "2"))
    assert [run.id for run in liveness.end_dead_runs(store)] == [other.id]
    assert [store.run(run.id).state for run in (alive, other)] == ["running", "interrupted"]


def test_a_run_from_before_starts_were_recorded_is_judged_by_its_number_and_its_silence(store: Store):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    talking, silent, dead = (
        claimed_by(store, os.getpid(), None),
        claimed_by(store, os.getpid(), None),
        claimed_by(store, gone.pid, None),
    )
    asleep_for_a_day(store, silent)
    liveness.end_dead_runs(store)
    assert [store.run(run.id).state for run in (talking, silent, dead)] == ["running", "interrupted", "interrupted"]


def test_a_process_that_has_ended_but_was_not_waited_for_is_dead(store: Store):
    zombie = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    run = claimed_by(store, zombie.pid, processes.start_of(zombie.pid))
    assert not liveness.end_dead_runs(store)
    zombie.kill()
    wait_until(lambda: bool(liveness.end_dead_runs(store)))
    assert store.run(run.id).state == "interrupted"
    zombie.wait()


def test_a_deleted_run_whose_process_is_gone_can_be_removed_for_good(store: Store):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    run = claimed_by(store, gone.pid, None)
    store.delete([run.id])
    liveness.end_dead_runs(store)
    assert store.purge(deleted_before=store.clock() + 1) == 1


WITHOUT_WORKERS = """
import sys
from mnist_core.jobs import local_executor as jobs, queue
sys.executable, jobs._SPARE_DELAY_SECONDS, jobs._LONGEST_START_PAUSE_SECONDS, queue._LONGEST_PAUSE_SECONDS = (
    sys.argv.pop(1), 0.1, 0.2, 0.2)
from mnist_core.commands.cli import main
main()
"""
SMALL = ["--dataset", "mnist-5k", "--train-images", "500", "--epochs", "1", "--architecture", "mlp-10"]


@pytest.mark.parametrize(
    ("program", "command"),
    [
        ("/bin/false", ["train", *SMALL, "--seeds", "2"]),
        ("/not/there/python", ["sweep", "run", *SMALL, "--axis", "learning_rate=0.1,0.01", "--yes", "--json"]),
        pytest.param(
            "/bin/false",
            ["study", "run", "mlp-course", "--experiment", "two-layer-linear", "--json"],
            marks=pytest.mark.long,
        ),
    ],
    ids=["seeds", "sweep", "study"],
)
def test_a_command_whose_workers_never_start_ends_and_leaves_its_runs_in_the_queue(
    store: Store, mnist_dir: Path, monkeypatch: pytest.MonkeyPatch, program: str, command: list[str]
):
    monkeypatch.setenv("MNIST_LAB_DATA", str(mnist_dir))
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_WORKERS, program, *command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    waiting = store.queue()
    assert len(waiting) >= 2
    assert {run.state for run in store.runs()} == {"queued"}
    remedy = re.findall(r"`python -m mnist_core (\w.*?)`", " ".join(done.stderr.split()))[-1]
    assert remedy.split()[:2] in ([command[0], "retry"], command[:2], ["resume", "1"])
    if remedy.startswith("resume"):
        answer(*remedy.split())
        assert store.find("1").state == "finished"


def test_a_command_whose_queue_is_held_says_so(store: Store):
    concurrency.set_runs_at_once(store, 0)
    process = begin([*CLI, "train", *SMALL, "--seeds", "2"])
    try:
        assert process.stderr is not None
        line = process.stderr.readline()
        while "queue is held" not in line:
            assert line, "it ended without a word of it"
            line = process.stderr.readline()
    finally:
        end(process)
