"""Which training images are held out for validation and which are trained on: stratified, seeded, torch-free."""

import numpy as np

from mnist_core.config import RunConfig, SplitName
from mnist_core.data.sources import DatasetArrays
from mnist_core.errors import ConfigError

# Where a config does not say how many images are held out, it is the training images divided by this.
HELD_OUT_DIVISOR = 6


def split_images(arrays: DatasetArrays, config: RunConfig, split: SplitName) -> tuple[np.ndarray, np.ndarray]:
    """Images (uint8 (N, C, H, W)) and labels (N,) of a split, as a run of this config gets them."""
    chosen = _places(arrays, config, split)
    if chosen is None:
        return arrays.test_images, arrays.test_labels
    return arrays.train_images[chosen], arrays.train_labels[chosen]


def split_files(arrays: DatasetArrays, config: RunConfig, split: SplitName) -> np.ndarray | None:
    """SHA-256 of the files of a split's images, uint8 (N, 32); None unless they come from a folder."""
    chosen = _places(arrays, config, split)
    if chosen is None or arrays.train_files is None:
        return arrays.test_files
    return arrays.train_files[chosen]


def _places(arrays: DatasetArrays, config: RunConfig, split: SplitName) -> np.ndarray | None:
    """Which training images are in a split; None if it is the test images."""
    if split == "test" or (split == "validation" and config.choose_on == "test"):
        return None
    train, validation = split_indices(arrays.train_labels, len(arrays.classes), config)
    return train if split == "train" else validation


def split_indices(labels: np.ndarray, classes: int, config: RunConfig) -> tuple[np.ndarray, np.ndarray]:
    """Positions, ascending, of the images to train on and of those held out, by the config's three split fields.

    Held out: `validation_images` (None: one sixth), each class in proportion, rounded by largest remainder; none if the
    best epoch is chosen on the test images.
    Trained on: the rest, or `train_images` of it, equally many of each class as far as it has them. Both depend
    only on `split_seed` and are nested: asking for more adds images and drops none. Raises ConfigError.
    """
    train_count, held_out = split_sizes(config, len(labels))
    available = np.bincount(labels, minlength=classes)
    validation = _pick(labels, _proportional(available, held_out), np.random.default_rng([config.split_seed, 0]))
    rest = np.setdiff1d(np.arange(len(labels)), validation, assume_unique=True)
    if config.train_images is None:
        return rest, validation
    wanted = _equal(np.bincount(labels[rest], minlength=classes), train_count)
    return rest[_pick(labels[rest], wanted, np.random.default_rng([config.split_seed, 1]))], validation


def count_held_out(config: RunConfig, total: int) -> int:
    """How many of `total` training images a config holds out; it may ask for more than there are."""
    if config.choose_on == "test":
        return 0
    return total // HELD_OUT_DIVISOR if config.validation_images is None else config.validation_images


def split_sizes(config: RunConfig, total: int) -> tuple[int, int]:
    """How many of `total` training images are trained on, and how many are held out. Raises ConfigError."""
    held_out = count_held_out(config, total)
    if held_out >= total:
        raise ConfigError(
            "validation_images",
            f"{held_out:,} cannot be held out of {total:,} training images; hold out fewer, or none with 0",
        )
    if config.train_images is not None and config.train_images > total - held_out:
        raise ConfigError(
            "train_images",
            f"{config.train_images:,} are asked for, but {total:,} training images less {held_out:,} for validation "
            f"leave {total - held_out:,}; ask for at most that many",
        )
    return total - held_out if config.train_images is None else config.train_images, held_out


def _pick(labels: np.ndarray, wanted: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Ascending positions of `wanted[c]` random images of each class c."""
    order = generator.permutation(len(labels))
    # Class by class, shuffled within each class.
    order = order[np.argsort(labels[order], kind="stable")]
    ends = np.cumsum(np.bincount(labels, minlength=len(wanted)))
    starts = np.concatenate(([0], ends[:-1]))
    chosen = [order[start : start + count] for start, count in zip(starts, wanted, strict=True)]
    return np.sort(np.concatenate(chosen))


def _proportional(available: np.ndarray, count: int) -> np.ndarray:
    """Divide `count` in proportion to `available`, rounded by largest remainder; ties go to the first class."""
    # Each share multiplied by the total, which keeps the numbers integers.
    exact = available * count
    shares, remainders = np.divmod(exact, available.sum())
    first = np.argsort(-remainders, kind="stable")[: count - shares.sum()]
    shares[first] += 1
    return shares


def _equal(available: np.ndarray, count: int) -> np.ndarray:
    """Divide `count` equally, no class above `available`; the remainder goes to the first classes."""
    shares = np.zeros_like(available)
    while (left := count - int(shares.sum())) > 0:
        open_classes = np.flatnonzero(shares < available)
        if left < len(open_classes):
            shares[open_classes[:left]] += 1
        else:
            shares[open_classes] = np.minimum(available, shares + left // len(open_classes))[open_classes]
    return shares
