"""Replaces a data set that is not on disk: MNIST becomes mnist-5k, with a note for the run."""

from pathlib import Path

from mnist_core.config import RunConfig, dataset
from mnist_core.data.download.availability import dataset_status
from mnist_core.data.splitting import count_held_out
from mnist_core.errors import DataError


def resolve_dataset(config: RunConfig, root: Path) -> tuple[RunConfig, str]:
    """The config with a data set that can be loaded now, and a sentence about the change; empty without a change.

    MNIST without its files becomes mnist-5k, with fewer training and validation images if mnist-5k has not enough.
    Looks only at the disk; `ensure_downloaded` downloads. Raises DataError with the remedy if another data set is
    missing, or any is damaged.
    """
    status = dataset_status(config.dataset, root)
    if status.state == "ready":
        return config, ""
    if config.dataset != "mnist" or status.state != "missing":
        remedy = f" Download it on the Data page or with: python -m mnist_core data download {config.dataset}"
        raise DataError(status.message + (remedy if status.state == "missing" else ""))
    smaller = dataset("mnist-5k").train_images
    changes: dict[str, int | None] = {}
    instead: list[str] = []
    held_out = count_held_out(config, smaller)
    if held_out > smaller // 2:
        changes["validation_images"] = None
        held_out = count_held_out(config.replace(validation_images=None), smaller)
        instead.append(f"{held_out:,} validation images instead of {config.validation_images:,}")
    left = smaller - held_out
    if config.train_images is not None and config.train_images > left:
        changes["train_images"] = None
        instead.append(f"{left:,} training images instead of {config.train_images:,}")
    note = "MNIST is not on this machine, so this run learns from mnist-5k, 5,000 of its images"
    if instead:
        note += f", with {' and '.join(instead)}"
    return config.replace(dataset="mnist-5k", **changes), f"{note}."
