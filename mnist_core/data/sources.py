"""Every data set as numpy arrays: one function, `load_arrays`, whatever the source. Torch-free but for CIFAR-10."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from mnist_core.config import FIRST_READING_RULE, READING_RULE, FolderFacts, RunConfig, dataset
from mnist_core.data import cifar10, idx, image_folder, mnist_5k
from mnist_core.data.idx import Labelled
from mnist_core.data.idx_files import describe_search, locate_files
from mnist_core.errors import DataError


@dataclass(frozen=True)
class DatasetArrays:
    """A data set as published: all its training images, before any validation split, and its test images."""

    name: str
    classes: tuple[str, ...]
    # Pixels, uint8 (N, C, H, W).
    train_images: np.ndarray
    # Class indices, int64 (N,).
    train_labels: np.ndarray
    # Pixels, uint8 (M, C, H, W).
    test_images: np.ndarray
    # Class indices, int64 (M,).
    test_labels: np.ndarray
    # Version of the rule by which pictures were read and classes ordered, and facts about an image folder.
    rule: int = READING_RULE
    folder: FolderFacts | None = None
    # For an image folder, SHA-256 of each image's file: uint8 (N, 32) and (M, 32).
    train_files: np.ndarray | None = None
    test_files: np.ndarray | None = None

    @property
    def class_order(self) -> Literal["published", "text", "numbers"]:
        """The rule by which the classes are ordered."""
        if self.folder is None:
            return "published"
        return "text" if self.rule == FIRST_READING_RULE else "numbers"


def load_arrays(config: RunConfig, root: Path, rule: int = READING_RULE) -> DatasetArrays:
    """The config's data set, read from torchvision's layout below `root` and checked; opens no connection.

    `rule` says how the pictures of a folder are read: for a run, `Run.rule`. Raises DataError that names the file that
    is missing or damaged and the remedy.
    """
    if config.dataset == "folder":
        read = image_folder.read_folder(config.folder, config.folder_size, config.folder_colour, rule)
        files = (read.train_files, read.test_files)
        return DatasetArrays("folder", read.classes, *read.train, *read.test, rule, read.facts, *files)
    train, test = read_published(config.dataset, root)
    return DatasetArrays(config.dataset, dataset(config.dataset).classes, *train, *test, rule)


def read_published(name: str, root: Path) -> tuple[Labelled, Labelled]:
    """Training and test images with labels of any data set but `folder`; raises DataError with the remedy."""
    entry = dataset(name)
    if entry.format == "mnist-5k":
        return mnist_5k.read_mnist_5k()
    try:
        located = locate_files(entry, root)
    except OSError as error:
        raise DataError(f"{error.filename} cannot be read ({error.strerror}). Check its permissions.") from None
    if not located:
        raise DataError(
            f"{entry.label} is not in {root}: {describe_search(entry, root)} Download it on the Data page or with: "
            f"python -m mnist_core data download {name}"
        )
    return cifar10.read_cifar10(root) if entry.format == "cifar10" else idx.read_idx_dataset(entry, root)
