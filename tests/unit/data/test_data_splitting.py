"""Validation splits and subsets: stratified, seeded, disjoint, of the sizes asked for."""

from itertools import pairwise

import numpy as np
import pytest

from mnist_core.config.run_config import RunConfig
from mnist_core.data.splitting import split_images, split_indices
from mnist_core.errors import ConfigError
from tests.unit.data.test_data_loading import tiny_arrays

# Class sizes as unequal as MNIST's.
LABELS = np.random.default_rng(1).permutation(np.repeat(np.arange(10), [59, 67, 60, 61, 58, 54, 59, 63, 59, 60]))


def split(**changes: int) -> tuple[np.ndarray, np.ndarray]:
    return split_indices(LABELS, 10, RunConfig.parse(changes))


def test_one_sixth_is_held_out_by_default_and_nothing_is_lost_or_doubled() -> None:
    train, validation = split()
    assert len(validation) == len(LABELS) // 6 == 100
    assert sorted([*train, *validation]) == list(range(len(LABELS)))


@pytest.mark.parametrize("held_out", [1, 7, 100, 333, 599])
def test_validation_has_every_class_in_proportion(held_out: int) -> None:
    _, validation = split(validation_images=held_out)
    assert len(validation) == held_out
    exact = np.bincount(LABELS) * held_out / len(LABELS)
    assert np.all(np.abs(np.bincount(LABELS[validation], minlength=10) - exact) < 1)


def test_no_validation_keeps_every_image_in_its_order() -> None:
    train, validation = split(validation_images=0)
    assert train.tolist() == list(range(600))
    assert validation.size == 0


def test_training_subset_has_equally_many_of_each_class() -> None:
    train, validation = split(train_images=160)
    assert np.bincount(LABELS[train]).tolist() == [16] * 10
    assert not set(train) & set(validation)


def test_training_subset_that_does_not_divide_gives_the_first_classes_one_more() -> None:
    assert np.bincount(LABELS[split(train_images=163)[0]]).tolist() == [17] * 3 + [16] * 7


def test_small_classes_give_all_they_have_and_the_others_make_up_for_it() -> None:
    labels = np.repeat([0, 1, 2], [5, 50, 50])
    train, _ = split_indices(labels, 3, RunConfig(validation_images=0, train_images=65))
    assert np.bincount(labels[train]).tolist() == [5, 30, 30]


def test_whole_rest_can_be_asked_for_by_number() -> None:
    assert split(train_images=500)[0].tolist() == split()[0].tolist()


def test_split_follows_from_the_split_seed_alone() -> None:
    first, again, other = (
        split(train_images=100),
        split(train_images=100, seed=9),
        split(train_images=100, split_seed=1),
    )
    for left, right in zip(first, again, strict=True):
        assert left.tolist() == right.tolist()
    for left, right in zip(first, other, strict=True):
        assert left.tolist() != right.tolist()


def test_validation_does_not_depend_on_how_many_images_are_trained_on() -> None:
    assert split(train_images=20)[1].tolist() == split()[1].tolist()


def test_more_images_contain_fewer() -> None:
    sizes = [10, 33, 160, 400, 500]
    subsets = [set(split(train_images=size)[0].tolist()) for size in sizes]
    held_out = [set(split(validation_images=size)[1].tolist()) for size in (10, 100, 300)]
    assert [len(subset) for subset in subsets] == sizes
    for family in (subsets, held_out):
        assert all(small < large for small, large in pairwise(family))


@pytest.mark.parametrize(
    ("changes", "field", "numbers"),
    [
        ({"validation_images": 600}, "validation_images", ("600 ",)),
        ({"train_images": 501}, "train_images", ("501 ", "600 ", "100 ", "500;")),
        ({"train_images": 600, "validation_images": 1}, "train_images", ("599;",)),
    ],
)
def test_too_many_images_name_the_field_and_what_is_left(
    changes: dict[str, int], field: str, numbers: tuple[str, ...]
) -> None:
    with pytest.raises(ConfigError) as caught:
        split(**changes)
    assert caught.value.field == field
    for number in numbers:
        assert number in str(caught.value)


def test_images_and_labels_of_a_split_belong_together() -> None:
    arrays = tiny_arrays()
    config = RunConfig(validation_images=6)
    train, validation = split_indices(arrays.train_labels, 3, config)
    for name, positions in (("train", train), ("validation", validation)):
        images, labels = split_images(arrays, config, name)  # pyright: ignore[reportArgumentType]
        # Each tiny image holds its own index as brightness.
        assert images[:, 0, 0, 0].tolist() == positions.tolist()
        assert labels.tolist() == arrays.train_labels[positions].tolist()
    assert split_images(arrays, config, "test")[0] is arrays.test_images
