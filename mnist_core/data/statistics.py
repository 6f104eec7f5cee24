"""What the Data page shows of a data set: class counts, mean images, pixel statistics, samples. numpy only."""

from dataclasses import dataclass

import numpy as np

from mnist_core.config import RunConfig
from mnist_core.data.sources import Arrays
from mnist_core.data.splitting import SplitName, split_images

_CHUNK = 4096  # images


@dataclass(frozen=True)
class PixelStatistics:
    """Pixels of many images; mean and std per channel, of values in [0, 1]."""

    mean: tuple[float, ...]
    std: tuple[float, ...]
    zero_share: float  # fraction of the pixels that are 0
    histogram: np.ndarray  # int64 (C, 256): how many pixels have each value


@dataclass(frozen=True)
class Sample:
    """Some images of a split; `indices` are their positions in it."""

    indices: np.ndarray  # int64 (n,)
    images: np.ndarray  # uint8 (n, C, H, W)
    labels: np.ndarray  # int64 (n,)


def class_counts(labels: np.ndarray, classes: int) -> np.ndarray:
    """How many images each class has: int64 (classes,)."""
    return np.bincount(labels, minlength=classes)


def mean_images(images: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """The mean image of each class, in [0, 1]: float64 (classes, C, H, W); NaN for a class without images."""
    means = np.full((classes, *images.shape[1:]), np.nan)
    for number in np.unique(labels):
        means[number] = images[labels == number].mean(axis=0) / 255
    return means


def pixel_statistics(images: np.ndarray) -> PixelStatistics:
    """Mean, standard deviation, share of zeros and histogram of the pixels of uint8 images (N, C, H, W)."""
    histogram = _histogram(images)
    mean, std = _moments(histogram)
    return PixelStatistics(mean, std, float(histogram[:, 0].sum() / histogram.sum()), histogram)


def channel_moments(images: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation per channel of uint8 images (N, C, H, W), as values in [0, 1]; exact."""
    return _moments(_histogram(images))


def sample(
    arrays: Arrays, split: SplitName, cls: int | None, n: int, seed: int, config: RunConfig | None = None
) -> Sample:
    """At most `n` random images of class `cls` (None: of all classes), without repetition, the same for a seed.

    With a config, "train" and "validation" are the splits of its runs; without one, "train" is the whole
    published training set and the default one sixth of it counts as "validation".
    """
    if config is None and split == "train":
        images, labels = arrays.train_images, arrays.train_labels
    else:
        images, labels = split_images(arrays, config or RunConfig(), split)
    candidates = np.arange(len(labels)) if cls is None else np.flatnonzero(labels == cls)
    chosen = np.random.default_rng(seed).permutation(candidates)[:n]
    return Sample(chosen, images[chosen], labels[chosen])


def _histogram(images: np.ndarray) -> np.ndarray:
    """int64 (C, 256). In pieces, because bincount makes eight bytes of every pixel."""
    counts = np.zeros((images.shape[1], 256), dtype=np.int64)
    for start in range(0, len(images), _CHUNK):
        piece = images[start : start + _CHUNK]
        for channel in range(images.shape[1]):
            counts[channel] += np.bincount(piece[:, channel].ravel(), minlength=256)
    return counts


def _moments(histogram: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    values = np.arange(256) / 255
    shares = histogram / histogram.sum(axis=1, keepdims=True)  # (C, 256)
    means = shares @ values
    deviations = np.sqrt((shares * (values - means[:, None]) ** 2).sum(axis=1))
    return tuple(means.tolist()), tuple(deviations.tolist())
