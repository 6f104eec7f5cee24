"""The Sweeps page without a browser: the form and its mistakes, what a click queues, the board, stop, retry, extend."""

import re
import sqlite3
from contextlib import closing

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

from dashboard.sweeps.sweep_results import MOST_CURVES, evenly_spread, few_seeds_note
from mnist_core import sweeps
from mnist_core.analysis import stats
from mnist_core.commands.cli import app
from mnist_core.config.run_config import RunConfig
from mnist_core.events import EpochEnd
from mnist_core.store.store import Store
from mnist_core.sweeps.axes import SweepAxis
from mnist_core.sweeps.sweep import Sweep
from tests.app.pages import curve_charts, numbers_in, tables
from tests.labs import train_now

TINY = RunConfig(dataset="mnist-5k", architecture="mlp-100", train_images=200, epochs=1)
RATES = SweepAxis("learning_rate", (0.001, 0.01))
EPOCHS, WIDTHS = SweepAxis("epochs", (1, 2)), SweepAxis("test", (3, 4))


@pytest.fixture
def page(own_lab, quiet) -> AppTest:
    """The page on an empty store, with nobody who takes runs from its queue."""
    return AppTest.from_file("../../pages/sweeps.py", default_timeout=30)


def button(page: AppTest, label: str):
    return next(button for button in page.button if button.label == label)


def texts(page: AppTest) -> str:
    """Running text, captions, messages and the text of the progress bar."""
    elements = [*page.markdown, *page.caption, *page.warning, *page.info]
    return "\n".join([*(element.value for element in elements), *(bar.proto.text for bar in page.get("progress"))])


def errors(page: AppTest) -> list[str]:
    return [error.value.replace("\\", "") for error in page.error]


def launched(sweep: Sweep, train: int = 0) -> tuple[Store, str]:
    """A sweep in the store, the first `train` runs of its queue trained."""
    store = Store.open()
    sweep_id = sweeps.launch_sweep(store, sweep)
    for _ in range(train):
        run = store.claim()
        assert run is not None
        train_now(store, run)
    return store, sweep_id


def test_an_empty_lab_says_what_a_sweep_is_and_an_example_fills_the_form(page: AppTest):
    page.run()
    assert not page.exception
    assert len(page.info) == 1
    assert button(page, "Start the sweep").disabled
    (link,) = [link.proto for link in page.get("page_link")]
    assert link.page == "train"
    page.button(key="empty: Learning rates from 0.00001 to 1").click().run()
    assert not page.exception
    assert page.selectbox(key="vary1").value == "learning_rate"
    assert "1e-05 · 0.0001 · 0.001" in texts(page)
    assert "**12 runs**" in texts(page)
    assert not button(page, "Start the sweep").disabled
    assert Store.open().sweeps() == []


def test_both_examples_are_sweeps_that_can_start(page: AppTest):
    page.run()
    for index in range(2):
        [button for button in page.button if str(button.key).startswith("popover")][index].click().run()
        assert not errors(page)
        assert not button(page, "Start the sweep").disabled


def test_a_click_starts_what_was_chosen(page: AppTest):
    page.run()
    page.text_input(key="sweep_name").set_value("my sweep")
    page.selectbox(key="dataset").set_value("mnist-5k")
    page.selectbox(key="vary1").set_value("learning_rate").run()
    page.text_input(key="try_learning_rate").set_value("0.001..0.1 log 3")
    page.selectbox(key="vary2").set_value("optimizer").run()
    page.multiselect(key="try_optimizer").set_value(["sgd", "adam"])
    page.number_input(key="seeds_each").set_value(2).run()
    assert "**12 runs**" in texts(page)
    button(page, "Start the sweep").click().run()
    assert not page.exception
    store = Store.open()
    (row,) = store.sweeps()
    runs = store.runs(sweep=row.id)
    assert row.name == "my sweep"
    assert {(run.config.learning_rate, run.config.optimizer, run.config.seed) for run in runs} == {
        (rate, optimizer, seed) for rate in (0.001, 0.01, 0.1) for optimizer in ("sgd", "adam") for seed in (0, 1)
    }
    assert {run.state for run in runs} == {"queued"}
    assert page.query_params["sweep"] == row.id
    (progress,) = page.get("progress")
    assert numbers_in(progress.proto.text)[:2] == ["12", "12"]


def test_an_address_carries_the_form(page: AppTest):
    page.query_params["vary1"] = "Width"
    page.query_params["try_width"] = "10, 20, 40"
    page.query_params["seeds_each"] = "3"
    page.run()
    assert not page.exception
    assert "**9 runs**" in texts(page)


@pytest.mark.parametrize(
    ("field", "text", "mistake"),
    [
        ("learning_rate", "0.1, fast", "'fast'"),
        ("learning_rate", "1..0.1 log 3", "1..0.1"),
        ("learning_rate", "0.1..1 log", "how many values"),
        ("learning_rate", "0.1, 1000", "1000.0"),
        ("batch_size", "0, 10", "0 cannot"),
        ("dropout", "0.1, 0.5", "architecture"),
    ],
)
def test_a_mistake_names_its_field_and_nothing_can_be_started(page: AppTest, field: str, text: str, mistake: str):
    page.run()
    page.selectbox(key="vary1").set_value(field).run()
    page.text_input(key=f"try_{field}").set_value(text).run()
    assert not page.exception
    assert [error for error in errors(page) if error.startswith(f"{field}:") and mistake in error], errors(page)
    assert button(page, "Start the sweep").disabled


def test_a_setting_without_effect_is_warned_of(page: AppTest):
    page.run()
    page.selectbox(key="vary1").set_value("momentum").run()
    page.text_input(key="try_momentum").set_value("0, 0.9").run()
    (warning,) = [warning.value for warning in page.warning if "Momentum" in warning.value]
    assert all(word in warning for word in ("Optimizer", "sgd", "rmsprop", "muon"))
    page.selectbox(key="optimizer").set_value("sgd").run()
    assert not [warning.value for warning in page.warning if "Momentum" in warning.value]


def test_a_random_search_draws_from_a_range(page: AppTest):
    page.run()
    page.segmented_control(key="method").set_value("random")
    page.selectbox(key="vary1").set_value("learning_rate").run()
    page.text_input(key="try_learning_rate").set_value("0.0001..1 log").run()
    page.number_input(key="samples").set_value(7).run()
    assert re.search(r"\b0\.0001\b.*\b1\b", texts(page))
    button(page, "Start the sweep").click().run()
    rates = {run.config.learning_rate for run in Store.open().runs()}
    assert len(rates) == 7
    assert all(0.0001 <= rate <= 1 for rate in rates)


def test_the_board_shows_the_best_so_far_and_every_run(page: AppTest):
    store, sweep_id = launched(Sweep("two rates", TINY, (RATES,), seeds=2), train=3)
    page.run()
    assert not page.exception
    assert not page.error
    best = sweeps.best_run(sweeps.sweep_table(store, sweep_id))
    assert best is not None
    assert page.metric[0].value == f"{best['validation_accuracy']:.2%}"
    assert f"**{best['learning_rate']:g}** · seed {best['seed']}" in texts(page)
    (progress,) = page.get("progress")
    assert numbers_in(progress.proto.text)[:3] == ["4", "3", "1"]
    table = sweeps.sweep_table(store, sweep_id)
    leaders = sweeps.sweep_leaders(Sweep("two rates", TINY, (RATES,), seeds=2), table)
    assert leaders is not None
    same_rate = table.loc[table["learning_rate"] == best["learning_rate"]].dropna(subset=["validation_accuracy"])
    assert leaders.of_run.seeds == len(same_rate)
    assert leaders.of_run.mean == pytest.approx(same_rate["validation_accuracy"].mean())
    assert leaders.of_run.test == pytest.approx(same_rate["test_accuracy"].mean())
    assert leaders.run.test == pytest.approx(best["test_accuracy"])
    assert f"{leaders.run.test:.2%}" in numbers_in(texts(page))
    means = {f"{leaders.of_run.mean:.2%}", f"{leaders.of_run.test:.2%}"}
    assert len(same_rate) < 2 or means <= set(numbers_in(texts(page)))
    assert leaders.selection_bias is not None
    assert leaders.selection_bias.runs == 3
    assert stats.selection_bias_text(leaders.selection_bias) in texts(page)
    assert [
        widget.proto.label for kind in ("button", "button_group") for widget in page.get(kind) if not widget.proto.help
    ] == []
    rows = tables(page)["sweep-runs"]
    assert rows["State"].tolist() == ["finished"] * 3 + ["queued"]
    assert rows["Validation"].tolist()[:3] == sorted(rows["Validation"].tolist()[:3], reverse=True)
    assert rows["Run"].iloc[0] == f"inspect?run={best['number']}"
    assert [title.value for title in page.header][-3:] == ["What it found", "Learning curves", "Every run"]


def test_a_setting_that_is_called_as_another_column_has_its_own(page: AppTest):
    own_words = Sweep("", TINY.replace(architecture="flatten linear({test}) linear(classes)"), (EPOCHS, WIDTHS))
    launched(own_words)
    rows = tables(page.run())["sweep-runs"]
    assert sorted(rows["swept epochs"].tolist()) == [1, 1, 2, 2]
    assert sorted(rows["swept test"].tolist()) == [3, 3, 4, 4]
    assert set(rows["Epochs done"].tolist()) == {0}
    assert rows["Test"].dropna().tolist() == []


def test_stop_all_takes_everything_from_the_queue(page: AppTest):
    store, sweep_id = launched(Sweep("", TINY, (RATES,)))
    other = store.enqueue(TINY)
    page.run()
    button(page, "Stop all").click().run()
    assert {run.state for run in store.runs(sweep=sweep_id)} == {"stopped"}
    assert store.run(other.id).state == "queued"
    assert "Stop all" not in [button.label for button in page.button]


def test_failed_runs_are_retried(page: AppTest):
    store, sweep_id = launched(Sweep("", TINY, (RATES,)))
    for state in ("failed", "diverged"):
        run = store.claim()
        assert run is not None
        store.finish(run, state, "for the test")
    page.run()
    assert "**1** diverged · **1** failed" in texts(page)
    button(page, "Retry 1 failed").click().run()
    assert sorted(run.state for run in store.runs(sweep=sweep_id)) == ["diverged", "queued"]


@pytest.mark.parametrize(("label", "kept"), [("Forget the sweep, keep its runs", 2), ("Delete it with its 2 runs", 0)])
def test_a_sweep_is_deleted_with_or_without_its_runs(page: AppTest, label: str, kept: int):
    launched(Sweep("older", TINY, (RATES,)))
    store, sweep_id = launched(Sweep("newer", TINY, (RATES,)))
    page.run()
    assert page.selectbox(key="sweep").value == sweep_id
    button(page, label).click().run()
    assert not page.exception
    assert [row.name for row in store.sweeps()] == ["older"]
    assert len([run for run in store.runs() if run.sweep is None]) == kept
    assert len(store.runs(deleted=True)) == 2 - kept
    page.run()
    assert page.selectbox(key="sweep").value == store.sweeps()[0].id
    assert not [warning for warning in page.warning if "address" in warning.value]


def test_extending_adds_only_what_is_missing(page: AppTest):
    store, sweep_id = launched(Sweep("two rates", TINY, (RATES,)))
    before = {run.id for run in store.runs()}
    page.run()
    button(page, "Extend").click().run()
    assert page.text_input(key="try_learning_rate").value == "0.001, 0.01"
    assert button(page, "Add the missing runs").disabled
    page.text_input(key="try_learning_rate").set_value("0.001, 0.01, 0.1")
    page.number_input(key="seeds_each").set_value(2).run()
    assert "**4 runs**" in texts(page)
    button(page, "Add the missing runs").click().run()
    assert not page.exception
    runs = store.runs(sweep=sweep_id)
    assert before < {run.id for run in runs}
    assert sorted((run.config.learning_rate, run.config.seed) for run in runs) == [
        (rate, seed) for rate in (0.001, 0.01, 0.1) for seed in (0, 1)
    ]
    assert "Start the sweep" in [button.label for button in page.button]


def test_an_address_with_a_sweep_that_is_gone_shows_the_newest(page: AppTest):
    _, sweep_id = launched(Sweep("here", TINY, (RATES,)))
    page.query_params["sweep"] = "gone"
    page.run()
    assert not page.exception
    assert [warning for warning in page.warning if "address" in warning.value]
    assert page.selectbox(key="sweep").value == sweep_id


def test_a_sweep_whose_runs_are_deleted_says_so(page: AppTest):
    store, _ = launched(Sweep("gone", TINY, (RATES,)))
    store.delete([run.id for run in store.runs()])
    page.run()
    assert not page.exception
    assert len(page.info) == 1
    assert not tables(page)


def test_curves_of_many_runs_are_spread_over_the_swept_value():
    table = pd.DataFrame({"number": range(1, 501), "rate": [float(index % 100) for index in range(500)]})
    rows = evenly_spread(table, "rate", MOST_CURVES)
    assert len(rows) == MOST_CURVES
    rates = rows["rate"].tolist()
    assert rates == sorted(rates)
    assert (rates[0], rates[-1]) == (0, 99)
    assert len(set(rates)) == MOST_CURVES
    assert len(evenly_spread(table.head(MOST_CURVES), "rate", MOST_CURVES)) == MOST_CURVES


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "5 seconds"),
        (38, "40 seconds"),
        (70, "1 minute"),
        (600, "10 minutes"),
        (7300, "2 hours"),
        (9000, "2 h 30 min"),
        (300_000, "3 days"),
    ],
)
def test_durations_in_words(seconds: float, text: str):
    assert sweeps.duration_text(seconds) == text


@pytest.mark.sqlite
def test_a_run_whose_figures_have_changed_is_named_on_the_board_and_by_the_command(page: AppTest):
    store, sweep_id = launched(Sweep("rates", TINY, (RATES,)), train=2)
    page.run()
    before = {warning.value for warning in page.warning}
    assert store.file is not None
    with closing(sqlite3.connect(store.file)) as connection, connection:
        connection.execute("UPDATE runs SET validation_accuracy = 0.999 WHERE number = 2")
    page.run()
    (named,) = {warning.value for warning in page.warning} - before
    assert numbers_in(named) == ["2"]
    assert "run 2 " in CliRunner().invoke(app, ["sweep", "show", sweep_id], env={"COLUMNS": "200"}).stdout


def test_runs_that_halving_ended_are_counted(page: AppTest):
    sweep = Sweep("", TINY.replace(epochs=9), (RATES,), halving=True)
    store, _ = launched(sweep)
    for epochs in (1, 9):
        run = store.claim()
        assert run is not None
        store.record(run, [EpochEnd(epoch, epoch, 1, 0.5, 1, 0.5, True, 1) for epoch in range(1, epochs + 1)])
        store.finish(run, "finished")
    page.run()
    (progress,) = page.get("progress")
    assert numbers_in(progress.proto.text) == ["2", "2", "1"]


def test_of_one_epoch_there_is_no_curve_and_of_few_seeds_a_warning(page: AppTest):
    launched(Sweep("short", TINY, (RATES,), seeds=2), train=4)
    page.run()
    assert not page.exception
    assert not curve_charts(page)
    assert few_seeds_note(2) in texts(page)
    assert "" == few_seeds_note(3) != few_seeds_note(1) != few_seeds_note(2)
    _, sweep_id = launched(Sweep("long", TINY.replace(epochs=2), (RATES,)), train=2)
    page.query_params["sweep"] = sweep_id
    assert curve_charts(page.run())
