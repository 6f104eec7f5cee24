"""The Compare page: its table is what the store holds, and side by side stand the chosen runs' own numbers."""

import base64
import json
import math
import re
import shutil
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from dashboard import comparing, run_table
from mnist_core.config import RunConfig
from mnist_core.plots.style import run_style
from mnist_core.store import Run, Store
from mnist_core.worker import work

pytestmark = pytest.mark.usefixtures("quiet")
ROOT = Path(__file__).resolve().parents[2]
TINY = RunConfig(dataset="mnist-5k", train_images=500, validation_images=200, architecture="softmax", epochs=2)
WITHOUT_EFFECT = "–"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs 1 and 2 are trained, 3 diverged, 4 was stopped before it began, 5 was trained and then deleted."""
    folder = tmp_path_factory.mktemp("prepared") / "results"
    store = Store.open(folder)
    for name, tags, config in (
        ("plain", ("demo",), TINY),
        (
            "wider",
            ("demo", "wide"),
            TINY.replace(architecture="flatten linear(20) relu linear(10)", learning_rate=0.01),
        ),
        ("too hot", (), TINY.replace(optimizer="sgd", learning_rate=100, architecture="flatten linear(20) linear(10)")),
        ("idle", (), TINY.replace(epochs=1)),
        ("gone", ("demo",), TINY.replace(epochs=1)),
    ):
        run = store.enqueue(config, name, tags, claimed=name != "idle")
        if name != "idle":
            for _ in work(store, run):
                pass
    store.request(_number(store, 4).id, "stop")
    store.delete([_number(store, 5).id])
    assert [run.state for run in store.runs()] == ["stopped", "diverged", "finished", "finished"]
    return folder


@pytest.fixture
def store(prepared: Path, own_lab: Path) -> Store:
    """The test's own copy of the prepared runs."""
    shutil.copytree(prepared, own_lab)
    return Store.open(own_lab)


def _number(store: Store, number: int) -> Run:
    return store.run(next(run.id for run in [*store.runs(), *store.runs(deleted=True)] if run.number == number))


def opened(**query: object) -> AppTest:
    """The page as a link with this query shows it."""
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30).switch_page("pages/compare.py")
    for key, value in query.items():
        at.query_params[key] = value
    return ran(at)


def ran(at: AppTest) -> AppTest:
    at.run()
    assert not at.exception
    return at


def table(at: AppTest, place: int = 0) -> pd.DataFrame:
    """Of the tables on the page: 0 all runs, 1 the results, 2 what differs."""
    return at.dataframe[place].value


def chosen(at: AppTest) -> list[int]:
    return at.multiselect(key="runs").value


def texts(at: AppTest) -> str:
    return "\n".join(found.value for kind in (at.info, at.caption, at.markdown) for found in kind)


def numbers(found: list[float] | dict) -> list[float]:
    """Values of a trace, which plotly writes as a list or in base64 with their type."""
    if isinstance(found, list):
        return found
    return np.frombuffer(base64.b64decode(found["bdata"]), dtype=found["dtype"]).tolist()


def charts(at: AppTest) -> dict[str, list[dict]]:
    """Traces of each chart by its key."""
    found = {}
    for chart in at.get("plotly_chart"):
        key = re.search(r"-(curves|costs|overfitting)$", chart.proto.id)  # type: ignore[attr-defined]
        assert key
        found[key[1]] = json.loads(chart.proto.spec)["data"]  # type: ignore[attr-defined]
    return found


def test_the_table_holds_every_run_that_is_not_deleted(store: Store) -> None:
    rows = table(opened())
    assert rows["Run"].tolist() == [4, 3, 2, 1]
    for row in rows.to_dict("records"):
        run = _number(store, row["Run"])
        style = run_style(run.number)
        assert (row["Name"], list(row["Tags"]), row["State"]) == (run.name, list(run.tags), run.state)
        assert f"stroke='{style.colour}'" in unquote(row["Line"])
        if run.test_accuracy is None:
            assert pd.isna(row["Test accuracy (%)"])
        else:
            assert row["Test accuracy (%)"] == pytest.approx(100 * run.test_accuracy)
            assert row["Best validation accuracy (%)"] == pytest.approx(100 * (run.validation_accuracy or 0))
            assert (row["Parameters"], row["Time (s)"]) == (run.parameters, run.seconds)
            assert pd.isna(row["Progress"])  # only of runs that have not finished
    assert rows["Progress"].tolist()[:2] == [0, 100 * _number(store, 3).progress]


def test_a_filter_without_a_match_says_so_and_keeps_the_choice(store: Store) -> None:
    at = opened(filter="nonsense", runs=["1", "2"])
    assert "No run matches" in at.info[0].value
    assert chosen(at) == [1, 2]
    assert table(at)["Run"].tolist() == [1, 2]  # the first table is that of the results


def test_results_are_those_of_the_store(store: Store) -> None:
    at = opened(runs=["2", "1", "3"])
    assert chosen(at) == [2, 1, 3]
    rows = table(at, 1)
    assert rows["Run"].tolist() == [2, 1, 3]
    for row in rows.to_dict("records")[:2]:
        run = _number(store, row["Run"])
        last = store.metrics(run.id, names=["validation_accuracy"])["value"].iloc[-1]
        assert row["Last validation accuracy (%)"] == pytest.approx(100 * last)
        assert row["Best validation accuracy (%)"] == pytest.approx(100 * (run.validation_accuracy or 0))
        assert row["Training accuracy (%)"] == pytest.approx(100 * (run.train_accuracy or 0))
        assert row["Test loss"] == pytest.approx(run.test_loss)
        assert (row["MACs"], row["Parameters"]) == (run.macs, run.parameters)
    assert pd.isna(rows["Test accuracy (%)"].iloc[2])


def test_only_what_differs_is_listed(store: Store) -> None:
    rows = table(opened(runs=["1", "3"]), 2)
    assert rows.to_dict("index") == {
        "Architecture": {"1 · plain": "softmax", "3 · too hot": "flatten linear(20) linear(10)"},
        "Optimizer": {"1 · plain": "adam", "3 · too hot": "sgd"},
        "Learning rate": {"1 · plain": "0.001", "3 · too hot": "100"},
        "Momentum": {"1 · plain": WITHOUT_EFFECT, "3 · too hot": "0.9"},
        "Nesterov": {"1 · plain": WITHOUT_EFFECT, "3 · too hot": "no"},
    }
    at = opened(runs="1")
    assert len(at.dataframe) == 2
    assert "Choose a second run" in texts(at)


def test_curves_lie_over_one_another_in_each_runs_colour(store: Store) -> None:
    for metric, names in (("loss", "train_loss"), ("accuracy", "train_accuracy")):
        at = opened(runs=["1", "2"], metric=metric, smoothing="0.0")
        assert at.slider(key="smoothing").value == 0
        for number in (1, 2):
            values = store.metrics(_number(store, number).id, names=[names])["value"]
            (line,) = [
                trace
                for trace in charts(at)["curves"]
                if trace.get("line", {}).get("color") == run_style(number).colour and trace["mode"] == "lines"
            ]
            heights = values if metric == "loss" else 100 * values
            assert numbers(line["y"]) == pytest.approx(heights.tolist(), rel=1e-5)
            assert line["name"] == {1: "1 · plain", 2: "2 · wider"}[number]


def test_accuracy_against_cost_has_a_point_for_each_run_with_both(store: Store) -> None:
    at = opened(runs=["1", "2", "3"], cost="MACs")
    points = charts(at)["costs"]
    assert [point["x"][0] for point in points] == [_number(store, 1).macs, _number(store, 2).macs]
    assert "without a point: run 3" in texts(at)
    at.segmented_control(key="cost").set_value("seconds")
    points = charts(ran(at))["costs"]
    assert [point["x"][0] for point in points] == [_number(store, 1).seconds, _number(store, 2).seconds]


def test_close_results_come_with_a_caution(store: Store) -> None:
    first, second = (_number(store, number).test_accuracy or 0 for number in (1, 2))
    mean = (first + second) / 2
    by_chance = 1.96 * math.sqrt(2 * mean * (1 - mean) / 1000)  # of the fraction
    remark = next(found for found in comparing.remarks([_number(store, 1), _number(store, 2)]) if "chance" in found)
    assert f"differ by {round(1000 * abs(first - second))} of 1,000 images" in remark
    assert f"about {math.ceil(1000 * by_chance)} can be chance" in remark
    assert remark in texts(opened(runs=["1", "2"]))
    assert comparing.chance(0.98, 10_000) == 39


def test_what_cannot_be_compared_is_said() -> None:
    def run(dataset: str, images: int | None) -> Run:
        config = RunConfig.parse({"dataset": dataset, "train_images": images})
        return SimpleNamespace(number=1, state="finished", dataset=dataset, config=config, test_accuracy=0.9)  # type: ignore[return-value]

    assert "different data sets" in comparing.remarks([run("mnist", None), run("kmnist", None)])[0]
    assert "validation images are not the same" in comparing.remarks([run("mnist", None), run("mnist", 500)])[-1]
    assert len(comparing.remarks([run("mnist", None), run("mnist", None)])) == 1
    assert comparing.remarks([run("mnist", None)]) == []


def test_runs_without_a_step_are_explained(store: Store) -> None:
    at = opened(runs="4")
    for text in (
        "None of these runs has learned a step",
        "None of these runs has a test accuracy",
        "finished an epoch",
    ):
        assert text in texts(at)
    assert not charts(at)


def test_nothing_chosen_offers_the_newest_trained_runs(store: Store) -> None:
    at = opened()
    assert not charts(at)
    next(found for found in at.button if found.label == "Compare the newest 2").click()
    assert chosen(ran(at)) == [2, 1]
    assert at.query_params["runs"] == ["2", "1"]
    assert at.session_state["table"]["selection"]["rows"] == [2, 3]


def test_a_running_run_is_followed(store: Store) -> None:
    run = store.enqueue(TINY, "at work", claimed=True)
    store.describe(run, steps_per_epoch=8)
    at = opened(runs=str(run.number))
    row = table(at).iloc[0]
    assert (row["State"], row["Progress"]) == ("running", 0)
    assert f"Still training: run {run.number}" in texts(at)
    before = run_table.snapshot()
    with_progress = store.runs(ids=[run.id])
    assert run_table.snapshot() is before
    assert run_table._with_progress(before.table, with_progress)["Progress"].iloc[0] == 0
    for _ in work(store, run):
        pass
    row = table(ran(at)).iloc[0]
    assert row["State"] == "finished"
    assert row["Test accuracy (%)"] == pytest.approx(100 * (store.run(run.id).test_accuracy or 0))
