"""The command line of luck: what it trains and prints."""

import json

import pytest
from typer.testing import CliRunner

from mnist_core.commands import luck_commands
from mnist_core.commands.luck_commands import luck_app
from mnist_core.errors import ConfigError
from mnist_core.store.store import Store
from tests.labs import follow_here

QUICK = ["--dataset", "mnist-5k", "--train-images", "300", "--epochs", "1", "--architecture", "linear-10"]


@pytest.fixture(autouse=True)
def train_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(luck_commands, "follow_all", follow_here)


def lab(*arguments: str):
    return CliRunner().invoke(luck_app, arguments)


def test_a_question_is_asked_listed_shown_and_deleted():
    ran = lab("run", *QUICK, "--seeds", "5", "--figure", "80", "--figure-name", "a blog", "--name", "first", "--json")
    assert ran.exit_code == 0, ran.output
    printed = json.loads(ran.stdout)
    assert (printed["name"], printed["seeds"], printed["done"], printed["state"]) == ("first", 5, 5, "finished")
    assert (printed["figure"], printed["figure_name"]) == (0.8, "a blog")
    accuracies = [score["test_accuracy"] for score in printed["scores"]]
    assert len(set(accuracies)) > 1
    assert [score["seed"] for score in printed["scores"]] == [0, 1, 2, 3, 4]

    assert [row["id"] for row in json.loads(lab("list", "--json").stdout)] == [printed["id"]]
    assert "first" in lab("list").stdout
    shown = lab("show", "first").stdout
    assert all(sentence in shown for sentence in printed["sentences"])
    assert f"{sum(accuracy >= 0.8 for accuracy in accuracies)} of 5" in shown.replace("None", "0").replace(
        "All 5", "5 of 5"
    )

    assert lab("delete", "first").exit_code == 0
    assert json.loads(lab("list", "--json").stdout) == []
    assert lab("list").exit_code == 0


def test_a_stopped_question_goes_on():
    store = Store.open()
    assert lab("run", *QUICK, "--seeds", "3", "--name", "mine").exit_code == 0
    again = lab("resume", "mine", "--json")
    # Nothing is missing.
    assert (again.exit_code, json.loads(again.stdout)["done"]) == (0, 3)
    assert store.count_queued() == 0
    assert lab("stop", "mine").exit_code == 0


@pytest.mark.parametrize("arguments", [("--seeds", "201"), ("--seeds", "1"), ("--figure", "-1"), ("--figure", "x")])
def test_numbers_out_of_range_are_refused(arguments: tuple[str, str]):
    assert lab("run", *QUICK, *arguments).exit_code == 2


def test_an_accuracy_above_100_is_refused():
    ran = lab("run", *QUICK, "--seeds", "2", "--figure", "101")
    assert isinstance(ran.exception, ConfigError)
    assert ran.exception.field == "figure"
