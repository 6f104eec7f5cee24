"""The section Curves draws what the store holds, one line a run or one for the mean of several seeds."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from mnist_core.analysis.stats.seeds import group_test
from mnist_core.config.run_config import RunConfig
from mnist_core.events import EpochEnd, StepEnd
from mnist_core.store.run import Run
from mnist_core.store.store import Store
from tests.app.pages import curve_charts, opened, running_text, tables

pytestmark = pytest.mark.usefixtures("quiet")
ROOT = Path(__file__).resolve().parents[2]
# Epochs of each run, and steps of each epoch.
EPOCHS, STEPS = 4, 10


def _learned(store: Store, config: RunConfig, name: str, level: float) -> Run:
    run = store.enqueue(config, name, claimed=True)
    store.describe(run, steps_per_epoch=STEPS, train_images=640)
    for epoch in range(1, EPOCHS + 1):
        steps = range((epoch - 1) * STEPS + 1, epoch * STEPS + 1)
        losses = [level + 1 / step for step in steps]
        store.record(
            run,
            [
                StepEnd(step, epoch, loss, 1 - loss / 3, 0.001, 1000, step / 100)
                for step, loss in zip(steps, losses, strict=True)
            ],
        )
        # The validation loss is lowest at epoch 3.
        held = level + abs(epoch - 3) / 10
        end = EpochEnd(epoch * STEPS, epoch, losses[-1], 0.9, held, 1 - held / 3, epoch <= 3, epoch * STEPS / 100)
        store.record(run, [end])
    store.finish(run, "finished")
    return store.run(run.id)


@pytest.fixture
def store(own_lab: Path) -> Store:
    """Runs 1 to 3 are one experiment with three seeds, 4 is another one, 5 has not begun."""
    store = Store.open(own_lab)
    config = RunConfig(dataset="mnist-5k", architecture="mlp-100", epochs=EPOCHS)
    for seed, level in enumerate((0.1, 0.2, 0.4)):
        _learned(store, config.replace(seed=seed), f"wide, seed {seed}", level)
    _learned(store, config.replace(architecture="softmax"), "plain", 0.8)
    store.request(store.enqueue(config.replace(seed=9), "idle").id, "stop")
    return store


def chart(at: AppTest) -> dict[str, Any]:
    return curve_charts(at)["curves"]


def names(at: AppTest) -> list[str]:
    return [entry["name"] for entry in chart(at)["entries"]]


def captions(at: AppTest) -> str:
    return "\n".join(caption.value for caption in at.caption)


@pytest.mark.parametrize("x", ["step", "epoch", "seconds", "images"])
def test_every_run_has_its_lines_across_each_axis(store: Store, x: str) -> None:
    at = opened("compare", look="Curves", runs=["1", "2", "4"], x=x)
    assert names(at) == ["1 · wide, seed 0", "2 · wide, seed 1", "4 · plain"]
    ends = {"step": 40, "epoch": 4, "seconds": 0.4, "images": 40 * 64}
    last = [line["x"][-1] for line in chart(at)["lines"] if line["role"] == "curve"]
    assert last == pytest.approx([ends[x]] * 6)


def test_best_and_last_values_stand_below_the_chart(store: Store) -> None:
    table = tables(opened("compare", look="Curves", runs=["4", "1", "5"]))["extremes"]
    assert table["Name"].tolist() == ["4 · plain", "1 · wide, seed 0", "5 · idle"]
    assert table["Best"].tolist()[:2] == pytest.approx([0.8, 0.1])
    assert table["Epoch"].tolist()[:2] == [3, 3]
    assert table["Last"].tolist()[:2] == pytest.approx([0.9, 0.2])
    assert table["Training loss"].tolist()[:2] == pytest.approx([0.8 + 1 / 40, 0.1 + 1 / 40])
    assert table.loc[2, ["Best", "Epoch", "Last", "Training loss"]].isna().all()
    table = tables(opened("compare", look="Curves", runs=["1"], metric="accuracy"))["extremes"]
    assert table["Best"].tolist() == pytest.approx([100 - 10 / 3])


def test_seeds_become_one_line(store: Store) -> None:
    at = opened(
        "compare",
        look="Curves",
        runs=["1", "2", "3", "4", "5"],
        curve_seeds="true",
        curve_band="standard error",
        smoothing="0.0",
    )
    assert names(at) == ["wide · 3 seeds", "4 · plain"]
    group = chart(at)["entries"][0]["group"]
    lines = [line for line in chart(at)["lines"] if line["group"] == group]
    assert [(line["role"], line["kind"]) for line in lines] == [
        ("band", ""),
        ("band", ""),
        ("curve", "training loss"),
        ("curve", "validation loss"),
    ]
    assert lines[2]["y"] == pytest.approx(0.7 / 3 + 1 / np.arange(1, 41), rel=1e-5)
    assert "standard error" in captions(at)
    table = tables(at)["extremes"]
    assert table["Seeds"].tolist() == [3, 1]
    assert table["Best"].tolist() == pytest.approx([0.7 / 3, 0.8])
    assert table["±"].tolist()[0] == pytest.approx(np.std([0.1, 0.2, 0.4], ddof=1))


def test_of_many_runs_the_choice_is_a_line(store: Store) -> None:
    config = RunConfig(dataset="mnist-5k", architecture="mlp-300", epochs=EPOCHS)
    for seed in range(9):
        _learned(store, config.replace(seed=seed), f"more, seed {seed}", 0.5)
    at = opened("compare", look="Curves", table="true", runs=[str(n) for n in (1, 2, 3, 4, *range(6, 15))])
    assert len(names(at)) == 13
    assert len(tables(at)["extremes"]) == 13
    assert not at.multiselect
    assert "**13 runs" in running_text(at)[0]
    assert running_text(at)[0].endswith(" 1–4, 6–14")
    at.button(key="runs:list").click()
    at.run()
    assert at.multiselect(key="runs").value == [1, 2, 3, 4, *range(6, 15)]
    at.multiselect(key="runs").unselect(14)
    at.run()
    assert len(names(at)) == 12


def test_the_chart_is_made_anew_once_a_run_has_changed(store: Store) -> None:
    assert names(opened("compare", look="Curves", runs=["1", "4"])) == ["1 · wide, seed 0", "4 · plain"]
    run = next(run for run in store.runs() if run.number == 4)
    store.rename(run.id, "renamed")
    assert names(opened("compare", look="Curves", runs=["1", "4"])) == ["1 · wide, seed 0", "4 · renamed"]


def test_arrays_of_the_store_are_its_rows(store: Store) -> None:
    run = store.runs()[-1]
    metrics = ("train_loss", "validation_accuracy", "nothing")
    arrays = store.curves(run.id, metrics)
    assert list(arrays) == list(metrics)
    for name in metrics:
        table = store.metrics(run.id, names=[name])
        for column, values in zip(("step", "epoch", "seconds", "value"), arrays[name], strict=True):
            np.testing.assert_array_equal(values, table[column].to_numpy())


def test_values_that_are_not_finite_stay_so(store: Store) -> None:
    run = store.enqueue(RunConfig(dataset="mnist-5k"), claimed=True)
    values = [1.0, float("nan"), float("inf"), float("-inf")]
    store.record(run, [StepEnd(step, 1, value, 0.5, 0.1, 1.0, 0.1) for step, value in enumerate(values, start=1)])
    np.testing.assert_array_equal(store.curves(run.id, ["train_loss"])["train_loss"][3], values)


def test_differences_are_drawn_from_the_pinned_baseline(store: Store) -> None:
    link = {"look": "Curves", "runs": ["1", "2", "3", "4"], "x": "epoch", "smoothing": "0.0"}
    assert not [toggle for toggle in opened("compare", **link).toggle if toggle.key == "curve_difference"]
    at = opened("compare", **link, baseline="4", curve_difference="true")
    panel = chart(at)["panels"][0]
    assert (panel["metric"], panel["log"]) == ("loss difference", False)
    lines = {line["id"]: line for line in chart(at)["lines"]}
    ids = {entry["short"]: entry["group"] for entry in chart(at)["entries"]}
    assert lines[f"{ids['2']} difference"]["x"].tolist() == [1, 2, 3, 4]
    assert lines[f"{ids['2']} difference"]["y"] == pytest.approx([0.2 - 0.8] * EPOCHS)
    assert set(lines[f"{ids['4']} zero"]["y"]) == {0}
    # Nothing is claimed for single runs.
    assert all(line["role"] != "band" for line in lines.values())
    assert at.toggle(key="log_y").disabled
    at.toggle(key="curve_difference").set_value(False).run()
    assert chart(at)["panels"][0]["metric"] == "loss"


def test_differences_of_seeds_have_the_interval_of_the_verdict(store: Store) -> None:
    config = RunConfig(dataset="mnist-5k", architecture="softmax", epochs=EPOCHS)
    _learned(store, config.replace(seed=1), "plain, seed 1", 0.9)
    link = {"look": "Curves", "runs": ["1", "2", "3", "4", "6"], "x": "epoch", "smoothing": "0.0"}
    at = opened("compare", **link, baseline="4", curve_difference="true", curve_seeds="true", metric="accuracy")
    bands = [line for line in chart(at)["lines"] if line["role"] == "band"]
    assert len(bands) == 1
    test = group_test([1 - level / 3 for level in (0.1, 0.2, 0.4)], [1 - level / 3 for level in (0.8, 0.9)])
    third = bands[0]["y"][bands[0]["x"] == 3].tolist()
    assert sorted(third) == pytest.approx([100 * test.low, 100 * test.high], rel=1e-5)
