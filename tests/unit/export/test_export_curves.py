"""Curves as files: what is read back is what the store holds; and the files that a run can be taken away as."""

import math
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from mnist_core.commands.cli import app
from mnist_core.config.run_config import RunConfig
from mnist_core.errors import CheckpointError, ExportError, StoreError
from mnist_core.events import EpochEnd, StepEnd
from mnist_core.export import curve_tables, formats
from mnist_core.store.run import Run
from mnist_core.store.store import Store


def recorded(store: Store, name: str, losses: list[float]) -> Run:
    run = store.enqueue(RunConfig(dataset="mnist-5k"), name, claimed=True)
    steps = [StepEnd(index + 1, 1, loss, 0.1, 0.001, 10.0, 0.5 * index) for index, loss in enumerate(losses)]
    end = EpochEnd(len(losses), 1, 1 / 3, 0.5, 0.7, 0.25, True, 2.0)
    store.record(run, [*steps, end])
    store.finish(run, "diverged")
    return store.run(run.id)


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_what_is_read_back_is_what_was_recorded(form: str, store: Store, tmp_path: Path):
    runs = [recorded(store, "first, with a comma", [2.5, 1 / 3]), recorded(store, "ärger", [math.nan, math.inf])]
    path = tmp_path / f"curves.{form}"
    {"csv": curve_tables.write_curves_csv, "parquet": curve_tables.write_curves_parquet}[form](store, runs, path)
    table = pd.read_csv(path) if form == "csv" else pd.read_parquet(path)
    assert tuple(table.columns) == curve_tables.COLUMNS
    assert list(dict.fromkeys(zip(table["run"], table["name"], strict=True))) == [
        (run.number, run.name) for run in runs
    ]
    for run in runs:
        rows = table[table["run"] == run.number].reset_index(drop=True)
        expected = store.metrics(run.id).rename(columns={"name": "metric"})
        columns = ["metric", "step", "epoch", "seconds", "value"]
        pd.testing.assert_frame_equal(
            rows.loc[:, columns], expected.loc[:, columns], check_dtype=False, check_exact=True
        )
    # Loss and accuracy for each step, one learning rate, four values for each epoch.
    assert len(table) == 2 * (2 * 2 + 1 + 4)


def test_no_run_gives_an_empty_table_with_its_columns(store: Store):
    assert tuple(curve_tables.curve_table(store, []).columns) == curve_tables.COLUMNS


def test_the_command_writes_the_file_that_the_page_offers(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    run = recorded(store, "one", [1.0])
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["export", str(run.number), "--as", "csv"])
    assert done.exit_code == 0, done.output
    assert (tmp_path / f"run-{run.number}.csv").read_bytes() == formats.export_bytes(store, run, "csv")
    named = CliRunner().invoke(app, ["export", str(run.number), "--as", "parquet", "-o", "there/curves.parquet"])
    assert named.exit_code == 0, named.output
    assert len(pd.read_parquet(tmp_path / "there" / "curves.parquet")) == len(curve_tables.curve_table(store, [run]))
    into = CliRunner().invoke(app, ["export", str(run.number), "--as", "csv", "-o", "there"])
    assert into.exit_code == 0, into.output
    assert (tmp_path / "there" / f"run-{run.number}.csv").read_bytes() == formats.export_bytes(store, run, "csv")


def test_what_a_run_cannot_give_yet_is_said_and_leaves_no_file(store: Store, tmp_path: Path):
    run = store.enqueue(RunConfig(dataset="mnist-5k"), "waits")
    assert formats.export_refusal(store, run, "script") == ""
    assert formats.export_refusal(store, run, "csv") == ""
    assert "epoch" in formats.export_refusal(store, run, "onnx")
    assert "queued" in formats.export_refusal(store, run, "zip")
    with pytest.raises(CheckpointError, match="has no checkpoint"):
        formats.write_export(store, run, "safetensors", tmp_path / "weights.safetensors")
    (tmp_path / "file").write_text("")
    with pytest.raises(ExportError, match="cannot be written"):
        formats.write_export(store, run, "csv", tmp_path / "file" / "curves.csv")
    assert [path.name for path in tmp_path.iterdir() if path.suffix] == []


def test_a_folder_of_tensorboard_that_cannot_be_written_is_named(store: Store, tmp_path: Path):
    run = recorded(store, "a", [0.5])
    (tmp_path / "file").write_text("")
    for output in (tmp_path / "file", tmp_path / "file" / "below"):
        done = CliRunner().invoke(app, ["export", str(run.number), "--as", "tensorboard", "-o", str(output)])
        assert isinstance(done.exception, StoreError)
        assert f"{output} cannot be written" in str(done.exception)
