"""Which images a run learned from, chose its epoch by and was tested on: hashes that tell whether they are the same."""

import hashlib
import os
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np

from mnist_core.config import RunConfig
from mnist_core.data.catalogue import dataset
from mnist_core.data.folder_layout import list_folder
from mnist_core.data.idx import Labelled
from mnist_core.data.pictures import ground_of
from mnist_core.data.sources import Arrays, load_arrays
from mnist_core.data.splitting import SplitName, split_files, split_images
from mnist_core.data_facts import DataFacts, Split
from mnist_core.errors import DataError
from mnist_core.store import Run

# Fields of a config that decide which images are in a split and how they look.
_OF_IMAGES = {
    "dataset", "folder", "folder_size", "folder_colour", "train_images", "validation_images", "choose_on", "split_seed",
}  # fmt: skip


class ChangedImagesError(DataError):
    """The images on this machine are not those that a run was given."""


def facts_of(arrays: Arrays, config: RunConfig, splits: Mapping[SplitName, Labelled]) -> DataFacts:
    """What is recorded of the data of a run with this config, of which these are the three splits."""
    images: dict[Split, str] = {}
    files: dict[Split, str] = {}
    for split, (pixels, labels) in splits.items():
        # Where the best epoch is chosen on the test images, they are the validation images too.
        if not len(labels) or (split == "validation" and config.choose_on == "test"):
            continue
        images[split] = fingerprint(pixels, labels)
        if (digests := split_files(arrays, config, split)) is not None:
            files[split] = fingerprint(digests, labels)
    return DataFacts(
        rule=arrays.rule,
        images=images,
        files=files,
        classes=arrays.classes,
        class_order=arrays.class_order,
        ground=ground_of(splits["train"][0]),
        folder=arrays.folder,
    )


def fingerprint(images: np.ndarray, labels: np.ndarray) -> str:
    """SHA-256 of images (N, ...) with their shape, and of their labels (N,), in this order."""
    digest = hashlib.sha256(repr((images.dtype.str, images.shape)).encode())
    digest.update(np.ascontiguousarray(images).data)
    digest.update(np.ascontiguousarray(labels, dtype="<i8").data)
    return digest.hexdigest()


def images_of(run: Run, split: SplitName, root: Path) -> tuple[np.ndarray, np.ndarray]:
    """Images (uint8 (N, C, H, W)) and labels (N,) of a split of the run's data below `root`; not to be changed.

    Read and hashed once, and again when a file has changed. Raises ChangedImagesError if they are not the images that
    the run was given (where nothing was recorded, that cannot be told), DataError if they cannot be read.
    """
    which = run.config.model_dump_json(include=_OF_IMAGES)
    images, labels, found = _read(which, str(root), run.rule, split, tuple(_file_states(run.config, root, run.rule)))
    recorded = None if run.data is None else run.data.images.get(split)
    if recorded is not None and recorded != found:
        raise ChangedImagesError(
            f"The {split} images of {_place(run.config)} are no longer those of run #{run.number}, so they cannot be "
            "shown beside its answers. Bring the old files back, or train anew."
        )
    return images, labels


@lru_cache(maxsize=4)
def _read(
    which: str, root: str, rule: int, split: SplitName, states: tuple[object, ...]
) -> tuple[np.ndarray, np.ndarray, str]:
    """One split and its fingerprint; `which` is JSON of the fields that decide about it."""
    config = RunConfig.model_validate_json(which)
    images, labels = split_images(load_arrays(config, Path(root), rule), config, split)
    images = images.copy()  # not a view that keeps the whole data set alive
    images.setflags(write=False)
    return images, labels, fingerprint(images, labels)


def _file_states(config: RunConfig, root: Path, rule: int) -> Iterator[object]:
    """Something that changes with the files of a data set, without reading them."""
    if config.dataset == "folder":
        listing = list_folder(config.folder, rule)
        files = (path for of_classes in listing.files.values() for of_class in of_classes for path in of_class)
    else:
        files = (str(root / name) for name, _ in dataset(config.dataset).files)
    for path in files:
        try:
            state = os.stat(path)
        except OSError:
            yield path  # reading it says what is wrong
        else:
            yield state.st_size, state.st_mtime_ns, state.st_ino


def _place(config: RunConfig) -> str:
    return config.folder if config.dataset == "folder" else dataset(config.dataset).label
