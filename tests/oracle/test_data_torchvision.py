"""Our reading, constants and normalisation against torchvision's and the real files."""

import time
from pathlib import Path

import numpy as np
import pytest
import torch

from mnist_core.config.dataset_catalogue import dataset
from mnist_core.config.run_config import RunConfig
from mnist_core.data.download.torchvision_ops import make_torchvision_importable
from mnist_core.data.image_statistics import pixel_statistics
from mnist_core.data.loading import load_data
from mnist_core.data.sources import load_arrays
from mnist_core.data.splitting import split_indices


def torchvision_class(name: str) -> type:
    make_torchvision_importable()
    from torchvision import datasets

    return getattr(datasets, dataset(name).torchvision)


def test_operators_that_are_there_are_not_declared_again() -> None:
    make_torchvision_importable()
    # Declaring an operator twice would raise an error.
    assert make_torchvision_importable.__wrapped__() is None


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist", "kmnist"])
def test_mirrors_classes_and_files_are_torchvision_s(name: str) -> None:
    theirs, spec = torchvision_class(name), dataset(name)
    assert list(spec.mirrors) == theirs.mirrors
    assert [text.split(" - ")[0] for text in theirs.classes] == list(spec.classes)
    folder = theirs.__name__
    assert [file for file, _ in spec.files] == [f"{folder}/raw/{file[:-3]}" for file, _ in theirs.resources]


def test_cifar10_mirror_and_files_are_torchvision_s() -> None:
    theirs, spec = torchvision_class("cifar10"), dataset("cifar10")
    assert f"{spec.mirrors[0]}{theirs.filename}" == theirs.url
    listed = [*theirs.train_list, *theirs.test_list, [theirs.meta["filename"]]]
    assert [file for file, _ in spec.files] == [f"{theirs.base_folder}/{entry[0]}" for entry in listed]


@pytest.mark.mnist
def test_arrays_equal_torchvision_s(mnist_dir: Path) -> None:
    arrays = load_arrays(RunConfig(), mnist_dir)
    for train, images, labels in (
        (True, arrays.train_images, arrays.train_labels),
        (False, arrays.test_images, arrays.test_labels),
    ):
        theirs = torchvision_class("mnist")(str(mnist_dir), train=train)
        assert np.array_equal(images[:, 0], theirs.data.numpy())
        assert np.array_equal(labels, theirs.targets.numpy())


@pytest.mark.mnist
def test_inputs_equal_torchvision_s_transforms(mnist_dir: Path) -> None:
    make_torchvision_importable()
    from torchvision import transforms

    data = load_data(RunConfig(validation_images=0), mnist_dir, "cpu")
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))])
    theirs = torchvision_class("mnist")(str(mnist_dir), train=True, transform=transform)
    expected = torch.stack([theirs[index][0] for index in range(50)])
    torch.testing.assert_close(data.inputs(data.train.images[:50]), expected, atol=2e-6, rtol=0)
    assert data.train.labels[:50].tolist() == [theirs[index][1] for index in range(50)]


@pytest.mark.mnist
def test_constants_match_the_real_pixels_and_the_default_split_their_classes(mnist_dir: Path) -> None:
    arrays = load_arrays(RunConfig(), mnist_dir)
    statistics = pixel_statistics(arrays.train_images)
    assert (round(statistics.mean[0], 4), round(statistics.std[0], 4)) == (0.1307, 0.3081)
    assert statistics.zero_share == pytest.approx(0.809, abs=0.001)
    train, validation = split_indices(arrays.train_labels, 10, RunConfig())
    assert (len(train), len(validation)) == (50_000, 10_000)
    exact = np.bincount(arrays.train_labels) / 6
    assert np.abs(np.bincount(arrays.train_labels[validation]) - exact).max() < 1


@pytest.mark.mnist
def test_mnist_5k_is_a_part_of_mnist_s_training_images(mnist_dir: Path) -> None:
    whole, part = (load_arrays(RunConfig.parse({"dataset": name}), mnist_dir) for name in ("mnist", "mnist-5k"))
    images = {image.tobytes(): label for image, label in zip(whole.train_images, whole.train_labels, strict=True)}
    for image, label in zip(part.test_images, part.test_labels, strict=True):
        assert images[image.tobytes()] == label
    assert pixel_statistics(part.train_images).mean[0] == pytest.approx(0.1307, abs=0.005)


@pytest.mark.mnist
def test_loading_mnist_is_quick(mnist_dir: Path) -> None:
    config = RunConfig()
    seconds = []
    for _ in range(3):
        started = time.process_time()
        load_data(config, mnist_dir, "cpu")
        seconds.append(time.process_time() - started)
    # Seconds of processor time; 0.05 to 0.15 s is usual.
    assert min(seconds) < 1.0
