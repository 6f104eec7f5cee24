"""Sweeps: the values that are tried and how they are written; one run a point; halving stops the right runs."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from mnist_core import sweeps
from mnist_core.analysis.stats import intervals
from mnist_core.config.run_config import RunConfig
from mnist_core.errors import ConfigError, StoreError
from mnist_core.events import EpochEnd
from mnist_core.jobs.worker import work
from mnist_core.store import concurrency
from mnist_core.store.run import Run
from mnist_core.store.store import Store
from mnist_core.sweeps.axes import SweepAxis, parse_values
from mnist_core.sweeps.sweep import Sweep

BASE = RunConfig(dataset="mnist-5k", train_images=500, epochs=1, architecture="mlp-10")
RATES = parse_values("learning_rate", "0.1, 0.01")


def sweep(*axes: tuple[str, str], base: RunConfig = BASE, **options) -> Sweep:
    return Sweep("", base, tuple(parse_values(*axis) for axis in axes), **options)


def values(field: str, text: str) -> list:
    return list(parse_values(field, text).grid())


@pytest.mark.parametrize(
    ("field", "text", "expected"),
    [
        ("learning_rate", "0.1, 0.01 ,0.1", [0.1, 0.01]),
        ("learning_rate", "1e-5..1 log 6", [1e-05, 0.0001, 0.001, 0.01, 0.1, 1.0]),
        ("learning_rate", "0.0001..0.001 5", [0.0001, 0.000325, 0.00055, 0.000775, 0.001]),
        ("learning_rate", "0.12345678, 0.12345679", [0.12345678, 0.12345679]),
        ("learning_rate", "0.12345678..0.9 linear 3", [0.12345678, 0.511728, 0.9]),
        ("width", "10..100 linear 4", [10, 40, 70, 100]),
        ("width", "1000001..1000003 linear 3", [1000001, 1000002, 1000003]),
        ("batch_size", "1..4 log 9", [1, 2, 3, 4]),
        ("dropout", "0..1 linear 3", [0.0, 0.5, 1.0]),
        ("optimizer", "sgd, adam", ["sgd", "adam"]),
        ("nesterov", "yes, no", [True, False]),
        ("train_images", "100, none", [100, None]),
        (
            "architecture",
            "mlp-10; flatten linear(5) dropout(0.1) linear(classes)\nsoftmax",
            ["mlp-10", "flatten linear(5) dropout(0.1) linear(classes)", "softmax"],
        ),
    ],
)
def test_values_are_read_as_a_person_writes_them(field: str, text: str, expected: list) -> None:
    parsed = values(field, text)
    assert parsed == expected
    assert [type(value) for value in parsed] == [type(value) for value in expected]
    assert list(parse_values(field, parse_values(field, text).text()).grid()) == expected


@pytest.mark.parametrize(
    ("field", "text", "remedy"),
    [
        ("learning_rate", "abc", "'abc' is not a number"),
        ("learning_rate", " ", "has no values"),
        ("learning_rate", "0.1..0.01", "put the smaller number first"),
        ("learning_rate", "0..1 log 3", "begin above 0, or use linear"),
        ("learning_rate", "0.1..1 log 1", "use 2 to"),
        ("epochs", "1.5", "not a whole number"),
        ("optimizer", "sgd, adm", "choose from sgd, adam"),
        ("nesterov", "maybe", "write yes, no"),
        ("seed", "1, 2", "number of seeds"),
        ("two words", "1", "field=values"),
    ],
)
def test_a_mistake_names_the_field_and_the_remedy(field: str, text: str, remedy: str) -> None:
    with pytest.raises(ConfigError, match=remedy) as caught:
        parse_values(field, text)
    assert caught.value.field == field


def test_a_grid_is_every_combination_with_every_seed_on_one_split() -> None:
    grid = sweep(("learning_rate", "0.1, 0.01"), ("optimizer", "sgd, adam"), seeds=2, base=BASE.replace(seed=7))
    configs = grid.configs()
    assert [(c.learning_rate, c.optimizer, c.seed) for c in configs] == [
        (rate, optimizer, seed) for seed in (7, 8) for rate in (0.1, 0.01) for optimizer in ("sgd", "adam")
    ]
    assert {c.split_seed for c in configs} == {0}
    assert len({c.digest() for c in configs}) == 8


def test_a_random_search_is_repeatable_without_twins_and_grows_at_its_end() -> None:
    axes = (("learning_rate", "1e-5..1 log"), ("batch_size", "8..512 log"))
    few, many = (sweep(*axes, method="random", samples=count).points() for count in (10, 200))
    assert many[:10] == few
    assert len({tuple(point.values()) for point in many}) == 200
    rates, sizes = (np.array([point[field] for point in many]) for field in ("learning_rate", "batch_size"))
    assert ((rates >= 1e-5) & (rates <= 1)).all()
    assert ((sizes >= 8) & (sizes <= 512)).all()
    assert stats.kstest(np.log10(rates), stats.uniform(-5, 5).cdf).pvalue > 0.01
    assert sweep(*axes, method="random", samples=10, random_seed=1).points() != few


def test_a_random_search_of_a_small_space_ends_with_all_of_it() -> None:
    points = sweep(("batch_size", "16..18"), ("nesterov", "yes, no"), method="random", samples=50).points()
    assert sorted(tuple(point.values()) for point in points) == [(s, n) for s in (16, 17, 18) for n in (False, True)]


@pytest.mark.parametrize(
    ("architecture", "axes", "expected"),
    [
        ("mlp-300", [("width", "7")], "flatten linear(7) relu linear(classes)"),
        (
            "mlp-300-dropout-0.5",
            [("dropout", "0.25"), ("width", "9")],
            "flatten linear(9) relu dropout(0.25) linear(classes)",
        ),
        (
            "flatten linear({units}) relu linear({units*0.3}) linear(classes)",
            [("units", "300")],
            "flatten linear(300) relu linear(90) linear(classes)",
        ),
    ],
)
def test_places_in_the_architecture_are_filled_and_read_back(architecture: str, axes: list, expected: str) -> None:
    grid = sweep(*axes, base=BASE.replace(architecture=architecture))
    ((point, config),) = grid.planned()
    assert config.architecture == expected
    assert grid.point_of(config) == point


def test_architectures_and_widths_can_be_crossed() -> None:
    lines = "flatten linear({width}) relu linear(classes); flatten linear({width}) tanh linear(classes)"
    grid = sweep(("architecture", lines), ("width", "5, 6"))
    assert [config.architecture for config in grid.configs()] == [
        f"flatten linear({width}) {name} linear(classes)" for name in ("relu", "tanh") for width in (5, 6)
    ]
    assert all(grid.point_of(config) == point for point, config in grid.planned())


@pytest.mark.parametrize(
    ("axes", "options", "field", "remedy"),
    [
        ([("learning_rate", "0.1, -1")], {}, "learning_rate", "above 0"),
        ([("learning_rat", "0.1")], {}, "learning_rat", "did you mean learning_rate"),
        ([("depth", "3")], {}, "depth", r"write \{depth\} where it belongs"),
        ([("width", "3")], {"base": BASE.replace(architecture="lenet-5")}, "width", "2 places"),
        ([("width", "0.5")], {}, "width", "whole number"),
        ([("architecture", "mlp-10; lenet-6")], {}, "architecture", "did you mean lenet-5"),
        ([("learning_rate", "0.1"), ("learning_rate", "0.2")], {}, "learning_rate", "in one axis"),
        ([("learning_rate", "0.1..1")], {}, "learning_rate", "how many values"),
        ([("learning_rate", "0.1..1 50"), ("batch_size", "1..50 50")], {}, "axes", "more than 2,000"),
        ([("learning_rate", "0.1")], {"seeds": 0}, "seeds", "at least 1"),
        ([], {}, "axes", "nothing varies"),
        (
            [("width", "3")],
            {"base": BASE.replace(architecture="flatten linear({a}) linear(classes)")},
            "width",
            "place",
        ),
        (
            [("learning_rate", "0.1")],
            {"base": BASE.replace(architecture="flatten linear({a}) linear(classes)")},
            "architecture",
            "add an axis a",
        ),
        (
            [("learning_rate", "0.1")],
            {"halving": True, "base": BASE.replace(validation_images=0)},
            "validation_images",
            "hold some out",
        ),
    ],
)
def test_a_sweep_that_cannot_be_trained_is_refused_before_it_starts(axes, options, field, remedy) -> None:
    with pytest.raises(ConfigError, match=remedy) as caught:
        sweeps.launch_sweep(Store.open(), sweep(*axes, **options))
    assert caught.value.field == field
    assert Store.open().sweeps() == []


def test_a_sweep_survives_json() -> None:
    original = sweep(("width", "5..9 3"), ("optimizer", "sgd, adam"), seeds=3, method="random", halving=True)
    assert Sweep.from_json(json.loads(json.dumps(original.to_json()))) == original


def test_launched_runs_are_on_the_board_and_trained_for_real() -> None:
    store = Store.open()
    wanted = sweep(("width", "5, 50"), ("learning_rate", "0.01, 1e-7"))
    sweep_id = sweeps.launch_sweep(store, wanted)
    assert sweeps.load_sweep(store, sweep_id) == replace(wanted, name="Width × Learning rate")
    assert sweeps.best_run(sweeps.sweep_table(store, sweep_id)) is None
    while run := store.claim():
        list(work(store, run))
    table = sweeps.sweep_table(store, sweep_id)
    assert table["state"].tolist() == ["finished"] * 4
    # The longest runs come first.
    assert table["width"].tolist() == [50, 50, 5, 5]
    assert table["learning_rate"].tolist() == [0.01, 1e-7, 0.01, 1e-7]
    assert table["epoch"].tolist() == [1] * 4
    best = sweeps.best_run(table)
    assert best is not None
    assert float(best["learning_rate"]) == 0.01  # pyright: ignore[reportArgumentType]
    assert float(best["validation_accuracy"]) == max(table["validation_accuracy"])  # pyright: ignore[reportArgumentType]
    assert max(table["validation_accuracy"]) > 0.5


def test_extending_adds_what_is_missing_and_no_more() -> None:
    store = Store.open()
    sweep_id = sweeps.launch_sweep(store, sweep(("learning_rate", "0.1, 0.01"), ("width", "5")))
    more = sweep(("learning_rate", "0.001, 0.01"), ("width", "5"), seeds=2)
    assert len(sweeps.missing_configs(store, sweep_id, more)) == 4
    assert sweeps.extend_sweep(store, sweep_id, more) == 4
    table = sweeps.sweep_table(store, sweep_id)
    expected = [(rate, seed) for rate in (0.001, 0.01, 0.1) for seed in (0, 1)]
    assert sorted(zip(table["learning_rate"], table["seed"], strict=True)) == expected
    with pytest.raises(ConfigError, match="already"):
        sweeps.extend_sweep(store, sweep_id, more)
    with pytest.raises(ConfigError, match="epochs: differs"):
        sweeps.extend_sweep(store, sweep_id, replace(more, base=BASE.replace(epochs=2)))


def test_stopping_all_and_retrying_what_failed() -> None:
    store = Store.open()
    sweep_id = sweeps.launch_sweep(store, sweep(("learning_rate", "0.1, 0.01, 0.001")))
    run = store.claim()
    assert run is not None
    store.finish(run, "failed", "no luck")
    assert sweeps.stop_sweep(store, sweep_id) == 2
    assert sweeps.retry_failed_runs(store, sweep_id) == 1
    assert sorted(sweeps.sweep_table(store, sweep_id)["state"]) == ["queued", "stopped", "stopped"]
    assert sweeps.find_sweep(store, sweep_id[:20]).id == sweep_id
    with pytest.raises(StoreError, match="sweep list"):
        sweeps.find_sweep(store, "nothing")


def recorded(store: Store, accuracy: float, epoch: int) -> Run:
    """The next run of the queue, with this validation accuracy at the end of an epoch."""
    run = store.claim()
    assert run is not None
    end = EpochEnd(
        step=8 * epoch,
        epoch=epoch,
        seconds=1.0,
        train_loss=1.0,
        train_accuracy=0.5,
        validation_loss=1.0,
        validation_accuracy=accuracy,
        best=True,
    )
    store.record(run, [end])
    return store.run(run.id)


@pytest.mark.parametrize("epoch", [1, 3, 9])
def test_halving_keeps_the_best_third_of_what_is_known(epoch: int) -> None:
    store = Store.open()
    rates = ", ".join(f"0.0{index}" for index in range(1, 7))
    sweeps.launch_sweep(store, sweep(("learning_rate", rates), halving=True, base=BASE.replace(epochs=30)))
    reasons = []
    for accuracy in (0.5, 0.4, 0.6, 0.45, 0.7, 0.65):
        run = recorded(store, accuracy, epoch)
        reasons.append(sweeps.stopping_reason(store, run, epoch))
    assert [bool(text) for text in reasons] == [False, False, False, True, False, False]
    assert f"after epoch {epoch}: 45.0 % " in reasons[3]
    assert reasons[3].endswith("of 4 runs.")
    # Halving compares runs at certain epochs only, and the next is none of them.
    assert sweeps.stopping_reason(store, run, epoch + 1) == ""


def test_runs_of_a_sweep_that_is_forgotten_while_they_train_go_on() -> None:
    store = Store.open()
    sweeps.launch_sweep(store, sweep(("learning_rate", "0.1, 0.01"), base=BASE.replace(epochs=30)))
    run = recorded(store, 0.5, 1)
    assert run.sweep is not None
    store.delete_sweep(run.sweep)
    # The worker still holds the run as it was when it began.
    assert sweeps.stopping_reason(store, run, 1) == ""
    assert store.run(run.id).sweep is None


def test_halving_judges_a_setting_by_the_mean_of_its_seeds() -> None:
    store = Store.open()
    sweeps.launch_sweep(
        store, sweep(("learning_rate", "0.1, 0.2, 0.3"), seeds=2, halving=True, base=BASE.replace(epochs=9))
    )
    reasons = [sweeps.stopping_reason(store, recorded(store, a, 1), 1) for a in (0.8, 0.7, 0.6, 0.5, 0.85, 0.55)]
    # The means of the seeds: 0.8 and 0.5 give 0.65.
    assert [bool(text) for text in reasons] == [False, False, True, True, False, True]
    assert "65.0 % (mean of 2 seeds)" in reasons[3]


def test_halving_is_off_by_default_and_never_ends_a_last_epoch() -> None:
    store = Store.open()
    for options, epochs in (({}, 9), ({"halving": True}, 1)):
        sweeps.launch_sweep(
            store, sweep(("learning_rate", "0.1, 0.2, 0.3, 0.4"), base=BASE.replace(epochs=epochs), **options)
        )
        reasons = [sweeps.stopping_reason(store, recorded(store, accuracy, 1), 1) for accuracy in (0.9, 0.8, 0.7, 0.1)]
        assert reasons == [""] * 4


def test_the_estimate_follows_past_runs_and_the_number_side_by_side() -> None:

    store = Store.open()
    concurrency.set_runs_at_once(store, 1)
    run = store.enqueue(BASE, claimed=True)
    store.finish(run, "finished", seconds=10.0, epoch=1, train_images=500)
    configs = sweep(("learning_rate", "0.1, 0.2, 0.3, 0.4"), base=BASE.replace(epochs=3)).configs()
    alone = sweeps.estimated_seconds(store, configs)
    assert alone == pytest.approx(4 * 30, rel=0.1)
    concurrency.set_runs_at_once(store, 2)
    assert sweeps.estimated_seconds(store, configs) == pytest.approx(alone / 2)
    bigger = sweep(("learning_rate", "0.1, 0.2"), base=BASE.replace(architecture="mlp-2000")).configs()
    # The past run was slow, so a larger network is expected to take even longer.
    assert sweeps.estimated_seconds(store, bigger) > 10


def test_the_estimate_is_near_the_truth() -> None:
    store = Store.open()

    def trained(config: RunConfig) -> float:
        run = store.enqueue(config, claimed=True)
        list(work(store, run))
        return store.run(run.id).seconds

    earlier = RunConfig(dataset="mnist-5k", architecture="mlp-100", epochs=2)
    # The first run warms the process up.
    for _ in range(3):
        trained(earlier)
    for config in (earlier.replace(epochs=5), earlier.replace(architecture="mlp-300", epochs=3)):
        (expected,) = sweeps.run_seconds(store, [config])
        # A run takes 0.4 s to begin and end.
        assert expected / 3 < trained(config) + 0.4 < expected * 3


def test_an_estimate_counts_steps_what_layers_put_out_and_the_answers_at_the_end() -> None:
    store = Store.open()
    mlp, lenet, wide = (
        RunConfig(architecture=name, epochs=1, train_images=20_000) for name in ("mlp-300", "lenet-5", "cnn-150-64")
    )
    # Measured on one core: 0.23, 1.8 and 55 s of training, then 16 s for the answers of the last one.
    times = [time.seconds for time in sweeps.training_seconds([], [mlp, lenet, wide])]
    assert times[1] > 4 * times[0]
    assert times[2] > 30 * times[1]
    (smaller,) = sweeps.training_seconds([], [lenet.replace(batch_size=16)])
    assert smaller.seconds > 2 * times[1]
    assert 8 < sweeps.run_seconds(store, [wide])[0] - times[2] < 32


def test_intervals_are_those_of_student() -> None:
    sample = [0.91, 0.93, 0.92, 0.95]
    mean, low, high = intervals.mean_interval(sample)
    expected = stats.t.interval(0.95, 3, loc=np.mean(sample), scale=stats.sem(sample))
    assert (mean, low, high) == pytest.approx((np.mean(sample), *expected))
    assert np.isnan(intervals.mean_interval([0.9])[1:]).all()
    table = pd.DataFrame({"a": [1, 1, 2, 2], "x": [0.5, 0.7, 0.9, np.nan]})
    means = intervals.mean_by_setting(table, ["a"], "x")
    assert means["n"].tolist() == [2, 1]
    assert means["mean"].tolist() == pytest.approx([0.6, 0.9])


def test_an_axis_can_be_made_without_text() -> None:
    assert Sweep("", BASE, (SweepAxis("learning_rate", (0.1, 0.01)),)).configs() == Sweep("", BASE, (RATES,)).configs()
