"""Class counts and pixel statistics of a data set."""

import numpy as np
import pytest

from mnist_core.data.image_statistics import channel_moments, count_classes, pixel_statistics


def test_class_counts_include_classes_without_images() -> None:
    assert count_classes(np.array([0, 2, 2]), 4).tolist() == [1, 0, 2, 0]


def test_pixel_statistics_agree_with_numpy_over_several_pieces() -> None:
    images = np.random.default_rng(0).integers(0, 256, (5000, 2, 3, 3), dtype=np.uint8)
    images[:, 1] //= 2
    statistics = pixel_statistics(images)
    scaled = images / 255
    assert statistics.mean == pytest.approx(scaled.mean(axis=(0, 2, 3)))
    assert statistics.std == pytest.approx(scaled.std(axis=(0, 2, 3)))
    assert (statistics.mean, statistics.std) == channel_moments(images)
    assert statistics.zero_share == pytest.approx((images == 0).mean())
    assert statistics.histogram.sum() == images.size
    assert statistics.histogram[1, 128:].sum() == 0
