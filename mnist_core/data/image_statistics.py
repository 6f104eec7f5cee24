"""Statistics of a data set: number of images of each class, and brightness of the pixels. numpy only."""

from dataclasses import dataclass

import numpy as np

# Images that are counted at a time.
_CHUNK = 4096


@dataclass(frozen=True)
class PixelStatistics:
    """Pixels of many images; mean and std per channel, of values in [0, 1]."""

    mean: tuple[float, ...]
    std: tuple[float, ...]
    # Fraction of pixels that are 0.
    zero_share: float
    # Number of pixels with each value, int64 (C, 256).
    histogram: np.ndarray


def count_classes(labels: np.ndarray, classes: int) -> np.ndarray:
    """How many images each class has: int64 (classes,)."""
    return np.bincount(labels, minlength=classes)


def pixel_statistics(images: np.ndarray) -> PixelStatistics:
    """Mean, standard deviation, share of zeros and histogram of the pixels of uint8 images (N, C, H, W)."""
    histogram = _histogram(images)
    mean, std = _moments(histogram)
    return PixelStatistics(mean, std, float(histogram[:, 0].sum() / histogram.sum()), histogram)


def channel_moments(images: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation per channel of uint8 images (N, C, H, W), as values in [0, 1]; exact."""
    return _moments(_histogram(images))


def pixel_moments(images: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each pixel by itself over uint8 images (N, C, H, W): C·H·W values in [0, 1]."""
    sums, squares = np.zeros(images.shape[1:], np.int64), np.zeros(images.shape[1:], np.int64)
    for start in range(0, len(images), _CHUNK):
        piece = images[start : start + _CHUNK].astype(np.int64)
        sums += piece.sum(axis=0)
        squares += (piece * piece).sum(axis=0)
    means = sums / len(images)
    variances = np.maximum(squares / len(images) - means**2, 0)
    return tuple((means / 255).ravel().tolist()), tuple((np.sqrt(variances) / 255).ravel().tolist())


def _histogram(images: np.ndarray) -> np.ndarray:
    """Histogram int64 (C, 256), counted in chunks because bincount converts every pixel to eight bytes."""
    counts = np.zeros((images.shape[1], 256), dtype=np.int64)
    for start in range(0, len(images), _CHUNK):
        piece = images[start : start + _CHUNK]
        for channel in range(images.shape[1]):
            counts[channel] += np.bincount(piece[:, channel].ravel(), minlength=256)
    return counts


def _moments(histogram: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    values = np.arange(256) / 255
    # Shape (C, 256).
    shares = histogram / histogram.sum(axis=1, keepdims=True)
    means = shares @ values
    deviations = np.sqrt((shares * (values - means[:, None]) ** 2).sum(axis=1))
    return tuple(means.tolist()), tuple(deviations.tolist())
