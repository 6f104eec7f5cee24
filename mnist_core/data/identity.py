"""Which images a run learned from, chose its epoch by and was tested on: hashes that tell whether they are the same."""

import contextlib
import hashlib
import json
import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

from mnist_core.config import RunConfig
from mnist_core.data.catalogue import dataset
from mnist_core.data.folder_layout import class_names, list_folder
from mnist_core.data.idx import Labelled
from mnist_core.data.idx_files import locate
from mnist_core.data.pictures import ground_of, placed_like_mnist
from mnist_core.data.sources import Arrays, load_arrays
from mnist_core.data.splitting import SplitName, split_files, split_images
from mnist_core.data_facts import RULE, DataFacts, Split
from mnist_core.errors import DataError
from mnist_core.store import Artifact, Run, Store
from mnist_core.store.artifacts import is_intact

# Fields of a config that decide which images are in a split and how they look.
_OF_IMAGES = {
    "dataset", "folder", "folder_size", "folder_colour", "train_images", "validation_images", "choose_on", "split_seed",
}  # fmt: skip


class ChangedImagesError(DataError):
    """The images of a split on this machine are not those that a run was given."""

    def __init__(self, run: Run, split: SplitName) -> None:
        of = run.config.folder if run.dataset == "folder" else dataset(run.dataset).label
        super().__init__(
            f"The {split} images of {of} are no longer those that run #{run.number} was tested on, so they cannot be "
            "shown beside its answers. Bring the old files back, or train anew."
        )


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
        placed_like_mnist=placed_like_mnist(splits["train"][0]),
        folder=arrays.folder,
    )


def fingerprint(images: np.ndarray, labels: np.ndarray) -> str:
    """SHA-256 of images (N, ...) with their shape, and of their labels (N,), in this order."""
    digest = hashlib.sha256(repr((images.dtype.str, images.shape)).encode())
    digest.update(np.ascontiguousarray(images).data)
    digest.update(np.ascontiguousarray(labels, dtype="<i8").data)
    return digest.hexdigest()


def images_of(
    run: Run, split: SplitName, root: Path, answered: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Images (uint8 (N, C, H, W)) and labels (N,) of a split of the run's data below `root`; not to be changed.

    Read and hashed once, and again when a file has changed. Raises DataError if they cannot be read, ChangedImagesError
    if they are not those that the run was given: where it recorded none, if `answered`, the labels (N,) beside its
    predictions, are others.
    """
    which = run.config.model_dump_json(include=_OF_IMAGES)
    images, labels, found = _read(which, str(root), run.rule, split, file_state(run.config, root, run.rule))
    recorded = None if run.data is None else run.data.images.get(split)
    if (recorded or found) != found or (answered is not None and not np.array_equal(answered, labels)):
        raise ChangedImagesError(run, split)
    return images, labels


def class_names_of(store: Store, run: Run, count: int) -> tuple[str, ...]:
    """Names of a run's classes, of which its network tells `count` apart, in the order of its outputs.

    As it recorded them; of a run from before that, as its checkpoint says, or the folder in the order of then. Their
    numbers where nothing says them any more.
    """
    if run.data is not None:
        names = run.data.classes
    else:
        names = dataset(run.dataset).classes or _named_by_checkpoint(store, run) or _named_by_folder(run)
    return names if len(names) == count else tuple(map(str, range(count)))


def _named_by_checkpoint(store: Store, run: Run) -> tuple[str, ...]:
    for artifact in reversed(store.artifacts(run.id, kind="checkpoint")):
        # A damaged one is passed over: the one before may be whole.
        with contextlib.suppress(OSError, SafetensorError, LookupError, TypeError, ValueError):
            path = store.folder(run.id) / artifact.path
            return _names_in(path, artifact, path.stat().st_mtime_ns)
    return ()


@lru_cache(maxsize=64)
def _names_in(checkpoint: Path, artifact: Artifact, changed: int) -> tuple[str, ...]:
    """The classes that a checkpoint names; read again once its time of change is another.

    Raises OSError if it is missing, ValueError if it is damaged.
    """
    if not is_intact(checkpoint, artifact):
        raise ValueError(f"{checkpoint} is damaged")
    with safe_open(checkpoint, framework="numpy") as file:
        return tuple(json.loads(file.metadata()["network"])["classes"])


def _named_by_folder(run: Run) -> tuple[str, ...]:
    try:
        return class_names(run.config.folder, run.rule)
    except DataError:
        return ()


@lru_cache(maxsize=4)
def _read(which: str, root: str, rule: int, split: SplitName, state: str) -> tuple[np.ndarray, np.ndarray, str]:
    """One split and its fingerprint; `which` is JSON of the fields that decide about it."""
    config = RunConfig.model_validate_json(which)
    images, labels = split_images(load_arrays(config, Path(root), rule), config, split)
    images = images.copy()  # not a view that keeps the whole data set alive
    return images, labels, fingerprint(images, labels)


def file_state(config: RunConfig, root: Path, rule: int = RULE) -> str:
    """A text that changes when a file of the config's data set does, told from names, sizes and times without reading.

    Raises DataError if an image folder cannot be listed.
    """
    if config.dataset == "folder":
        listing = list_folder(config.folder, rule)
        files = (path for of_classes in listing.files.values() for of_class in of_classes for path in of_class)
    else:
        files = map(str, locate(dataset(config.dataset), root).values())
    digest = hashlib.sha256()
    for path in files:
        try:
            state = os.stat(path)
            digest.update(repr((path, state.st_size, state.st_mtime_ns, state.st_ino)).encode())
        except OSError:  # reading it says what is wrong
            digest.update(repr(path).encode())
    return digest.hexdigest()
