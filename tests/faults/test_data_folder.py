"""Image folders that cannot be used: the error names the directory or the image."""

import re
import shutil
from pathlib import Path

import pytest

from mnist_core.config.run_config import RunConfig
from mnist_core.data.input_shape import input_shape_and_classes
from mnist_core.data.sources import load_arrays
from mnist_core.errors import DataError
from tests.unit.data.test_data_loading import write_folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "images")


def failure(root: Path) -> str:
    with pytest.raises(DataError) as caught:
        load_arrays(RunConfig(dataset="folder", folder=str(root)), root)
    return str(caught.value)


def test_directory_that_is_not_there(tmp_path: Path) -> None:
    assert f"{tmp_path / 'nowhere'} is not a folder" in failure(tmp_path / "nowhere")


@pytest.mark.parametrize("split", ["train", "test"])
def test_missing_split(root: Path, split: str) -> None:
    shutil.rmtree(root / split)
    assert f"{root} has no folder {split}/" in failure(root)
    with pytest.raises(DataError):
        input_shape_and_classes(RunConfig(dataset="folder", folder=str(root)))


@pytest.mark.parametrize(("here", "missing_from"), [("train", "test"), ("test", "train")])
def test_class_of_one_split_only(root: Path, here: str, missing_from: str) -> None:
    shutil.copytree(root / here / "dark", root / here / "dusk")
    assert re.search(rf" dusk .*\b{here}/.* not .*\b{missing_from}/", failure(root))


def test_single_class(root: Path) -> None:
    for split in ("train", "test"):
        shutil.rmtree(root / split / "dark")
    assert "holds 1 class folders; at least 2 are needed" in failure(root)


@pytest.mark.parametrize("split", ["train", "test"])
def test_class_without_images(root: Path, split: str) -> None:
    for path in (root / split / "dark").iterdir():
        path.rename(path.with_suffix(".gif"))
    assert all(part in failure(root) for part in (str(root / split / "dark"), ".png", ".jpg", ".jpeg"))


@pytest.mark.parametrize("content", [b"", b"these are no pixels", None], ids=["empty", "text", "cut off"])
def test_unreadable_image(root: Path, content: bytes | None) -> None:
    path = root / "train" / "dark" / "5.png"
    path.write_bytes(path.read_bytes()[:-60] if content is None else content)
    assert str(path) in failure(root)


def test_unreadable_image_among_large_ones_is_named_too(root: Path) -> None:
    with (root / "train" / "bright" / "0.png").open("ab") as stream:
        stream.write(bytes(30_000))
    path = root / "train" / "dark" / "5.png"
    path.write_bytes(b"these are no pixels")
    assert str(path) in failure(root)
