"""Cost, calibration and robustness on the Compare page: the numbers are the core's own, and gaps are explained."""

import json
import re
import time

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.compare import robustness_task
from mnist_core.analysis import calibration, costs, predictions, scores, stats
from mnist_core.analysis.robustness import CORRUPTIONS, LEVELS
from mnist_core.config.run_config import RunConfig
from mnist_core.store.run import Run
from mnist_core.store.store import Store
from tests.app.pages import numbers_in, opened, ran, tables, texts
from tests.labs import train_now

pytestmark = pytest.mark.usefixtures("quiet")
TINY = RunConfig(dataset="mnist-5k", train_images=500, validation_images=200, architecture="softmax", epochs=2)


def prepare(store: Store) -> None:
    """Runs 1 to 3 are trained, 2 and 3 in bfloat16, 3 without validation images; 4 waits."""
    wider = TINY.replace(architecture="flatten linear(20) relu linear(10)", learning_rate=0.01, precision="bfloat16")
    for config in (TINY, wider, wider.replace(choose_on="test", validation_images=None), TINY.replace(seed=9)):
        run = store.enqueue(config, claimed=config.seed == 0)
        if config.seed == 0:
            train_now(store, run)


def _number(store: Store, number: int) -> Run:
    return next(run for run in store.runs() if run.number == number)


def section(look: str, *runs: int, **query: str) -> AppTest:
    """A section of Compare as a link shows it."""
    return opened("compare", look=look, runs=[str(number) for number in runs], **query)


def charts(at: AppTest) -> dict[str, dict]:
    """Figures by their key."""
    figures = {}
    for chart in at.get("plotly_chart"):
        key = re.search(r"-(costs|calibration [\w ]+|robustness \w+)$", chart.proto.id)  # type: ignore[attr-defined]
        assert key
        figures[key[1]] = json.loads(chart.proto.spec)  # type: ignore[attr-defined]
    return figures


def test_cost_has_points_with_intervals_and_a_front(store: Store) -> None:
    at = section("Cost", 1, 2, 4, cost="file")
    points = [trace for trace in charts(at)["costs"]["data"] if trace["name"] != "Pareto front"]
    for number, point in zip((1, 2), points, strict=True):
        run = _number(store, number)
        assert point["x"] == [(costs.weights_size(store, run) or 0) / 1000]
        low, high = stats.wilson(round((run.test_accuracy or 0) * 1000), 1000)
        assert point["customdata"][0][1:3] == pytest.approx([100 * low, 100 * high])
    assert any("run 4" in caption.value for caption in at.caption)
    runs = [_number(store, number) for number in (1, 2)]
    front = costs.pareto_front([point["x"][0] for point in points], [run.test_accuracy or 0 for run in runs])
    bold = re.findall(r"\*\*(.*?)\*\*", texts(at))
    assert [str(index + 1) for index in front] in [numbers_in(part) for part in bold]
    row = tables(at)["cost-table"].set_index("Run").loc[2]
    memory = costs.network_memory(_number(store, 2).config, (1, 28, 28), 10)
    assert row["Memory (kB)"] == memory.answering / 1000
    assert row["Training memory (MB)"] == (memory.training or 0) / 1e6
    assert "One image (ms)" not in row
    at = section("Cost", 4)
    assert (len(at.info), charts(at)) == (1, {})


def test_seeds_are_one_point_of_their_mean(store: Store) -> None:
    again = store.enqueue(TINY.replace(seed=1), "again", claimed=True)
    train_now(store, again)
    at = section("Cost", 1, 2, again.number, cost_seeds="true")
    group, alone = (trace for trace in charts(at)["costs"]["data"] if trace["name"] != "Pareto front")
    accuracies = [_number(store, number).test_accuracy or 0 for number in (1, again.number)]
    mean, low, high = stats.mean_and_band(accuracies, "95 % interval")
    assert group["customdata"][0][:3] == pytest.approx([100 * mean, 100 * max(low, 0), 100 * min(high, 1)])
    assert (group["name"], alone["name"][:1]) == ("softmax,…nist-5k · 2 seeds", "2")
    table = tables(at)["cost-table"].set_index("Run")
    assert table["Seeds"].to_dict() == {1: 2, 2: 1}
    assert table.loc[1, "Training (s)"] == pytest.approx(
        sum(_number(store, number).seconds for number in (1, again.number)) / 2
    )


def test_choosing_a_time_measures_it_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    measure = costs.measure_speeds

    def counted(networks: dict, *rest: object) -> dict:
        asked.append(list(networks))
        return measure(networks, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(costs, "measure_speeds", counted)
    at = section("Cost", 1, 2, cost="one image")
    ids = [_number(store, number).id for number in (1, 2)]
    assert asked == [ids]
    times = {point["name"]: point["x"][0] for point in charts(at)["costs"]["data"] if point["name"] != "Pareto front"}
    assert len(times) == 2
    table = tables(at)["cost-table"].set_index("Run")
    assert list(times.values()) == pytest.approx(table["One image (ms)"].tolist())
    assert (table["Images/s"].to_numpy() > 0).all()
    at.segmented_control(key="cost").set_value("batches")
    ran(at)
    assert asked == [ids]


def test_calibration_is_the_cores_before_and_after(store: Store) -> None:
    at = section("Calibration", 1, 2, 3, calibration_bins="10", calibration_coverage="80")
    assert at.slider(key="calibration_coverage").value == 80
    table = tables(at)["calibration-table"].set_index("Run")
    for number in (1, 2, 3):
        run = _number(store, number)
        aligned, _ = predictions.align([run], {run.id: predictions.load_split(store, run)})
        assert aligned is not None
        probabilities = aligned.probabilities[run.id]
        row = table.loc[number]
        assert row["Accuracy"] == pytest.approx(100 * (run.test_accuracy or 0))
        assert row["Calibration error"] == pytest.approx(
            100 * calibration.expected_calibration_error(probabilities, aligned.labels, 10)
        )
        assert row["Loss"] == pytest.approx(run.test_loss, rel=1e-4)
        if number == 3:
            assert np.isnan(row["Temperature"])
            continue
        held, _ = predictions.align([run], {run.id: predictions.load_split(store, run, "validation")})
        assert held is not None
        value = calibration.temperature(held.probabilities[run.id], held.labels)
        assert row["Temperature"] == pytest.approx(value)
        scaled = calibration.with_temperature(probabilities, value)
        assert row["Loss after"] == pytest.approx(scores.negative_log_likelihood(scaled, aligned.labels))
        assert row["Brier score after"] == pytest.approx(calibration.brier(scaled, aligned.labels))
    assert any("run 3" in caption.value for caption in at.caption)
    drawn = charts(at)
    assert [
        len([t for t in drawn[f"calibration {title}"]["data"] if t["type"] == "bar"])
        for title in ("As trained", "With its temperature")
    ] == [3, 2]
    assert re.search(r" 8\d\.\d% ", texts(at))
    assert set(charts(section("Calibration", 3))) == {"calibration As trained", "calibration coverage"}
    at = section("Calibration", 4)
    assert (len(at.info), charts(at)) == (1, {})


def _settled(at: AppTest) -> AppTest:
    for _ in range(200):
        if robustness_task.running_task() is None:
            return ran(at)
        time.sleep(0.1)
    raise AssertionError("the measurement did not end")


def test_robustness_is_measured_when_asked_and_then_known(store: Store) -> None:
    at = section("Robustness", 1, 2, robustness_example="3")
    assert "runs 1, 2" in texts(at)
    panels = charts(at)
    assert sorted(panels) == sorted(f"robustness {kind.name}" for kind in CORRUPTIONS)
    assert all(not panel["data"] and len(panel["layout"]["images"]) == LEVELS for panel in panels.values())
    at.button(key="robustness measure").click()
    at = _settled(ran(at))
    table = tables(at)["robustness-table"].set_index("Run")
    for number in (1, 2):
        assert table.loc[number, "Untouched"] == pytest.approx(100 * (_number(store, number).test_accuracy or 0))
        assert table.loc[number, "Changed"] == pytest.approx(table.loc[number, [k.name for k in CORRUPTIONS]].mean())
    for panel in charts(at).values():
        assert [len(line["customdata"]) for line in panel["data"]] == [LEVELS, LEVELS]
    # Results are kept, and only the run without results is measured.
    at = section("Robustness", 2, 1, 3)
    assert tables(at)["robustness-table"]["Run"].tolist() == [2, 1]
    assert "run 3" in texts(at)
    assert not [widget for widget in at.button if not widget.help]


def test_a_stopped_measurement_leaves_nothing_behind(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = costs.load_predictors

    def dawdling(*arguments: object) -> dict:
        counts = slow(*arguments)  # type: ignore[arg-type]
        return {
            key: lambda images, answer=answer: (time.sleep(0.05), answer(images))[1] for key, answer in counts.items()
        }

    monkeypatch.setattr(costs, "load_predictors", dawdling)
    at = section("Robustness", 1)
    at.button(key="robustness measure").click()
    task = robustness_task.running_task() if not at.run().exception else None
    assert task is not None
    at.button(key="robustness stop").click()
    at = _settled(ran(at))
    assert "run 1" in texts(at)
    assert robustness_task.load_results([_number(store, 1)], 1000) == {}
