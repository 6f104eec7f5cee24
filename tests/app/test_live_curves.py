"""What the live chart is sent: smoothed as on every page and then thinned, only what is new, and nothing is lost."""

# pyright: reportArgumentType=false, reportAttributeAccessIssue=false
# pandas has no types for a table of some of the rows.

import base64
import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dashboard.components.live_chart.points import CurveHistory, Curves, CurveView, XAxis
from mnist_core.plots.training_curves import MetricSeries, learning_curves

STEPS = 5000
PER_EPOCH = 500


def rows(steps: int = STEPS, first_row: int = 1, seed: int = 0) -> pd.DataFrame:
    """Rows of the store as a run with noisy batches and rare spikes leaves them, validation included."""
    random = np.random.default_rng(seed)
    step = np.arange(1, steps + 1)
    seconds = np.cumsum(random.uniform(0.02, 0.06, steps))
    loss = 1 + random.gamma(2, 0.02, steps) + np.where(step % 97 == 0, 20.0, 0)
    frames = []
    for name, values in {"train_loss": loss, "train_accuracy": 1 / loss}.items():
        frames.append(pd.DataFrame({"step": step, "name": name, "value": values, "seconds": seconds}))
        ends = step % PER_EPOCH == 0
        held = {"step": step[ends], "name": name.replace("train", "validation"), "value": values[ends] / 2}
        frames.append(pd.DataFrame(held | {"seconds": seconds[ends]}))
    table = pd.concat(frames).sort_values("step", kind="stable", ignore_index=True)
    return table.assign(id=np.arange(first_row, first_row + len(table)), epoch=-(-table["step"] // PER_EPOCH))


def look(smoothing: float = 0.9, x: XAxis = "step", **changes: Any) -> CurveView:
    return CurveView(
        **{"smoothing": smoothing, "x": x, "log_x": False, "steps_per_epoch": PER_EPOCH, "points": 700, "window": None}
        | changes
    )


def by_hand(table: pd.DataFrame, smoothing: float, across: str) -> dict[int, float]:
    """The smoothed training loss by its step: each value weighs by the stretch of the axis that ends with it."""
    train = table[table["name"] == "train_loss"]
    x = (train["step"] / PER_EPOCH if across == "epoch" else train[across]).tolist()
    typical = float(np.median(np.diff(x)))
    mean = weight = 0.0
    curves = {}
    for index, (step, value) in enumerate(zip(train["step"], train["value"], strict=True)):
        keep = smoothing ** ((x[index] - x[index - 1]) / typical if index else 1)
        mean, weight = keep * mean + (1 - keep) * value, keep * weight + 1 - keep
        curves[step] = mean / weight
    return curves


class Browser:
    """What the script of the chart keeps of the messages that reach it."""

    def __init__(self) -> None:
        self.to = 0
        self.curves: dict[str, list[list[float]]] = {}

    def receive(self, message: dict[str, Any]) -> None:
        assert message["from"] == 0 or message["from"] <= self.to <= message["to"], "messages are missing"
        for name, part in message["curves"].items():
            if part:
                columns = self.curves.get(name, [[], [], []])
                at, kept = 0, []
                lengths = [*part["keep"], []][0 if self.to == message["from"] else len(part["keep"]) - 1]
                for turn, length in enumerate(lengths):
                    kept += range(at, at + length) if turn % 2 else []
                    at += length
                step, seconds, value = ([column[index] for index in kept] for column in columns)
                self.curves[name] = [
                    step + part["step"],
                    seconds + part["seconds"],
                    value[: part["keep_values"]] + part["value"],
                ]
        self.to = message["to"]

    def shows(self, curves: Curves) -> None:
        assert set(self.curves) >= set(curves)
        for name, curve in curves.items():
            step, seconds, value = self.curves[name]
            assert step == curve.step.tolist(), name
            np.testing.assert_allclose(seconds, curve.seconds, rtol=1e-4)
            np.testing.assert_allclose(value, curve.value, rtol=2e-4)


@pytest.mark.parametrize("x", ["step", "epoch", "seconds"])
@pytest.mark.parametrize("smoothing", [0.5, 0.9, 0.99])
def test_a_long_run_opened_anew_is_smoothed_as_if_nothing_were_left_out(smoothing: float, x: XAxis) -> None:
    table, history = rows(), CurveHistory()
    history.add(table)
    curve = history.curves(look(smoothing, x))["smoothed_loss"]
    assert 350 <= len(curve.step) <= 700
    assert (curve.step[0], curve.step[-1]) == (1, STEPS)
    expected = by_hand(table, smoothing, x)
    np.testing.assert_allclose(curve.value, [expected[step] for step in curve.step.tolist()], rtol=1e-9)


@pytest.mark.parametrize("x", ["step", "epoch", "seconds"])
def test_it_is_the_curve_that_compare_draws(x: XAxis) -> None:
    table, history = rows(), CurveHistory()
    history.add(table)
    live = history.curves(look(0.9, x))["smoothed_loss"]
    train = table[table["name"] == "train_loss"]
    series = MetricSeries(*(train[name].to_numpy() for name in ("step", "epoch", "seconds", "value")))
    run: Any = type(
        "OneRun", (), {"id": "r", "number": 1, "name": "a run", "steps_per_epoch": PER_EPOCH, "train_images": 640}
    )()
    figure = json.loads(str(learning_curves({"r": {"train_loss": series}}, [run], x=x, smoothing=0.9).to_json()))
    (bold,) = [trace for trace in figure["data"] if trace.get("showlegend")]
    across, values = (np.frombuffer(base64.b64decode(bold[axis]["bdata"]), bold[axis]["dtype"]) for axis in "xy")
    positions = {"step": live.step, "epoch": live.step / PER_EPOCH, "seconds": live.seconds}[x]
    shared = {round(float(at), 4): value for at, value in zip(across, values, strict=True)}
    both = [
        (shared[round(float(np.float32(at)), 4)], value)
        for at, value in zip(positions, live.value, strict=True)
        if round(float(np.float32(at)), 4) in shared
    ]
    assert len(both) > 100
    np.testing.assert_allclose(*zip(*both, strict=True), rtol=1e-5)


@pytest.mark.parametrize("x", ["step", "seconds"])
def test_while_it_grows_the_browser_has_the_same_curve_at_little_cost(x: XAxis) -> None:
    table, history, browser = rows(), CurveHistory(), Browser()
    random, sizes, lost = np.random.default_rng(1), [], True
    for end in range(100, len(table) + 1, 40):
        history.add(table[(table["id"] > history.row) & (table["id"] <= end)])
        message, sent = history.message(look(0.9, x))
        history.note(sent)
        text = json.dumps(message)
        lost = not lost and random.random() < 0.3
        if lost:
            continue
        browser.receive(json.loads(text))
        sizes.append(len(text))
        browser.shows(history.curves(look(0.9, x)))
    assert len(sizes) > 150
    assert np.mean(sizes) < {"step": 2500, "seconds": 15_000}[x]
    assert max(sizes[2:]) < {"step": 10_000, "seconds": 40_000}[x], "points become too many, and every other one goes"
    for _ in range(2):
        message, sent = history.message(look(0.9, x))
        history.note(sent)
        browser.receive(message)
    expected = by_hand(table[table["id"] <= history.row], 0.9, x)
    step, _, value = browser.curves["smoothed_loss"]
    assert value == pytest.approx([expected[int(at)] for at in step], rel=5e-5), "exact as soon as it rests"


def test_another_smoothing_sends_the_smoothed_curves_alone() -> None:
    table, history, browser = rows(), CurveHistory(), Browser()
    history.add(table)
    for number, smoothing in enumerate((0.9, 0.9, 0.9, 0.5, 0.5, 0.5, 0.0, 0.9)):
        message, sent = history.message(look(smoothing))
        history.note(sent)
        browser.receive(message)
        browser.shows(history.curves(look(smoothing)))
        changed = {name for name, part in message["curves"].items() if part}
        assert not message["from"] or changed <= {"smoothed_loss", "smoothed_accuracy"}
        assert bool(message["from"]) == (number > 1)


def test_nothing_new_is_next_to_no_message() -> None:
    history = CurveHistory()
    history.add(rows())
    for _ in range(2):
        history.note(history.message(look())[1])
    message, _ = history.message(look())
    assert set(message["curves"].values()) == {None}
    assert len(json.dumps(message)) < 400


def test_steps_that_a_resumed_run_repeats_count_anew() -> None:
    history, first, again = CurveHistory(), rows(1000), rows(1200, first_row=10_000, seed=1)
    history.add(first)
    history.add(again[again["step"] > 900])
    assert history.train.step.tolist() == list(range(1, 1201))
    whole = pd.concat([first[first["step"] <= 900], again[again["step"] > 900]])
    expected = by_hand(whole, 0.9, "step")
    curve = history.curves(look(points=1300))["smoothed_loss"]
    np.testing.assert_allclose(curve.value, [expected[step] for step in range(1, 1201)])
    assert history.validation.step.tolist() == [500, 1000]
    # The same, read in one go.
    together = CurveHistory()
    together.add(pd.concat([first, again[again["step"] > 900]]))
    np.testing.assert_array_equal(together.train.loss, history.train.loss)


def test_of_the_part_that_is_looked_at_more_points_are_sent() -> None:
    history = CurveHistory()
    history.add(rows())
    whole = history.curves(look())["train_loss"]
    part = history.curves(look(window=(1000.0, 1300.0)))["train_loss"]
    assert set(range(999, 1302)) <= set(part.step.tolist())
    assert not set(range(999, 1302)) <= set(whole.step.tolist())
    assert set(whole.step.tolist()) <= set(part.step.tolist()), "zoomed out, the rest is there at once"
    assert len(part.step) <= 1400


def test_a_run_that_diverged_ends_where_its_loss_was_a_number() -> None:
    table, history = rows(100), CurveHistory()
    table.loc[table["step"] > 60, "value"] = np.nan
    history.add(table)
    message, _ = history.message(look())
    assert message["diverged"]["step"] == 60
    assert message["curves"]["smoothed_loss"]["step"][-1] == 60
    assert (message["points"], message["last_step"]) == (100, 100)
    history = CurveHistory()
    history.add(table.assign(value=np.inf))
    assert history.message(look())[0]["diverged"] is None, "there is no finite loss to mark"
