"""The images that a run was given, and the names of their classes, read again on this machine."""

import contextlib
import json
from functools import lru_cache
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

from mnist_core.config import FIRST_READING_RULE, RunConfig, SplitName, dataset
from mnist_core.data import (
    dataset_file_state,
    folder_class_names,
    folder_remarks,
    hash_labelled_images,
    load_arrays,
    split_images,
)
from mnist_core.errors import DataError
from mnist_core.store import Artifact, Run, Store, is_intact

# These fields of a config decide which images are in a split and how they look.
_OF_IMAGES = {
    "dataset",
    "folder",
    "folder_size",
    "folder_colour",
    "train_images",
    "validation_images",
    "choose_on",
    "split_seed",
}


class ChangedImagesError(DataError):
    """The images of a split on this machine are not those that a run was given."""

    def __init__(self, run: Run, split: SplitName) -> None:
        of = run.config.folder if run.dataset == "folder" else dataset(run.dataset).label
        super().__init__(
            f"The {split} images of {of} are no longer those that run #{run.number} was tested on, so they cannot be "
            "shown beside its answers. Bring the old files back, or train it again."
        )


def images_of(
    run: Run, split: SplitName, root: Path, answered: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Images (uint8 (N, C, H, W)) and labels (N,) of a split of the run's data below `root`; not to be changed.

    Read and hashed once, and again when a file has changed. Raises DataError if they cannot be read, ChangedImagesError
    if they are not those that the run was given: where it recorded none, if `answered`, the labels (N,) beside its
    predictions, are others.
    """
    which = run.config.model_dump_json(include=_OF_IMAGES)
    images, labels, hashed = _read(which, str(root), run.rule, split, dataset_file_state(run.config, root, run.rule))
    recorded = None if run.data is None else run.data.images.get(split)
    if (recorded or hashed) != hashed or (answered is not None and not np.array_equal(answered, labels)):
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
        # Skip a damaged checkpoint: the one before it may be intact.
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
        return folder_class_names(run.config.folder, run.rule)
    except DataError:
        return ()


@lru_cache(maxsize=4)
def _read(which: str, root: str, rule: int, split: SplitName, state: str) -> tuple[np.ndarray, np.ndarray, str]:
    """One split and its fingerprint; `which` is JSON of the fields that decide about it."""
    config = RunConfig.model_validate_json(which)
    images, labels = split_images(load_arrays(config, Path(root), rule), config, split)
    # A copy, because a view would keep the whole data set in memory.
    images = images.copy()
    return images, labels, hash_labelled_images(images, labels)


def image_remarks(run: Run) -> list[str]:
    """Remarks on how a run's pictures were read, and on images that cannot be verified to be its own."""
    if run.data is not None and run.data.folder is not None:
        return (
            [folder_remarks.EARLIER_RULE_REMARK]
            if run.rule == FIRST_READING_RULE
            else folder_remarks.reading_remarks(run.data.folder)
        )
    if run.data is not None or run.started is None:
        return []
    unknown = (
        "It is not known whether the images here are those that this run was given: it began before that was recorded."
    )
    return [unknown, folder_remarks.EARLIER_RULE_REMARK] if run.dataset == "folder" else [unknown]
