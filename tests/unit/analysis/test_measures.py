"""Accuracies and losses have the right names: held-out, optimistic (the test images chose the epoch), smoothed."""

# pyright: reportAttributeAccessIssue=false
# plotly has no types for the traces of a figure.

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from mnist_core import api, plots, report, sweeps
from mnist_core.analysis import measures
from mnist_core.analysis.comparison import runs_table
from mnist_core.commands.cli import app
from mnist_core.config.rules import TrainingRules
from mnist_core.config.run_config import RunConfig
from mnist_core.events import EpochEnd
from mnist_core.export import curve_tables, tensorboard
from mnist_core.jobs.worker import work
from mnist_core.plots.curve_chart import CurveChart
from mnist_core.plots.epoch_curves import epoch_curves
from mnist_core.plots.learning_chart import learning_chart
from mnist_core.plots.sweeps import sweep_figure
from mnist_core.plots.swept_curves import sweep_curves
from mnist_core.plots.training_curves import learning_curves
from mnist_core.store.run import Run
from mnist_core.store.store import Store
from mnist_core.sweeps.axes import SweepAxis
from mnist_core.sweeps.sweep import Sweep
from tests.labs import train_now

TINY = RunConfig(dataset="mnist-5k", architecture="softmax", train_images=60, epochs=2, validation_images=20)
ON_TEST = TINY.replace(choose_on="test", validation_images=None)
CONFIGS = {"honest": TINY, "optimistic": ON_TEST, "last": TINY.replace(validation_images=0)}


def trained(store: Store, config: RunConfig, name: str, stop_after: int = 0) -> Run:
    run = store.enqueue(config, name, claimed=True)
    for event in work(store, run):
        if isinstance(event, EpochEnd) and event.epoch == stop_after:
            break
    return store.run(run.id)


@pytest.fixture
def runs(own_lab: Path) -> dict[str, Run]:
    """Runs 1 to 3: chosen on held-out images, on the test images, and not chosen at all."""
    store = Store.open(own_lab)
    return {name: trained(store, config, name) for name, config in CONFIGS.items()}


def said(*arguments: str) -> str:
    return " ".join(CliRunner().invoke(app, [*arguments]).output.split())


def test_a_table_of_runs_is_right_in_every_row(runs: dict[str, Run]) -> None:
    table = runs_table(list(runs.values())).set_index("Name")
    assert table["Epoch chosen on"].to_dict() == {
        "honest": "validation",
        "optimistic": "test (optimistic)",
        "last": "–",
    }
    validation = table["Best validation accuracy (%)"].dropna().to_dict()
    assert validation == {"honest": pytest.approx(100 * (runs["honest"].validation_accuracy or 0))}
    assert table["Test accuracy (%)"].to_dict() == {
        name: pytest.approx(100 * (run.test_accuracy or 0)) for name, run in runs.items()
    }


def test_while_it_trains_a_run_has_the_test_accuracy_that_chooses_its_epoch(own_lab: Path) -> None:
    store = Store.open(own_lab)
    run = trained(store, ON_TEST, "live", stop_after=1)
    assert run.test_accuracy is None
    assert run.tested_accuracy == run.validation_accuracy
    assert run.held_out_accuracy is None
    row = runs_table([run]).iloc[0]
    assert row["Test accuracy (%)"] == pytest.approx(100 * (run.validation_accuracy or 0))
    assert pd.isna(row["Best validation accuracy (%)"])


def test_the_command_line_says_which_images_an_accuracy_is_of(runs: dict[str, Run]) -> None:
    honest, optimistic = said("show", "1"), said("show", "2")
    assert f"validation {runs['honest'].validation_accuracy:.2%}" in honest
    assert "optimistic" not in honest
    assert "validation" not in optimistic
    assert f"test {runs['optimistic'].test_accuracy:.2%} (optimistic)" in optimistic
    assert said("list").count("(optimistic)") == 1
    flags = ["--architecture", "softmax", "--dataset", "mnist-5k", "--train-images", "60", "--epochs", "1"]
    live = said("train", *flags, "--choose-on", "test")
    assert "epoch 1: training" in live
    assert "test (optimistic)" in live
    assert "test accuracy" in live
    assert "validation" not in live


def test_json_says_which_images_an_accuracy_is_of(runs: dict[str, Run]) -> None:
    records = json.loads(CliRunner().invoke(app, ["list", "--json"]).output)
    records.append(json.loads(CliRunner().invoke(app, ["show", "2", "--json"]).output))
    for record in records:
        run = runs[record["name"]]
        assert record["chosen_on"] == {"honest": "validation", "optimistic": "test (optimistic)", "last": "–"}[run.name]
        assert record["validation_accuracy"] == (run.validation_accuracy if run.name == "honest" else None)
        assert record["test_accuracy"] == run.test_accuracy
    assert [record["name"] for record in records].count("optimistic") == 2


def test_a_run_shows_itself_in_a_notebook_as_what_it_is(runs: dict[str, Run]) -> None:
    texts = {name: repr(run) for name, run in runs.items()}
    assert f"validation accuracy {runs['honest'].validation_accuracy:.2%}" in texts["honest"]
    assert f"test accuracy (optimistic) {runs['optimistic'].test_accuracy:.2%}" in texts["optimistic"]
    assert "validation" not in texts["optimistic"] + texts["last"]
    note = api.compare(1, 2)
    assert "optimistic" in str(note)
    assert "run 2" in note.note
    assert not api.compare(1, 3).note


@pytest.mark.parametrize("metric", ["loss", "accuracy"])
def test_learning_curves_name_the_images_of_each_run(runs: dict[str, Run], metric) -> None:
    store = Store.open()
    every = list(runs.values())
    tables = {run.id: store.curves(run.id) for run in every}
    for draw in (_learning_chart, epoch_curves):
        mixed = draw(tables, every, metric)
        labels = {entry.group: entry.label for entry in mixed.entries}
        per_epoch = {labels[line.group]: line for line in mixed.lines if line.symbol}
        assert {label.split(" · ")[1]: line.dash for label, line in per_epoch.items()} == {
            "honest": "dash",
            "optimistic": "dot",
        }
        assert per_epoch["1 · honest"].kind == f"validation {metric}"
        assert per_epoch["2 · optimistic"].kind == f"test (optimistic) {metric}"
        keys = {kind.name: kind.dash for kind in mixed.kinds}
        assert (keys["validation"], keys["test (optimistic)"]) == ("dash", "dot")
        alone = draw(tables, [runs["optimistic"]], metric)
        names = [entry.name for entry in alone.entries]
        assert not any("validation" in text for text in [*names, *(line.kind for line in alone.lines)])
        assert "test (optimistic)" in names
    figure = learning_curves(tables, every, metric)
    dashes = {
        trace.meta: trace.line.dash for trace in figure.data if trace.meta and "raining" not in trace.hovertemplate
    }
    assert {label.split(" · ")[1]: dash for label, dash in dashes.items()} == {"honest": "dash", "optimistic": "dot"}
    keys = {trace.name: trace.line.dash for trace in figure.data if list(trace.x) == [None]}
    assert (keys["validation"], keys["test (optimistic)"]) == ("dash", "dot")


def _learning_chart(tables: dict, runs: list[Run], metric) -> CurveChart:
    return learning_chart(tables, runs, [metric])


def test_the_chart_of_accuracies_marks_the_optimistic_one(runs: dict[str, Run]) -> None:
    figure = plots.accuracy_dots(list(runs.values()))
    points = {
        trace.hovertemplate.split("<br>")[1].rsplit(" %{", 1)[0]: list(trace.y)
        for trace in figure.data
        if trace.hovertemplate
    }
    assert points["validation, best epoch"] == [0]
    assert points["test (optimistic)"] == [1]
    assert points["test"] == [0, 2]
    alone = plots.accuracy_dots([runs["optimistic"]])
    assert all(not trace.x for trace in alone.data if "validation" in str(trace.hovertemplate))


def test_a_sweep_over_both_ways_of_choosing_is_right_in_every_row(own_lab: Path) -> None:
    store = Store.open(own_lab)
    base = TINY.replace(validation_images=None, epochs=1)
    sweep_id = sweeps.launch_sweep(store, Sweep("both", base, (SweepAxis("choose_on", ("validation", "test")),)))
    while (run := store.claim()) is not None:
        train_now(store, run)
    table = sweeps.sweep_table(store, sweep_id).set_index("choose_on")
    assert table["chosen_on"].to_dict() == {"validation": "validation", "test": "test"}
    assert table["validation_accuracy"].isna().to_dict() == {"validation": False, "test": True}
    assert len(table["test_accuracy"].dropna()) == 2
    # Every run has a test accuracy, so the ranking is by that.
    assert sweeps.ranking_column(table) == "test_accuracy"
    assert "(optimistic)" in said("sweep", "list")
    shown = said("sweep", "show", sweep_id)
    assert "test (optimistic)" in shown
    assert "validation accuracy" not in shown
    assert json.loads(CliRunner().invoke(app, ["sweep", "list", "--json"]).output)[0]["best_of"] == "test (optimistic)"
    rows = {run: store.curves(run) for run in table["run"]}
    chart = sweep_curves(rows, table.reset_index(), "choose_on", "Chosen on")
    assert {line.kind.partition(": ")[2] for line in chart.lines} == {
        "validation accuracy",
        "test (optimistic) accuracy",
    }
    assert "alidation" not in chart.panels[0].title


@pytest.mark.parametrize(
    ("config", "name"),
    [(TINY, "validation"), (ON_TEST, "test (optimistic)"), (TINY.replace(validation_images=0), "test (optimistic)")],
)
def test_a_sweep_says_what_it_ranks_by(own_lab: Path, config: RunConfig, name: str) -> None:
    """Ranking settings by test accuracy chooses on the test images, however the epochs were chosen."""
    store = Store.open(own_lab)
    sweep_id = sweeps.launch_sweep(
        store, Sweep("rates", config.replace(epochs=1), (SweepAxis("learning_rate", (0.1, 0.01)),))
    )
    assert sweeps.ranking_name(sweeps.sweep_table(store, sweep_id)) == name
    while (run := store.claim()) is not None:
        train_now(store, run)
    table = sweeps.sweep_table(store, sweep_id)
    assert sweeps.ranking_name(table) == name
    axis = sweep_figure(table, {"learning_rate": "Learning rate"}, sweeps.ranking_column(table)).layout.yaxis
    assert axis.title.text.startswith(f"{name.capitalize()} accuracy" if name == "validation" else "Test accuracy (opt")
    shown = said("sweep", "show", sweep_id)
    best = sweeps.best_run(table)
    assert best is not None
    assert f"best run: #{best['number']}" in shown
    assert ("optimistic" in shown) == (name != "validation")


def test_halving_does_not_rank_held_out_and_test_images_together(own_lab: Path) -> None:
    store = Store.open(own_lab)
    axes = (SweepAxis("choose_on", ("validation", "test")), SweepAxis("learning_rate", (0.1, 0.01, 0.001)))
    base = TINY.replace(validation_images=None, epochs=9)
    sweeps.launch_sweep(store, Sweep("halved", base, axes, halving=True))
    answers = []
    while (run := store.claim()) is not None:
        accuracy = 0.9 if run.config.choose_on == "test" else 0.1 + run.config.learning_rate
        store.record(run, [EpochEnd(1, 1, 1.0, 0.5, 1.0, accuracy, True, 1.0)])
        answers.append((run.config.choose_on, bool(sweeps.stopping_reason(store, run, 1))))
    assert sorted(answers) == [("test", False)] * 3 + [("validation", False)] * 2 + [("validation", True)]


def test_what_leaves_the_lab_bears_the_name_of_what_it_is(runs: dict[str, Run]) -> None:
    store = Store.open()
    table = curve_tables.curve_table(store, list(runs.values()))
    names = {name: set(rows["metric"]) for name, rows in table.groupby("name")}
    assert {"validation_loss", "validation_accuracy"} < names["honest"]
    assert {"test_loss_optimistic", "test_accuracy_optimistic"} < names["optimistic"]
    assert not any("validation" in name for name in names["optimistic"] | names["last"])
    tags = {name: {tensorboard.tag_of(run, metric) for metric in tensorboard.TAGS} for name, run in runs.items()}
    assert "accuracy/validation" in tags["honest"]
    assert {"loss/test_optimistic", "accuracy/test_optimistic"} < tags["optimistic"]
    assert not any("validation" in tag for tag in tags["optimistic"])
    folder = tensorboard.write_to_tensorboard(store, runs["optimistic"], store.root / "tensorboard")
    content = next(folder.iterdir()).read_bytes()
    assert b"accuracy/best_test_optimistic" in content
    assert b"accuracy/validation" not in content
    html = report.report_html(store, list(runs.values())).split("</style>")[1].split("<script>")[0]
    assert html.count("test (optimistic)") >= 1
    assert f"{100 * (runs['optimistic'].test_accuracy or 0):.2f}" in html
    assert "best epoch of run 2 was" in html


# A run from before rules were recorded follows their first versions.
OLD = TrainingRules(patience=1, training_loss=1)


def test_a_smoothed_training_loss_is_called_so_wherever_it_stands(runs: dict[str, Run]) -> None:
    store = Store.open()
    smoothing = TINY.replace(label_smoothing=0.1)
    today = trained(store, smoothing, "today")
    old = replace(today, rules=OLD)
    assert (today.training_loss_label, old.training_loss_label) == ("", "with label smoothing")
    assert replace(today, rules=OLD, config=TINY).training_loss_label == ""
    assert measures.training_loss_note([today, runs["honest"]]) == ""
    note = measures.training_loss_note([runs["honest"], old])
    assert f"run {old.number}" in note
    assert "with label smoothing" in note
    tables = {run.id: store.curves(run.id) for run in (old, runs["honest"])}
    for draw in (_learning_chart, epoch_curves):
        loss, accuracy = (draw(tables, [old, runs["honest"]], metric) for metric in ("loss", "accuracy"))
        texts = [line.kind for line in loss.lines if line.role == "curve" and "training" in line.kind]
        assert ["with label smoothing" in text for text in texts] == [True, False]
        assert not any("smoothing" in line.kind for line in accuracy.lines)
    assert "train_loss_with_label_smoothing" in set(curve_tables.curve_table(store, [old])["metric"])
    assert "train_loss_with_label_smoothing" not in set(curve_tables.curve_table(store, [today])["metric"])
    assert tensorboard.tag_of(old, "train_loss") == "loss/train_with_label_smoothing"


def test_scikit_learns_loss_with_its_penalty_is_called_so(own_lab: Path) -> None:
    store = Store.open(own_lab)
    config = TINY.replace(library="sklearn", architecture="mlp-50", tolerance=0.1)
    with_penalty, without = (store.enqueue(config.replace(weight_decay=decay)) for decay in (0.1, 0.0))
    assert (with_penalty.training_loss_label, without.training_loss_label) == ("with the weight penalty", "")
