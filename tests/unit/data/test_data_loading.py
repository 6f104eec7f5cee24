"""Data sets as tensors: what load gives for mnist-5k and for folders, and the normalisation."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from mnist_core.config.dataset_catalogue import dataset
from mnist_core.config.run_config import RunConfig
from mnist_core.data.input_shape import input_shape_and_classes
from mnist_core.data.loading import Data, Split, load_data
from mnist_core.data.sources import DatasetArrays, load_arrays

ROOT = Path(__file__).resolve().parents[3]


def tiny_arrays() -> DatasetArrays:
    """36 training images of 2x2 pixels whose value is their position, in 3 classes, and 3 test images."""
    images = np.arange(36, dtype=np.uint8).repeat(4).reshape(36, 1, 2, 2)
    return DatasetArrays("tiny", ("a", "b", "c"), images, np.tile([0, 1, 2], 12), images[:3] + 100, np.arange(3))


def write_folder(root: Path, colour: bool = True) -> Path:
    """A folder data set of 2 classes: 8 + 8 dark and bright training images, 2 + 2 test images, of 10x10 pixels."""
    draw = np.random.default_rng(3)
    for split, count in (("train", 8), ("test", 2)):
        for name, low in (("dark", 0), ("bright", 128)):
            (root / split / name).mkdir(parents=True)
            for number in range(count):
                pixels = draw.integers(low, low + 128, (10, 10, 3), dtype=np.uint8)
                Image.fromarray(pixels if colour else pixels[..., 0]).save(root / split / name / f"{number}.png")
    return root


def test_mnist_5k_is_a_fixed_stratified_split(tmp_path: Path) -> None:
    arrays = load_arrays(RunConfig(dataset="mnist-5k"), tmp_path)
    assert arrays.train_images.shape == (4000, 1, 28, 28)
    assert arrays.train_images.dtype == np.uint8
    assert np.bincount(arrays.train_labels).tolist() == [400] * 10
    assert np.bincount(arrays.test_labels).tolist() == [100] * 10
    train = {image.tobytes() for image in arrays.train_images}
    assert len(train) == 4000
    assert not train & {image.tobytes() for image in arrays.test_images}
    again = load_arrays(RunConfig(dataset="mnist-5k", split_seed=7), tmp_path)
    assert np.array_equal(arrays.test_images, again.test_images)
    # The packaged file is sorted by digit, so all digits among the first 64 show that it was shuffled.
    assert set(arrays.train_labels[:64]) == set(range(10))


def test_splits_are_contiguous_tensors_of_the_sizes_asked_for(tmp_path: Path) -> None:
    data = load_data(RunConfig(dataset="mnist-5k", train_images=200, validation_images=300), tmp_path, "cpu")
    assert [len(split) for split in (data.train, data.validation, data.test)] == [200, 300, 1000]
    for split in (data.train, data.validation, data.test):
        assert split.images.dtype == torch.uint8
        assert split.images.is_contiguous()
        assert split.labels.dtype == torch.int64
    assert data.input_shape == (1, 28, 28)
    assert data.name == "mnist-5k"
    assert (data.mean, data.std) == ((0.1307,), (0.3081,))


def test_no_validation_gives_an_empty_split_of_the_right_shape(tmp_path: Path) -> None:
    data = load_data(RunConfig(dataset="mnist-5k", validation_images=0), tmp_path, "cpu")
    assert data.validation.images.shape == (0, 1, 28, 28)
    assert len(data.train) == 4000


@pytest.mark.parametrize(
    ("mean", "std"),
    [((0.1307,), (0.3081,)), ((0.0,), (1.0,)), ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616))],
)
def test_inputs_are_normalised_per_channel(mean: tuple[float, ...], std: tuple[float, ...]) -> None:
    images = torch.arange(256, dtype=torch.uint8).repeat(len(mean)).view(1, len(mean), 16, 16)
    split = Split(images, torch.zeros(1, dtype=torch.int64))
    data = Data("x", ("a",), split, split, split, mean, std)
    expected = (images.double() / 255 - torch.tensor(mean).view(-1, 1, 1)) / torch.tensor(std).view(-1, 1, 1)
    inputs = data.inputs(images)
    assert inputs.dtype == torch.float32
    torch.testing.assert_close(inputs, expected.float(), atol=2e-6, rtol=0)
    torch.testing.assert_close(data.normalise(images.float() / 255), expected.float(), atol=2e-6, rtol=0)
    # The images themselves are unchanged.
    assert images.flatten()[255] == 255


def test_without_normalisation_pixels_stay_in_0_to_1(tmp_path: Path) -> None:
    data = load_data(RunConfig(dataset="mnist-5k", normalise=False), tmp_path, "cpu")
    assert (data.mean, data.std) == ((0.0,), (1.0,))
    inputs = data.inputs(data.test.images)
    assert (inputs.min().item(), inputs.max().item()) == pytest.approx((0, 1))


def test_folder_in_colour_is_measured_on_its_training_split(tmp_path: Path) -> None:
    config = RunConfig(
        dataset="folder", folder=str(write_folder(tmp_path)), folder_size=10, folder_colour=True, validation_images=4
    )
    data = load_data(config, tmp_path, "cpu")
    assert data.classes == ("bright", "dark")
    assert input_shape_and_classes(config) == (data.input_shape, 2) == ((3, 10, 10), 2)
    assert data.test.labels.tolist() == [0, 0, 1, 1]
    pixels = data.train.images.double() / 255
    assert data.mean == pytest.approx(pixels.mean(dim=(0, 2, 3)).tolist())
    assert data.std == pytest.approx(pixels.std(dim=(0, 2, 3), correction=0).tolist())
    inputs = data.inputs(data.train.images)
    assert inputs.mean(dim=(0, 2, 3)).abs().max() < 1e-5


def test_folder_reads_the_pixels_in_order_of_the_file_names(tmp_path: Path) -> None:
    root = write_folder(tmp_path, colour=False)
    arrays = load_arrays(RunConfig(dataset="folder", folder=str(root), folder_size=10), tmp_path)
    for position, name in enumerate(("0.png", "1.png")):
        with Image.open(root / "test" / "bright" / name) as image:
            assert np.array_equal(arrays.test_images[position, 0], np.asarray(image))


def test_folder_resizes_and_makes_grey(tmp_path: Path) -> None:
    config = RunConfig(dataset="folder", folder=str(write_folder(tmp_path)), folder_size=8)
    arrays = load_arrays(config, tmp_path)
    assert arrays.train_images.shape == (16, 1, 8, 8)
    assert input_shape_and_classes(config) == ((1, 8, 8), 2)
    assert arrays.train_images[arrays.train_labels == 0].min() > arrays.train_images[arrays.train_labels == 1].mean()


def test_folder_of_one_colour_is_not_divided_by_zero(tmp_path: Path) -> None:
    for split in ("train", "test"):
        for name in ("a", "b"):
            (tmp_path / split / name).mkdir(parents=True)
            Image.new("L", (8, 8), 51).save(tmp_path / split / name / "0.png")
    data = load_data(RunConfig(dataset="folder", folder=str(tmp_path), folder_size=8), tmp_path, "cpu")
    assert data.inputs(data.train.images).abs().max() < 1e-6


def test_folder_takes_transparent_16_bit_and_upper_case_files_and_skips_hidden_ones(tmp_path: Path) -> None:
    write_folder(tmp_path)
    bright = tmp_path / "test" / "bright"
    (bright / "._0.png").write_bytes(b"not an image")
    (bright / "notes.txt").write_text("not an image")
    Image.new("RGBA", (10, 10), (0, 0, 0, 0)).save(bright / "A.PNG")
    Image.fromarray(np.full((10, 10), 0x8000, dtype=np.uint16)).save(bright / "B.png")
    Image.new("L", (400, 400), 200).save(bright / "C.JPEG")
    arrays = load_arrays(RunConfig(dataset="folder", folder=str(tmp_path), folder_size=10), tmp_path)
    # The sorted order is 0.png, 1.png, A.PNG, B.png, C.JPEG.
    bright_images = arrays.test_images[arrays.test_labels == 0]
    assert [int(image.min()) for image in bright_images[2:]] == [255, 128, 200]
    assert [int(image.max()) for image in bright_images[2:]] == [255, 128, 200]


def test_folder_of_large_images_reads_the_same_with_threads(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    expected = []
    for split in ("train", "test"):
        for name in ("a", "b"):
            (tmp_path / split / name).mkdir(parents=True)
            # More images than one task of a thread takes.
            for number in range(70):
                pixels = draw.integers(0, 256, (16, 16), dtype=np.uint8)
                path = tmp_path / split / name / f"{number:03}.png"
                Image.fromarray(pixels).save(path)
                # Bytes after the end of a picture are ignored, but make the file large.
                with path.open("ab") as stream:
                    stream.write(bytes(25_000))
                if split == "train":
                    expected.append(pixels)
    arrays = load_arrays(RunConfig(dataset="folder", folder=str(tmp_path), folder_size=16), tmp_path)
    assert np.array_equal(arrays.train_images[:, 0], np.stack(expected))


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist", "kmnist", "cifar10", "mnist-5k"])
def test_shape_and_classes_are_known_without_files(name: str) -> None:
    spec = dataset(name)
    shape, classes = input_shape_and_classes(RunConfig.parse({"dataset": name}))
    assert shape == ((3, 32, 32) if name == "cifar10" else (1, 28, 28))
    assert classes == 10
    assert len(spec.mean) == len(spec.std) == shape[0]


def test_reading_splitting_and_describing_import_no_torch(tmp_path: Path) -> None:
    script = f"""
import sys
from pathlib import Path
from mnist_core.config import RunConfig
from mnist_core.data import fallback, image_statistics, sources, splitting
from mnist_core.data.download import availability
config, _ = fallback.resolve_dataset(RunConfig(), Path({str(tmp_path)!r}))
arrays = sources.load_arrays(config, Path({str(tmp_path)!r}))
images, labels = splitting.split_images(arrays, config, "validation")
image_statistics.pixel_statistics(images)
sys.exit("torch" in sys.modules or len(images) != 666)
"""
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT).returncode == 0


def test_standardising_takes_each_pixel_by_itself_as_scikit_learn_does(tmp_path: Path) -> None:
    from sklearn.preprocessing import StandardScaler

    data = load_data(RunConfig(dataset="mnist-5k", standardise=True), tmp_path, "cpu")
    # Shape (N, 784).
    pixels = data.train.images.flatten(1).numpy() / 255
    expected = StandardScaler().fit_transform(pixels)
    assert np.abs(data.inputs(data.train.images).flatten(1).numpy() - expected).max() < 1e-4
    assert len(data.mean) == 784


def test_choosing_on_the_test_images_holds_nothing_out(tmp_path: Path) -> None:
    data = load_data(RunConfig(dataset="mnist-5k", choose_on="test"), tmp_path, "cpu")
    assert len(data.train) == 4000
    assert torch.equal(data.validation.images, data.test.images)
    few = load_data(RunConfig(dataset="mnist-5k", choose_on="test", train_images=160), tmp_path, "cpu")
    assert torch.bincount(few.train.labels).tolist() == [16] * 10
