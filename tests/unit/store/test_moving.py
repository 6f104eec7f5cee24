"""Moving all runs from one file to another: nothing changes, nothing is lost, and half a move is none."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mnist_core import environment
from mnist_core.commands.cli import app
from mnist_core.config.run_config import RunConfig
from mnist_core.errors import PathError, StorageError, StoreError
from mnist_core.jobs import trains
from mnist_core.store import SCHEMA_VERSION, move_database
from mnist_core.store.moved_rows import LeftOut
from mnist_core.store.store import Store
from tests.faults.old_databases import write_schema
from tests.moved_labs import check_is_whole, content, filled_database

pytestmark = pytest.mark.sqlite


@pytest.fixture
def source(own_lab: Path) -> str:
    return filled_database()


@pytest.fixture
def target(tmp_path: Path) -> str:
    return environment.sqlite_url(tmp_path / "moved.db")


def opened(url: str) -> Store:
    return Store(environment.results_dir(), url)


def change(url: str, *statements: str) -> None:
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def rows_of(url: str, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        return connection.execute(query).fetchall()


def test_a_copy_has_every_row_and_the_next_number(source: str, target: str):
    before = content(opened(source))
    reports: list[tuple[str, int, int]] = []
    moved = move_database(source, target, trains, lambda *given: reports.append(given))
    assert moved.rows == {name: len(rows) for name, rows in before.items()}
    assert (moved.left_out, moved.queued) == ([], 1)
    assert reports[-1][1] == reports[-1][2] == moved.rows[reports[-1][0]]
    copy = opened(target)
    assert content(copy) == content(opened(source)) == before
    check_is_whole(copy)
    assert Path(target.removeprefix("sqlite:///")).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("version", [6, 7])
def test_an_older_database_is_brought_up_to_date_in_the_copy_alone(version: int, own_lab: Path, target: str):
    source = environment.sqlite_url(own_lab / "runs.db")
    write_schema(own_lab / "runs.db", version)
    before = rows_of(source, "SELECT * FROM runs")
    move_database(source, target, lambda _: False)
    schema = "SELECT value FROM lab WHERE key = 'schema'"
    assert rows_of(source, schema) == [(str(version),)]
    assert rows_of(source, "SELECT * FROM runs") == before
    assert rows_of(target, schema) == [(str(SCHEMA_VERSION),)]
    copy = opened(target)
    changed = {run.number: parts for run in copy.runs() if (parts := copy.changed_parts(run.id))}
    # Changed from outside before.
    assert changed == ({5: ["validation_loss"], 6: ["results"]} if version == 6 else {4: ["results"]})


def test_a_target_with_settings_alone_is_empty_and_one_with_runs_is_not(source: str, target: str, tmp_path: Path):
    made = Store(tmp_path / "fresh", target)
    made.set_setting("runs_at_once", 7)
    move_database(source, target, trains)
    assert made.setting("runs_at_once") == 0
    with pytest.raises(StoreError, match="not empty"):
        move_database(source, target, trains)
    assert made.count_runs() == 3


def test_nothing_is_copied_while_something_trains_or_has_the_source_open(source: str, target: str):
    app_of_today = opened(source)
    app_of_today.count_runs()
    with pytest.raises(StoreError, match="open in another program"):
        move_database(source, target, trains)
    run = app_of_today.enqueue(RunConfig(), claimed=True)
    app_of_today.engine.dispose()
    with pytest.raises(StoreError, match=f"#{run.number}"):
        move_database(source, target, trains)
    # Its process is gone.
    change(source, "UPDATE runs SET pid_start = replace(pid_start, '-', '-1') WHERE state = 'running'")
    move_database(source, target, lambda _: False)
    assert opened(target).run(run.id).state == "running"


def to_itself(source: str, target: str) -> str:
    return source


def to_a_folder_that_is_not_there(source: str, target: str) -> str:
    return target.replace("moved.db", "away/moved.db")


def to_a_path(source: str, target: str) -> str:
    return target.removeprefix("sqlite:///")


def to_another_kind_of_file(source: str, target: str) -> str:
    Path(target.removeprefix("sqlite:///")).write_text("A letter to a friend, which is long enough.")
    return target


@pytest.mark.parametrize("place", [to_itself, to_a_folder_that_is_not_there, to_a_path, to_another_kind_of_file])
def test_a_place_that_will_not_do_is_named_as_the_argument(place: Callable[[str, str], str], source: str, target: str):
    url = place(source, target)
    path = Path(url.removeprefix("sqlite:///"))
    before = path.read_bytes() if path.exists() and url != source else None
    with pytest.raises((StorageError, StoreError, PathError)) as refused:
        move_database(source, url, trains)
    assert "MNIST_LAB_DATABASE" not in str(refused.value)
    assert url == source or (path.read_bytes() if path.exists() else None) == before
    assert opened(source).count_runs() == 3


@pytest.mark.parametrize("is_there", [False, True])
def test_a_move_that_is_cut_short_leaves_the_target_empty(is_there: bool, source: str, target: str, tmp_path: Path):
    path = Path(target.removeprefix("sqlite:///"))
    if is_there:
        Store(tmp_path / "fresh", target).engine.dispose()

    def press(table: str, done: int, total: int) -> None:
        if table == "measurements" and done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        move_database(source, target, trains, press)
    assert path.exists() == is_there
    assert not list(path.parent.glob("moved.db-*"))
    move_database(source, target, trains)
    check_is_whole(opened(target))


def test_damaged_rows_stay_what_they_are_and_what_nothing_refers_to_is_named(source: str, target: str):
    change(
        source,
        "UPDATE runs SET config = 'no JSON' WHERE number = 1",
        "UPDATE runs SET epoch = 1.5, name = CAST(x'ff' AS TEXT) WHERE number = 2",
        "UPDATE measurements SET train_loss = 'much' WHERE run = 2 AND id = 1",
        "INSERT INTO fingerprints VALUES (77, 'lost', 'x')",
    )
    moved = move_database(source, target, trains)
    assert moved.left_out == [LeftOut("fingerprints", 77)]
    assert [run.number for run in opened(target).broken()] == [2, 1]
    assert [run.number for run in opened(source).broken()] == [2, 1]
    columns = "SELECT config, epoch, CAST(name AS BLOB) FROM runs"
    assert rows_of(target, columns) == rows_of(source, columns)
    assert rows_of(target, "SELECT * FROM measurements") == rows_of(source, "SELECT * FROM measurements")


def test_the_command_says_what_it_copied_and_what_to_set_next(source: str, target: str):
    done = CliRunner().invoke(app, ["move", target])
    assert done.exit_code == 0, done.output
    assert "MNIST_LAB_DATABASE" in done.stdout
    assert str(environment.results_dir()) in done.stdout.replace("\n", "")
    Path(target.removeprefix("sqlite:///")).unlink()
    change(source, "INSERT INTO fingerprints VALUES (77, 'lost', 'x')")
    again = CliRunner().invoke(app, ["move", target, "--json"])
    assert again.exit_code == 1
    told = json.loads(again.stdout)
    assert (told["rows"]["runs"], told["left_out"]) == (3, [{"table": "fingerprints", "run": 77}])
    refused = CliRunner().invoke(app, ["move", "postgresql://lab:pa55w0rd@127.0.0.1:1/lab"])
    assert isinstance(refused.exception, StorageError)
    assert "pa55w0rd" not in f"{refused.output}{refused.exception}"
