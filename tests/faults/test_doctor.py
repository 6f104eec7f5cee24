"""The doctor on results folders that are really damaged: it names what is wrong, and repairs without a loss."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mnist_core.commands import cli
from mnist_core.config.run_config import RunConfig
from mnist_core.store.database_copies import copy_daily
from mnist_core.store.schema import SCHEMA_VERSION
from mnist_core.store.store import Store
from mnist_core.upkeep.doctor import examine
from mnist_core.upkeep.finding import Finding
from tests.faults.old_databases import write_old
from tests.labs import trained_run

SMALL = RunConfig(dataset="mnist-5k", train_images=200, architecture="softmax", epochs=1)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder with two runs, and today's copy of its database."""
    folder = tmp_path_factory.mktemp("lab") / "results"
    store = Store.open(folder)
    folder.chmod(0o700)
    for seed in (0, 1):
        trained_run(store, SMALL.replace(seed=seed))
    copy_daily(folder / "runs.db", folder, 0.0)
    with closing(sqlite3.connect(folder / "runs.db")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return folder


@pytest.fixture
def lab(prepared: Path, own_lab: Path) -> Path:
    shutil.copytree(prepared, own_lab)
    own_lab.chmod(0o700)
    return own_lab


def seen(lab: Path, repair: bool = False) -> list[Finding]:
    return examine(lab / "runs.db", lab, repair)


def wrong(lab: Path) -> list[str]:
    return [finding.text for finding in seen(lab) if finding.state == "wrong"]


def files_of_runs(lab: Path) -> dict[Path, bytes]:
    return {
        path: path.read_bytes()
        for path in lab.glob("*/**/*.*")
        if path.is_file() and path.suffix != ".part" and not path.name.startswith("runs.db")
    }


def execute(lab: Path, *statements: str) -> None:
    with closing(sqlite3.connect(lab / "runs.db")) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def remove_database(lab: Path) -> None:
    for path in lab.glob("runs.db*"):
        path.unlink()


def empty_database(lab: Path) -> None:
    (lab / "runs.db").write_bytes(b"")


def cut_database(lab: Path) -> None:
    content = (lab / "runs.db").read_bytes()
    (lab / "runs.db").write_bytes(content[: len(content) // 2])


def spoil_page(lab: Path) -> None:
    content = bytearray((lab / "runs.db").read_bytes())
    content[4096 * 3 : 4096 * 5] = b"\xff" * 4096 * 2
    (lab / "runs.db").write_bytes(content)


def drop_table(lab: Path) -> None:
    execute(lab, "DROP TABLE measurements")


def spoil_row(lab: Path) -> None:
    execute(lab, 'UPDATE runs SET config = \'{"epochs": "many"}\' WHERE number = 2')


def change_figure(lab: Path) -> None:
    execute(lab, "UPDATE runs SET test_accuracy = 1 WHERE number = 2")


def flip_file(lab: Path) -> None:
    path = next(lab.glob("*/predictions.parquet"))
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)


def remove_folder(lab: Path) -> None:
    shutil.rmtree(next(lab.glob("*/predictions.parquet")).parent)


def open_folder(lab: Path) -> None:
    lab.chmod(0o755)


def leave_temporary_files(lab: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    (lab / f".import-x.{gone.pid}.part").mkdir()
    (next(lab.glob("*/checkpoints")) / f".epoch-0002.safetensors.{gone.pid}.part").write_bytes(b"x" * 1000)
    # The doctor leaves files of living processes alone.
    (lab / f".y.{os.getpid()}.part").write_bytes(b"")


def lose_row(lab: Path) -> None:
    execute(lab, "PRAGMA foreign_keys = ON", "DELETE FROM runs WHERE number = 2")


HARMS = [
    remove_database,
    empty_database,
    cut_database,
    spoil_page,
    drop_table,
    spoil_row,
    change_figure,
    flip_file,
    remove_folder,
    open_folder,
    leave_temporary_files,
    lose_row,
]
REPAIRED = [remove_database, empty_database, open_folder, leave_temporary_files, lose_row]


def test_a_sound_folder_is_well(lab: Path):
    assert wrong(lab) == []


@pytest.mark.parametrize("harm", HARMS)
def test_every_harm_is_named_with_its_remedy(lab: Path, harm: Callable[[Path], None]):
    harm(lab)
    before = files_of_runs(lab), list(lab.rglob("*.part"))
    wrong = [finding for finding in seen(lab) if finding.state == "wrong"]
    assert wrong
    assert all(finding.remedy for finding in wrong)
    assert (files_of_runs(lab), list(lab.rglob("*.part"))) == before


@pytest.mark.parametrize("harm", HARMS)
def test_repairing_mends_what_is_safe_and_loses_nothing(lab: Path, harm: Callable[[Path], None]):
    intact = Store.open(lab)
    runs = intact.runs()
    metrics = {run.id: intact.metrics(run.id).drop(columns="id") for run in runs}
    harm(lab)
    files = files_of_runs(lab)
    seen(lab, repair=True)
    assert files_of_runs(lab) == files
    assert (wrong(lab) == []) == (harm in REPAIRED)
    if harm in REPAIRED:
        again = Store.open(lab)
        assert [(run.id, run.number, run.test_accuracy) for run in again.runs()] == [
            (run.id, run.number, run.test_accuracy) for run in runs
        ]
        for run in runs:
            assert again.metrics(run.id).drop(columns="id").equals(metrics[run.id])
            assert again.changed_parts(run.id) == []


def lose_list(lab: Path) -> None:
    execute(lab, "DELETE FROM artifacts WHERE run = 2 AND kind = 'checkpoint'")


def leave_dropped_file(lab: Path) -> None:
    """Leave a file as a process does that is killed after deleting the file's row and before deleting the file."""
    path = next(lab.glob("*/checkpoints/*.safetensors"))
    shutil.copy(path, path.with_name("epoch-0000.safetensors"))


@pytest.mark.parametrize("harm", [lose_list, leave_dropped_file])
def test_files_that_no_row_lists_are_listed_again_or_removed(lab: Path, harm: Callable[[Path], None]):
    files = files_of_runs(lab)
    (run,) = (run for run in Store.open(lab).runs() if run.number == 2)
    listed = Store.open(lab).artifacts(run.id)
    own_notes = lab / run.id / "notes.txt"
    own_notes.write_text("a person's own")
    harm(lab)
    assert wrong(lab)
    assert len(files_of_runs(lab)) >= len(files) + 1
    seen(lab, repair=True)
    assert wrong(lab) == []
    assert files_of_runs(lab) == files | {own_notes: own_notes.read_bytes()}
    assert Store.open(lab).artifacts(run.id) == listed


@pytest.mark.parametrize("version", [1, 4, SCHEMA_VERSION])
def test_looking_changes_nothing_of_an_older_database_either(own_lab: Path, version: int):
    write_old(own_lab / "runs.db", version)
    own_lab.chmod(0o700)
    before = {path: path.read_bytes() for path in own_lab.rglob("*") if path.is_file()}
    findings = examine(own_lab / "runs.db", own_lab)
    assert {path: path.read_bytes() for path in own_lab.rglob("*") if path.is_file()} == before
    assert not [finding for finding in findings if finding.state == "wrong"]
    assert any(str(version) in finding.text for finding in findings if finding.state == "note") == (
        version < SCHEMA_VERSION
    )


def test_a_row_comes_back_under_another_number_if_its_own_is_taken(lab: Path):
    lost = Store.open(lab).find("2")
    lose_row(lab)
    execute(
        lab,
        "UPDATE runs SET number = 2 WHERE number = 1",
        "UPDATE artifacts SET run = 2 WHERE run = 1",
        "UPDATE measurements SET id = id + 1000, run = 2 WHERE run = 1",
        "UPDATE fingerprints SET run = 2 WHERE run = 1",
    )
    seen(lab, repair=True)
    assert wrong(lab) == []
    again = Store.open(lab).run(lost.id)
    assert again.number == 3
    assert again.test_accuracy == lost.test_accuracy


def test_the_command(lab: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    def command(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["mnist_core", "doctor", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return int(ended.value.code or 0), capsys.readouterr().out

    assert command()[0] == 0
    lab.chmod(0o755)
    status, text = command("--json")
    assert (status, json.loads(text)["well"]) == (1, False)
    assert {finding["area"] for finding in json.loads(text)["findings"]} == {"installation", "results", "data"}
    assert command("--repair")[0] == 0
    assert lab.stat().st_mode & 0o777 == 0o700


def test_runs_without_fingerprints_are_named_and_get_them_on_request(lab: Path):
    execute(lab, "DELETE FROM fingerprints WHERE run = 1")
    (named,) = [finding for finding in seen(lab) if "#1" in finding.text]
    assert (named.state, "#2" in named.text, "--fingerprint" in named.remedy) == ("note", False, True)
    execute(lab, "UPDATE runs SET test_accuracy = 0.125 WHERE number = 1")
    assert wrong(lab) == []
    # The present figures get fingerprints; a note goes on saying that these were made late.
    assert CliRunner().invoke(cli.app, ["doctor", "--fingerprint", "--json"]).exit_code == 0
    (named,) = [finding for finding in seen(lab) if "#1" in finding.text]
    assert (named.state, named.remedy) == ("note", "")
    execute(lab, "UPDATE runs SET test_accuracy = 0.25 WHERE number = 1")
    assert any("#1" in text for text in wrong(lab))
    # A run that goes on gets fingerprints of its own when it ends.
    store = Store.open(lab)
    execute(lab, "UPDATE runs SET state = 'interrupted', test_accuracy = 0.125 WHERE number = 1")
    store.requeue(store.find("1").id)
    claimed = store.claim()
    assert claimed is not None
    store.finish(claimed, "finished", test_accuracy=0.5)
    assert not [finding for finding in seen(lab) if "#1" in finding.text]
