"""The figures that the runs of a study measure, and the command that trains them."""

import json
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from mnist_core import studies
from mnist_core.analysis import scores
from mnist_core.commands.study_commands import study_app
from mnist_core.errors import ConfigError
from mnist_core.store.run import Run
from mnist_core.store.store import Store
from mnist_core.studies import catalogue
from mnist_core.studies.catalogue import all_studies
from mnist_core.studies.measurements import load_measurements
from mnist_core.studies.planning import plan_runs, start_runs, study_runs
from mnist_core.studies.side_by_side import comparison_rows, table_of_rows
from mnist_core.studies.study import Study, Variant
from tests.small_studies import small, train_queue, values, write_photographs


def compared(store: Store, study: Study) -> pd.DataFrame:
    """What the study reports beside what the store's runs measured, by variant and metric."""
    rows = comparison_rows(study, load_measurements(store, study))
    return table_of_rows(rows).set_index(["variant", "metric"])


def test_a_run_is_measured_as_the_study_did_and_honestly(store: Store) -> None:
    study = small("mlp-course", "mlp-relu", epochs=3)
    start_runs(store, plan_runs(study))
    runs = {run.config.choose_on: run for run in train_queue(store)}
    published, honest = load_measurements(store, study, seeds=1)
    run = runs["test"]
    accuracies, losses = values(store, run, "validation_accuracy"), values(store, run, "epoch_train_loss")
    assert len(accuracies) == 3
    assert published.metrics["test_accuracy"] == pytest.approx(100 * accuracies[-1], rel=1e-5)
    assert published.metrics["best_test_accuracy"] == pytest.approx(100 * max(accuracies), rel=1e-5)
    assert published.metrics["test_errors"] == round(1000 * (1 - accuracies[-1]))
    assert published.metrics["running_train_loss"] == pytest.approx(np.mean(losses), rel=1e-5)
    assert published.metrics["epoch 0 train_loss"] == pytest.approx(losses[0], rel=1e-5)
    assert published.metrics["epoch 2 test_accuracy"] == pytest.approx(100 * accuracies[2], rel=1e-5)
    assert "epoch 4 train_loss" not in published.metrics
    assert published.metrics["parameters"] == 575_050
    assert published.config["train_images"] == 300
    assert not {"threads", "checkpoint_every"} & published.config.keys()
    assert published.data == "MNIST, 5,000 images"
    assert honest.protocol == "honest"
    assert honest.metrics["test_accuracy"] == pytest.approx(100 * (runs["validation"].test_accuracy or 0), rel=1e-5)

    table = compared(store, study)
    best = table.loc[("784-512-256-128-64-10", "best_test_accuracy")]
    assert best["reported"] == 97.68
    assert best["mean"] == published.metrics["best_test_accuracy"]
    assert best["difference"] == pytest.approx(best["mean"] - 97.68)
    assert best["honest_mean"] == honest.metrics["test_accuracy"]
    assert (best["n"], best["honest_n"]) == (1, 1)
    assert table.loc[("epoch 2", "train_loss")]["mean"] == published.metrics["epoch 2 train_loss"]
    assert table.loc[("epoch 8", "train_loss")]["n"] == 0


def test_errors_are_those_of_the_stored_predictions(store: Store) -> None:
    study = small("mlp-course", "two-layer-linear")
    (run,) = start_runs(store, plan_runs(study, protocols=["published"]))
    train_queue(store)
    (measurement,) = load_measurements(store, study, seeds=1)
    predictions = pd.read_parquet(store.folder(run.id) / "predictions.parquet")
    assert measurement.metrics["test_errors"] == len(scores.misclassified(scores.rows_of_split(predictions, "test")))


def test_single_steps_are_counted_from_zero(store: Store) -> None:
    study = small("cnn", "cnn", epochs=1, architecture="softmax", batch_size=100)
    (run,) = start_runs(store, plan_runs(study, protocols=["published"]))
    train_queue(store)
    (measurement,) = load_measurements(store, study, seeds=1)
    assert measurement.metrics["step 0 train_batch_loss"] == pytest.approx(
        values(store, run, "train_loss")[0], rel=1e-5
    )
    assert measurement.metrics["step 0 train_batch_accuracy"] == pytest.approx(
        100 * values(store, run, "train_accuracy")[0]
    )
    assert "step 1000 train_batch_loss" not in measurement.metrics


def test_the_time_of_a_sweep_is_that_of_all_its_runs_of_a_seed(store: Store) -> None:
    study = small("ffnn-tuning", "dropout", epochs=1)
    start_runs(store, plan_runs(study, seeds=2, protocols=["published"]))
    runs = train_queue(store)
    table = compared(store, study)
    row = table.loc[("all", "wall_seconds")]
    assert (row["reported"], row["reported_seconds"], row["n"]) == (821, 821, 2)
    assert row["mean"] == pytest.approx(sum(run.seconds for run in runs) / 2, abs=0.1)
    store.delete([runs[0].id])
    table = compared(store, study)
    assert table.loc[("all", "wall_seconds")]["n"] == 1


def test_scikit_learn_runs_are_measured_too(store: Store) -> None:
    study = small("mlp-course", "logistic-regression", "sklearn-mlp")
    start_runs(store, plan_runs(study))
    assert [run.state for run in train_queue(store)] == ["finished", "finished"]
    by_name = {measurement.experiment: measurement.metrics for measurement in load_measurements(store, study)}
    assert 60 < by_name["logistic-regression"]["test_accuracy"] < 100
    losses = [by_name["sklearn-mlp"][f"iteration {number} train_loss"] for number in range(1, 6)]
    assert losses == sorted(losses, reverse=True)
    assert by_name["sklearn-mlp"]["train_accuracy"] > by_name["sklearn-mlp"]["test_accuracy"]


def test_a_copy_of_cifar10_in_a_folder_counts_and_is_named_without_its_place(store: Store, tmp_path: Path) -> None:
    folder = write_photographs(tmp_path / "private" / "photographs")
    # The data set is replaced by a folder below.
    study = small("mlp-course", "cifar10-mlp")
    config = study.experiments[0].variants[0].config
    config = config.replace(dataset="cifar10", train_images=20, epochs=1, batch_size=10)
    study = replace(study, experiments=(replace(study.experiments[0], variants=(Variant("tiny", config, {}),)),))
    planned = plan_runs(study, protocols=["published"], folder=str(folder))
    assert planned[0].config.folder == str(folder)
    start_runs(store, planned)
    (run,) = train_queue(store)
    assert run.state == "finished", run.note
    ((planned_run, stored),) = study_runs(store, study)
    assert stored.id == run.id
    assert planned_run.config.dataset == "cifar10"
    (measurement,) = load_measurements(store, study)
    assert measurement.data == "CIFAR-10 (JPEG copy)"
    assert "private" not in json.dumps(measurement.config)
    assert measurement.config["dataset"] == "cifar10"


@pytest.fixture
def command(store: Store, monkeypatch: pytest.MonkeyPatch):
    """`study ...` on a small study of three experiments, one of which has no data; trained in this process."""
    study = small("mlp-course", "two-layer-linear", "two-layer-continued")
    cifar = all_studies()["mlp-course"].experiment("cifar10-mlp")
    study = replace(study, experiments=(*study.experiments, cifar))
    # The room caches the names that it has handed on, so both are replaced here and restored afterwards.
    for module in (studies, catalogue):
        monkeypatch.setattr(module, "all_studies", lambda: {"mlp-course": study})

    def follow(
        store: Store, runs: Sequence[Run], interrupt: threading.Event, as_json: bool = False, again: str = ""
    ) -> list[Run]:
        train_queue(store)
        return store.runs(ids=[run.id for run in runs])

    monkeypatch.setattr("mnist_core.jobs.following.follow_all", follow)
    return lambda *arguments: CliRunner().invoke(study_app, list(arguments))


def test_the_command_trains_what_has_data_and_says_what_has_none(command, store: Store) -> None:
    answer = command("run", "mlp-course", "--epochs-scale", "0.1", "--protocol", "published")
    assert answer.exit_code == 1
    assert "Left out: mlp-course cifar10-mlp." in answer.stderr
    assert "data download cifar10" in " ".join(answer.stderr.split())
    assert "2 runs: 2 finished." in answer.stdout
    before = store.runs()
    assert len(before) == 2

    answer = command(
        "run",
        "mlp-course",
        "--experiment",
        "two-layer-continued",
        "--epochs-scale",
        "0.1",
        "--protocol",
        "published",
        "--json",
    )
    assert answer.exit_code == 0
    (row,) = json.loads(answer.stdout)
    assert (row["experiment"], row["state"], row["seed"]) == ("two-layer-continued", "finished", 0)
    assert store.runs() == before


def test_the_command_refuses_what_is_not_there(command) -> None:
    assert isinstance(command("run", "depth").exception, ConfigError)
    assert isinstance(command("run", "all", "--experiment", "width").exception, ConfigError)
