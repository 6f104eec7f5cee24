"""One bit of a kept file has changed: it is noticed before anything is made of the file, or it changes nothing."""

import contextlib
import json
import os
import shutil
import sqlite3
import struct
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from random import Random
from typing import Any

import pytest

from mnist_core import api
from mnist_core.analysis import measures, predictions, trained
from mnist_core.commands import cli
from mnist_core.config.run_config import RunConfig
from mnist_core.errors import CheckpointError, StorageError, StoreError
from mnist_core.export import formats
from mnist_core.export.archive import archive
from mnist_core.report.content import gather_content
from mnist_core.report.page import report_html
from mnist_core.store.artifacts import Artifact
from mnist_core.store.run import Run
from mnist_core.store.schema import runs
from mnist_core.store.store import Store
from tests.app.pages import opened
from tests.blank_files import write_blank_files
from tests.labs import trained_run

SMALL = RunConfig(dataset="mnist-5k", train_images=200, architecture="flatten linear(classes)", epochs=2)
FLIPS = 200
# Given again by an import, whatever the archive holds.
NEW = {"number", "id", "note", "tags"}


@pytest.fixture(scope="module")
def trained_once(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A results folder with two runs that were trained, and the archive of the first."""
    folder = tmp_path_factory.mktemp("kept")
    store = Store.open(folder / "results")
    for seed in (0, 1):
        trained_run(store, SMALL.replace(seed=seed))
    formats.write_export(store, store.find("1"), "zip", folder / "run.zip")
    return folder / "results", folder / "run.zip"


@pytest.fixture
def lab(trained_once: tuple[Path, Path], own_lab: Path) -> Store:
    """A copy of the results folder for one test."""
    shutil.copytree(trained_once[0], own_lab)
    return Store.open()


def flips(path: Path, random: Random) -> Iterator[int]:
    """Change one bit of the file at a time and yield its position; at the end the file is as before."""
    whole = path.read_bytes()
    for bit in random.sample(range(8 * len(whole)), FLIPS):
        flip(path, whole, bit)
        yield bit
    path.write_bytes(whole)


def flip(path: Path, whole: bytes, bit: int) -> None:
    changed = bytearray(whole)
    changed[bit // 8] ^= 1 << bit % 8
    path.write_bytes(changed)


def predictions_of(store: Store, run: Run) -> tuple[Path, Artifact]:
    file = store.artifacts(run.id, kind="predictions")[-1]
    return store.folder(run.id) / file.path, file


def test_every_flip_in_predictions_is_noticed(lab: Store):
    run = lab.find("1")
    intact = predictions.load_split(lab, run)
    path, _ = predictions_of(lab, run)
    for bit in flips(path, Random(1)):
        with pytest.raises(StoreError):
            predictions.load_split(lab, run)
        assert path.stat().st_size, bit
    assert predictions.load_split(lab, run).equals(intact)


def test_every_flip_in_a_checkpoint_is_noticed(lab: Store):
    run = lab.find("1")
    file = trained.chosen_checkpoint(lab, run)
    for bit in flips(lab.folder(run.id) / file.path, Random(2)):
        with pytest.raises(CheckpointError):
            trained.load_network(lab, run)
        assert not lab.intact(run.id, file), bit


def test_every_flip_in_an_archive_is_noticed_or_changes_nothing(trained_once: tuple[Path, Path], tmp_path: Path):
    """The archive's own bookkeeping (dates, attributes) may change without a harm; what is imported may not."""
    original = trained_once[1]
    path = tmp_path / "run.zip"
    shutil.copy(original, path)
    store = Store.open(tmp_path / "lab")
    expected = imported(store, archive.read_archive(store, original))
    remove(store)
    passed = 0
    for bit in flips(path, Random(3)):
        try:
            run = archive.read_archive(store, path)
        except archive.ArchiveError:
            assert not store.runs(), bit
        else:
            assert imported(store, run) == expected, bit
            remove(store)
            passed += 1
    assert passed < FLIPS / 10


def series_of(store: Store, run: Run) -> dict[str, list[list[float]]]:
    """Step, epoch, seconds and value of each series of a run."""
    return {name: [column.tolist() for column in series] for name, series in store.curves(run.id).items()}


def test_every_flip_in_recorded_metrics_is_noticed_or_changes_nothing(lab: Store):
    run = lab.find("1")
    intact = series_of(lab, run)
    database = lab.root / "runs.db"
    with contextlib.closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    whole = database.read_bytes()
    # Where rows of measurements lie in the file: around each value as SQLite stores it.
    places = [whole.find(struct.pack(">d", value)) for series in intact.values() for value in series[3] if value % 1]
    random = Random(4)
    noticed = 0
    for _ in range(FLIPS):
        bit = 8 * random.choice(places) + random.randrange(-8 * 24, 8 * 16)
        flip(database, whole, bit)
        try:
            again = series_of(Store.open(lab.root), run)
        except StoreError:
            noticed += 1
        else:
            assert again == intact, bit
    assert noticed > FLIPS / 2
    database.write_bytes(whole)
    assert series_of(Store.open(lab.root), run) == intact


def test_a_run_whose_figures_have_changed_is_named(lab: Store):
    run = lab.find("1")
    assert lab.changed_parts(run.id) == []
    lab.rename(run.id, "another name")
    lab.set_tags(run.id, ["a"])
    assert lab.changed_parts(run.id) == []
    with contextlib.closing(sqlite3.connect(lab.root / "runs.db")) as connection, connection:
        connection.execute("UPDATE runs SET test_accuracy = test_accuracy + 1e-9 WHERE number = 1")
        connection.execute("UPDATE measurements SET validation_loss = NULL WHERE run = 1 AND epoch = 2")
    assert sorted(lab.changed_parts(run.id)) == ["results", "validation_loss"]
    for read in (lambda: lab.metrics(run.id), lambda: lab.curves(run.id, ["validation_loss"])):
        with pytest.raises(StoreError):
            read()
    assert len(lab.curves(run.id, ["train_loss"])["train_loss"][0])
    assert lab.changed_runs(lab.runs()) == [lab.find("1")]
    assert "have changed" in report_html(lab, lab.runs())
    with pytest.raises(StoreError):
        formats.write_export(lab, lab.find("1"), "zip", lab.root / "run.zip")


def remove(store: Store) -> None:
    store.delete([run.id for run in store.runs()])
    store.purge(deleted_before=float("inf"))


def imported(store: Store, run: Run) -> tuple[dict[str, Any], str, list[Artifact]]:
    """The values, metrics and files that an import wrote, without the values that every import sets again."""
    files = store.artifacts(run.id)
    assert all(store.intact(run.id, file) for file in files)
    values = {name: value for name, value in asdict(run).items() if name not in NEW}
    return values, store.metrics(run.id).drop(columns="id").to_csv(index=False), files


def test_no_use_of_damaged_predictions_passes_for_an_answer(
    lab: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    damaged, other = lab.find("1"), lab.find("2")
    path, _ = predictions_of(lab, damaged)
    content = path.read_bytes()
    flip(path, content, 8 * (len(content) // 2))
    with pytest.raises(StoreError):
        api.compare(1, 2)
    with pytest.raises(StoreError):
        formats.write_export(lab, damaged, "zip", tmp_path / "run.zip")
    assert not list(tmp_path.glob("*.zip*"))
    findings_of_runs = gather_content(lab, [damaged, other])
    assert findings_of_runs.answers is not None
    assert findings_of_runs.answers.runs == (other,)
    assert [omission.run for omission in findings_of_runs.left_out] == [damaged]
    assert "damaged" in report_html(lab, [damaged, other])
    monkeypatch.setattr("sys.argv", ["mnist_core", "export", "1", "--as", "zip", "-o", str(tmp_path / "run.zip")])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    assert str(damaged.number) in capsys.readouterr().err


def test_a_row_that_changes_after_it_was_checked_is_checked_again(own_lab: Path):
    store = Store.open()
    rows = store.enqueue_all([(RunConfig(seed=number), "") for number in range(40)])
    with store.engine.begin() as connection:
        connection.execute(runs.update().values(state="finished", started=1.0, test_accuracy=0.5))
    store.keep_fingerprints([run.number for run in rows])
    every = store.runs()
    assert store.changed_runs(every) == []
    with contextlib.closing(sqlite3.connect(own_lab / "runs.db")) as connection, connection:
        connection.execute("UPDATE runs SET config = replace(config, '\"seed\": 7,', '\"seed\": 8,') WHERE number = 8")
        connection.execute("UPDATE runs SET versions = 'no JSON' WHERE number = 9")
    assert [run.number for run in store.changed_runs(every)] == [9, 8]


@pytest.mark.parametrize(
    ("column", "value"),
    [("name", "'nane'"), ("note", "'no note'"), ("tags", """'["b"]'"""), ("state", "'stopped'"), ("sweep", "'other'")],
)
def test_a_changed_letter_in_a_label_is_noticed_and_a_new_one_of_a_persons_is_not(
    lab: Store, column: str, value: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    run = lab.find("1")
    lab.rename(run.id, "name")
    lab.set_tags(run.id, ["a"])
    assert lab.changed_runs(lab.runs()) == []
    with contextlib.closing(sqlite3.connect(lab.root / "runs.db")) as connection, connection:
        connection.execute(f"UPDATE runs SET {column} = {value} WHERE number = 1")
    assert lab.changed_parts(run.id) == [column]
    assert [changed.number for changed in Store.open().changed_runs(lab.runs())] == [1]
    monkeypatch.setattr("sys.argv", ["mnist_core", "list", "--json"])
    with pytest.raises(SystemExit):
        cli.main()
    listed = {row["number"]: row["changed"] for row in json.loads(capsys.readouterr().out)}
    assert listed == {1: True, 2: False}
    # Renaming renews the fingerprint of the name alone, so the changed column is still noticed.
    other = "tags" if column == "name" else "name"
    lab.rename(run.id, "new") if other == "name" else lab.set_tags(run.id, ["new"])
    assert lab.changed_parts(run.id) == [column]


@pytest.mark.usefixtures("quiet")
def test_a_comparison_and_the_card_of_a_run_whose_figures_have_changed_say_so(lab: Store):
    # Without MNIST the page would say so, too.
    write_blank_files("mnist", Path(os.environ["MNIST_LAB_DATA"]))
    assert not api.compare(1, 2).note
    assert not opened("train", runs="1").warning
    with contextlib.closing(sqlite3.connect(lab.root / "runs.db")) as connection, connection:
        connection.execute("UPDATE runs SET test_accuracy = 0.999 WHERE number = 1")
    note = measures.changed_note([lab.find("1")])
    assert api.compare(1, 2).note == note
    assert [warning.value for warning in opened("train", runs="1").warning] == [note]


def test_labels_without_a_fingerprint_are_taken_as_they_are_until_one_is_asked_for(lab: Store):
    with contextlib.closing(sqlite3.connect(lab.root / "runs.db")) as connection, connection:
        connection.execute("DELETE FROM fingerprints WHERE name = '#files'")
        connection.execute("UPDATE fingerprints SET sha256 = substr(sha256, 1, 64)")
        connection.execute("UPDATE runs SET name = 'old' WHERE number = 1")
    assert (lab.changed_runs(lab.runs()), lab.without_fingerprints()) == ([], [1, 2])
    lab.keep_fingerprints([1, 2])
    assert (lab.without_fingerprints(), lab.fingerprinted_late()) == ([], [])
    with contextlib.closing(sqlite3.connect(lab.root / "runs.db")) as connection, connection:
        connection.execute("UPDATE runs SET name = 'new' WHERE number = 1")
    assert [run.number for run in lab.changed_runs(lab.runs())] == [1]


def test_a_changed_list_of_files_is_noticed_also_after_some_were_pruned(lab: Store):
    run = lab.find("1")
    first, *_ = lab.artifacts(run.id, kind="checkpoint")
    lab.drop_artifact(run, first.path)
    assert lab.changed_parts(run.id) == []
    with contextlib.closing(sqlite3.connect(lab.root / "runs.db")) as connection, connection:
        connection.execute("UPDATE artifacts SET epoch = 7 WHERE run = 1 AND kind = 'checkpoint'")
    assert lab.changed_parts(run.id) == ["files"]
    with pytest.raises(StorageError) as damaged:
        trained.load_network(lab, run)
    assert damaged.value.kind == "damaged"


def test_a_sweep_with_a_changed_specification_is_one_that_cannot_be_read(store: Store):
    store.save_sweep("a", "rates", {"rates": [0.1, 0.2]})
    store.save_sweep("b", "seeds", {"seeds": 3})
    store.save_sweep("a", "rates", {"rates": [0.1, 0.3]})
    assert [row.spec for row in store.sweeps()] == [{"seeds": 3}, {"rates": [0.1, 0.3]}]
    with contextlib.closing(sqlite3.connect(store.root / "runs.db")) as connection, connection:
        connection.execute("UPDATE sweeps SET spec = replace(spec, '0.3', '0.7')")
    assert [row.spec for row in store.sweeps()] == [{"seeds": 3}, {}]


def test_a_run_that_waited_again_and_was_taken_out_of_the_queue_keeps_fingerprints(own_lab: Path):
    store = Store.open()
    run = store.enqueue(RunConfig(), claimed=True)
    store.describe(run, started=1.0)
    store.finish(run, "interrupted", test_accuracy=0.5)
    store.requeue(run.id)
    store.request(run.id, "stop")
    with contextlib.closing(sqlite3.connect(own_lab / "runs.db")) as connection, connection:
        connection.execute("UPDATE runs SET test_accuracy = 0.75")
    assert [changed.number for changed in store.changed_runs(store.runs())] == [run.number]
