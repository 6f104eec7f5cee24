"""What the Data page shows: counts, mean images, pixel statistics, samples."""

import numpy as np
import pytest

from mnist_core.config import RunConfig
from mnist_core.data.statistics import channel_moments, class_counts, mean_images, pixel_statistics, sample
from tests.unit.test_data_loading import tiny_arrays


def test_class_counts_include_classes_without_images() -> None:
    assert class_counts(np.array([0, 2, 2]), 4).tolist() == [1, 0, 2, 0]


def test_mean_image_of_each_class() -> None:
    arrays = tiny_arrays()
    means = mean_images(arrays.train_images, arrays.train_labels, 4)
    assert means.shape == (4, 1, 2, 2)
    assert means[:3, 0, 0, 0] * 255 == pytest.approx([16.5, 17.5, 18.5])
    assert np.isnan(means[3]).all()


def test_pixel_statistics_agree_with_numpy_over_several_pieces() -> None:
    images = np.random.default_rng(0).integers(0, 256, (5000, 2, 3, 3), dtype=np.uint8)
    images[:, 1] //= 2
    found = pixel_statistics(images)
    scaled = images / 255
    assert found.mean == pytest.approx(scaled.mean(axis=(0, 2, 3)))
    assert found.std == pytest.approx(scaled.std(axis=(0, 2, 3)))
    assert (found.mean, found.std) == channel_moments(images)
    assert found.zero_share == pytest.approx((images == 0).mean())
    assert found.histogram.sum() == images.size
    assert found.histogram[1, 128:].sum() == 0


def test_sample_has_one_class_without_repetition_and_repeats_with_its_seed() -> None:
    arrays = tiny_arrays()
    first = sample(arrays, "train", 1, 5, seed=3)
    assert first.labels.tolist() == [1] * 5
    assert len(set(first.indices.tolist())) == 5
    assert first.images[:, 0, 0, 0].tolist() == first.indices.tolist()
    assert sample(arrays, "train", 1, 5, seed=3).indices.tolist() == first.indices.tolist()
    assert sample(arrays, "train", 1, 5, seed=4).indices.tolist() != first.indices.tolist()
    assert len(sample(arrays, "train", 1, 500, seed=3).indices) == 12
    assert set(sample(arrays, "test", None, 3, seed=0).labels.tolist()) == {0, 1, 2}


def test_sample_of_a_run_s_split_shows_only_its_images() -> None:
    arrays = tiny_arrays()
    config = RunConfig(validation_images=6, train_images=12)
    shown = {
        split: set(sample(arrays, split, None, 99, 0, config).images[:, 0, 0, 0].tolist())
        for split in ("train", "validation")
    }
    assert (len(shown["train"]), len(shown["validation"])) == (12, 6)
    assert not shown["train"] & shown["validation"]
