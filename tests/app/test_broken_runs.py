"""A row of the database that cannot be read: it is shown as broken, everything else works, and it can be deleted."""

import json
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from mnist_core.commands.cli import app
from mnist_core.config.run_config import RunConfig
from mnist_core.errors import StoreError
from mnist_core.store.store import Store
from mnist_core.sweeps.axes import SweepAxis
from mnist_core.sweeps.running import launch_sweep
from mnist_core.sweeps.sweep import Sweep
from tests.app.pages import opened, tables

pytestmark = pytest.mark.usefixtures("quiet")
CONFIG = RunConfig(architecture="softmax")
CHANGES = [
    ("config", "'no JSON'"),
    ("config", "'[]'"),
    ("config", """'{"epochs": -3}'"""),
    ("config", """'{"architecture": "\\ud83d"}'"""),
    ("state", "'asleep'"),
    ("state", "7"),
    ("created", "19977840000.0"),
    ("created", "9e999"),
    ("created", "'yesterday'"),
    ("finished", "-1e300"),
    ("test_accuracy", "9e999"),
    ("test_accuracy", "77.7"),
    ("test_loss", "'nan'"),
    ("epoch", "'three'"),
    ("epoch", "-3"),
    ("tags", "'{}'"),
    ("tags", """'["\\ud83d"]'"""),
    ("tags", "'[1]'"),
    ("versions", "'[]'"),
    ("versions", """'{"torch": "2.13.0"}'"""),
    ("versions", """'{"torch": ["\\udfff"]}'"""),
    ("devices", "'{}'"),
    ("devices", "'AMD EPYC, AVX2, 1 thread'"),
    ("devices", """'[{"kind": "tpu"}]'"""),
    ("rules", "'[]'"),
    ("data", "'{}'"),
    *(
        (column, f"'{{\"a\": {deep}}}'")
        for column in ("config", "devices", "versions", "rules", "data", "tags")
        for deep in ('{"a": ' * 900 + "1" + "}" * 900, "[" * 5000 + "]" * 5000)
    ),
    ("name", "CAST(x'ff41fe' AS TEXT)"),
    ("name", "x'ff41fe'"),
    ("note", "CAST(x'ff' AS TEXT)"),
]


def prepared(column: str, value: str) -> Store:
    """Run 2 of 3 is broken."""
    store = Store.open()
    for name in ("first", "second", "third"):
        store.finish(store.enqueue(CONFIG, name, claimed=True), "finished", test_accuracy=0.5)
    assert store.file is not None
    with closing(sqlite3.connect(store.file)) as connection, connection:
        connection.execute(f"UPDATE runs SET {column} = {value} WHERE number = 2")
    return store


@pytest.mark.parametrize(("column", "value"), CHANGES, ids=lambda text: text[:40])
def test_a_broken_row_spoils_no_other_and_can_be_deleted(column: str, value: str):
    store = prepared(column, value)
    assert [run.number for run in store.runs()] == [3, 1]
    (broken,) = store.broken()
    assert broken.number == 2
    assert column in broken.reason
    with pytest.raises(StoreError, match=r"#2\b"):
        store.find("2")
    listed = CliRunner().invoke(app, ["list", "--json"])
    assert {row["number"]: row["state"] for row in json.loads(listed.stdout)} == {
        1: "finished",
        2: "broken",
        3: "finished",
    }
    assert CliRunner().invoke(app, ["delete", "2"]).exit_code == 0
    assert store.broken() == []
    assert [run.number for run in store.runs()] == [3, 1]
    assert store.purge(store.clock() + 1) == 1


@pytest.mark.parametrize(("column", "value"), [CHANGES[0], CHANGES[6], ("name", "CAST(x'ff41fe' AS TEXT)")])
def test_compare_shows_a_broken_run_beside_the_others(column: str, value: str):
    prepared(column, value)
    at = opened("compare", table="true", runs=["1", "2", "3"])
    table = tables(at)["runs-table"].set_index("Run")
    assert table["State"].to_dict() == {3: "finished", 2: "broken", 1: "finished"}
    assert table["Test accuracy (%)"].dropna().to_dict() == {3: 50.0, 1: 50.0}
    assert any("#2" in warning.value for warning in at.warning)
    at.button(key="delete-broken").click().run()
    assert not at.exception
    assert tables(at)["runs-table"]["State"].tolist() == ["finished", "finished"]
    assert not at.warning


@pytest.mark.parametrize("page", ["train", "sweeps", "inspect", "draw", "studies", "data"])
def test_every_other_page_opens_beside_a_broken_run(page: str):
    prepared("created", "19977840000.0")
    opened(page)


def test_the_only_run_is_broken():
    store = Store.open()
    store.enqueue(CONFIG)
    assert store.file is not None
    with closing(sqlite3.connect(store.file)) as connection, connection:
        connection.execute("UPDATE runs SET config = 'no JSON'")
    assert any("#1" in warning.value for warning in opened("compare").warning)


def test_a_broken_run_does_not_hold_up_the_queue():
    store = Store.open()
    broken, whole = store.enqueue(CONFIG), store.enqueue(CONFIG)
    assert store.file is not None
    with closing(sqlite3.connect(store.file)) as connection, connection:
        connection.execute("UPDATE runs SET config = 'no JSON' WHERE number = 1")
    claimed = store.claim(limit=1)
    assert claimed is not None
    assert claimed.id == whole.id
    assert store.continued_epochs(broken.id) == set()


def test_the_queue_keeps_its_order_when_the_clock_is_set_back():
    store = Store.open()
    store.clock = lambda: 2e9
    first = store.enqueue(CONFIG)
    store.clock = lambda: 1e9
    second, third, fourth = store.enqueue(CONFIG), *store.enqueue_all([(CONFIG, ""), (CONFIG, "")])
    order = [first.id, second.id, third.id, fourth.id]
    assert [run.id for run in store.queue()] == order
    store.request(third.id, "pause")
    store.requeue(third.id)
    order = [third.id, first.id, second.id, fourth.id]
    assert [run.id for run in store.queue()] == order
    taken = [store.claim() for _ in order]
    assert [run.id for run in taken if run] == order
    assert [run.number for run in store.runs()] == [4, 3, 2, 1]


def test_sweeps_keep_their_order_when_the_clock_is_set_back():
    store = Store.open()
    for name, now in (("a", 2e9), ("c", 1e9), ("b", 1.5e9)):
        store.clock = lambda now=now: now
        store.save_sweep(name, name, {})
    assert [sweep.id for sweep in store.sweeps()] == ["b", "c", "a"]


@pytest.mark.parametrize(("column", "value"), [("spec", "'no JSON'"), ("spec", "'{}'"), ("created", "9e999")])
def test_a_broken_sweep_spoils_no_other(column: str, value: str):
    store = Store.open()
    sweep = Sweep("fine", RunConfig(dataset="mnist-5k"), (SweepAxis("learning_rate", (0.1, 0.01)),))
    whole, broken = launch_sweep(store, sweep), launch_sweep(store, replace(sweep, name="broken"))
    assert store.file is not None
    with closing(sqlite3.connect(store.file)) as connection, connection:
        connection.execute(f"UPDATE sweeps SET {column} = {value} WHERE id = ?", (broken,))
    assert [row.name for row in store.sweeps()] == ["broken", "fine"]
    assert not opened("sweeps", sweep=whole).error
    assert len(opened("sweeps", sweep=broken).error) == (column == "spec")
    store.delete_sweep(broken)
    assert [row.id for row in store.sweeps()] == [whole]
