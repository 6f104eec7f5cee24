"""Checks whether a config can be trained before it is queued by a page, the command line, the API or a sweep."""

from functools import lru_cache
from math import prod

from mnist_core.architectures import (
    Architecture,
    architecture_line,
    check_initial_weights,
    describe_architecture,
    flatten_nodes,
    infer_nodes,
)
from mnist_core.config import RunConfig, dataset
from mnist_core.data import count_held_out, input_shape_and_classes, split_sizes
from mnist_core.errors import ConfigError
from mnist_core.training.needs import check_needs

# How many batch sizes above the current one are tried to find one to suggest.
_NEIGHBOURS = 1000
# Cached networks: more than a sweep has.
_REMEMBERED = 4096


def check_trainable(config: RunConfig) -> Architecture:
    """The network that the config names. Raises ArchitectureError, ConfigError or DataError; builds nothing."""
    shape, classes = input_shape_and_classes(config)
    check_initial_weights(config.initial_weights, shape, classes)
    check_split(config)
    network = describe_architecture(config.architecture, shape, classes)
    images = count_training_images(config)
    check_batches(config, shape, classes, images)
    check_needs(config, shape, classes, images)
    return network


def check_size(config: RunConfig) -> None:
    """The checks of `check_trainable` on images, batches and needs, for a network that has already been checked."""
    check_split(config)
    shape, classes = input_shape_and_classes(config)
    images = count_training_images(config)
    check_batches(config, shape, classes, images)
    check_needs(config, shape, classes, images)


def check_split(config: RunConfig) -> None:
    """Raise ConfigError if more images are to be held out or learned from than there are; a folder is not counted."""
    if total := dataset(config.dataset).train_images:
        split_sizes(config, total)


def count_training_images(config: RunConfig) -> int | None:
    """How many images a run of this config learns from; None for a folder, which would have to be read."""
    total = dataset(config.dataset).train_images
    if config.train_images is not None or not total:
        return config.train_images
    return total - count_held_out(config, total)


def check_batches(config: RunConfig, shape: tuple[int, int, int], classes: int, images: int | None) -> None:
    """Raise ConfigError if a batch of one image would reach a layer that normalises only over the batch.

    Such a layer, a batch norm on vectors or on images of one pixel, has then one number a channel and nothing to
    normalise by. `images`: how many are learned from, None if that is not known yet.
    """
    if config.library != "torch" or not _needs_two(config.architecture, shape, classes):
        return
    what = "batchnorm on vectors normalises over the images of a batch and needs two at least"
    if config.batch_size == 1:
        remedy = "2 or more" if images is None else _fitting(1, images)
        raise ConfigError("batch_size", f"is 1, but {what}; choose {remedy}, or use layernorm")
    if images is not None and images % config.batch_size == 1:
        raise ConfigError(
            "batch_size",
            f"{config.batch_size:,} leaves a last batch of one of {images:,} training images, but {what}; choose "
            f"{_fitting(config.batch_size, images)}, or use layernorm",
        )


@lru_cache(maxsize=_REMEMBERED)
def check_network(architecture: str, initial_weights: str, shape: tuple[int, int, int], classes: int) -> None:
    """Raise ArchitectureError or ConfigError unless a network can be built for such images; results are cached."""
    check_initial_weights(initial_weights, shape, classes)
    infer_nodes(architecture_line(architecture), shape, classes)


@lru_cache(maxsize=_REMEMBERED)
def _needs_two(architecture: str, shape: tuple[int, int, int], classes: int) -> bool:
    nodes = infer_nodes(architecture_line(architecture), shape, classes)
    return any(node.kind.over_batch and prod(node.input_shape[1:]) == 1 for node, _, _ in flatten_nodes(nodes))


def _fitting(batch_size: int, images: int) -> str:
    """The nearest batch sizes that leave no batch of one image."""
    below = next((size for size in range(batch_size - 1, 1, -1) if images % size != 1), None)
    above = next(size for size in range(batch_size + 1, batch_size + _NEIGHBOURS) if images % size != 1)
    return f"{above:,}" if below is None else f"{below:,} or {above:,}"
