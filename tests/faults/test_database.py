"""A database that is locked, full, damaged, missing or wrongly named: a sentence that names the file, and no more."""

import errno
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from mnist_core.config.run_config import RunConfig
from mnist_core.errors import StorageError, StoreError
from mnist_core.jobs import troubles
from mnist_core.store import connections as store_connections
from mnist_core.store import failures, rows
from mnist_core.store.run import Run
from mnist_core.store.schema import runs
from mnist_core.store.store import Store
from mnist_core.upkeep.doctor import examine
from mnist_core.upkeep.restore import restore
from tests.app_process import ROOT

SMALL = RunConfig(dataset="mnist-5k", train_images=200, architecture="flatten linear(classes)", epochs=1)
SECRET = "a-name-that-nobody-may-see"
# What the drivers and SQLAlchemy say of an error, and must not reach a person.
LEAKS = (
    "INSERT",
    "UPDATE",
    "SELECT",
    "PRAGMA",
    "parameters",
    "sqlalche",
    "Background on",
    "sqlite3.",
    "Traceback",
    SECRET,
)


@pytest.fixture
def lab(own_lab: Path) -> Store:
    store = Store.open()
    store.enqueue(SMALL, SECRET)
    store.engine.dispose()
    return store


def command_line(*words: str, **surroundings: str) -> subprocess.CompletedProcess[str]:
    """The real command line, in the test's own results folder."""
    return subprocess.run(
        [sys.executable, "-m", "mnist_core", *words],
        cwd=ROOT,
        env=os.environ | surroundings,
        capture_output=True,
        text=True,
        timeout=100,
    )


def path_of(store: Store) -> Path:
    assert store.file is not None
    return store.file


def execute(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def assert_told(text: str, path: Path) -> None:
    """Check that a message is one line, names the file and holds nothing secret."""
    assert str(path) in text
    assert len(text.strip().splitlines()) == 1
    assert not any(leak in text for leak in LEAKS), text


def drop_table(path: Path) -> None:
    execute(path, "DROP TABLE measurements")


def drop_lab(path: Path) -> None:
    execute(path, "DROP TABLE lab")


def drop_column(path: Path) -> None:
    execute(path, "ALTER TABLE runs DROP COLUMN note")


def overwrite_page(path: Path) -> None:
    """Overwrite the database page that holds the rows of the runs, but not the one of their index."""
    content = bytearray(path.read_bytes())
    pages = range(0, len(content), 4096)
    # Pages of tables that hold rows begin with 13; those of indexes, which may hold the name, too, with 10.
    start = next(page for page in pages if content[page] == 13 and SECRET.encode() in content[page : page + 4096])
    content[start : start + 4096] = b"\xa5" * 4096
    path.write_bytes(content)


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2 // 4096 * 4096)


def overwrite_header(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(b"no database here" + content[16:])


def spoil_name(path: Path) -> None:
    """A name in the list of tables holds bytes that are no text: SQLite quotes them in its message."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = path.read_bytes()
    spoiled = content.replace(b"runs_by_digestruns", b"runs\xe5by\xe5digestruns")
    path.write_bytes(spoiled.replace(b"CREATE INDEX runs_by_digest", b"CREATE INXED runs_by_digest"))


DAMAGES: list[Callable[[Path], None]] = [drop_table, drop_lab, drop_column, truncate, overwrite_header, spoil_name]


@pytest.mark.parametrize("damage", DAMAGES)
def test_every_damage_is_one_sentence_with_file_and_remedy(damage: Callable[[Path], None], lab: Store):
    damage(path_of(lab))

    def read() -> None:
        store = Store.open()
        store.metrics(store.find("1").id)

    with pytest.raises(StoreError) as refused:
        read()
    assert_told(str(refused.value), path_of(lab))
    assert "doctor" in str(refused.value)


def test_what_another_table_holds_can_be_read(lab: Store):
    drop_table(path_of(lab))
    assert [run.name for run in Store.open().runs()] == [SECRET]


def test_a_damaged_page_takes_no_more_runs_than_it_holds(own_lab: Path):
    store = Store.open()
    store.enqueue(SMALL, SECRET)
    store.enqueue_all([(SMALL, "other")] * 20)
    store.engine.dispose()
    overwrite_page(path_of(store))
    again = Store.open()
    whole, broken = again.runs_and_broken()
    assert 10 < len(whole) < 21
    assert {run.number for run in whole} | {run.number for run in broken} == set(range(1, 22))
    assert all("doctor" in run.reason for run in broken)
    with again.engine.connect() as connection:
        readable = rows.readable(connection, sa.select(runs.c.number, runs.c.name))
    assert len(readable) < 21
    assert {run.number for run in whole} <= {row.number for row in readable}
    done = command_line("list")
    assert done.returncode == 0
    assert f"{broken[0].number} " in done.stdout
    assert not any(leak in done.stdout + done.stderr for leak in LEAKS)


def test_the_command_line_tells_of_a_damage_in_one_line(lab: Store):
    overwrite_header(path_of(lab))
    done = command_line("list")
    assert done.returncode == 2
    assert_told(done.stderr, path_of(lab))


def test_a_lock_of_another_program(lab: Store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(store_connections, "LOCK_SECONDS", 0.2)
    store = Store.open()
    with closing(sqlite3.connect(path_of(lab))) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageError) as refused:
            store.enqueue(SMALL, SECRET)
    assert refused.value.kind == "locked"
    assert_told(str(refused.value), path_of(lab))
    store.enqueue(SMALL, "afterwards")
    assert len(store.runs()) == 2


def test_a_full_disk(lab: Store):
    with lab.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    run = lab.runs()[0]
    with pytest.raises(StorageError) as refused:
        lab.set_tags(run.id, [f"{SECRET} {number}" for number in range(10_000)])
    assert refused.value.kind == "full"
    assert_told(str(refused.value), path_of(lab))
    assert lab.run(run.id).tags == ()


def test_a_text_that_no_database_can_keep_names_nothing(lab: Store):
    with pytest.raises(StoreError) as refused:
        lab.run("\ud83d")
    assert not any(leak in str(refused.value) for leak in LEAKS)
    assert lab.artifacts("\ud83d") == []


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("nonsense", "MNIST_LAB_DATABASE"),
        ("oracel://somebody:pa55w0rd@example.org/lab", "oracel"),
        ("postgresql+pg8000://somebody:pa55w0rd@example.org/lab", "postgresql"),
        ("postgresql://somebody:pa55w0rd@example.org:port/lab", "MNIST_LAB_DATABASE"),
        ("sqlite://", "MNIST_LAB_DATABASE"),
        ("sqlite:///:memory:", "MNIST_LAB_DATABASE"),
        ("sqlite:///file:lab.db?mode=memory&uri=true&password=pa55w0rd", "MNIST_LAB_DATABASE"),
        ("sqlite:///~nobody123/runs.db", "~nobody123"),
        ("sqlite:////nowhere/at/all/runs.db", "/nowhere/at/all/runs.db"),
        ("sqlite:////proc", "/proc"),
        ("sqlite:////dev/zero", "/dev/zero"),
    ],
)
def test_a_wrong_address_names_the_remedy_and_no_password(url: str, shown: str, own_lab: Path):
    done = command_line("list", MNIST_LAB_DATABASE=url)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert shown in done.stderr
    assert "pa55w0rd" not in done.stderr + done.stdout
    assert not any(leak in done.stderr for leak in LEAKS)


def test_a_database_of_another_program_is_left_alone(tmp_path: Path):
    path = tmp_path / "other.db"
    execute(path, "CREATE TABLE runs (mine TEXT)")
    before = path.read_bytes()
    with pytest.raises(StorageError) as refused:
        Store(tmp_path / "results", f"sqlite:///{path}")
    assert str(path) in str(refused.value)
    assert path.read_bytes() == before


def run_folder(store: Store) -> Run:
    """A run that has a file."""
    run = store.enqueue(SMALL, "kept", claimed=True)
    store.write_artifact(run, "a.bin", "checkpoint", 1, 1, Path.touch)
    store.engine.dispose()
    return run


@pytest.mark.parametrize("state", ["missing", "empty"])
def test_no_empty_store_is_begun_beside_runs(state: str, lab: Store):
    run_folder(lab)
    for path in path_of(lab).parent.glob("runs.db*"):
        path.unlink()
    if state == "empty":
        path_of(lab).touch()
    done = command_line("list")
    assert done.returncode == 2
    assert_told(done.stderr, path_of(lab))
    assert "doctor" in done.stderr
    assert path_of(lab).exists() == (state == "empty")
    assert not path_of(lab).exists() or not path_of(lab).stat().st_size


def test_a_file_that_is_removed_and_brought_back_while_in_use(lab: Store, tmp_path: Path):
    run = lab.runs()[0]
    path, elsewhere = path_of(lab), tmp_path / "elsewhere.db"
    path.rename(elsewhere)
    for use in (lab.runs, lambda: lab.rename(run.id, "lost")):
        with pytest.raises(StorageError) as refused:
            use()
        assert refused.value.kind == "missing"
        assert_told(str(refused.value), path)
    assert not path.exists()
    elsewhere.rename(path)
    assert lab.runs() == [run]


def test_a_results_folder_may_have_any_name(tmp_path: Path):
    folder = tmp_path / "50% of what? #1 ä"
    Store.open(folder).enqueue(SMALL, "kept")
    assert {path.name for path in tmp_path.iterdir() if path.is_dir()} == {folder.name}
    store = Store(folder, Store.open(folder).url)
    assert [run.name for run in store.runs()] == ["kept"]


def test_a_relative_address_means_the_same_in_every_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    store = Store(tmp_path / "results", "sqlite:///here.db")
    monkeypatch.chdir("/")
    assert Store(tmp_path / "results", store.url).file == tmp_path / "here.db"


def write_some(path: Path) -> None:
    path.write_bytes(b"x" * 100)


@pytest.mark.parametrize(
    ("column", "value"), [("size", "'many'"), ("path", "x'ff00'"), ("sha256", "x'00'"), ("step", "''")]
)
def test_a_damaged_entry_of_a_file_spoils_no_other_run(column: str, value: str, own_lab: Path):
    store = Store.open()
    spoiled, whole = (store.enqueue(SMALL, claimed=True) for _ in range(2))
    for run in (spoiled, whole):
        store.write_artifact(run, "some.parquet", "predictions", 1, 1, write_some)
        store.finish(run, "stopped")
    execute(path_of(store), f"UPDATE artifacts SET {column} = {value} WHERE run = 1")
    with pytest.raises(StorageError) as refused:
        store.artifacts(spoiled.id)
    assert refused.value.kind == "damaged"
    assert [file.size for file in store.artifacts(whole.id)] == [100]
    assert store.sizes()[whole.id] == 100
    store.delete([spoiled.id])
    assert store.purge(float("inf")) == 1
    assert not store.folder(spoiled.id).exists()


def test_another_kind_of_file_is_no_database_and_is_left_as_it_is(own_lab: Path, tmp_path: Path, monkeypatch):
    other = tmp_path / "passwords.txt"
    other.write_text("root:x:0:0:root:/root:/bin/bash\n" * 50)
    other.chmod(0o644)
    before = other.read_bytes()
    Store.open()
    monkeypatch.setenv("MNIST_LAB_DATABASE", f"sqlite:///{other}")
    with pytest.raises(StorageError) as refused:
        Store.open()
    assert refused.value.kind == "foreign"
    assert_told(str(refused.value), other)
    (finding,) = examine(other, own_lab, repair=True)
    assert (finding.state, str(other) in finding.text) == ("wrong", True)
    with pytest.raises(StorageError):
        restore(tmp_path, other, own_lab, replace=True)
    assert (other.read_bytes(), other.stat().st_mode & 0o777) == (before, 0o644)


def test_a_database_with_a_damaged_beginning_is_not_taken_for_another_kind_of_file(tmp_path: Path, monkeypatch):
    path = tmp_path / "elsewhere.db"
    monkeypatch.setenv("MNIST_LAB_DATABASE", f"sqlite:///{path}")
    Store.open()
    whole = path.read_bytes()
    for head in (b"SQL\0te format 3\0", bytes(16)):
        path.write_bytes(head + whole[16:])
        with pytest.raises(StorageError) as refused:
            Store.open()
        assert refused.value.kind == "damaged"


def test_every_part_says_the_same_of_a_full_disk(tmp_path: Path):
    full = OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "file"))
    of_file = failures.of_system(full, tmp_path)
    database = tmp_path / "runs.db"
    database.touch()
    of_sqlite = failures.of_sqlite(sqlite_full(), database)
    assert {of_file.kind, of_sqlite.kind} == {"full"}
    assert all(failures.MAKE_ROOM in str(error) for error in (of_file, of_sqlite))
    assert failures.MAKE_ROOM in troubles.explain(full)
    assert all(map(troubles.passes, (full, of_file, of_sqlite)))


def sqlite_full() -> sqlite3.Error:
    """The error of a database that may not grow."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("PRAGMA max_page_count = 2")
        try:
            connection.execute("CREATE TABLE large AS SELECT randomblob(100000)")
        except sqlite3.Error as error:
            return error
    raise AssertionError("it has grown")
