"""What a run may need: everything that comes with the program fits, and what would not is refused with what would."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Literal

import pytest

from mnist_core import evaluation, limits
from mnist_core.architectures import presets
from mnist_core.checking import check
from mnist_core.config import RunConfig
from mnist_core.costs import memory
from mnist_core.errors import ConfigError
from mnist_core.export import archive_checks
from mnist_core.export.archive_format import ArchiveError
from mnist_core.needs import check_needs
from mnist_core.recipes import RECIPES
from mnist_core.store import Store
from mnist_core.studies import plan, studies
from mnist_core.sweeps import Axis, Sweep
from mnist_core.worker import work

ROOT = Path(__file__).parents[2]
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
        check(config)
    assert caught.value.field == field
    numbers = re.search(r"(?:choose|at most) ([0-9,]+)", str(caught.value).split(";")[1])
    if numbers:
        fitting = int(numbers[1].replace(",", ""))
        check(config.replace(**{field: fitting}))
        with pytest.raises(ConfigError):
            check(config.replace(**{field: fitting + 1}))


def test_a_checkpoint_may_not_be_larger_than_the_limit() -> None:
    config = RunConfig(dataset="cifar10", architecture="flatten linear(160000) linear(classes)", optimizer="adam")
    with pytest.raises(ConfigError, match="architecture"):
        check(config)
    check(config.replace(optimizer="sgd", momentum=0))


def test_memory_is_that_of_the_page_compare() -> None:
    config = WIDE.replace(batch_size=5000)
    needed = memory(config, SHAPE, 10).training
    assert needed is not None
    assert needed > limits.MAX_RUN_MEMORY
    with pytest.raises(ConfigError, match=f"{needed / 1e9:,.1f} GB"):
        check_needs(config, SHAPE, 10, None)
    assert evaluation.BATCH_CPU == limits.ANSWERED_AT_ONCE


@pytest.mark.parametrize("dataset", ["mnist", "cifar10"])
def test_all_presets_fit_with_batches_of_a_thousand(dataset: Literal["mnist", "cifar10"]) -> None:
    for preset in presets():
        check(RunConfig(dataset=dataset, architecture=preset, batch_size=1000, epochs=100))


def test_all_recipes_and_studies_fit() -> None:
    for recipe in RECIPES.values():
        check(recipe.config)
    for study in studies():
        for planned in plan(study):
            check(planned.config.model_copy(update={"continue_from": "", "continue_epoch": None}))


def test_each_run_of_a_sweep_is_asked() -> None:
    sweep = Sweep("", WIDE, (Axis("batch_size", (64, 8192)),))
    with pytest.raises(ConfigError) as caught:
        sweep.configs()
    assert caught.value.field == "batch_size"
    assert "batch_size 8192" in str(caught.value)


def test_a_batch_of_one_in_a_sweep_is_refused_as_elsewhere() -> None:
    vectors = RunConfig(dataset="mnist-5k", architecture="flatten linear(20) batchnorm relu linear(classes)")
    with pytest.raises(ConfigError, match="layernorm"):
        Sweep("", vectors, (Axis("batch_size", (64, 1)),)).configs()


def test_a_run_that_got_into_the_queue_is_refused_before_its_network_is_built(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "lab")
    run = store.enqueue(HUGE["batches"][0], claimed=True)
    for _ in work(store, run):
        pass
    run = store.run(run.id)
    assert (run.state, run.step) == ("failed", 0)
    assert run.note.startswith("batch_size: ")


def test_an_archive_of_such_a_run_is_refused() -> None:
    with pytest.raises(ArchiveError, match="batch_size"):
        archive_checks.check_config(HUGE["batches"][0], None)


def test_the_command_line_refuses_it(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mnist_core", "train", "--dataset", "mnist-5k", "--architecture", WIDE.architecture,
         "--batch-size", "8192"], cwd=ROOT, env=os.environ | {"MNIST_LAB_RESULTS": str(tmp_path / "lab")},
        capture_output=True, text=True, check=False)  # fmt: skip
    assert done.returncode == 2
    assert "batch_size" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "lab").exists()
