"""Runs as tables: only settings that differ, and one well-typed row a run, however far the run is."""

from dataclasses import replace

import pandas as pd
import pytest

from mnist_core.analysis.comparison import (
    CHANCE,
    CONFOUND,
    FACTOR,
    FOLLOWS,
    IDLE,
    LAST_DIGITS,
    START,
    Fairness,
    config_differences,
    factors,
    fairness,
    judge_fairness,
    runs_table,
    seed_groups,
    with_seeds,
)
from mnist_core.analysis.single_change import changeable_fields
from mnist_core.config.device import Device
from mnist_core.config.rules import TrainingRules
from mnist_core.config.run_config import RunConfig
from mnist_core.errors import ConfigError
from mnist_core.store.run import Run
from mnist_core.store.store import Store


def test_only_what_differs(store: Store) -> None:
    runs = [
        store.enqueue(RunConfig(epochs=5, normalise=True), name="same"),
        store.enqueue(RunConfig(epochs=9, normalise=False, train_images=160), name="same"),
    ]
    table = config_differences(runs)
    assert list(table.columns) == ["Role", "1 · same", "2 · same"]
    assert table.drop(columns="Role").to_dict("index") == {
        "Training images": {"1 · same": "not set", "2 · same": "160"},
        "Normalise": {"1 · same": "yes", "2 · same": "no"},
        "Epochs": {"1 · same": "5", "2 · same": "9"},
    }


def test_fields_without_effect_are_dashes(store: Store) -> None:
    runs = [store.enqueue(RunConfig(optimizer="adam")), store.enqueue(RunConfig(optimizer="sgd", learning_rate=0.05))]
    table = config_differences(runs)
    assert table.loc["Momentum"].tolist() == [FOLLOWS, "–", "0.9"]
    assert table.loc["Learning rate"].tolist() == [CONFOUND, "0.001", "0.05"]
    # Adam has no momentum.
    same = [store.enqueue(RunConfig(momentum=0.1)), store.enqueue(RunConfig(momentum=0.5))]
    assert config_differences(same).empty


def test_each_difference_has_its_role_and_the_factor_comes_first(store: Store) -> None:
    config = RunConfig(optimizer="sgd")
    runs = [
        store.enqueue(config),
        store.enqueue(
            config.replace(
                architecture="mlp-100", epochs=9, batch_size=32, seed=1, threads=2, initial_weights="mlp-300"
            )
        ),
    ]
    assert dict(config_differences(runs)["Role"]) == {
        "Architecture": FACTOR,
        "Batch size": CONFOUND,
        "Epochs": CONFOUND,
        "Seed": CHANCE,
        "Initial weights as in": START,
        "CPU threads": LAST_DIGITS,
    }
    assert config_differences(runs).index[0] == "Architecture"
    assert [field.name for field in factors(runs)] == ["architecture", "batch_size", "epochs"]
    roles = config_differences(runs, "epochs")["Role"]
    assert (roles.index[0], roles["Epochs"]) == ("Epochs", FACTOR)
    assert roles[["Architecture", "Initial weights as in"]].tolist() == [CONFOUND, CONFOUND]


def test_the_momentum_of_another_optimizer_follows_unless_it_differs_by_itself(store: Store) -> None:
    adam, sgd, other = (
        store.enqueue(RunConfig.parse({"optimizer": optimizer, "momentum": momentum}))
        for optimizer, momentum in (("adam", 0.9), ("sgd", 0.9), ("rmsprop", 0.5))
    )
    assert (judge_fairness([adam, sgd]).kind, judge_fairness([adam, sgd]).factor) == ("fair", "optimizer")
    assert judge_fairness([sgd, other]).confounds == ("momentum",)


def judged(store: Store, *changes: dict, factor: str = "") -> Fairness:
    return judge_fairness([store.enqueue(RunConfig.parse(change)) for change in changes], factor)


@pytest.mark.parametrize(
    ("change", "kind", "factor", "last_digits"),
    [
        ({"checkpoint_every": 2}, "same experiment", "", ()),
        ({"threads": 2}, "only rounding", "", ("threads",)),
        ({"threads": 2, "learning_rate": 0.1}, "fair", "learning_rate", ("threads",)),
        ({"threads": 2, "seed": 1}, "only seed", "", ("threads",)),
        ({"learning_rate": 0.1}, "fair", "learning_rate", ()),
        ({"seed": 1}, "only seed", "", ()),
        ({"architecture": "mlp-100", "seed": 1}, "partly chance", "architecture", ()),
        ({"dataset": "kmnist"}, "other data", "", ()),
    ],
)
def test_a_comparison_is_judged_by_what_differs(
    store: Store, change: dict, kind: str, factor: str, last_digits: tuple[str, ...]
) -> None:
    fairness = judged(store, {}, change)
    assert (fairness.kind, fairness.factor, fairness.confounds) == (kind, factor, ())
    assert fairness.last_digits == last_digits
    assert ("last digits" in fairness.text) == bool(last_digits)


def test_confounds_are_named_and_depend_on_the_factor(store: Store) -> None:
    changes = {"architecture": "mlp-100", "batch_size": 9, "epochs": 7}
    fairness = judged(store, {}, changes)
    assert (fairness.kind, fairness.factor, fairness.confounds) == (
        "confounded",
        "architecture",
        ("batch_size", "epochs"),
    )
    assert fairness.text.startswith("2 confounds: ")
    assert all(label in fairness.text for label in ("batch size", "epochs"))
    fairness = judged(store, {}, {"architecture": "mlp-100", "batch_size": 9}, factor="batch_size")
    assert (fairness.factor, fairness.confounds) == ("batch_size", ("architecture",))
    assert fairness.text.startswith("1 confound: architecture")


def test_the_same_seeds_of_each_value_make_a_fair_comparison(store: Store) -> None:
    seeds = [{"architecture": name, "seed": seed} for name in ("mlp-100", "mlp-300") for seed in (0, 1)]
    assert judged(store, *seeds).kind == "fair by seeds"
    assert judged(store, *seeds[:3]).kind == "partly chance"


@pytest.mark.parametrize("seed", [0, 1])
def test_an_epoch_chosen_on_test_images_makes_a_comparison_optimistic(store: Store, seed: int) -> None:
    assert judged(store, {}, {"choose_on": "test", "seed": seed}).kind == "optimistic"


def test_a_single_run_is_not_judged_and_settings_are_named_without_their_unit(store: Store) -> None:
    assert judged(store, {}).text == ""
    assert "“Normalise”" in judged(store, {}, {"normalise": False}).text
    # "Shift" is a command, not a noun.
    assert "“Shift”" in judged(store, {}, {"shift": 2}).text
    text = judged(store, {}, {"early_stopping": 3}).text
    assert "early stopping" in text
    assert "(epochs)" not in text


def test_values_that_differ_only_in_later_digits_differ(store: Store) -> None:
    runs = [store.enqueue(RunConfig(learning_rate=rate)) for rate in (0.1234567, 0.1234568, 0.1234568)]
    assert judge_fairness(runs[:2]).factor == "learning_rate"
    assert judge_fairness(runs[1:]).kind == "same experiment"
    assert config_differences(runs[:2]).loc["Learning rate"].tolist()[1:] == ["0.1234567", "0.1234568"]


EPYC = Device(kind="cpu", name="AMD EPYC", vectors="AVX2", threads=1)
INTEL = Device(kind="cpu", name="Intel Xeon", vectors="AVX-512", threads=1)
# As earlier versions recorded it: without the processor's name.
UNNAMED = Device(kind="cpu", threads=1)
TORCH = {"torch": ("2.13.0",), "machine": ("Linux x86_64",)}


def recorded(
    store: Store,
    computed_on: Device | tuple[Device, ...],
    versions: dict[str, tuple[str, ...]] | None = None,
    rules: TrainingRules | None = None,
    **changes: object,
) -> Run:
    """A run that recorded these devices, versions and rules."""
    run = store.enqueue(RunConfig.parse(changes))
    devices = computed_on if isinstance(computed_on, tuple) else (computed_on,)
    return replace(run, devices=devices, versions=versions, rules=rules)


def roles(*runs: Run) -> dict[str, str]:
    return config_differences(runs)["Role"].to_dict()


def test_what_runs_were_computed_on_may_change_the_last_digits(store: Store) -> None:
    here, elsewhere = recorded(store, EPYC, TORCH), recorded(store, INTEL, TORCH)
    assert roles(here, elsewhere) == {"Computed on": LAST_DIGITS}
    table = config_differences([here, elsewhere])
    assert table.loc["Computed on"].tolist()[1:] == ["AMD EPYC, AVX2", "Intel Xeon, AVX-512"]
    assert "last digits" in fairness([here, elsewhere])
    newer = recorded(store, EPYC, TORCH | {"torch": ("2.14.0",)})
    assert roles(here, newer) == {"Version of torch": LAST_DIGITS}
    in_two_parts = recorded(store, (EPYC, INTEL), TORCH)
    assert roles(here, in_two_parts) == {"Computed on": LAST_DIGITS}
    for other in (elsewhere, newer, in_two_parts):
        for sentence in (fairness([here, other]), fairness([here, replace(other, config=RunConfig(seed=4))])):
            assert "same network" not in sentence
            assert "last digits" in sentence
    assert judge_fairness([here, recorded(store, INTEL, TORCH, learning_rate=0.1)]).kind == "fair"


def test_a_device_that_is_asked_for_in_another_way_has_no_influence_where_it_is_the_same(store: Store) -> None:
    auto, cpu = recorded(store, EPYC, TORCH), recorded(store, EPYC, TORCH, device="cpu")
    assert roles(auto, cpu) == {"Device": IDLE}
    assert judge_fairness([auto, cpu]).kind == "same experiment"
    old = [recorded(store, UNNAMED), recorded(store, UNNAMED, device="cpu")]
    # The processors were not recorded.
    assert roles(*old) == {"Device": LAST_DIGITS}
    threads = recorded(store, EPYC.model_copy(update={"threads": 2}), TORCH, threads=2)
    assert roles(auto, threads) == {"CPU threads": LAST_DIGITS}
    gpu = recorded(store, Device(kind="cuda", name="NVIDIA H100"), TORCH, device="cuda")
    assert roles(auto, gpu) == dict.fromkeys(("Device", "Computed on"), LAST_DIGITS)


def test_what_a_run_has_not_recorded_yet_is_no_difference(store: Store) -> None:
    assert config_differences([recorded(store, ()), recorded(store, EPYC, TORCH)]).empty
    sklearn = (
        recorded(store, EPYC, TORCH | {"scikit-learn": ("1.8",)}),
        recorded(store, EPYC, TORCH | {"scikit-learn": ("1.9",)}),
    )
    # The runs were trained with torch, so the version of scikit-learn does not matter.
    assert config_differences(sklearn).empty


def test_two_rules_of_early_stopping_are_a_confound(store: Store) -> None:
    first, second = TrainingRules(patience=1), TrainingRules(patience=2)
    old = recorded(store, EPYC, TORCH, first, early_stopping=2)
    new = recorded(store, EPYC, TORCH, second, early_stopping=2)
    assert roles(old, new) == {"Early stopping waits for": CONFOUND}
    assert judge_fairness([old, new]).kind == "confounded"
    texts = config_differences([old, new]).loc["Early stopping waits for"].tolist()[1:]
    # Under the first rule an equal accuracy counts, too.
    assert ["equal" in text for text in texts] == [True, False]
    assert config_differences([recorded(store, EPYC, TORCH, first), recorded(store, EPYC, TORCH, second)]).empty


def test_two_rules_of_computing_may_change_the_last_digits(store: Store) -> None:
    old, new = (recorded(store, EPYC, TORCH, TrainingRules(kernels=version)) for version in (1, 2))
    assert roles(old, new) == {"Products computed": LAST_DIGITS}
    assert judge_fairness([old, new]).kind != "confounded"
    fitted = [recorded(store, EPYC, TORCH, run.rules, library="sklearn") for run in (old, new)]
    # scikit-learn does not follow the rule, and on a GPU it has no effect.
    assert config_differences(fitted).empty
    gpu = Device(kind="cuda", name="NVIDIA H100")
    assert config_differences([recorded(store, gpu, TORCH, run.rules) for run in (old, new)]).empty


def test_neither_threads_nor_device_can_be_studied(store: Store) -> None:
    runs = [recorded(store, EPYC, TORCH), recorded(store, INTEL, TORCH, threads=2, device="cpu", checkpoint_every=3)]
    assert factors(runs) == []
    assert not {"threads", "device", "checkpoint_every"} & {field.name for field in changeable_fields(runs[0])}


def test_runs_that_differ_only_in_the_seed_form_a_group(store: Store) -> None:
    config = RunConfig(architecture="mlp-100")
    runs = [
        store.enqueue(config.replace(seed=1), "small, seed 1"),
        store.enqueue(config.replace(epochs=9), "longer"),
        store.enqueue(config, "small"),
        store.enqueue(config.replace(seed=1, threads=2), "small, seed 1"),
        store.enqueue(config.replace(seed=12), "small, seed 12"),
    ]
    formed = seed_groups(runs)
    assert [group.name for group in formed] == ["small", "longer"]
    assert [[run.number for run in group.runs] for group in formed] == [[1, 3, 4, 5], [2]]
    # A repeated seed counts once.
    assert [run.number for run in formed[0].one_per_seed] == [1, 3, 5]
    assert seed_groups([]) == []


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (("net, seed 0, honest", "net, seed 1, honest"), "net, honest"),
        (("net run one", "net run other"), "net run"),
        (("alpha", "beta"), "alpha"),
        (("784-100-10, seed 3",), "784-100-10"),
        # One name is the beginning of the other.
        (("net", "net wide"), "net"),
    ],
)
def test_a_group_is_called_what_its_runs_names_have_in_common(store: Store, names: tuple, wanted: str) -> None:
    runs = [store.enqueue(RunConfig(seed=seed), name) for seed, name in enumerate(names)]
    assert [group.name for group in seed_groups(runs)] == [wanted]


def test_several_seeds_of_one_config_get_names_that_say_so(store: Store) -> None:
    config = RunConfig(architecture="mlp-100", seed=5)
    assert with_seeds(config, 1, "mine") == [(config, "mine")]
    entries = with_seeds(config, 3, "mine")
    assert entries == [(config.replace(seed=seed), f"mine, seed {seed}") for seed in (5, 6, 7)]
    assert [name for _, name in with_seeds(config, 2)] == ["mlp-100, seed 5", "mlp-100, seed 6"]
    assert all(len(name) <= 200 for _, name in with_seeds(config, 2, "x" * 300))
    (group,) = seed_groups(store.enqueue_all(entries))
    assert (group.name, len(group.one_per_seed)) == ("mine", 3)
    with pytest.raises(ConfigError, match="seed"):
        with_seeds(config.replace(seed=2**31 - 1), 2)


def test_no_and_one_run(store: Store) -> None:
    assert config_differences([]).empty
    assert config_differences([store.enqueue(RunConfig())]).empty
    assert runs_table([]).empty


def _finished(run: Run) -> Run:
    return replace(
        run,
        state="finished",
        epoch=5,
        best_epoch=4,
        parameters=238_510,
        macs=238_200,
        train_accuracy=0.995,
        validation_accuracy=0.978,
        test_accuracy=0.9775,
        test_loss=0.081,
        seconds=21.5,
        images_per_second=14_000.0,
        step=3_910,
        steps_per_epoch=782,
        train_images=50_000,
        created=1_700_000_000.0,
    )


def test_a_row_a_run(store: Store) -> None:
    queued = store.enqueue(RunConfig(architecture="lenet-5"), name="waiting")
    finished = _finished(store.enqueue(RunConfig(optimizer="sgd", learning_rate=0.1), name="done", tags=("a", "b")))
    table = runs_table([finished, queued])
    assert list(table.index) == [finished.id, queued.id]
    row = table.loc[finished.id]
    assert (row["Run"], row["Name"], row["Tags"], row["State"]) == (2, "done", ["a", "b"], "finished")
    assert (row["Data set"], row["Architecture"]) == ("mnist", "mlp-300")
    assert (row["Optimizer"], row["Learning rate"]) == ("sgd", 0.1)
    assert (row["Parameters"], row["MACs"], row["Epochs"], row["Best epoch"]) == (238_510, 238_200, 5, 4)
    assert row["Best validation accuracy (%)"] == pytest.approx(97.8)
    assert row["Training accuracy (%)"] == pytest.approx(99.5)
    assert row["Test accuracy (%)"] == pytest.approx(97.75)
    assert (row["Test loss"], row["Time (s)"], row["Images/s"]) == (0.081, 21.5, 250_000 / 21.5)
    assert row["Created"] == pd.Timestamp("2023-11-14 22:13:20", tz="UTC")
    continued = replace(finished, config=finished.config.model_copy(update={"continue_epoch": 2}))
    assert runs_table([continued])["Images/s"].tolist() == [150_000 / 21.5], "only what it learned itself"
    unknown = table.loc[queued.id]
    assert unknown[["Parameters", "Test accuracy (%)", "Test loss", "Images/s", "Best epoch"]].isna().all()


def test_types_are_the_same_with_and_without_runs(store: Store) -> None:
    run = store.enqueue(RunConfig())
    assert (runs_table([]).dtypes == runs_table([run]).dtypes).all()
    assert (runs_table([run]).dtypes == runs_table([_finished(run)]).dtypes).all()
    assert runs_table([run])["Parameters"].dtype == "Int64"
    assert isinstance(runs_table([run])["Created"].dtype, pd.DatetimeTZDtype)
