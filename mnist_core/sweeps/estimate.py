"""How long a sweep takes: from past runs where there are any, else from the arithmetic of the networks."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import ceil
from statistics import median

from mnist_core.analysis import costs
from mnist_core.architectures import describe_architecture
from mnist_core.config import AUGMENTATIONS, RunConfig, dataset
from mnist_core.data import count_held_out, input_shape_and_classes
from mnist_core.store import Run, RunQuery, Store, places, read_page
from mnist_core.training import network_sizes

# Measured on one core of an Intel Xeon of 2023 with one thread; past runs correct the sum for the machine at hand. The
# first constant is for reading the data.
_RUN_SECONDS = 0.3
# An epoch's checkpoint and metrics.
_EPOCH_SECONDS = 0.015
_STEP_SECONDS = 2e-6
# For each step and layer: a perceptron's steps are written out, those of other networks are left to autograd.
_PERCEPTRON_LAYER_SECONDS = 2e-6
_LAYER_SECONDS = 2e-4
# The optimizer's update of each parameter in a step.
_PARAMETER_SECONDS = 8e-10
# Each number that the layers put out for a training image, beside the multiply-accumulates.
_NUMBER_SECONDS = 1e-10
# Assumed number of images in a folder.
_UNKNOWN_IMAGES = 10_000
# Number of latest runs that an estimate looks at.
_LOOKED_AT = 300


def estimated_seconds(store: Store, configs: Sequence[RunConfig]) -> float:
    """Seconds until all of these are trained, as many side by side as there are `places`, the longest first.

    The pace of a network is the median of this store's latest runs of the same architecture, batch size, data set and
    device. Without such runs it is counted: steps, layers, multiply-accumulates and parameters times constants, and
    all of that times the median ratio of measured to counted time of other past runs. Early stopping, successive
    halving and runs that diverge make it shorter; what already waits in the queue is not counted.
    """
    durations = sorted(run_seconds(store, configs), reverse=True)
    ends = [0.0] * max(1, places(store))
    for seconds in durations:
        heapq.heapreplace(ends, ends[0] + seconds)
    return max(ends)


def run_seconds(store: Store, configs: Sequence[RunConfig]) -> list[float]:
    """Estimated seconds of each config's run alone, with its start and its answers at the end."""
    past = read_page(store, RunQuery(states=["finished"]), limit=_LOOKED_AT).runs
    ratio = _measured_to_counted(past)
    return [
        _RUN_SECONDS + guess.seconds + ratio * _answers_at_the_end(config)
        for config, guess in zip(configs, training_seconds(past, configs), strict=True)
    ]


def longest_first(store: Store, configs: Sequence[RunConfig]) -> list[int]:
    """Positions of the configs in the order in which their runs are queued: then the last ones end close together."""
    seconds = run_seconds(store, configs)
    return sorted(range(len(configs)), key=lambda position: -seconds[position])


@dataclass(frozen=True)
class TrainingTime:
    """About how long the training of a config takes, and what that is taken from."""

    seconds: float
    # How many past runs of the same kind it is measured on; 0 if it is counted from the layers.
    own_runs: int


def training_seconds(finished: Sequence[Run], configs: Sequence[RunConfig]) -> list[TrainingTime]:
    """How long each config trains alone, without its start and end, by past runs of this machine, newest first."""
    past = _measured(finished)
    by_kind: dict[tuple[object, ...], list[float]] = {}
    for run in past:
        images = _epochs_done(run) * (run.train_images or _train_images(run.config))
        by_kind.setdefault(_kind(run.config), []).append(run.seconds / images)
    ratio = _measured_to_counted(past)
    times = []
    for config in configs:
        paces = by_kind.get(_kind(config), [])[:9]
        seconds = median(paces) * _epochs(config) * _train_images(config) if paces else ratio * _counted(config)
        times.append(TrainingTime(seconds, len(paces)))
    return times


def duration_text(seconds: float) -> str:
    """A time in words, as exact as an estimate deserves: "40 seconds", "3 minutes", "2 h 10 min", "3 days"."""
    if seconds < 50:
        count = max(5, 5 * round(seconds / 5))
        return f"{count} seconds"
    minutes = max(1, round(seconds / 60))
    if minutes < 90:
        return "1 minute" if minutes == 1 else f"{minutes} minutes"
    hours, rest = divmod(10 * round(minutes / 10), 60)
    if hours < 48:
        return f"{hours} h {rest} min" if rest else f"{hours} hours"
    return f"{round(minutes / 1440)} days"


def _kind(config: RunConfig) -> tuple[object, ...]:
    augmented = any(getattr(config, name) for name in AUGMENTATIONS)
    return (
        config.architecture,
        config.batch_size,
        config.dataset,
        config.device,
        config.precision,
        config.library,
        config.threads,
        augmented,
    )


def _measured(finished: Sequence[Run]) -> list[Run]:
    return [run for run in finished[:_LOOKED_AT] if run.seconds > 0 and _epochs_done(run) > 0]


def _epochs_done(run: Run) -> int:
    return run.epoch - (run.config.continue_epoch or 0)


def _epochs(config: RunConfig) -> int:
    return config.epochs - (config.continue_epoch or 0)


def _measured_to_counted(finished: Sequence[Run]) -> float:
    """How many times as long as counted training takes on this machine, by its latest runs; 1 if there are none."""
    ratios = [
        run.seconds / max(_counted(run.config) * _epochs_done(run) / _epochs(run.config), 1e-3)
        for run in _measured(finished)[:50]
    ]
    return median(ratios) if ratios else 1.0


@dataclass(frozen=True)
class _Size:
    """What the counted time of a network depends on."""

    layers: int
    parameters: int
    macs: int
    # Numbers that the layers put out for one image.
    numbers: int
    perceptron: bool

    @property
    def answer_seconds(self) -> float:
        return costs.image_seconds(self.macs, self.numbers)


def _counted(config: RunConfig) -> float:
    """Seconds of training by arithmetic alone, on the machine where the constants were measured."""
    size = _size(config.architecture, *input_shape_and_classes(config))
    images = _train_images(config)
    layer_seconds = _PERCEPTRON_LAYER_SECONDS if size.perceptron else _LAYER_SECONDS
    step = _STEP_SECONDS + size.layers * layer_seconds + size.parameters * _PARAMETER_SECONDS
    # The backward pass takes twice as long again as the forward pass.
    image = 3 * size.macs * costs.MAC_SECONDS + size.numbers * _NUMBER_SECONDS
    validation = _validation_images(config) * size.answer_seconds
    return _epochs(config) * (_EPOCH_SECONDS + ceil(images / config.batch_size) * step + images * image + validation)


def _answers_at_the_end(config: RunConfig) -> float:
    """Counted seconds of the answers to all validation and test images, which are stored when a run ends."""
    test = dataset(config.dataset).test_images or _UNKNOWN_IMAGES
    held_out = count_held_out(config, _all_images(config))
    return (held_out + test) * _size(config.architecture, *input_shape_and_classes(config)).answer_seconds


@cache
def _size(architecture: str, shape: tuple[int, int, int], classes: int) -> _Size:
    network = describe_architecture(architecture, shape, classes)
    return _Size(
        len(network.layers),
        network.parameters,
        sum(layer.macs for layer in network.layers),
        network_sizes(architecture, shape, classes).kept,
        perceptron=all(len(layer.output_shape) == 1 for layer in network.layers),
    )


def _train_images(config: RunConfig) -> int:
    if config.train_images is not None:
        return config.train_images
    total = _all_images(config)
    return max(1, total - count_held_out(config, total))


def _validation_images(config: RunConfig) -> int:
    if config.choose_on == "test":
        return dataset(config.dataset).test_images
    return count_held_out(config, _all_images(config))


def _all_images(config: RunConfig) -> int:
    return dataset(config.dataset).train_images or _UNKNOWN_IMAGES
