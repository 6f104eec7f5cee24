"""MNIST falls back to mnist-5k where it is not on disk; nothing else falls back."""

from pathlib import Path

import pytest

from mnist_core.config.dataset_catalogue import DATASET_CATALOGUE
from mnist_core.config.run_config import RunConfig
from mnist_core.data.download.availability import dataset_status, dataset_statuses
from mnist_core.data.fallback import resolve_dataset
from mnist_core.data.loading import load_data
from mnist_core.errors import DataError


def test_without_files_mnist_becomes_mnist_5k_and_says_so(tmp_path: Path) -> None:
    config, note = resolve_dataset(RunConfig(epochs=3), tmp_path)
    assert config == RunConfig(epochs=3, dataset="mnist-5k")
    assert "mnist-5k" in note
    assert note.startswith("MNIST ")
    assert len(load_data(config, tmp_path, "cpu").train) == 3334


@pytest.mark.parametrize(
    ("changes", "train", "validation", "words"),
    [
        ({"validation_images": 10_000}, 3334, 666, ["666 validation", "instead of 10,000"]),
        ({"train_images": 50_000}, 3334, 666, ["3,334 training", "instead of 50,000"]),
        (
            {"train_images": 50_000, "validation_images": 10_000},
            3334,
            666,
            ["666 validation", "instead of 10,000 and", "3,334 training", "instead of 50,000."],
        ),
        ({"train_images": 3500, "validation_images": 1000}, 3000, 1000, ["3,000 training", "instead of 3,500"]),
        ({"train_images": 160, "validation_images": 1000}, 160, 1000, []),
        # The test images choose the epoch, so none of the 4,000 is held out.
        ({"train_images": 3500, "choose_on": "test"}, 3500, 1000, []),
        ({"train_images": 5000, "choose_on": "test"}, 4000, 1000, ["4,000 training", "instead of 5,000"]),
    ],
)
def test_splits_that_do_not_fit_are_clipped_and_named(
    tmp_path: Path, changes: dict[str, int | str], train: int, validation: int, words: list[str]
) -> None:
    config, note = resolve_dataset(RunConfig.parse(changes), tmp_path)
    data = load_data(config, tmp_path, "cpu")
    assert (len(data.train), len(data.validation)) == (train, validation)
    assert all(text in note for text in words)
    assert ("instead" in note) == bool(words)


def test_other_data_sets_do_not_fall_back_but_name_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="data download kmnist") as caught:
        resolve_dataset(RunConfig(dataset="kmnist"), tmp_path)
    assert str(tmp_path) in str(caught.value)


def test_what_is_there_is_left_alone(tmp_path: Path) -> None:
    for config in (RunConfig(dataset="mnist-5k"), RunConfig(dataset="folder", folder="anywhere")):
        assert resolve_dataset(config, tmp_path) == (config, "")


@pytest.mark.mnist
def test_real_mnist_is_ready_and_left_alone(mnist_dir: Path) -> None:
    assert dataset_status("mnist", mnist_dir).state == "ready"
    assert resolve_dataset(RunConfig(), mnist_dir) == (RunConfig(), "")


def test_statuses_name_every_data_set(tmp_path: Path) -> None:
    states = {status.name: status.state for status in dataset_statuses(tmp_path / "nowhere")}
    assert states == {entry.name: "missing" if entry.torchvision else "ready" for entry in DATASET_CATALOGUE.values()}
    assert states["mnist-5k"] == states["folder"] == "ready"
