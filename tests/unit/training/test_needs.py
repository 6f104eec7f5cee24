"""Limits of what a run may need: whatever comes with the program fits; what does not is refused with a remedy."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from math import ceil
from pathlib import Path
from typing import Literal

import pytest

from mnist_core.analysis.costs import network_memory
from mnist_core.architectures.presets import presets
from mnist_core.config import limits
from mnist_core.config.recipes import RECIPES
from mnist_core.config.run_config import RunConfig
from mnist_core.errors import ConfigError
from mnist_core.export.archive import checks
from mnist_core.export.archive.format import ArchiveError
from mnist_core.store import queueing
from mnist_core.store.store import Store
from mnist_core.studies.catalogue import all_studies
from mnist_core.studies.planning import plan_runs, start_runs
from mnist_core.sweeps.axes import SweepAxis
from mnist_core.sweeps.running import launch_sweep, retry_failed_runs
from mnist_core.sweeps.sweep import Sweep
from mnist_core.training import evaluation
from mnist_core.training.checking import check_trainable
from mnist_core.training.needs import check_needs, check_needs_together
from tests.labs import train_now, trained_run
from tests.small_folders import write_images

ROOT = Path(__file__).parents[3]
WIDE = RunConfig(dataset="mnist-5k", architecture="conv(2000, 3, padding=1) flatten linear(classes)")
HUGE = {
    "batches": (WIDE.replace(batch_size=8192), "batch_size"),
    "answers": (WIDE.replace(architecture="conv(60000, 3, padding=1) globalavgpool linear(classes)"), "architecture"),
    "steps": (RunConfig(architecture="softmax", batch_size=1, epochs=10000), "epochs"),
}
SHAPE = (1, 28, 28)


@pytest.mark.parametrize("name", ["batches", "answers", "steps"])
def test_what_is_too_much_is_refused_with_what_fits(name: str) -> None:
    config, field = HUGE[name]
    with pytest.raises(ConfigError) as caught:
        check_trainable(config)
    assert caught.value.field == field
    numbers = re.search(r"(?:choose|at most) ([0-9,]+)", str(caught.value).split(";")[1])
    if numbers:
        fitting = int(numbers[1].replace(",", ""))
        check_trainable(config.replace(**{field: fitting}))
        with pytest.raises(ConfigError):
            check_trainable(config.replace(**{field: fitting + 1}))


def test_a_checkpoint_may_not_be_larger_than_the_limit() -> None:
    config = RunConfig(dataset="cifar10", architecture="flatten linear(160000) linear(classes)", optimizer="adam")
    with pytest.raises(ConfigError, match="architecture"):
        check_trainable(config)
    check_trainable(config.replace(optimizer="sgd", momentum=0))


def test_memory_is_that_of_the_page_compare() -> None:
    config = WIDE.replace(batch_size=5000)
    needed = network_memory(config, SHAPE, 10).training
    assert needed is not None
    assert needed > limits.MAX_RUN_MEMORY
    with pytest.raises(ConfigError, match=f"{needed / 1e9:,.1f} GB"):
        check_needs(config, SHAPE, 10, None)
    assert evaluation.CPU_BATCH_SIZE == limits.PREDICTION_BATCH


@pytest.mark.parametrize("dataset", ["mnist", "cifar10"])
def test_all_presets_fit_with_batches_of_a_thousand(dataset: Literal["mnist", "cifar10"]) -> None:
    for preset in presets():
        check_trainable(RunConfig(dataset=dataset, architecture=preset, batch_size=1000, epochs=100))


def test_all_recipes_and_studies_fit() -> None:
    for recipe in RECIPES.values():
        check_trainable(recipe.config)
    for study in all_studies():
        for planned in plan_runs(study):
            check_trainable(planned.config.model_copy(update={"continue_from": "", "continue_epoch": None}))


def test_each_run_of_a_sweep_is_asked() -> None:
    sweep = Sweep("", WIDE, (SweepAxis("batch_size", (64, 8192)),))
    with pytest.raises(ConfigError) as caught:
        sweep.configs()
    assert caught.value.field == "batch_size"
    assert "batch_size 8192" in str(caught.value)


def test_a_batch_of_one_in_a_sweep_is_refused_as_elsewhere() -> None:
    vectors = RunConfig(dataset="mnist-5k", architecture="flatten linear(20) batchnorm relu linear(classes)")
    with pytest.raises(ConfigError, match="layernorm"):
        Sweep("", vectors, (SweepAxis("batch_size", (64, 1)),)).configs()


def test_a_run_that_got_into_the_queue_is_refused_before_its_network_is_built(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "lab")
    run = trained_run(store, HUGE["batches"][0])
    assert (run.state, run.step) == ("failed", 0)
    assert run.note.startswith("batch_size: ")


def test_an_archive_of_such_a_run_is_refused() -> None:
    with pytest.raises(ArchiveError, match="batch_size"):
        checks.check_config(HUGE["batches"][0], None)


def test_the_command_line_refuses_it(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "mnist_core",
            "train",
            "--dataset",
            "mnist-5k",
            "--architecture",
            WIDE.architecture,
            "--batch-size",
            "8192",
        ],
        cwd=ROOT,
        env=os.environ | {"MNIST_LAB_RESULTS": str(tmp_path / "lab")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "batch_size" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "lab").exists()


def _sweep(epochs: int, values: int, **base: object) -> Sweep:
    rates = SweepAxis("learning_rate", (), 1e-4, 1.0, values, "log")
    return Sweep("", RunConfig.parse({"architecture": "softmax", "epochs": epochs} | base), (rates,), seeds=10)


# For each field: a setting with which 1,000 runs need too many steps or too much disk together.
TOGETHER = {
    "steps": _sweep(300, 100, batch_size=5, train_images=50_000, validation_images=10_000),
    "disk": _sweep(3, 100, architecture="flatten linear(20000) linear(classes)", batch_size=1000),
}


@pytest.mark.parametrize("name", TOGETHER)
def test_what_the_runs_of_a_sweep_need_together_is_bounded_and_none_is_queued(name: str, tmp_path: Path) -> None:
    store = Store.open(tmp_path / "lab")
    sweep = TOGETHER[name]
    for config in sweep.configs()[:2]:
        queueing.check_queueable(store, [config], "epochs")
    with pytest.raises(ConfigError) as caught:
        launch_sweep(store, sweep)
    assert caught.value.field == "axes"
    assert "1,000 runs" in str(caught.value)
    assert (store.runs(), store.sweeps()) == ([], [])


def test_runs_that_would_fill_the_disk_are_refused() -> None:
    config = RunConfig(dataset="mnist-5k", architecture="mlp-300", epochs=3)
    need = queueing.needs([config])[0]
    check_needs_together([need] * 2, "seeds", free=2 * need.disk)
    with pytest.raises(ConfigError, match="prune") as caught:
        check_needs_together([need] * 2, "seeds", free=2 * need.disk - 1)
    assert caught.value.field == "seeds"


def test_a_run_that_goes_on_needs_no_second_room_for_its_checkpoints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store.open(tmp_path / "lab")
    run = store.enqueue(RunConfig(dataset="mnist-5k"), claimed=True)
    store.finish(run, "interrupted")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(1, 1, 0))  # pyright: ignore
    with pytest.raises(ConfigError, match="prune"):
        queueing.enqueue(store, run.config)
    assert queueing.requeue(store, run).state == "queued"


def test_the_room_that_is_counted_for_checkpoints_is_what_they_take(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "lab")
    config = RunConfig(dataset="mnist-5k", architecture="mlp-300", train_images=100, epochs=3, batch_size=50)
    run = queueing.enqueue(store, config, claimed=True)
    assert train_now(store, run).state == "finished"
    taken = sum(file.size for file in store.artifacts(run.id, kind="checkpoint"))
    assert taken <= queueing.needs([config])[0].disk <= 1.5 * taken


def _queue_seeds(store: Store, config: RunConfig) -> None:
    queueing.enqueue_all(store, [(config, ""), (config.replace(seed=1), "")])


def _retry(store: Store, config: RunConfig) -> None:
    sweep = store.enqueue(config, claimed=True, sweep="sweep")
    store.finish(sweep, "failed")
    retry_failed_runs(store, "sweep")


def _resume(store: Store, config: RunConfig) -> None:
    run = store.enqueue(config, claimed=True)
    store.finish(run, "interrupted")
    queueing.requeue(store, run)


@pytest.mark.parametrize("way", [_queue_seeds, _retry, _resume])
@pytest.mark.parametrize("name", HUGE)
def test_nothing_too_large_enters_the_queue_by_any_way(
    way: Callable[[Store, RunConfig], None], name: str, tmp_path: Path
) -> None:
    config, field = HUGE[name]
    store = Store.open(tmp_path / "lab")
    with pytest.raises(ConfigError) as caught:
        way(store, config)
    assert caught.value.field == field
    assert store.runs(states=["queued"]) == []


def test_a_study_that_is_too_large_is_refused_before_any_of_it_is_queued(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store.open(tmp_path / "lab")
    planned = plan_runs("ffnn-tuning", "lr-coarse", 1, 0.1)
    monkeypatch.setenv("MNIST_LAB_MAX_STEPS_TOGETHER", "100")
    with pytest.raises(ConfigError, match="MNIST_LAB_MAX_STEPS_TOGETHER"):
        start_runs(store, planned)
    assert store.runs() == []
    monkeypatch.delenv("MNIST_LAB_MAX_STEPS_TOGETHER")
    assert len(start_runs(store, planned)) == len(planned)


def test_the_images_of_a_folder_are_counted_before_its_run_is_queued(tmp_path: Path) -> None:
    small_folder = write_images(tmp_path / "images")
    store = Store.open(tmp_path / "lab")
    config = RunConfig(dataset="folder", folder=str(small_folder), architecture="softmax", validation_images=0)
    images = sum(1 for _ in (small_folder / "train").rglob("*.png"))
    assert queueing.needs([config])[0].steps == 5 * ceil(images / 64)
    with pytest.raises(ConfigError) as caught:
        queueing.enqueue(store, config.replace(validation_images=images))
    assert caught.value.field == "validation_images"
    assert store.runs() == []


@pytest.mark.parametrize(("field", "value"), [("validation_images", 60_000), ("train_images", 50_001)])
def test_more_images_than_there_are_are_refused_before_the_run_is_queued(field: str, value: int) -> None:
    check_trainable(RunConfig.parse({field: value - 1}))
    with pytest.raises(ConfigError) as caught:
        check_trainable(RunConfig.parse({field: value}))
    assert caught.value.field == field


def test_only_one_module_puts_runs_into_the_queue() -> None:
    """The store does not check the limits, so only queueing may put runs into it."""
    direct = re.compile(r"(?<!queueing)(?<!super\(\))\.(?:enqueue|enqueue_all|requeue)\(")
    files = [path for folder in ("mnist_core", "dashboard", "pages") for path in (ROOT / folder).rglob("*.py")]
    modules = {path.name for path in files if direct.search(path.read_text())}
    assert modules == {"queueing.py"}


@pytest.mark.parametrize(
    ("text", "value"),
    [("", 100_000_000), ("5e8", 5 * 10**8), ("123", 123), ("1.5 GB", 15 * 10**8), ("2tb", 2 * 10**12)],
)
def test_the_environment_replaces_a_limit(text: str, value: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNIST_LAB_MAX_STEPS", text)
    assert limits.read_limit("MAX_STEPS") == value


@pytest.mark.parametrize("text", ["0", "-5", "nan", "inf", "1e99", "1_000", "٣", "64 parsecs", "many", "9" * 5000])
def test_a_limit_that_is_no_number_is_named_with_the_remedy(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNIST_LAB_MAX_STEPS", text)
    with pytest.raises(ConfigError) as caught:
        check_trainable(RunConfig())
    assert caught.value.field == "MNIST_LAB_MAX_STEPS"
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("name", HUGE)
def test_an_engineer_with_a_larger_machine_raises_the_limit_that_the_message_names(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, _ = HUGE[name]
    with pytest.raises(ConfigError) as caught:
        check_trainable(config)
    variable = re.search(r"set (MNIST_LAB_\w+)", str(caught.value))
    assert variable
    monkeypatch.setenv(variable[1], "1 TB")
    check_trainable(config)


def test_every_limit_that_can_be_replaced_is_in_the_guide() -> None:
    guide = (ROOT / "docs/guide/keeping-safe.md").read_text()
    missing = [name for name in limits.ADJUSTABLE_LIMITS if f"`{limits.limit_variable(name)}`" not in guide]
    assert missing == []
    assert set(limits.ADJUSTABLE_LIMITS) <= set(vars(limits))
