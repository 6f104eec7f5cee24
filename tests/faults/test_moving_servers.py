"""Moving all runs to a PostgreSQL server and back: nothing changes, and what a server cannot keep is named."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from mnist_core import environment
from mnist_core.config.run_config import RunConfig
from mnist_core.errors import StorageError, StoreError
from mnist_core.jobs import trains
from mnist_core.store import SCHEMA_VERSION, move_database
from mnist_core.store.store import Store
from tests.app_process import ROOT
from tests.faults.old_databases import bring_back_server, write_schema
from tests.moved_labs import check_is_whole, content, filled_database
from tests.postgres_server import PostgresServer

pytestmark = [pytest.mark.long, pytest.mark.sqlite]


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[str]:
    """The name of an empty database on the server."""
    name = postgres.new_database()
    yield name
    postgres.drop(name)


@pytest.fixture
def server(database: str, postgres: PostgresServer) -> str:
    return postgres.url(database)


@pytest.fixture
def source(own_lab: Path) -> str:
    return filled_database()


def opened(url: str) -> Store:
    return Store(environment.results_dir(), url)


def in_file(path: Path, *statements: str) -> list[tuple[object, ...]]:
    """The rows that the last of these statements gives in a file."""
    with closing(sqlite3.connect(path)) as connection, connection:
        return [connection.execute(statement).fetchall() for statement in statements][-1]


def test_a_store_goes_to_a_server_and_back_unchanged(source: str, server: str, tmp_path: Path):
    before = content(opened(source))
    there = move_database(source, server, trains)
    assert there.rows == {name: len(rows) for name, rows in before.items()}
    assert (there.left_out, there.queued) == ([], 1)
    assert content(opened(server)) == before
    file = environment.sqlite_url(tmp_path / "back.db")
    assert move_database(server, file, trains).rows == there.rows
    assert content(opened(file)) == before
    special = "SELECT run, typeof(train_loss), train_loss FROM measurements WHERE typeof(train_loss) = 'text'"
    assert in_file(tmp_path / "back.db", special) == [(1, "text", "-inf"), (2, "text", "nan"), (2, "text", "-inf")]
    for url in (file, server):
        check_is_whole(opened(url))


def test_an_old_file_and_an_old_server_are_brought_up_to_date_in_the_copy_alone(
    own_lab: Path, server: str, database: str, postgres: PostgresServer, tmp_path: Path
):
    write_schema(own_lab / "runs.db", 7)
    move_database(environment.database_url(), server, lambda _: False)
    assert in_file(own_lab / "runs.db", "SELECT value FROM lab WHERE key = 'schema'") == [("7",)]
    copy = opened(server)
    changed = {run.number: parts for run in copy.runs() if (parts := copy.changed_parts(run.id))}
    assert changed == {4: ["results"]}
    copy.engine.dispose()

    bring_back_server(postgres, database)
    file = environment.sqlite_url(tmp_path / "back.db")
    move_database(server, file, lambda _: False)
    assert postgres.execute("SELECT value FROM lab WHERE key = 'schema'", database) == [("10",)]
    assert opened(file).count_runs() == copy.count_runs()
    version = in_file(tmp_path / "back.db", "SELECT value FROM lab WHERE key = 'schema'")
    assert version == [(str(SCHEMA_VERSION),)]


def test_rows_that_a_server_cannot_keep_are_named_and_stay_in_the_file(source: str, server: str, own_lab: Path):
    file = own_lab / "runs.db"
    store = Store.open()
    numbers = [store.enqueue(RunConfig()).number for _ in range(4)]
    store.engine.dispose()
    damages = ("config = 'no JSON'", "epoch = 1.5", "name = CAST(x'ff' AS TEXT)", "created = 'today'")
    in_file(
        file,
        *(f"UPDATE runs SET {damage} WHERE number = {number}" for damage, number in zip(damages, numbers, strict=True)),
        f"INSERT INTO fingerprints VALUES ({numbers[0]}, 'of a run that is left out', 'x')",
        "INSERT INTO fingerprints VALUES (77, 'of no run', 'x')",
        "UPDATE measurements SET train_loss = 'much' WHERE run = 2 AND id = 1",
        "UPDATE runs SET name = 'a' || char(0) || 'b' WHERE number = 3",
    )
    done = subprocess.run(
        [sys.executable, "-m", "mnist_core", "move", server, "--json"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 1, done.stderr
    assert {(row["table"], row["run"]) for row in json.loads(done.stdout)["left_out"]} == {
        *(("runs", number) for number in numbers),
        ("fingerprints", 77),
        ("measurements", 2),
    }
    copy = opened(server)
    assert [run.number for run in copy.runs()] == [3, 2, 1]
    assert copy.runs()[0].name == "a�b"
    assert copy.enqueue(RunConfig()).number == numbers[-1] + 1
    assert in_file(file, "SELECT count(*) FROM runs") == [(7,)]
    assert {run.number for run in opened(environment.database_url()).broken()} == set(numbers)


def test_a_server_in_use_or_filled_is_refused_without_its_password(source: str, server: str, tmp_path: Path):
    move_database(source, server, trains)
    app = opened(server)
    assert app.count_runs() == 3
    with pytest.raises(StoreError, match="open in another program"):
        move_database(server, environment.sqlite_url(tmp_path / "back.db"), trains)
    assert not (tmp_path / "back.db").exists()
    app.engine.dispose()
    away = server.rpartition("/")[0] + "/not_there"
    for url in (server, away):
        done = subprocess.run(
            [sys.executable, "-m", "mnist_core", "move", url], cwd=ROOT, capture_output=True, text=True
        )
        assert done.returncode == 2
        assert "URL" in done.stderr
        assert "MNIST_LAB_DATABASE" not in done.stderr
        assert "pa55w0rd" not in done.stdout + done.stderr
    assert app.count_runs() == 3


def test_a_move_that_is_cut_short_leaves_no_table(source: str, server: str, database: str, postgres: PostgresServer):
    # The process stops in the middle of its transaction, until Ctrl-C.
    code = """
import sys, time
from mnist_core.commands import cli, move_command
mover = move_command.move_database
def slow(table, done, total):
    if table == "measurements" and done:
        print("copied", flush=True)
        time.sleep(60)
move_command.move_database = lambda *given: mover(*given[:3], slow)
cli.main()
"""
    command = [sys.executable, "-c", code, "move", server]
    tables = "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'"
    for number, expected in ((signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)):
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=os.environ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "copied\n"
            process.send_signal(number)
            assert process.wait(60) == expected
        assert postgres.execute(tables, database) == [(0,)]
    move_database(source, server, trains)
    check_is_whole(opened(server))


def test_a_server_that_ends_during_the_move_is_named(source: str, server: str, postgres: PostgresServer):
    def stop(table: str, done: int, total: int) -> None:
        if table == "runs" and done:
            postgres.stop()

    try:
        with pytest.raises(StorageError, match="URL") as refused:
            move_database(source, server, trains, stop)
    finally:
        postgres.start()
    assert refused.value.kind == "unreachable"
    move_database(source, server, trains)
    check_is_whole(opened(server))
