"""CIFAR-10 through torchvision's class, which checks its files' checksums before it reads them."""

from pathlib import Path

import numpy as np

from mnist_core.config import dataset
from mnist_core.data.idx import Labelled
from mnist_core.errors import DataError


def read_cifar10(root: Path) -> tuple[Labelled, Labelled]:
    """Training and test images (uint8, colour) with labels; imports torch; raises DataError with the remedy."""
    from mnist_core.data.download.torchvision_ops import make_torchvision_importable

    make_torchvision_importable()
    from torchvision.datasets import CIFAR10

    folder = root / CIFAR10.base_folder
    try:
        parts = [CIFAR10(str(root), train=train) for train in (True, False)]
    except (RuntimeError, OSError) as error:
        raise DataError(
            f"{folder} is missing, incomplete or damaged ({error}). Delete that folder and download CIFAR-10 "
            "again: python -m mnist_core data download cifar10"
        ) from None
    train, test = (
        (np.ascontiguousarray(part.data.transpose(0, 3, 1, 2)), np.array(part.targets, dtype=np.int64))
        for part in parts
    )
    entry = dataset("cifar10")
    for (images, labels), count in ((train, entry.train_images), (test, entry.test_images)):
        if images.shape != (count, *entry.shape) or labels.shape != (count,):
            raise DataError(f"{folder} holds {images.shape[0]:,} images where {count:,} were expected.")
    return train, test
