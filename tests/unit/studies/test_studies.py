"""Studies: which runs are planned, which are trained, and which are not trained again."""

from pathlib import Path

import pytest

from mnist_core.errors import ConfigError
from mnist_core.store.store import Store
from mnist_core.studies.catalogue import all_studies
from mnist_core.studies.planning import (
    PlannedRun,
    missing_runs,
    plan_runs,
    run_name,
    start_runs,
    study_runs,
    unavailable_data,
)
from mnist_core.studies.study import Experiment, Variant
from tests.small_studies import small, train_queue, values


def test_a_plan_has_each_variant_with_each_seed_and_protocol() -> None:
    planned = plan_runs("ffnn-tuning", "lr-coarse", seeds=3)
    assert len(planned) == 6 * 3 * 2
    assert len({run.config.digest() for run in planned}) == len(planned)
    published = [run for run in planned if run.protocol == "published"]
    assert {run.config.choose_on for run in published} == {"test"}
    assert {run.config.choose_on for run in planned if run.protocol == "honest"} == {"validation"}
    assert {run.seed for run in published} == {run.config.seed for run in published} == {0, 1, 2}
    assert plan_runs("ffnn-tuning", "lr-coarse", seeds=1)[:6] == published[:6]


def test_a_network_whose_seeds_end_far_apart_is_planned_with_three() -> None:
    """One run of deep-mlp shows 48.6 % where the study says 97.84; the third of three shows the study's figure."""
    planned = plan_runs("deep-mlp")
    assert [(run.protocol, run.seed) for run in planned] == [
        ("published", 0),
        ("published", 1),
        ("published", 2),
        ("honest", 0),
        ("honest", 1),
        ("honest", 2),
    ]
    assert [run.seed for run in plan_runs("deep-mlp", seeds=1, protocols=["published"])] == [0]
    others = [name for name in all_studies() if name != "deep-mlp"]
    assert {run.seed - run.variant.config.seed for name in others for run in plan_runs(name)} == {0}


def test_epochs_are_scaled_down_to_one_at_least() -> None:
    assert {run.config.epochs for run in plan_runs("linear-depth", epochs_scale=0.1)} == {10}
    assert {run.config.epochs for run in plan_runs("linear-depth", epochs_scale=0.0001)} == {1}
    child = plan_runs("mlp-course", "two-layer-continued", epochs_scale=0.2)[0]
    assert child.parent is not None
    assert (child.parent.config.epochs, child.config.epochs) == (1, 3)
    with pytest.raises(ConfigError, match="epochs_scale"):
        plan_runs("cnn", epochs_scale=0)


def test_the_seeds_of_scikit_learns_perceptron_count_from_its_own() -> None:
    assert [run.config.seed for run in plan_runs("mlp-course", "sklearn-mlp", seeds=3)] == [1, 2, 3]


def test_nothing_honest_is_planned_where_there_is_nothing_to_choose() -> None:
    honest = {run.experiment.name for run in plan_runs("mlp-course", protocols=["honest"])}
    # The honest protocol skips a single epoch, unless another experiment continues from it.
    assert honest == {
        "two-layer-linear",
        "two-layer-continued",
        "mlp-relu",
        "small-data-sgd",
        "small-data-adam",
        "cifar10-mlp",
    }


def test_an_unknown_study_or_experiment_is_named_with_those_there_are() -> None:
    with pytest.raises(ConfigError, match="linear-depth, cnn"):
        plan_runs("depth")
    with pytest.raises(ConfigError, match="lr-coarse, lr-fine"):
        plan_runs("ffnn-tuning", "learning-rate")


def test_a_study_is_started_once_and_the_longest_runs_first(store: Store) -> None:
    study = small("ffnn-tuning", "width", epochs=1)
    planned = plan_runs(study, protocols=["published"])
    started = start_runs(store, planned)
    assert [run.config.architecture for run in started] == [f"mlp-{n}" for n in (10, 50, 100, 300, 1000, 2000)]
    assert [run.config.architecture for run in store.queue()][:2] == ["mlp-2000", "mlp-1000"]
    assert started[0].name == "ffnn-tuning width: width=10"
    assert start_runs(store, planned) == started
    assert len(store.runs()) == 6
    assert not missing_runs(store, planned)


def test_a_stopped_run_that_two_experiments_share_goes_on_once(store: Store) -> None:
    planned = plan_runs(small("ffnn-tuning", "width", epochs=1), protocols=["published"])
    started = start_runs(store, planned)
    store.request(started[0].id, "stop")
    assert store.run(started[0].id).state == "stopped"
    again = start_runs(store, [*planned, *planned])
    assert [run.state for run in again] == ["queued"] * 6


def test_experiments_share_runs_of_the_same_config(store: Store) -> None:
    planned = plan_runs("ffnn-tuning", "lr-coarse", protocols=["published"]) + plan_runs(
        "ffnn-tuning", "lr-fine", protocols=["published"]
    )
    assert len(planned) == 11
    # 0.001 and 0.0001 are part of both experiments.
    assert len(start_runs(store, planned)) == 9


def test_what_was_broken_off_goes_on_and_what_diverged_does_not(store: Store) -> None:
    planned = plan_runs(small("ffnn-tuning", "lr-coarse", epochs=1), protocols=["published"])[:5]
    start_runs(store, planned)
    for state in ("stopped", "failed", "interrupted", "diverged", "paused"):
        run = store.claim()
        assert run is not None
        store.finish(run, state)  # pyright: ignore[reportArgumentType]
    assert not store.queue()
    states = {run.state for run in start_runs(store, planned)}
    assert len(store.runs()) == 5
    assert len(store.queue()) == 3
    assert states == {"queued", "diverged", "paused"}


def test_a_deleted_run_is_trained_again(store: Store) -> None:
    planned = plan_runs("cnn", protocols=["published"])
    (run,) = start_runs(store, planned)
    store.delete([run.id])
    assert missing_runs(store, planned) == planned
    assert start_runs(store, planned)[0].id != run.id


def test_a_continuation_starts_from_the_finished_runs_weights_with_a_fresh_optimizer(store: Store) -> None:
    study = small("mlp-course", "two-layer-linear", "two-layer-continued")
    planned = plan_runs(study, "two-layer-continued", seeds=2, epochs_scale=0.2)
    assert {planned_run.experiment.name for planned_run in planned} == {"two-layer-continued"}
    # The runs that these continue are started as well.
    started = start_runs(store, planned)
    assert {run.name for run in started} == {
        "mlp-course two-layer-linear: 784-50-10",
        "mlp-course two-layer-linear: 784-50-10, seed 1",
        "mlp-course two-layer-linear: 784-50-10, honest",
        "mlp-course two-layer-linear: 784-50-10, seed 1, honest",
    }
    assert missing_runs(store, planned) == planned
    parents = {run.id: run for run in train_queue(store)}
    start_runs(store, planned)
    children = train_queue(store)
    assert [run.state for run in children] == ["finished"] * 4
    assert {run.config.continue_from for run in children} == set(parents)
    for child in children:
        parent = parents[child.config.continue_from]
        assert (child.config.continue_epoch, child.epoch, child.config.fresh_optimizer) == (1, 3, True)
        assert (child.config.seed, child.config.choose_on) == (parent.config.seed, parent.config.choose_on)
        assert values(store, child, "epoch_train_loss")[0] < values(store, parent, "epoch_train_loss")[0]
    assert not missing_runs(store, planned)
    start_runs(store, planned)
    assert not store.queue()
    pairs = study_runs(store, study, "two-layer-continued", 2, 0.2)
    assert [(planned_run.protocol, planned_run.seed) for planned_run, _ in pairs] == [
        ("published", 0),
        ("published", 1),
        ("honest", 0),
        ("honest", 1),
    ]


def test_missing_data_is_said_with_the_remedy(tmp_path: Path) -> None:
    missing = unavailable_data(plan_runs("mlp-course"), tmp_path)
    assert missing.keys() == {"mnist", "cifar10"}
    assert "data download cifar10" in missing["cifar10"]
    assert not unavailable_data(plan_runs(small("cnn", "cnn")), tmp_path)
    absent = plan_runs("mlp-course", "cifar10-mlp", folder=str(tmp_path / "nowhere"))
    assert "nowhere" in unavailable_data(absent, tmp_path)["folder"]


def test_a_run_is_named_by_what_it_is() -> None:
    experiment = Experiment(
        name="e",
        title="E",
        asks="?",
        variants=(Variant("v", all_studies()["cnn"].experiments[0].variants[0].config, {}),),
        swept=(),
        continues="",
        measure="last",
        reported_seconds=0.0,
        seeds=1,
    )
    config = experiment.variants[0].config
    assert run_name(PlannedRun("s", experiment, experiment.variants[0], 0, "published", config)) == "s e: v"
    assert (
        run_name(PlannedRun("s", experiment, experiment.variants[0], 2, "honest", config)) == "s e: v, seed 2, honest"
    )
