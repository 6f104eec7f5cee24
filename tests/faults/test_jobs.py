"""The background jobs with real processes: killed workers, a killed app, stop, pause and the queue's limit."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Literal

import pytest
from typer.testing import CliRunner

from mnist_core.commands.cli import app
from mnist_core.config.run_config import RunConfig
from mnist_core.jobs import liveness, local_executor, queue
from mnist_core.store import ACTIVE_STATES, concurrency, glimpse_files
from mnist_core.store.people import let_in
from mnist_core.store.run import Run
from mnist_core.store.store import Store
from mnist_core.store.student_store import StudentStore
from tests.app_process import wait_until
from tests.watched_runs import stop_process

LONG = RunConfig(dataset="mnist-5k", architecture="mlp-100", epochs=2000)
SHORT = LONG.replace(epochs=2)


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, queue.Jobs]]:
    """A store and its queue for several tests, because every new worker takes seconds to import torch."""
    store = Store.open(tmp_path_factory.mktemp("lasting") / "results")
    thread = queue.start(store)
    yield store, thread
    thread.end()


@pytest.fixture
def shared(lasting: tuple[Store, queue.Jobs]) -> Iterator[tuple[Store, queue.Jobs]]:
    """The lasting store and queue, one run at a time; all runs of the test are stopped at its end."""
    store, thread = lasting
    concurrency.set_runs_at_once(store, 1)
    yield store, thread
    for run in store.runs(states=ACTIVE_STATES):
        store.request(run.id, "stop")
    thread.wake()
    wait_until(lambda: not store.runs(states=ACTIVE_STATES))


def enqueue(store: Store, running: queue.Jobs, config: RunConfig) -> Run:
    run = store.enqueue(config)
    running.wake()
    return run


def trains(store: Store, run: Run) -> bool:
    return store.run(run.id).epoch >= 1


def test_a_queued_run_is_trained_to_its_end(shared: tuple[Store, queue.Jobs]):
    store, running = shared
    run = enqueue(store, running, SHORT)
    wait_until(lambda: not store.run(run.id).active)
    done = store.run(run.id)
    assert (done.state, done.epoch, done.worker) == ("finished", 2, None)
    assert done.test_accuracy is not None
    assert done.test_accuracy > 0.8
    (glimpses,) = store.artifacts(run.id, kind=glimpse_files.GLIMPSES_KIND)
    assert store.intact(run.id, glimpses)
    steps = glimpse_files.read_recording(store.folder(run.id) / glimpses.path, is_complete=True).steps
    assert (steps[0], steps[-1]) == (0, done.step)


def test_a_killed_worker_leaves_a_run_that_can_be_resumed(store, running):
    run = enqueue(store, running, LONG)
    wait_until(lambda: trains(store, run))
    pid = store.run(run.id).pid
    # A worker records its process number before it trains; without one, kill(0) would end the tests.
    assert pid
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: store.run(run.id).state == "interrupted")
    killed = store.run(run.id)
    assert "killed" in killed.note
    assert f"batch size (now {LONG.batch_size})" in killed.note
    live = glimpse_files.recording_path(store.folder(run.id))
    assert live
    assert live.name == glimpse_files.LIVE_GLIMPSES
    before = glimpse_files.read_recording(live).steps
    store.requeue(run.id)
    running.wake()
    wait_until(lambda: store.run(run.id).epoch > killed.epoch)
    steps = store.metrics(run.id, names=["train_loss"])["step"]
    assert steps.is_unique
    assert steps.is_monotonic_increasing
    # What was seen before the checkpoint from which the run went on is still there.
    kept = glimpse_files.read_recording(live).steps
    assert kept[0] == before[0] == 0


@pytest.mark.parametrize(("wish", "state"), [("stop", "stopped"), ("pause", "paused")])
def test_a_running_run_obeys(shared: tuple[Store, queue.Jobs], wish: Literal["stop", "pause"], state: str):
    store, running = shared
    run = enqueue(store, running, LONG)
    wait_until(lambda: trains(store, run))
    store.request(run.id, wish)
    wait_until(lambda: store.run(run.id).state == state)
    halted = store.run(run.id)
    assert (halted.test_accuracy is not None) == (wish == "stop")
    store.requeue(run.id)
    running.wake()
    wait_until(lambda: store.run(run.id).step > halted.step)


def test_no_more_runs_train_at_once_than_allowed(shared: tuple[Store, queue.Jobs]):
    store, running = shared
    first, second = enqueue(store, running, LONG), enqueue(store, running, LONG)
    wait_until(lambda: trains(store, first))
    assert store.run(second.id).state == "queued"
    concurrency.set_runs_at_once(store, 2)
    running.wake()
    wait_until(lambda: trains(store, second))
    assert store.run(first.id).state == "running"


@pytest.mark.skipif(not hasattr(os, "getpriority"), reason="needs priorities of processes")
def test_a_long_run_leaves_the_processor_to_a_run_of_somebody_else(store, running, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(local_executor, "_LONG_SECONDS", 0.5)
    concurrency.set_runs_at_once(store, 2)
    person, _ = let_in(store, "student")
    long_run = enqueue(store, running, LONG)
    wait_until(lambda: trains(store, long_run))
    pid = store.run(long_run.id).pid
    assert pid
    usual = os.getpriority(os.PRIO_PROCESS, pid)
    # A run of the same person changes nothing.
    own = enqueue(store, running, SHORT)
    wait_until(lambda: store.run(own.id).state == "finished")
    assert os.getpriority(os.PRIO_PROCESS, pid) == usual
    theirs = StudentStore(store, person.id).enqueue(LONG)
    running.wake()
    wait_until(lambda: trains(store, theirs))
    other = store.run(theirs.id).pid
    assert other
    assert os.getpriority(os.PRIO_PROCESS, pid) > usual == os.getpriority(os.PRIO_PROCESS, other)
    # What was lowered for good trains nothing else.
    store.request(long_run.id, "stop")
    wait_until(lambda: store.run(long_run.id).state == "stopped")
    store.requeue(long_run.id)
    running.wake()
    wait_until(lambda: trains(store, long_run) and store.run(long_run.id).pid not in (None, pid))
    fresh = store.run(long_run.id).pid
    assert fresh
    assert os.getpriority(os.PRIO_PROCESS, fresh) == usual


def test_ending_the_jobs_interrupts_their_runs_with_a_checkpoint(store):
    thread = queue.start(store)
    run = enqueue(store, thread, LONG)
    wait_until(lambda: trains(store, run))
    thread.end()
    halted = store.run(run.id)
    assert halted.state == "interrupted"
    last = store.artifacts(run.id, kind="checkpoint")[-1]
    assert last.step == halted.step
    assert store.intact(run.id, last)


def test_a_run_outlives_a_killed_app_and_is_picked_up(store, own_lab: Path):
    script = (
        "import time; from mnist_core import jobs; from mnist_core.store import Store; "
        "jobs.start(Store.open()); time.sleep(600)"
    )
    app = subprocess.Popen([sys.executable, "-c", script], cwd=Path(__file__).parents[2])
    run = store.enqueue(LONG)
    wait_until(lambda: trains(store, run))
    app.kill()
    app.wait()
    epoch = store.run(run.id).epoch
    thread = queue.start(store)
    try:
        wait_until(lambda: store.run(run.id).epoch > epoch + 3)
        assert store.run(run.id).state == "running"
        store.request(run.id, "stop")
        wait_until(lambda: store.run(run.id).state == "stopped")
    finally:
        thread.end()


def test_a_run_whose_process_is_gone_is_found(store):
    store.enqueue(LONG)
    run = store.claim()
    assert run is not None
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    store.describe(run, pid=gone.pid)
    thread = queue.start(store)
    try:
        wait_until(lambda: store.run(run.id).state == "interrupted")
        assert "Resume" in store.run(run.id).note
    finally:
        thread.end()


def spoilt(store: Store, config: RunConfig) -> Run:
    """A queued run whose worker will end by an error that nobody expects: its folder cannot be made."""
    run = store.enqueue(config)
    store.folder(run.id).parent.mkdir(exist_ok=True)
    store.folder(run.id).write_text("in the way")
    return run


def test_a_run_that_ends_its_worker_leaves_the_others_alone(store, running):
    concurrency.set_runs_at_once(store, 0)
    pairs = [(spoilt(store, SHORT.replace(seed=seed)), store.enqueue(SHORT)) for seed in range(2)]
    concurrency.set_runs_at_once(store, 1)
    running.wake()
    wait_until(lambda: not any(store.run(run.id).active for pair in pairs for run in pair), seconds=240)
    outcomes = [tuple(store.run(run.id).state for run in pair) for pair in pairs]
    assert outcomes == [("failed", "finished")] * 2
    assert not any(store.run(good.id).note for _, good in pairs)


def hand_over_to_one_that_never_begins(store: Store, running: queue.Jobs) -> tuple[Run, int]:
    """A run that was given to an idle worker which is stopped and cannot begin it, and the worker's process."""
    concurrency.set_runs_at_once(store, 1)
    before = enqueue(store, running, SHORT.replace(epochs=40))
    wait_until(lambda: store.run(before.id).pid is not None)
    pid = store.run(before.id).pid
    assert pid
    wait_until(lambda: store.run(before.id).state == "finished")
    stop_process(store, pid, while_it_writes=False)
    run = enqueue(store, running, SHORT)
    wait_until(lambda: store.run(run.id).state == "running")
    return run, pid


@pytest.mark.long
@pytest.mark.parametrize("death", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
def test_a_run_that_a_dead_worker_never_began_is_trained_by_another(store, running, death: signal.Signals):
    run, pid = hand_over_to_one_that_never_begins(store, running)
    os.kill(pid, death)
    os.kill(pid, signal.SIGCONT)
    wait_until(lambda: store.run(run.id).state == "finished")
    assert store.run(run.id).note == ""
    assert store.run(run.id).pid != pid


@pytest.mark.long
def test_a_run_that_no_worker_began_waits_in_the_queue_when_the_app_ends(store):
    thread = queue.start(store)
    run, pid = hand_over_to_one_that_never_begins(store, thread)
    later = store.enqueue(SHORT)
    os.kill(pid, signal.SIGKILL)
    thread.end()
    assert [queued.id for queued in store.queue()] == [run.id, later.id]
    assert store.run(run.id).note == ""


@pytest.mark.long
def test_a_stopped_run_that_no_worker_began_stays_stopped(store, running):
    run, pid = hand_over_to_one_that_never_begins(store, running)
    store.request(run.id, "stop")
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: store.run(run.id).state == "stopped")


def test_the_thread_is_started_once_for_a_store(store, running):
    assert queue.start(Store.open()) is running


@pytest.mark.long
def test_short_runs_share_a_process_that_outlives_them(shared: tuple[Store, queue.Jobs]):
    store, running = shared
    log: list[int] = []
    for index in range(3):
        run = enqueue(store, running, SHORT.replace(epochs=60, seed=index))
        wait_until(lambda run=run: store.run(run.id).step > 0 or not store.run(run.id).active)
        log += [store.run(run.id).pid or 0]
        wait_until(lambda run=run: not store.run(run.id).active)
        assert store.run(run.id).state == "finished"
    assert log[0]
    assert len(set(log)) == 1


@pytest.mark.long
def test_a_fit_of_scikit_learn_that_cannot_be_halted_ends_with_its_process(shared: tuple[Store, queue.Jobs]):
    store, running = shared
    endless = RunConfig(
        dataset="mnist-5k",
        architecture="softmax",
        library="sklearn",
        solver="sag",
        epochs=10_000,
        tolerance=1e-12,
        inverse_regularisation=1e6,
    )
    run = enqueue(store, running, endless)
    wait_until(lambda: store.run(run.id).started is not None)
    pid = store.run(run.id).pid
    store.request(run.id, "stop")
    wait_until(lambda: store.run(run.id).state == "stopped")
    wait_until(lambda: not Path(f"/proc/{pid}").exists() if Path("/proc").exists() else True)
    after = enqueue(store, running, SHORT)
    wait_until(lambda: store.run(after.id).state == "finished")


@pytest.mark.long
def test_a_run_that_diverges_beside_another_does_not_disturb_it(shared: tuple[Store, queue.Jobs]):
    store, running = shared
    good = SHORT.replace(epochs=4)
    alone = enqueue(store, running, good)
    wait_until(lambda: store.run(alone.id).state == "finished")
    concurrency.set_runs_at_once(store, 2)
    bad = store.enqueue(SHORT.replace(epochs=500, architecture="linear-100-10", optimizer="sgd", learning_rate=100))
    beside = enqueue(store, running, good)
    wait_until(lambda: not store.run(beside.id).active and not store.run(bad.id).active)
    assert (store.run(bad.id).state, store.run(beside.id).state) == ("diverged", "finished")
    columns = ["step", "epoch", "name", "value"]
    assert store.metrics(beside.id)[columns].equals(store.metrics(alone.id)[columns])


def in_database(store: Store, statement: str) -> None:
    assert store.file is not None
    with closing(sqlite3.connect(store.file)) as connection, connection:
        connection.execute(statement)


def damage_page_of(store: Store, name: str) -> None:
    """Overwrite the page that holds the row of the run with this name."""
    store.engine.dispose()
    in_database(store, "PRAGMA wal_checkpoint(TRUNCATE)")
    assert store.file is not None
    content = bytearray(store.file.read_bytes())
    pages = range(0, len(content), 4096)
    # Pages of tables that hold rows begin with 13; those of indexes, which may hold the name, too, with 10.
    start = next(page for page in pages if content[page] == 13 and name.encode() in content[page : page + 4096])
    content[start : start + 4096] = b"\xa5" * 4096
    store.file.write_bytes(content)


BROKEN_CONFIG = "UPDATE runs SET config = 'no JSON'"


def with_a_broken_run_at_the_front(store: Store, change: str | None) -> tuple[Run, Run]:
    """Run 1 trains in a process that is gone; returns one that waits beside it, and one on another page."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    broken = store.enqueue(SHORT, "a-name-to-be-found", claimed=True)
    store.describe(broken, pid=gone.pid, pid_start=None)
    beside = store.enqueue(SHORT, "beside it")
    store.delete([run.id for run in store.enqueue_all([(SHORT, f"filling {number}") for number in range(10)])])
    elsewhere = store.enqueue(SHORT, "next")
    in_database(store, "UPDATE runs SET heartbeat = heartbeat - 86400 WHERE number = 1")
    if change:
        in_database(store, f"{change} WHERE number = 1")
    else:
        damage_page_of(store, "a-name-to-be-found")
    assert [run.number for run in store.broken()][-1] == 1
    return beside, elsewhere


@pytest.mark.sqlite
@pytest.mark.parametrize(
    "change",
    [BROKEN_CONFIG, f"{BROKEN_CONFIG}, pid = 'none'", f"{BROKEN_CONFIG}, host = x'ff'", None],
    ids=["text", "process", "machine", "damaged page"],
)
def test_a_run_that_cannot_be_read_and_whose_process_is_gone_gives_its_place_to_the_next(
    store: Store, change: str | None
):
    beside, elsewhere = with_a_broken_run_at_the_front(store, change)
    liveness.end_dead_runs(store)
    claimed = store.claim(limit=1)
    assert claimed is not None
    assert claimed.id == (beside if change else elsewhere).id
    assert store.claim(limit=1) is None
    assert store.release(claimed)
    assert store.broken_holders() == []
    listed = CliRunner().invoke(app, ["list"])
    assert listed.exit_code == 0
    assert ("delete 1" in listed.stderr) == bool(change)
    assert ("doctor" in listed.stderr) == (not change)


@pytest.mark.long
def test_a_damaged_page_does_not_hold_up_the_jobs(store: Store):
    concurrency.set_runs_at_once(store, 1)
    _, elsewhere = with_a_broken_run_at_the_front(store, None)
    thread = queue.start(store)
    try:
        wait_until(lambda: store.run(elsewhere.id).state == "finished")
        assert queue.current_troubles() == []
    finally:
        thread.end()


@pytest.mark.long
def test_a_run_that_cannot_be_read_but_trains_keeps_its_place(store: Store):
    store.enqueue(LONG, claimed=True)
    waiting = store.enqueue(SHORT)
    in_database(store, "UPDATE runs SET tags = '{}' WHERE number = 1")
    liveness.end_dead_runs(store)
    assert store.claim(limit=1) is None
    store.delete_broken([1])
    claimed = store.claim(limit=1)
    assert claimed is not None
    assert claimed.id == waiting.id
