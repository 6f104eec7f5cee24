"""What the growing chart is sent: smoothed as on every page and then thinned, only what is new, and nothing is lost."""

# pyright: reportArgumentType=false, reportAttributeAccessIssue=false
# pandas has no types for a table of some of the rows.

import base64
import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dashboard.components.curve_chart.sent_lines import ChartHistory, whole_message
from dashboard.controls.live_curves import FollowedRuns
from mnist_core.plots.curve_chart import CurveChart, Line
from mnist_core.plots.learning_chart import learning_chart
from tests.long_tables import as_curves

STEPS = 5000
PER_EPOCH = 500
RUN: Any = SimpleNamespace(id="r", number=1, name="a run", steps_per_epoch=PER_EPOCH, train_images=640)


def rows(steps: int = STEPS, first_row: int = 1, seed: int = 0) -> pd.DataFrame:
    """Metrics of a run with noisy batches and rare spikes, validation included, as rows of the store."""
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


def chart_of(followed: FollowedRuns, smoothing: float = 0.9, x: Any = "step", **changes: Any) -> CurveChart:
    return learning_chart({"r": followed.curves("r")}, [RUN], x=x, smoothing=smoothing, cache=followed.lines, **changes)


def add(followed: FollowedRuns, run: str, table: pd.DataFrame) -> None:
    followed.add(run, int(table["id"].max()), as_curves(table))


def following(table: pd.DataFrame) -> FollowedRuns:
    followed = FollowedRuns()
    add(followed, "r", table)
    return followed


def line_of(chart: CurveChart, line_id: str = "r train loss") -> Line:
    (line,) = [line for line in chart.lines if line.id == line_id]
    return line


def by_hand(table: pd.DataFrame, smoothing: float, across: str) -> dict[int, float]:
    """Smoothed training loss by step; along the axis, a value counts by its distance from the value before it."""
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
    """What the script of the chart holds of the messages that reach it."""

    def __init__(self) -> None:
        self.to: Any = 0
        self.shape: dict[str, Any] = {}
        self.lines: dict[str, tuple[np.ndarray, np.ndarray]] = {}

    def receive(self, message: dict[str, Any]) -> None:
        if self.to == message["to"]:
            return
        assert message["from"] == 0 or message["from"] <= self.to <= message["to"], "messages are missing"
        self.shape = message["shape"] or self.shape
        lines = {}
        for line, part in zip(self.shape["lines"], message["parts"], strict=True):
            empty = np.empty(0, np.float32)
            x, y = (empty, empty) if message["from"] == 0 else self.lines.get(line["id"], (empty, empty))
            if part:
                lengths = [*part["keep"], []][0 if self.to == message["from"] else len(part["keep"]) - 1]
                at, kept = 0, []
                for turn, length in enumerate(lengths):
                    kept += range(at, at + length) if turn % 2 else []
                    at += length
                more_x, more_y = (np.frombuffer(base64.b64decode(part[axis]), "<f4") for axis in "xy")
                x = np.concatenate((x[kept], more_x))
                y = np.concatenate((y[kept][: part["keep_y"]], more_y))
            lines[line["id"]] = x, y
        self.lines, self.to = lines, message["to"]

    def shows(self, chart: CurveChart) -> None:
        assert list(self.lines) == [line.id for line in chart.lines]
        for line in chart.lines:
            x, y = self.lines[line.id]
            np.testing.assert_array_equal(x, line.x, line.id)
            np.testing.assert_allclose(y, line.y, rtol=2e-4)


def send(history: ChartHistory, chart: CurveChart) -> dict[str, Any]:
    message, sent = history.message(chart)
    history.note(sent)
    return json.loads(json.dumps(message))


@pytest.mark.parametrize("x", ["step", "epoch", "seconds"])
@pytest.mark.parametrize("smoothing", [0.5, 0.9, 0.99])
def test_a_long_run_opened_anew_is_smoothed_as_if_nothing_were_left_out(smoothing: float, x: str) -> None:
    table = rows()
    line = line_of(chart_of(following(table), smoothing, x))
    assert 250 <= len(line.step) <= 500
    assert (line.step[0], line.step[-1]) == (1, STEPS)
    expected = by_hand(table, smoothing, x)
    np.testing.assert_allclose(line.y, [expected[step] for step in line.step.tolist()], rtol=1e-6)


@pytest.mark.parametrize("x", ["step", "epoch", "seconds"])
def test_it_is_the_curve_that_compare_draws(x: Any) -> None:
    table = rows()
    grown = FollowedRuns()
    for part in np.array_split(np.arange(len(table)), 7):
        add(grown, "r", table.iloc[part])
    live = line_of(chart_of(grown, 0.9, x))
    compared = line_of(learning_chart({"r": as_curves(table)}, [RUN], x=x, smoothing=0.9))
    np.testing.assert_array_equal(live.x, compared.x)
    np.testing.assert_array_equal(live.y, compared.y)


@pytest.mark.parametrize("x", ["step", "seconds"])
def test_while_it_grows_the_browser_has_the_same_curve_at_little_cost(x: str) -> None:
    table, followed, history, browser = rows(), FollowedRuns(), ChartHistory(), Browser()
    random, sizes, lost = np.random.default_rng(1), [], True
    for end in range(100, len(table) + 1, 40):
        add(followed, "r", table[(table["id"] > followed.last_row("r")) & (table["id"] <= end)])
        chart = chart_of(followed, 0.9, x)
        message = send(history, chart)
        lost = not lost and random.random() < 0.3
        if lost:
            continue
        browser.receive(message)
        browser.receive(message)
        sizes.append(len(json.dumps(message)))
        browser.shows(chart)
    assert len(sizes) > 150
    assert np.mean(sizes) < {"step": 2500, "seconds": 15_000}[x]
    assert max(sizes[2:]) < {"step": 10_000, "seconds": 40_000}[x], "points become too many, and every other one goes"
    chart = chart_of(followed, 0.9, x)
    for _ in range(2):
        browser.receive(send(history, chart))
    expected = by_hand(table[table["id"] <= followed.last_row("r")], 0.9, x)
    line = line_of(chart)
    values = [expected[int(step)] for step in line.step]
    np.testing.assert_allclose(browser.lines["r train loss"][1], values, rtol=1e-6, err_msg="exact as soon as it rests")


def test_another_smoothing_sends_the_smoothed_curves_alone() -> None:
    followed, history, browser = following(rows()), ChartHistory(), Browser()
    for number, smoothing in enumerate((0.9, 0.9, 0.9, 0.5, 0.5, 0.5, 0.0, 0.9)):
        chart = chart_of(followed, smoothing)
        message = send(history, chart)
        browser.receive(message)
        browser.shows(chart)
        changed = {line.id for line, part in zip(chart.lines, message["parts"], strict=True) if part}
        assert number < 2 or number > 5 or changed <= {"r train loss", "r train accuracy"}
        assert bool(message["from"]) == (number > 1)


@pytest.mark.parametrize("axes", [("step", "epoch"), ("step", "seconds")])
def test_another_axis_sends_every_point_anew(axes: tuple[str, str]) -> None:
    followed, history, browser = following(rows()), ChartHistory(), Browser()
    for axis in (axes[0], axes[0], axes[0], axes[1], axes[1], axes[0]):
        chart = chart_of(followed, 0.9, axis)
        browser.receive(send(history, chart))
        browser.shows(chart)


def test_nothing_new_is_next_to_no_message() -> None:
    followed, history = following(rows()), ChartHistory()
    for _ in range(2):
        send(history, chart_of(followed))
    message = send(history, chart_of(followed))
    assert set(message["parts"]) == {None}
    assert message["shape"] is None
    assert len(json.dumps(message)) < 400


def test_a_run_that_joins_or_leaves_changes_the_shape_and_nothing_else() -> None:
    other: Any = SimpleNamespace(**{**vars(RUN), "id": "s", "number": 2})
    followed, history, browser = following(rows()), ChartHistory(), Browser()
    add(followed, "s", rows(seed=1))
    curves = {name: followed.curves(name) for name in "rs"}
    third: Any = SimpleNamespace(**{**vars(RUN), "id": "t", "number": 3})
    add(followed, "t", rows(300, seed=2))
    curves["t"] = followed.curves("t")
    for runs in ([RUN, other], [RUN, other], [RUN, other, third], [RUN, other, third], [other, RUN], [other, third]):
        chart = learning_chart(curves, runs, smoothing=0.5, cache=followed.lines)
        browser.receive(send(history, chart))
        browser.shows(chart)
    followed.keep(["s"])
    assert {run for run, _ in followed.lines} == set(followed.recorded) == {"s"}


def test_a_chart_at_rest_is_the_same_message_each_time() -> None:
    first, again = (whole_message(chart_of(following(rows()))) for _ in range(2))
    assert first == again
    other = whole_message(chart_of(following(rows(seed=1))))
    assert (other["from"], other["to"] == first["to"]) == (0, False)
    browser, chart = Browser(), chart_of(following(rows()))
    browser.receive(first)
    browser.shows(chart)


def test_steps_that_a_resumed_run_repeats_count_anew() -> None:
    first, again = rows(1000), rows(1200, first_row=10_000, seed=1)
    followed = following(first)
    add(followed, "r", again[again["step"] > 900])
    assert followed.curves("r")["train_loss"].step.tolist() == list(range(1, 1201))
    whole = pd.concat([first[first["step"] <= 900], again[again["step"] > 900]])
    expected = by_hand(whole, 0.9, "step")
    line = line_of(chart_of(followed))
    np.testing.assert_allclose(line.y, [expected[int(step)] for step in line.step], rtol=1e-6)
    assert followed.curves("r")["validation_loss"].step.tolist() == [500, 1000]
    # The same, read in one go.
    together = following(pd.concat([first, again[again["step"] > 900]]))
    values = (runs.curves("r")["train_loss"].value for runs in (together, followed))
    np.testing.assert_array_equal(*values)


def test_of_the_part_that_is_looked_at_more_points_are_sent() -> None:
    followed = following(rows())
    whole = line_of(chart_of(followed), "r train loss raw")
    part = line_of(chart_of(followed, window=(1000.0, 1150.0)), "r train loss raw")
    assert set(range(999, 1152)) <= set(part.step.tolist())
    assert not set(range(999, 1152)) <= set(whole.step.tolist())
    assert set(whole.step.tolist()) <= set(part.step.tolist()), "zoomed out, the rest is there at once"
    assert len(part.step) <= 1000


def test_a_run_that_diverged_ends_where_its_loss_was_a_number() -> None:
    table = rows(100)
    table.loc[table["step"] > 60, "value"] = np.nan
    chart = chart_of(following(table))
    (cross,) = [line for line in chart.lines if line.role == "mark"]
    assert cross.x.tolist() == [61]
    assert line_of(chart).step[-1] == 60
    chart = chart_of(following(table.assign(value=np.inf)))
    assert not [line for line in chart.lines if line.role == "mark"], "there is no finite loss to mark"


def test_only_what_has_changed_is_computed_anew() -> None:
    followed = following(rows(300))
    before, again = chart_of(followed), chart_of(followed)
    assert all(line is other for line, other in zip(before.lines, again.lines, strict=True))
    add(followed, "r", rows(301).tail(2).assign(id=10**6))
    assert line_of(chart_of(followed)).step[-1] == 301
