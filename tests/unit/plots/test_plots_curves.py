"""Learning curves: how long runs are thinned, smoothed and averaged, and where divergence is marked."""

# pyright: reportAttributeAccessIssue=false, reportArgumentType=false
# plotly has no types for the traces of a figure.

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mnist_core.plots.series import averaged, smoothed, thinned
from mnist_core.plots.style import run_style
from mnist_core.plots.training_curves import learning_curves
from mnist_core.store import MetricSeries
from tests.long_tables import as_curves


def _run(number: int = 1, steps_per_epoch: int | None = 100) -> Any:
    size = {"steps_per_epoch": steps_per_epoch, "train_images": 6400}
    return SimpleNamespace(id=f"r{number}", number=number, name="mlp", **size)


def _group(*numbers: int) -> Any:
    return SimpleNamespace(name="mlp", one_per_seed=tuple(_run(number) for number in numbers))


def _metrics(steps: int, diverged_at: int | None = None, every: int = 100) -> pd.DataFrame:
    step = np.arange(1, steps + 1)
    loss = 2 / step + 0.1 * np.abs(np.sin(step))
    if diverged_at:
        loss[diverged_at - 1 :] = np.nan
    epochs = step[every - 1 :: every]

    def rows(name: str, at: np.ndarray, value: np.ndarray) -> pd.DataFrame:
        return pd.DataFrame({"step": at, "epoch": -(-at // every), "name": name, "value": value, "seconds": at / 50})

    return pd.concat(
        [
            rows("train_loss", step, loss),
            rows("train_accuracy", step, 1 - loss / 3),
            rows("validation_loss", epochs, 1 / epochs),
            rows("validation_accuracy", epochs, 1 - 1 / epochs),
        ]
    )


def test_short_curves_are_kept_whole() -> None:
    x, y = np.arange(5), np.array([3.0, 1, 2, 5, 4])
    assert thinned(x, y, 6).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("points", [6, 10, 500])
@pytest.mark.parametrize("log", [False, True])
def test_long_curves_keep_their_extremes_and_ends(points: int, log: bool) -> None:
    random = np.random.default_rng(0)
    x = np.cumsum(random.exponential(size=20_000)) + 0.1
    y = random.normal(size=20_000)
    y[7777], y[13_333] = 90.0, -90.0
    kept = thinned(x, y, points, log)
    kept_x, kept_y = x[kept], y[kept]
    assert 4 <= len(kept_x) <= points
    assert (np.diff(kept_x) > 0).all()
    assert (kept_y.min(), kept_y.max()) == (-90, 90)
    assert (kept_x[0], kept_x[-1]) == (x[0], x[-1])


def test_every_stretch_keeps_its_own_extremes() -> None:
    x = np.arange(10_000)
    y = np.sin(x / 300) + np.where(x % 997 == 0, 5, 0)
    kept = thinned(x, y, 200)
    assert {position for position in x if position % 997 == 0} <= set(x[kept].tolist())


def test_a_logarithmic_axis_keeps_the_beginning() -> None:
    x, y = np.arange(1, 100_001), np.random.default_rng(0).normal(size=100_000)
    assert (x[thinned(x, y, 500, log=True)] <= 100).sum() > 50
    assert (x[thinned(x, y, 500, log=False)] <= 100).sum() < 5


def test_points_that_share_one_place() -> None:
    x, y = np.full(1000, 3.0), np.arange(1000.0)
    kept = thinned(x, y, 100)
    assert len(kept) <= 4
    assert (y[kept].min(), y[kept].max()) == (0, 999)


@pytest.mark.parametrize("log", [False, True])
def test_what_is_kept_of_a_growing_curve_stays(log: bool) -> None:
    random = np.random.default_rng(0)
    x, y = np.arange(1.0, 8001), random.normal(size=8000)
    y[1234], y[777] = 90, np.nan
    before: set[int] = set()
    fewer = 0
    for end in range(50, 8001, 50):
        kept = thinned(x[:end], y[:end], 100, log)
        assert len(kept) <= 100
        assert (kept[0], kept[-1]) == (0, end - 1)
        assert 777 not in kept
        assert end <= 1234 or 1234 in kept
        # No point comes back, and points older than the last two intervals are seldom removed.
        now = set(kept.tolist())
        assert not {position for position in now if position < end - 50} - before
        fewer += len({position for position in before if position < end - 50 - x[end - 1] / 10} - now) > 3
        before = now
    assert fewer <= 8


def test_of_a_window_of_a_growing_curve_as_many_points_again_are_kept() -> None:
    x, y = np.arange(1.0, 8001), np.random.default_rng(0).normal(size=8000)
    kept = thinned(x, y, 100, window=(4000.0, 4050.0))
    assert set(range(3998, 4051)) <= set(kept.tolist()), "every point in sight, and one on either side"
    assert len(kept) <= 200
    assert set(thinned(x, y, 100).tolist()) <= set(kept.tolist())
    wide = thinned(x, y, 100, window=(4000.0, 6000.0))
    assert 25 < ((x[wide] >= 4000) & (x[wide] <= 6000)).sum() - 25 < 100


@pytest.mark.parametrize("smoothing", [0, 0.5, 0.9, 0.99])
def test_smoothing_is_a_weighted_mean_of_what_came_before(smoothing: float) -> None:
    values = np.random.default_rng(0).normal(3, 1, 60)
    smooth = smoothed(values, smoothing)
    for index in range(60):
        weights = smoothing ** np.arange(index, -1, -1.0)
        assert smooth[index] == pytest.approx(np.average(values[: index + 1], weights=weights))


def test_smoothing_skips_what_is_not_finite() -> None:
    values = np.array([1.0, np.nan, 3.0, np.inf, 5.0])
    smooth = smoothed(values, 0.5)
    assert np.isnan(smooth[[1, 3]]).all()
    np.testing.assert_allclose(smooth[[0, 2, 4]], smoothed(np.array([1.0, 3.0, 5.0]), 0.5))
    assert len(smoothed(np.empty(0), 0.9)) == 0


@pytest.mark.parametrize("smoothing", [0.3, 0.9, 0.99])
@pytest.mark.parametrize("distance", [1.0, 12.0, 0.003])
def test_at_equal_distances_it_is_the_ordinary_debiased_average(smoothing: float, distance: float) -> None:
    values = np.random.default_rng(1).normal(3, 1, 5000)
    ordinary = pd.Series(values).ewm(alpha=1 - smoothing, adjust=True).mean()
    np.testing.assert_allclose(smoothed(values, smoothing, 7 + distance * np.arange(5000)), ordinary, rtol=1e-9)


def test_at_uneven_distances_a_value_counts_for_its_stretch() -> None:
    random = np.random.default_rng(2)
    places, values = np.cumsum(random.exponential(1, 300)), random.normal(size=300)
    typical = np.median(np.diff(places))
    mean = weight = 0.0
    for index, smooth in enumerate(smoothed(values, 0.9, places)):
        keep = 0.9 ** ((places[index] - places[index - 1]) / typical if index else 1)
        mean, weight = keep * mean + (1 - keep) * values[index], keep * weight + 1 - keep
        assert smooth == pytest.approx(mean / weight)


def test_values_that_lie_close_together_do_not_outweigh_the_others() -> None:
    values = np.random.default_rng(3).normal(size=100)
    places = np.arange(1.0, 101)
    crowded = np.concatenate((places[:50], np.linspace(50, 51, 41)[1:-1], places[50:]))
    same = np.concatenate((values[:50], np.full(39, values[50]), values[50:]))
    crowd = np.isin(crowded, places)
    typical = smoothed(np.concatenate((same, np.zeros(200))), 0.95, np.concatenate((crowded, np.arange(101.0, 301))))
    plain = smoothed(np.concatenate((values, np.zeros(200))), 0.95, np.arange(1.0, 301))
    np.testing.assert_allclose(typical[: len(crowded)][crowd], plain[:100])


def test_values_at_the_same_place_share_their_mean() -> None:
    smooth = smoothed(np.array([1.0, 2.0, 4.0, 5.0]), 0.5, np.array([1.0, 2.0, 2.0, 3.0]))
    np.testing.assert_allclose(smooth, smoothed(np.array([1.0, 3.0, 5.0]), 0.5)[[0, 1, 1, 2]])


def test_strong_smoothing_of_a_long_run_follows_it() -> None:
    random, step = np.random.default_rng(4), np.arange(12, 60_001, 12)
    truth = 2 * np.exp(-step / 15_000)
    smooth = smoothed(truth + random.normal(0, 0.3, 5000), 0.99, step)
    # Without smoothing, single values are off by up to 1.
    assert np.abs(smooth - truth)[20:].max() < 0.25
    assert np.abs(smooth - truth)[500:].mean() < 0.04


def test_one_bad_batch_among_fifty_long_runs_is_seen() -> None:
    random, step = np.random.default_rng(5), np.arange(1, 5001)
    runs = [_run(number) for number in range(1, 51)]
    metrics = {}
    for run in runs:
        loss = random.uniform(0.1, 0.2, 5000)
        if run.number == 17:
            loss[3210] = 7.5
        metrics[run.id] = {"train_loss": MetricSeries(step, -(-step // 100), step / 50, loss)}
    for log_x in (False, True):
        figure = learning_curves(metrics, runs, smoothing=0.9, log_x=log_x, log_y=log_x)
        raw, bold = (trace for trace in figure.data if trace.legendgroup == "r17")
        assert (raw.y.max(), raw.x[raw.y.argmax()]) == (7.5, 3211)
        smooth = smoothed(metrics["r17"]["train_loss"].value, 0.9, step)
        assert (bold.y.max(), bold.x[bold.y.argmax()]) == (pytest.approx(smooth.max()), smooth.argmax() + 1)
        assert sum(len(trace.x) for trace in figure.data) <= 25_000
    assert 10 ** figure.layout.yaxis.range[1] > 7.5
    assert len(figure.to_json()) < 500_000


def test_a_click_on_a_name_isolates_the_run_but_not_the_key() -> None:
    figure = learning_curves({f"r{number}": as_curves(_metrics(300)) for number in (1, 2)}, [_run(1), _run(2)])
    assert figure.layout.legend.itemclick == "toggleothers"
    assert figure.layout.legend2.itemclick is False
    assert [trace.legend for trace in figure.data if trace.x[0] is None] == ["legend2"] * 2
    # A trace without a legend group would stay visible when its run is hidden.
    assert all(trace.legendgroup for trace in figure.data if trace.x[0] is not None)
    alone = learning_curves({"r1": as_curves(_metrics(300))}, [_run()])
    assert [trace.legendgroup for trace in alone.data] == ["r1 training", "r1 training", "r1 validation"]


@pytest.mark.parametrize(
    ("band", "half"), [("standard deviation", 1.0), ("standard error", 3**-0.5), ("95 % interval", 4.302653 * 3**-0.5)]
)
def test_seeds_become_their_mean_with_a_band(band: Any, half: float) -> None:
    tables = {f"r{seed}": _metrics(300) for seed in (1, 2, 3)}
    for seed, table in enumerate(tables.values()):
        table["value"] *= (1, 1.1, 1.3)[seed]
        table["seconds"] *= (1, 1.2, 1.4)[seed]
    runs = [_run(1), _run(2), _run(3)]
    figure = learning_curves(
        {run: as_curves(table) for run, table in tables.items()},
        runs,
        x="seconds",
        smoothing=0,
        groups=[_group(1, 2, 3)],
        band=band,
    )
    area, _, line, held = figure.data
    assert area.fill == "toself"
    factors = np.array([1, 1.1, 1.3])
    rows = tables["r1"].loc[tables["r1"]["name"] == "train_loss"]
    for kept, wanted in ((line.y, rows["value"] * factors.mean()), (line.x, rows["seconds"] * 1.2)):
        np.testing.assert_allclose(kept, wanted, rtol=1e-5)
    high, low = np.split(np.asarray(area.y), 2)
    np.testing.assert_allclose(high - low[::-1], 2 * half * factors.std(ddof=1) * rows["value"], rtol=1e-4)
    assert "3 seeds" in line.meta
    assert len(held.x) == 3


def test_a_lone_seed_is_a_run_and_a_group_lies_beside_it() -> None:
    curves = {f"r{number}": as_curves(_metrics(300)) for number in (1, 2, 3)}
    groups = [_group(1, 2), _group(3)]
    figure = learning_curves(curves, [_run(1), _run(2), _run(3)], groups=groups, log_y=True)
    names = [trace.name for trace in figure.data if trace.showlegend]
    assert names == ["mlp · 2 seeds", "3 · mlp"]
    assert sum(trace.fill == "toself" for trace in figure.data) == 2


def test_where_a_seed_has_ended_the_mean_is_of_the_others() -> None:
    long, short = np.arange(1.0, 7), np.arange(1.0, 4)
    mean = averaged([(long, long, long), (short, short, 3 * short)])
    assert mean.count.tolist() == [2, 2, 2, 1, 1, 1]
    assert mean.mean.tolist() == [2, 4, 6, 4, 5, 6]
    assert np.isnan(mean.low[3:]).all()
    assert mean.high[0] == pytest.approx(2 + np.sqrt(2))


def test_traces_are_short_and_styled_by_run() -> None:
    runs = [_run(number) for number in (2, 11)]
    figure = learning_curves({run.id: as_curves(_metrics(20_000)) for run in runs}, runs)
    assert [trace.opacity for trace in figure.data] == [0.35, 0.35, *[None] * 6], "raw curves lie under all others"
    for run in runs:
        traces = [trace for trace in figure.data if trace.legendgroup == run.id]
        (_, bold, validation), style = traces, run_style(run.number)
        assert {trace.line.color for trace in traces} == {style.colour}
        assert bold.line.dash == style.dash
        assert validation.mode == "lines+markers"
        assert validation.marker.symbol == f"{style.symbol}-open"
        assert [trace.showlegend for trace in traces] == [False, True, False]
        assert all(10 < len(trace.x) <= 500 for trace in traces)
    key = [trace.name for trace in figure.data if trace.x[0] is None]
    assert key == ["training, smoothed", "validation"]


def test_one_run_names_its_two_curves() -> None:
    figure = learning_curves({"r1": as_curves(_metrics(300))}, [_run()], smoothing=0)
    assert [trace.name for trace in figure.data] == ["training", "validation"]
    assert len(figure.data[0].x) == 300
    expected = 2 / np.arange(1, 301) + 0.1 * np.abs(np.sin(np.arange(1, 301)))
    np.testing.assert_allclose(figure.data[0].y, expected, rtol=1e-6)


@pytest.mark.parametrize(("axis", "end"), [("step", 300), ("epoch", 3), ("seconds", 6), ("images", 19_200)])
def test_axes(axis: Any, end: float) -> None:
    figure = learning_curves({"r1": as_curves(_metrics(300))}, [_run()], x=axis)
    assert {trace.x[-1] for trace in figure.data} == {end}


def test_accuracy_is_in_per_cent_and_its_logarithmic_axis_one_of_errors() -> None:
    table = pd.DataFrame(
        {"step": [1, 2], "epoch": 1, "name": "train_accuracy", "value": [0.9, 1.0], "seconds": [1.0, 2]}
    )
    plain = learning_curves({"r1": as_curves(table)}, [_run()], "accuracy", smoothing=0)
    np.testing.assert_allclose(plain.data[0].y, [90, 100])
    errors = learning_curves({"r1": as_curves(table)}, [_run()], "accuracy", smoothing=0, log_y=True)
    assert errors.data[0].y[0] == pytest.approx(10)
    # An error of 0 is drawn as a small one.
    assert 0 < errors.data[0].y[1] < 0.01
    np.testing.assert_allclose(errors.data[0].customdata, [90, 100], atol=0.01)
    low, high = errors.layout.yaxis.range
    assert low > high


def test_the_logarithmic_range_follows_the_bold_curves() -> None:
    table = _metrics(200)
    table.loc[(table["name"] == "train_loss") & (table["step"] == 150), "value"] = 1e-9
    figure = learning_curves({"r1": as_curves(table)}, [_run()], smoothing=0.9, log_y=True)
    assert figure.layout.yaxis.range[0] > -3.5


def test_a_diverged_run_is_marked_where_it_broke() -> None:
    figure = learning_curves({"r1": as_curves(_metrics(300, diverged_at=120))}, [_run()])
    (cross,) = [trace for trace in figure.data if trace.marker.symbol == "x"]
    assert cross.x[0] == 120
    assert np.isfinite(cross.y[0])
    assert "diverged" in cross.hovertemplate
    bold = next(trace for trace in figure.data if trace.name == "training")
    assert bold.x[-1] == 119


def test_a_run_far_above_the_others_does_not_flatten_them() -> None:
    wild = _metrics(300, diverged_at=120)
    wild.loc[wild["name"] == "train_loss", "value"] *= 1e30
    figure = learning_curves({"r1": as_curves(_metrics(300)), "r2": as_curves(wild)}, [_run(1), _run(2)])
    low, high = figure.layout.yaxis.range
    assert low == 0
    assert 1 < high < 5
    (cross,) = [trace for trace in figure.data if trace.marker.symbol == "x"]
    assert 0 < cross.y[0] < high
    alone = learning_curves({"r2": as_curves(wild)}, [_run(2)])
    assert alone.layout.yaxis.range is None


def test_runs_without_metrics_and_runs_that_never_had_a_finite_loss() -> None:
    figure = learning_curves(
        {"r2": as_curves(_metrics(300, diverged_at=1))}, [_run(1), _run(2)], log_x=True, log_y=True
    )
    assert figure.layout.xaxis.type == "log"
    assert learning_curves({}, []).layout.yaxis.title.text.startswith("Loss")


def test_step_zero_is_not_drawn_on_a_logarithmic_axis() -> None:
    table = pd.DataFrame(
        {"step": [0, 1, 9], "epoch": 1, "name": "train_loss", "value": [2.0, 1, 0.5], "seconds": [0.0, 1, 2]}
    )
    for axis in ("step", "seconds"):
        figure = learning_curves({"r1": as_curves(table)}, [_run()], x=axis, log_x=True)
        assert all(trace.x[0] > 0 for trace in figure.data)
