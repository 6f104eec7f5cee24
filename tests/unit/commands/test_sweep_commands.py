"""The command line of sweeps: what it asks, trains and prints."""

import json

import pytest
from typer.testing import CliRunner

from mnist_core import sweeps
from mnist_core.commands import sweep_commands as sweep_commands
from mnist_core.commands.sweep_commands import sweep_app
from mnist_core.config.fields import list_config_fields
from mnist_core.config.run_config import RunConfig
from mnist_core.errors import ConfigError
from mnist_core.store.store import Store
from tests.labs import follow_here

QUICK = ["--dataset", "mnist-5k", "--train-images", "500", "--epochs", "1", "--architecture", "mlp-10"]
AXES = ["--axis", "learning-rate=0.01,1e-6", "--axis", "width=5..9 2"]


@pytest.fixture(autouse=True)
def train_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep_commands, "follow_all", follow_here)


def lab(*arguments: str):
    return CliRunner().invoke(sweep_app, arguments)


def test_a_sweep_is_run_listed_shown_stopped_and_retried():
    ran = lab("run", *QUICK, *AXES, "--seeds", "2", "--name", "first", "--yes", "--json")
    assert ran.exit_code == 0, ran.output
    printed = json.loads(ran.stdout)
    assert (printed["name"], printed["runs"], printed["ended"]) == ("first", 8, 8)
    settings = printed["results"]["settings"]
    assert {(row["learning_rate"], row["width"], row["n"]) for row in settings} == {
        (rate, width, 2) for rate in (0.01, 1e-6) for width in (5, 9)
    }
    best = max(settings, key=lambda row: row["mean"])
    assert best["learning_rate"] == 0.01
    assert best["low"] < best["mean"] < best["high"]
    assert {run["state"] for run in printed["results"]["runs"]} == {"finished"}

    assert [row["id"] for row in json.loads(lab("list", "--json").stdout)] == [printed["id"]]
    runs = [run for run in printed["results"]["runs"] if run["number"] == printed["best_run"]]
    runs_of_sweep = [
        run
        for run in printed["results"]["runs"]
        if all(run[field] == runs[0][field] for field in ("learning_rate", "width"))
    ]
    assert printed["best_accuracy"] == max(run["validation_accuracy"] for run in printed["results"]["runs"])
    assert printed["best_test_accuracy"] == runs[0]["test_accuracy"]
    assert (printed["best_run_seeds"], len(runs_of_sweep)) == (2, 2)
    assert printed["best_run_mean"] == pytest.approx(sum(run["validation_accuracy"] for run in runs_of_sweep) / 2)
    assert printed["best_setting"]["mean"] == best["mean"]
    assert (printed["flattery"]["runs"], printed["flattery"]["by_seeds"]) == (8, True)
    shown = lab("show", printed["id"][:20]).stdout
    for value in (
        printed["best_accuracy"],
        printed["best_test_accuracy"],
        printed["best_run_mean"],
        printed["best_setting"]["test"],
    ):
        assert f"{value:.2%}" in shown
    assert f"#{printed['best_run']}" in shown
    assert "best of 8 runs" in " ".join(shown.split())
    assert "Learning rate" in shown
    assert "8 finished" in shown
    assert "0 runs" in lab("stop", "first").stdout
    assert lab("retry", "first").exit_code == 0
    assert "first" in lab("list").stdout


def test_nothing_starts_unasked():
    asked = lab("run", *QUICK, *AXES)
    assert isinstance(asked.exception, ConfigError)
    assert "4 runs" in str(asked.exception)
    assert "--yes" in str(asked.exception)
    assert Store.open().runs() == []


def test_stopping_from_elsewhere():
    store = Store.open()
    sweep = sweeps.Sweep("", RunConfig(dataset="mnist-5k"), (sweeps.parse_values("learning_rate", "0.1, 0.2"),))
    sweeps.launch_sweep(store, sweep)
    assert "2 runs" in lab("stop", "Learning rate").stdout
    assert {run.state for run in store.runs()} == {"stopped"}


@pytest.mark.parametrize(
    ("arguments", "remedy"),
    [
        (["--axis", "learning_rate"], "--axis learning_rate=0.1,0.01"),
        (["--axis", "learning_rat=1"], "did you mean learning_rate"),
        ([], "nothing varies"),
        (["--axis", "learning_rate=0.1,-1"], "above 0"),
    ],
)
def test_a_mistake_names_the_remedy(arguments: list[str], remedy: str):
    failed = lab("run", *QUICK, *arguments, "--yes")
    assert isinstance(failed.exception, ConfigError)
    assert remedy in str(failed.exception)


def test_every_field_of_the_config_is_a_flag():
    text = CliRunner(env={"COLUMNS": "200"}).invoke(sweep_app, ["run", "--help"]).stdout
    for field in list_config_fields():
        assert f"--{field.name.replace('_', '-')}" in text
