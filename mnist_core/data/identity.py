"""Hashes that identify the training, validation and test images of a run."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from mnist_core.config import READING_RULE, DataFacts, RunConfig, SplitName, dataset
from mnist_core.data.folder_layout import list_folder
from mnist_core.data.idx import Labelled
from mnist_core.data.idx_files import locate_files
from mnist_core.data.pictures import are_placed_like_mnist, common_ground
from mnist_core.data.sources import DatasetArrays
from mnist_core.data.splitting import split_files


def data_facts_of(arrays: DatasetArrays, config: RunConfig, splits: Mapping[SplitName, Labelled]) -> DataFacts:
    """The facts to record about the data of a run, given its config and its three splits."""
    images: dict[SplitName, str] = {}
    files: dict[SplitName, str] = {}
    for split, (pixels, labels) in splits.items():
        # With choose_on="test" the validation images are the test images, which have a hash already.
        if not len(labels) or (split == "validation" and config.choose_on == "test"):
            continue
        images[split] = hash_labelled_images(pixels, labels)
        if (digests := split_files(arrays, config, split)) is not None:
            files[split] = hash_labelled_images(digests, labels)
    return DataFacts(
        rule=arrays.rule,
        images=images,
        files=files,
        classes=arrays.classes,
        class_order=arrays.class_order,
        ground=common_ground(splits["train"][0]),
        placed_like_mnist=are_placed_like_mnist(splits["train"][0]),
        folder=arrays.folder,
    )


def hash_labelled_images(images: np.ndarray, labels: np.ndarray) -> str:
    """SHA-256 of images (N, ...) with their shape, and of their labels (N,), in this order."""
    digest = hashlib.sha256(repr((images.dtype.str, images.shape)).encode())
    digest.update(np.ascontiguousarray(images).data)
    digest.update(np.ascontiguousarray(labels, dtype="<i8").data)
    return digest.hexdigest()


def dataset_file_state(config: RunConfig, root: Path, rule: int = READING_RULE) -> str:
    """A text that changes when a file of the config's data set changes; uses names, sizes and times, reads no file.

    Raises DataError if an image folder cannot be listed.
    """
    if config.dataset == "folder":
        listing = list_folder(config.folder, rule)
        files = (path for of_classes in listing.files.values() for of_class in of_classes for path in of_class)
    else:
        files = map(str, locate_files(dataset(config.dataset), root).values())
    digest = hashlib.sha256()
    for path in files:
        try:
            state = os.stat(path)
            digest.update(repr((path, state.st_size, state.st_mtime_ns, state.st_ino)).encode())
        except OSError:
            # The file cannot be examined; reading it later will report the error.
            digest.update(repr(path).encode())
    return digest.hexdigest()
