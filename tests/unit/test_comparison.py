"""Runs as tables: only what differs, and one well-typed row a run whatever it knows already."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from mnist_core.comparison import config_differences, runs_table
from mnist_core.config import RunConfig
from mnist_core.store import Run, Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(folder=tmp_path)


def test_only_what_differs(store: Store) -> None:
    runs = [
        store.enqueue(RunConfig(epochs=5, normalise=True), name="same"),
        store.enqueue(RunConfig(epochs=9, normalise=False, train_images=160), name="same"),
    ]
    table = config_differences(runs)
    assert list(table.columns) == ["1 · same", "2 · same"]
    assert table.to_dict("index") == {
        "Training images": {"1 · same": "not set", "2 · same": "160"},
        "Normalise": {"1 · same": "yes", "2 · same": "no"},
        "Epochs": {"1 · same": "5", "2 · same": "9"},
    }


def test_fields_without_effect_are_dashes(store: Store) -> None:
    runs = [store.enqueue(RunConfig(optimizer="adam")), store.enqueue(RunConfig(optimizer="sgd", learning_rate=0.05))]
    table = config_differences(runs)
    assert table.loc["Momentum"].tolist() == ["–", "0.9"]
    assert table.loc["Learning rate"].tolist() == ["0.001", "0.05"]
    same = [store.enqueue(RunConfig(momentum=0.1)), store.enqueue(RunConfig(momentum=0.5))]  # Adam knows no momentum
    assert config_differences(same).empty


def test_no_and_one_run(store: Store) -> None:
    assert config_differences([]).empty
    assert config_differences([store.enqueue(RunConfig())]).empty
    assert runs_table([]).empty


def _finished(run: Run) -> Run:
    return replace(
        run, state="finished", epoch=5, best_epoch=4, parameters=238_510, macs=238_200, train_accuracy=0.995,
        validation_accuracy=0.978, test_accuracy=0.9775, test_loss=0.081, seconds=21.5, images_per_second=14_000.0,
        created=1_700_000_000.0,
    )  # fmt: skip


def test_a_row_a_run(store: Store) -> None:
    queued = store.enqueue(RunConfig(architecture="lenet-5"), name="waiting")
    finished = _finished(store.enqueue(RunConfig(optimizer="sgd", learning_rate=0.1), name="done", tags=("a", "b")))
    table = runs_table([finished, queued])
    assert list(table.index) == [finished.id, queued.id]
    row = table.loc[finished.id]
    assert (row["Run"], row["Name"], row["Tags"], row["State"]) == (2, "done", ["a", "b"], "finished")
    assert (row["Data set"], row["Architecture"]) == ("mnist", "mlp-300")
    assert (row["Optimizer"], row["Learning rate"]) == ("sgd", 0.1)
    assert (row["Parameters"], row["MACs"], row["Epochs"], row["Best epoch"]) == (238_510, 238_200, 5, 4)
    assert row["Best validation accuracy (%)"] == pytest.approx(97.8)
    assert row["Training accuracy (%)"] == pytest.approx(99.5)
    assert row["Test accuracy (%)"] == pytest.approx(97.75)
    assert (row["Test loss"], row["Time (s)"], row["Images/s"]) == (0.081, 21.5, 14_000)
    assert row["Created"] == pd.Timestamp("2023-11-14 22:13:20", tz="UTC")
    unknown = table.loc[queued.id]
    assert unknown[["Parameters", "Test accuracy (%)", "Test loss", "Images/s", "Best epoch"]].isna().all()


def test_types_are_the_same_with_and_without_runs(store: Store) -> None:
    run = store.enqueue(RunConfig())
    assert (runs_table([]).dtypes == runs_table([run]).dtypes).all()
    assert (runs_table([run]).dtypes == runs_table([_finished(run)]).dtypes).all()
    assert runs_table([run])["Parameters"].dtype == "Int64"
    assert isinstance(runs_table([run])["Created"].dtype, pd.DatetimeTZDtype)
