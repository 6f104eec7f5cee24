"""The Compare page: its table is what the store holds, each section opens, and Results are the runs' own numbers."""

import json
from types import SimpleNamespace
from urllib.parse import unquote

import pandas as pd
import pytest
from scipy.stats import binomtest
from streamlit.testing.v1 import AppTest

from dashboard.compare import run_results, sections
from dashboard.controls import run_snapshot
from mnist_core.analysis import predictions, stats
from mnist_core.analysis.comparison import CONFOUND, FACTOR, fairness
from mnist_core.config.run_config import RunConfig
from mnist_core.events import StepEnd
from mnist_core.plots.style import run_style
from mnist_core.store.run import Run
from mnist_core.store.store import Store
from tests.app.pages import numbers_in, opened, ran, running_text, tables, texts, ticked
from tests.labs import train_now

pytestmark = pytest.mark.usefixtures("quiet")
TINY = RunConfig(dataset="mnist-5k", train_images=500, validation_images=200, architecture="softmax", epochs=2)
WITHOUT_EFFECT = "–"


def prepare(store: Store) -> None:
    """Runs 1 and 2 are trained, 3 diverged, 4 was stopped before it began, 5 was trained and then deleted."""
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
            train_now(store, run)
    store.request(_number(store, 4).id, "stop")
    store.delete([_number(store, 5).id])
    assert [run.state for run in store.runs()] == ["stopped", "diverged", "finished", "finished"]


def _number(store: Store, number: int) -> Run:
    return store.run(next(run.id for run in [*store.runs(), *store.runs(deleted=True)] if run.number == number))


def table(at: AppTest, key: str = "runs-table") -> pd.DataFrame:
    return tables(at)[key]


def with_table(**query: object) -> AppTest:
    """The page with the table of all runs open."""
    return opened("compare", table="true", **query)


def details(at: AppTest) -> str:
    """The verdict with its counts, which calls runs by their numbers."""
    return next(text for text in running_text(at)[1:] if text.startswith("Run "))


def chosen(at: AppTest) -> list[int]:
    return at.multiselect(key="runs").value


def charts(at: AppTest) -> dict[str, list[dict]]:
    """Traces of each chart by its key."""
    return {
        chart.proto.id.rpartition("-")[2]: json.loads(chart.proto.spec)["data"]  # type: ignore[attr-defined]
        for chart in at.get("plotly_chart")
    }


def test_the_table_holds_every_run_that_is_not_deleted(store: Store) -> None:
    rows = table(with_table())
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
            assert (row["Parameters"], row["Time (s)"]) == (run.parameters, pytest.approx(run.seconds))
            # Only runs that have not finished have a progress.
            assert pd.isna(row["Progress"])
    assert rows["Progress"].tolist()[:2] == [0, 100 * _number(store, 3).progress]


def test_a_filter_without_a_match_says_so_and_keeps_the_choice(store: Store) -> None:
    at = opened("compare", filter="nonsense", runs=["1", "2"])
    assert len(at.info) == 1
    assert chosen(at) == [1, 2]
    assert tables(at)["runs-table"].empty, "its order and its columns outlive a filter"


def test_results_are_those_of_the_store(store: Store) -> None:
    at = with_table(runs=["2", "1", "3"])
    assert chosen(at) == [2, 1, 3]
    rows = table(at, "results")
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


def test_only_what_differs_is_listed_with_its_role(store: Store) -> None:
    at = with_table(runs=["1", "3"])
    assert table(at, "differences").set_index("Hyperparameter").to_dict("index") == {
        "Architecture": {"Role": FACTOR, "1 · plain": "softmax", "3 · too hot": "flatten linear(20) linear(10)"},
        "Optimizer": {"Role": CONFOUND, "1 · plain": "adam", "3 · too hot": "sgd"},
        "Learning rate": {"Role": CONFOUND, "1 · plain": "0.001", "3 · too hot": "100"},
        "Momentum": {"Role": CONFOUND, "1 · plain": WITHOUT_EFFECT, "3 · too hot": "0.9"},
        "Nesterov": {"Role": CONFOUND, "1 · plain": WITHOUT_EFFECT, "3 · too hot": "no"},
    }
    at = with_table(runs="1")
    assert set(tables(at)) == {"runs-table", "results"}


def test_what_is_under_study_can_be_chosen_and_is_part_of_the_link(store: Store) -> None:
    at = with_table(runs=["1", "2"])
    assert at.selectbox(key="results_factor").value == "architecture"
    chosen_runs = [store.find("1"), store.find("2")]
    assert fairness(chosen_runs, "architecture") in texts(at)
    at = with_table(runs=["1", "2"], results_factor="Learning rate")
    assert fairness(chosen_runs, "learning_rate") in texts(at)
    assert table(at, "differences").set_index("Hyperparameter")["Role"].to_dict() == {
        "Learning rate": FACTOR,
        "Architecture": CONFOUND,
    }
    # These two runs differ in the learning rate, too, so what is under study stays the same.
    at.multiselect(key="runs").set_value([2, 3])
    assert fairness([store.find("2"), store.find("3")], "learning_rate") in texts(ran(at))


@pytest.mark.parametrize("section", sections.SECTIONS)
def test_each_section_opens_with_runs_that_have_and_have_not_been_tested(store: Store, section: str) -> None:
    for runs in (["1", "2", "3", "4"], ["4"]):
        at = opened("compare", runs=runs, look=section)
        assert sections.SECTIONS[section].about in texts(at)
        assert not at.error
        assert len(at.main) > 3


def test_a_verdict_stands_first_and_is_mcnemars(store: Store) -> None:
    at = opened("compare", runs=["1", "2"])
    best, second = sorted((_number(store, 1), _number(store, 2)), key=lambda run: -(run.test_accuracy or 0))
    right = {}
    for run in (best, second):
        answered = predictions.load_split(store, run)
        probabilities = answered.filter(regex=r"^p\d+$").to_numpy()
        right[run.number] = probabilities.argmax(axis=1) == answered["label"].to_numpy()
    only = [int((right[a.number] & ~right[b.number]).sum()) for a, b in ((best, second), (second, best))]
    p = binomtest(only[0], sum(only)).pvalue
    plain, text = running_text(at)[0], details(at)
    better = float(p) <= stats.ALPHA
    assert plain.startswith(f"{best.name} is {'better' if better else 'right more often'} than {second.name}")
    assert f"({stats.p_text(float(p))})".replace("<", r"\<") in plain
    numbers = numbers_in(text)
    assert numbers[:2] == [str(best.number), f"{only[0]:,}"]
    assert {str(second.number), f"{only[1]:,}"} <= set(numbers)
    assert stats.p_text(float(p)).split()[-1] in numbers
    at.button(key="results_real").click()
    assert sections.SECTIONS["Is it real?"].about in texts(ran(at))


def test_each_test_accuracy_has_its_interval(store: Store) -> None:
    rows = table(opened("compare", runs=["1", "3"]), "results")
    low, high = map(float, rows[run_results._INTERVAL].iloc[0].split(" – "))
    interval = binomtest(round(1000 * (_number(store, 1).test_accuracy or 0)), 1000).proportion_ci(method="wilson")
    assert (low, high) == pytest.approx((100 * interval.low, 100 * interval.high), abs=0.005)
    assert pd.isna(rows[run_results._INTERVAL].iloc[1])
    at = opened("compare", runs="1")
    plain, alone = running_text(at)[0], details(at)
    right = round(1000 * (_number(store, 1).test_accuracy or 0))
    assert {f"{right:,}", "1,000"} <= set(numbers_in(alone))
    assert {f"{1000 - right:,}", "1,000", f"{right / 1000:.2%}"} <= set(numbers_in(plain))


def test_what_cannot_be_compared_is_said() -> None:
    def run(**config: object) -> Run:
        parsed = RunConfig.parse(config)
        facts = {"number": 1, "state": "finished", "dataset": parsed.dataset, "config": parsed}
        return SimpleNamespace(**facts, optimistic=parsed.choose_on == "test")  # type: ignore[return-value]

    remarks = run_results.comparison_remarks
    assert "data sets" in remarks([run(), run(dataset="kmnist")])
    assert set(remarks([run(), run(train_images=500)])) == {"splits"}
    assert set(remarks([run(), run(choose_on="test")])) == {"optimistic"}
    assert remarks([run(), run(learning_rate=0.1)]) == remarks([run()]) == {}


def test_runs_without_a_step_are_explained(store: Store) -> None:
    at = opened("compare", runs="4")
    assert not charts(at)
    assert set(charts(opened("compare", runs=["1", "4"]))) == {"overfitting"}


def test_the_newest_trained_runs_are_compared_until_a_person_chooses_others_or_none(store: Store) -> None:
    at = opened("compare")
    assert table(at, "results")["Run"].tolist() == [2, 1]
    assert at.query_params["runs"] == ["2", "1"]
    assert "newest 2" in at.caption[0].value
    at.toggle(key="table").set_value(True)
    assert chosen(ran(at)) == ticked(at) == [2, 1]
    at.multiselect(key="runs").set_value([])
    assert not charts(ran(at))
    assert at.query_params["runs"] == "none"
    # It stays empty: when the page is drawn again, and for whoever opens the link.
    for emptied in (ran(at), opened("compare", runs="none")):
        assert chosen(emptied) == []
        assert not emptied.toast
        next(button for button in emptied.button if button.label == "Compare the newest 2").click()
        assert table(ran(emptied), "results")["Run"].tolist() == [2, 1]
        assert emptied.query_params["runs"] == ["2", "1"]


def test_a_running_run_is_followed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    # While a run trains, the table is read again after some seconds, which may be just now.
    monkeypatch.setattr(run_snapshot, "_STALE_SECONDS", 1e12)
    run = store.enqueue(TINY, "at work", claimed=True)
    store.describe(run, steps_per_epoch=8)
    at = with_table(runs=str(run.number))
    row = table(at).iloc[0]
    assert (row["State"], row["Progress"]) == ("running", 0)
    assert run_results.comparison_remarks([run])["running"] in texts(at)
    before = run_snapshot.load_snapshot()
    store.record(run, [StepEnd(4, 1, 0.5, 0.9, 0.001, 1e4, 0.1)])
    row = table(ran(at)).iloc[0]
    assert row["Progress"] == pytest.approx(100 * 4 / (8 * TINY.epochs))
    # The table is not read again: it follows running runs by itself.
    assert run_snapshot.load_snapshot() is before
    train_now(store, run)
    row = table(ran(at)).iloc[0]
    assert row["State"] == "finished"
    assert row["Test accuracy (%)"] == pytest.approx(100 * (store.run(run.id).test_accuracy or 0))
