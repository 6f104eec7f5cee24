"""The table of the Compare page: filtering, choosing, renaming, tagging, deleting and bringing back."""

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

from dashboard.controls import run_snapshot
from mnist_core.commands.cli import app
from mnist_core.config.run_config import RunConfig
from mnist_core.store.run import Run
from mnist_core.store.store import Store
from tests.app.pages import numbers_in, opened, ran, tables, ticked

pytestmark = pytest.mark.usefixtures("quiet")
TINY = RunConfig(dataset="mnist-5k", train_images=500, validation_images=200, architecture="softmax", epochs=2)


@pytest.fixture
def store(own_lab: Path) -> Store:
    """Runs that never trained: 3 diverged, 5 was deleted, the others were stopped in the queue."""
    store = Store.open()
    wide = TINY.replace(architecture="flatten linear(20) relu linear(10)")
    for name, tags, config in (
        ("plain", ("demo",), TINY),
        ("wider", ("demo", "wide"), wide),
        ("too hot", (), wide),
        ("idle", (), TINY),
        ("gone", ("demo",), TINY),
    ):
        run = store.enqueue(config, name, tags, claimed=name == "too hot")
        if name == "too hot":
            store.finish(run, "diverged")
        else:
            store.request(run.id, "stop")
    store.delete([_number(store, 5).id])
    return store


def _number(store: Store, number: int) -> Run:
    return next(run for run in [*store.runs(), *store.runs(deleted=True)] if run.number == number)


def press(at: AppTest, key: str) -> None:
    at.button(key=key).click()
    ran(at)


def rows(at: AppTest, key: str = "runs-table") -> pd.DataFrame:
    return tables(at)[key]


def chosen(at: AppTest) -> list[int]:
    return at.multiselect(key="runs").value


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("demo", [2, 1]),
        ("DEMO wide", [2]),
        ("linear(20)", [3, 2]),
        ("diverged", [3]),
        ("#3", [3]),
        ("mnist-5k", [4, 3, 2, 1]),
        (" ", [4, 3, 2, 1]),
    ],
)
def test_the_filter_in_the_link(store: Store, text: str, numbers: list[int]) -> None:
    assert rows(opened("compare", filter=text))["Run"].tolist() == numbers


def test_numbers_in_the_link_that_are_no_runs_are_left_out_and_named_once(store: Store) -> None:
    at = opened("compare", table="true", runs=["1", "5", "77", "seven", "9" * 5000])
    assert chosen(at) == [1]
    assert at.query_params["runs"] == "1"
    assert [re.findall(r"5, 77, seven, 9+", toast.value) for toast in at.toast] == [[f"5, 77, seven, {'9' * 18}"]]
    assert not at.run().toast
    assert numbers_in(opened("compare", runs="5").toast[0].value) == ["5"]
    assert not opened("compare", runs="1").toast


def test_another_name_and_other_tags(store: Store) -> None:
    at = opened("compare", table="true", runs="1")
    press(at, "edit")
    assert at.text_input(key="new name").value == "plain"
    at.text_input(key="new name").set_value("the *first*")
    at.multiselect(key="new tags").set_value(["demo", "wide"])
    press(at, "save")
    run = _number(store, 1)
    assert (run.name, run.tags) == ("the *first*", ("demo", "wide"))
    assert rows(at)["Name"].tolist()[-1] == "the *first*"


def test_tags_of_several_runs(store: Store) -> None:
    at = opened("compare", table="true", runs=["1", "2", "3"])
    press(at, "edit")
    at.multiselect(key="added tags").set_value(["wide"])
    at.multiselect(key="removed tags").set_value(["demo"])
    press(at, "save")
    assert [_number(store, number).tags for number in (1, 2, 3)] == [("wide",)] * 3
    assert [_number(store, number).name for number in (1, 2, 3)] == ["plain", "wider", "too hot"]


def test_delete_and_undo(store: Store) -> None:
    at = opened("compare", table="true", runs=["1", "2"])
    assert at.button(key="delete").label == "Delete 2 runs"
    press(at, "delete")
    assert rows(at)["Run"].tolist() == [4, 3]
    assert chosen(at) == []
    assert at.button(key="undo")
    press(at, "undo")
    assert rows(at)["Run"].tolist() == [4, 3, 2, 1]
    assert sorted(chosen(at)) == [1, 2]
    assert "undo" not in {button.key for button in at.button}
    assert at.button(key="delete").disabled is False


def test_what_was_deleted_can_be_brought_back_within_a_day(store: Store) -> None:
    at = opened("compare")
    press(at, "bin")
    back = at.multiselect(key="brought back")
    assert [option.split(",")[0] for option in back.options] == ["5 · gone"]
    back.set_value([_number(store, 5).id])
    press(at, "bring back")
    assert rows(at)["Run"].tolist() == [5, 4, 3, 2, 1]


def test_an_empty_store_points_to_the_page_train(own_lab: Path) -> None:
    at = opened("compare", runs="3", filter="x")
    assert len(at.info) == 1
    assert not tables(at)
    assert at.get("page_link")
    assert at.button(key="bin").label == "Recently deleted"


def test_of_many_chosen_runs_the_first_are_compared(store: Store) -> None:
    for run in store.enqueue_all([(TINY, f"more {number}") for number in range(60)]):
        store.request(run.id, "stop")
    at = opened("compare", table="true")
    at.session_state["runs"] = list(range(64, 14, -1))
    at.session_state["runs beyond"] = list(range(14, 5, -1))
    ran(at)
    assert numbers_in(at.info[0].value) == ["59", "50"]
    assert rows(at, "results")["Run"].tolist() == list(range(64, 14, -1))
    assert ticked(at) == list(range(64, 5, -1))
    press(at, "delete")
    assert rows(at)["Run"].tolist() == [65, 4, 3, 2, 1]


@pytest.mark.sqlite
def test_the_store_is_read_again_only_after_a_change(store: Store) -> None:
    st.cache_resource.clear()
    before = run_snapshot.load_snapshot()
    assert run_snapshot.load_snapshot() is before
    store.rename(_number(store, 1).id, "renamed elsewhere")
    assert run_snapshot.load_snapshot().table.loc[1, "Name"] == "renamed elsewhere"


@pytest.mark.sqlite
def test_the_table_and_the_list_mark_a_run_whose_figures_have_changed_and_no_other():
    store = Store.open()
    for accuracy in (0.5, 0.75):
        store.finish(store.enqueue(RunConfig(), claimed=True), "finished", test_accuracy=accuracy)
    assert store.file is not None
    before = opened("compare", table="true")
    assert set(tables(before)["runs-table"]["State"]) == {"finished"}
    assert not before.warning
    with closing(sqlite3.connect(store.file)) as connection, connection:
        connection.execute("UPDATE runs SET test_accuracy = 0.999 WHERE number = 1")
    at = opened("compare", table="true")
    states = tables(at)["runs-table"].set_index("Run")["State"].to_dict()
    assert {number for number, state in states.items() if "changed" in state} == {1}
    assert [warning.value.count("run 1") for warning in at.warning] == [1]
    table = tables(opened("compare", filter="changed"))["runs-table"]
    assert table["Run"].tolist() == [1]
    invoked = CliRunner().invoke(app, ["list"], env={"COLUMNS": "200"})
    assert [line.split()[0] for line in invoked.stdout.splitlines() if "changed" in line] == ["1"]
    assert "run 1" in invoked.stderr
    listed = json.loads(CliRunner().invoke(app, ["list", "--json"]).stdout)
    assert {run["number"] for run in listed if run["changed"]} == {1}
    assert json.loads(CliRunner().invoke(app, ["show", "1", "--json"]).stdout)["changed"] is True
    with closing(sqlite3.connect(store.file)) as connection, connection:
        connection.execute("UPDATE runs SET test_accuracy = ? WHERE number = 1", (0.5,))
    assert set(tables(opened("compare", table="true"))["runs-table"]["State"]) == {"finished"}
