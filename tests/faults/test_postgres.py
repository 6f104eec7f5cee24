"""A database on a PostgreSQL server: several processes at once, restarts, secrets, and values that only it refuses."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from mnist_core.analysis.trained import load_network
from mnist_core.config.run_config import RunConfig
from mnist_core.errors import ConfigError, StorageError, StoreError
from mnist_core.events import EpochEnd
from mnist_core.jobs import queue, troubles
from mnist_core.store import (
    StudentStore,
    count_places,
    let_in,
    let_in_student,
    name_person,
    read_people,
    write_quotas,
)
from mnist_core.store.concurrency import set_runs_at_once
from mnist_core.store.quotas import Quotas
from mnist_core.store.run import Run
from mnist_core.store.run_pages import RunQuery, read_page
from mnist_core.store.schema import PAGE_INDEXES
from mnist_core.store.store import Store
from tests.app_process import ROOT, wait_until
from tests.faults.old_databases import bring_back_server
from tests.labs import trained_run
from tests.postgres_server import PostgresServer

pytestmark = pytest.mark.long
# Opens the store, says so, waits for a line, and executes the code.
PROCESS = """
import sys
from mnist_core import environment
from mnist_core.store import Store
print("ready", flush=True)
sys.stdin.readline()
store = Store.open()
"""


@pytest.fixture
def lab_database(postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of an empty database, which the environment names."""
    name = postgres.new_database()
    monkeypatch.setenv("MNIST_LAB_DATABASE", postgres.url(name))
    yield postgres.url(name)
    postgres.drop(name)


@pytest.fixture
def lab(lab_database: str) -> Iterator[Store]:
    opened = Store.open()
    yield opened
    opened.engine.dispose()


def at_once(code: str, count: int) -> list[str]:
    """What so many processes print that execute the code at the same moment."""
    pipe, merged = subprocess.PIPE, subprocess.STDOUT
    command = [sys.executable, "-c", PROCESS + code]
    started = [
        subprocess.Popen(command, cwd=ROOT, text=True, stdin=pipe, stdout=pipe, stderr=merged) for _ in range(count)
    ]
    for process in started:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    for process in started:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    outputs = [process.communicate(timeout=60)[0] for process in started]
    assert [process.returncode for process in started] == [0] * count, outputs
    return outputs


def test_processes_that_start_at_once_make_one_database(lab_database: str):
    assert at_once("print(store.count_runs())", 6) == ["0\n"] * 6


def test_a_limit_holds_for_processes_that_claim_at_once(lab: Store):
    for _ in range(8):
        lab.enqueue(RunConfig())
    # Each waits between its look and its claim, so that all of them look before the first one claims.
    slow = """
import time
from mnist_core.store import rows
count = rows.count_running_here
rows.count_running_here = lambda *given: (count(*given), time.sleep(0.3))[0]
"""
    at_once(f"{slow}\nfor _ in range(4): store.claim(limit=2)", 4)
    assert len(lab.runs(states=["running"])) == 2


def test_a_limit_holds_for_processes_that_each_claim_another_run(lab: Store):
    runs = [lab.enqueue(RunConfig()) for _ in range(4)]
    for run in runs:
        lab.request(run.id, "pause")
    # Each resumes a run of its own, which so is the head of the queue, counts, and waits before its claim. No two
    # want the same row: only the turns that writers take keep them from counting before the others have claimed.
    resumed = """
import os, time
from mnist_core.store import rows
for run in store.runs(states=["paused"]):
    try:
        store.requeue(run.id)
        break
    except Exception:
        pass
count = rows.count_running_here
rows.count_running_here = lambda *given: (count(*given), time.sleep(0.5))[0]
store.claim(limit=1)
"""
    at_once(resumed, 4)
    assert len(lab.runs(states=["running"])) == 1


def test_no_run_is_claimed_twice(lab: Store):
    for _ in range(12):
        lab.enqueue(RunConfig())
    claimed = at_once("while run := store.claim(): print(run.id)", 3)
    ids = " ".join(claimed).split()
    assert len(ids) == len(set(ids)) == 12


def test_a_student_queues_no_more_than_allowed_from_many_pages(lab: Store):
    write_quotas(lab, Quotas(queued=3))
    student = StudentStore(lab, let_in(lab, "student")[0].id)

    def add(_: int) -> bool:
        try:
            student.enqueue(RunConfig())
        except ConfigError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(add, range(8))) == 3


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_an_address_may_be_written_as_elsewhere(scheme: str, lab: Store, postgres: PostgresServer):
    assert lab.engine.url.database is not None
    url = postgres.url(lab.engine.url.database, scheme)
    store = Store(lab.root, url)
    assert store.url == lab.url
    assert queue.Jobs(url, lambda: store).serves(lab.url)
    store.engine.dispose()


def test_a_database_of_version_11_is_brought_up_to_date(lab: Store, lab_database: str):
    run = lab.enqueue(RunConfig(architecture="mlp-30"), "kept", ["Été"])
    with lab.engine.begin() as connection:
        for name in {index.name for index in PAGE_INDEXES}:
            connection.exec_driver_sql(f"DROP INDEX {name}")
        for name in ("dataset", "architecture", "words"):
            connection.exec_driver_sql(f"ALTER TABLE runs DROP COLUMN {name}")
        connection.exec_driver_sql("UPDATE lab SET value = '11' WHERE key = 'schema'")
    assert at_once("print(store.count_runs())", 3) == ["1\n"] * 3
    page = read_page(Store.open(), RunQuery(text="été kept", architecture="mlp-30"), "test_accuracy")
    assert [found.id for found in page.runs] == [run.id]
    made = {index["name"] for index in sa.inspect(lab.engine).get_indexes("runs")}
    assert {index.name for index in PAGE_INDEXES} <= made


def test_the_queue_goes_on_after_a_restart_of_the_server(lab: Store, postgres: PostgresServer):
    set_runs_at_once(lab, 0)
    thread = queue.start(lab)
    try:
        postgres.stop()
        try:
            wait_until(lambda: bool(thread.troubles))
            with pytest.raises(StorageError) as refused:
                lab.count_runs()
            shown = f"{thread.troubles} {thread.name} {refused.value}"
        finally:
            postgres.start()
        assert refused.value.kind == "unreachable"
        assert troubles.passes(refused.value)
        assert postgres.password not in shown
        assert "SELECT" not in shown
        wait_until(lambda: not thread.troubles)
        assert thread.is_alive()
        assert lab.count_runs() == 0
    finally:
        thread.end()


def test_a_connection_that_a_restart_has_ended_is_replaced_unnoticed(lab: Store, postgres: PostgresServer):
    assert lab.count_runs() == 0
    postgres.restart()
    assert lab.count_runs() == 0


def test_the_password_is_in_no_name_of_a_thread_and_in_no_output(lab: Store, postgres: PostgresServer):
    thread = queue.Jobs(lab.url, lambda: lab)
    assert postgres.password not in f"{thread} {thread.name} {lab!r} {lab.engine!r}"
    assert lab.engine.url.database is not None
    wrong = lab.url.replace(lab.engine.url.database, "not_there")
    for url, command in ((lab.url, "list"), (wrong, "list"), (lab.url, "backup"), (wrong.replace("@", "x@"), "list")):
        arguments = [command, *(["somewhere"] if command == "backup" else [])]
        done = subprocess.run(
            [sys.executable, "-m", "mnist_core", *arguments],
            cwd=ROOT,
            env=os.environ | {"MNIST_LAB_DATABASE": url},
            capture_output=True,
            text=True,
        )
        assert postgres.password not in done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        if command == "backup":
            assert "pg_dump" in done.stderr


def test_a_class_lets_in_no_more_than_have_a_place_from_many_processes(lab: Store):
    # Each waits between its look and its entry, so that all of them look before the first one is in.
    slow = """
import time
from mnist_core.store import people
count = people._count_places
people._count_places = lambda *given: (count(*given), time.sleep(0.3))[0]
print(people.let_in_student(store, 3) is not None)
"""
    came = at_once(slow, 6)
    assert sorted(came) == ["False\n"] * 3 + ["True\n"] * 3
    assert count_places(lab) == len(read_people(lab, "student")) == 3
    assert let_in_student(lab, 3) is None
    assert let_in_student(lab, 4) is not None


def test_a_run_goes_through_a_restart_of_the_server_and_learns_the_same(
    lab: Store, postgres: PostgresServer, tmp_path: Path
):
    config = RunConfig(dataset="mnist-5k", architecture="mlp-100", epochs=30)
    set_runs_at_once(lab, 1)
    thread = queue.start(lab)
    try:
        run = lab.enqueue(config)
        for epoch in (3, 8):
            wait_until(lambda epoch=epoch: lab.run(run.id).epoch >= epoch)
            pid = lab.run(run.id).pid
            postgres.stop()
            time.sleep(1.5)
            postgres.start()
            assert lab.run(run.id).state == "running"
        wait_until(lambda: not lab.run(run.id).active)
    finally:
        thread.end()
    ended = lab.run(run.id)
    assert (ended.state, ended.epoch, lab.changed_parts(run.id)) == ("finished", 30, [])
    # The worker itself went on: nothing was interrupted and resumed.
    assert pid is not None
    assert ended.note == ""
    undisturbed = Store.open(tmp_path / "undisturbed")
    alone = trained_run(undisturbed, config)
    assert weights_of(lab, ended) == weights_of(undisturbed, alone)
    assert ended.test_loss == alone.test_loss
    for name in ("epoch_train_loss", "validation_loss"):
        values = [store.curves(one.id)[name].value for store, one in ((lab, ended), (undisturbed, alone))]
        assert values[0].tolist() == values[1].tolist()
        assert len(values[0]) == 30


def weights_of(store: Store, run: Run) -> dict[str, bytes]:
    """The values of each of the network's tensors after the run."""
    network = load_network(store, run).model
    return {name: tensor.numpy().tobytes() for name, tensor in network.state_dict().items()}


def test_an_old_database_is_brought_up_to_date_once_whoever_begins(lab: Store, postgres: PostgresServer):
    run = lab.enqueue(RunConfig(), "kept", claimed=True)
    lab.record(run, [EpochEnd(1, 1, 0.1 + 0.2, 0.5, 0.3, 0.5, best=True, seconds=1.0)])
    lab.finish(run, "finished", test_accuracy=0.9)
    database = lab.engine.url.database or ""
    lab.engine.dispose()
    bring_back_server(postgres, database)
    assert at_once("print(store.count_runs())", 4) == ["1\n"] * 4
    kept = lab.run(run.id)
    assert (kept.name, kept.owner, kept.shared, lab.changed_parts(run.id)) == ("kept", None, False, [])
    assert lab.curves(run.id)["epoch_train_loss"].value.tolist() == [0.1 + 0.2]
    fresh = postgres.new_database()
    Store(lab.root, postgres.url(fresh)).engine.dispose()
    columns = "SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns"
    indexes = "SELECT indexname, regexp_replace(indexdef, ' ON .*USING', ' USING') FROM pg_indexes"
    for query in (f"{columns} WHERE table_schema = 'public'", f"{indexes} WHERE schemaname = 'public'"):
        assert set(postgres.execute(query, database)) == set(postgres.execute(query, fresh))
    postgres.drop(fresh)
    # There is no copy of a server's database: docs/guide/cluster.md says who makes one.
    assert not (lab.root / "backups").exists()


def test_a_migration_that_fails_changes_nothing(lab: Store, postgres: PostgresServer):
    run = lab.enqueue(RunConfig(), "kept")
    database = lab.engine.url.database or ""
    lab.engine.dispose()
    bring_back_server(postgres, database)
    # The last statement of the migration finds its column taken.
    postgres.execute("ALTER TABLE sweeps ADD COLUMN owner TEXT", database)
    with pytest.raises(StorageError):
        Store.open()
    assert postgres.execute("SELECT value FROM lab WHERE key = 'schema'", database) == [("10",)]
    columns = "SELECT column_name FROM information_schema.columns WHERE table_name = 'runs'"
    assert ("owner",) not in postgres.execute(columns, database)
    postgres.execute("ALTER TABLE sweeps DROP COLUMN owner", database)
    assert Store.open().run(run.id).name == "kept"


def test_numbers_beyond_32_bits_are_kept(lab: Store):
    run = lab.enqueue(RunConfig(), claimed=True)
    lab.describe(run, macs=3_700_000_000, parameters=2**40)
    assert (lab.run(run.id).macs, lab.run(run.id).parameters) == (3_700_000_000, 2**40)
    with pytest.raises(StorageError, match="too large"):
        lab.describe(run, macs=2**70)


def test_texts_that_a_server_cannot_keep_are_kept_without_those_signs(lab: Store):
    run = lab.enqueue(RunConfig(), "na\0me\ud800", ["t\0ag\udfff"], claimed=True)
    lab.finish(run, "failed", "why\0 \ud800 and 😀")
    ended = lab.run(run.id)
    assert "\0" not in f"{ended.name}{ended.tags}{ended.note}"
    assert ended.note == "why\ufffd \ufffd and 😀"
    assert lab.changed_runs([ended]) == []
    lab.save_sweep("sweep", "sw\0eep", {"text": "a\0b\ud800"})
    sweep = lab.sweep("sweep")
    assert sweep is not None
    assert lab.changed_parts(run.id) == []
    with pytest.raises(StoreError):
        lab.run("no\0thing\ud800")


def test_what_was_measured_is_read_as_it_was_and_a_repeated_report_counts_once(lab: Store):
    run = lab.enqueue(RunConfig(), claimed=True)
    ends = [EpochEnd(1, 1, float("nan"), 0.5, 0.3, 0.5, best=True, seconds=1.0)]
    lab.record(run, ends)
    lab.record(run, ends)
    lab.finish(run, "finished")
    values = lab.curves(run.id)["epoch_train_loss"].value
    assert len(values) == 1
    assert values[0] != values[0]
    assert lab.changed_runs([lab.run(run.id)]) == []
    assert lab.without_fingerprints() == []


def test_names_stay_unlike_if_they_are_chosen_at_once(lab: Store):
    ids = [let_in(lab, "student")[0].id for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda person: name_person(lab, person, "Ada"), ids))
    assert len({person.name for person in read_people(lab)}) == 6


def test_without_the_driver_the_message_names_what_to_install(own_lab: Path):
    absent = "import sys; sys.modules['psycopg'] = None; sys.argv[1:] = ['list']"
    code = f"{absent}; from mnist_core.commands import main; main()"
    environment = os.environ | {"MNIST_LAB_DATABASE": "postgresql://lab:pa55w0rd@127.0.0.1:1/lab"}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 2
    assert "requirements-cluster.txt" in done.stderr
    assert "pa55w0rd" not in done.stderr
