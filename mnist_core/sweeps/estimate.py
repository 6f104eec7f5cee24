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

# Measured on one core of a small cloud machine with one thread; past runs correct the sum for the machine at hand. The
# first constant is for reading the data and for the predictions at the end.
_RUN_SECONDS = 0.4
# An epoch's checkpoint and metrics.
_EPOCH_SECONDS = 0.05
_STEP_SECONDS = 1.5e-4
# For each step and layer.
_LAYER_SECONDS = 3e-5
# The optimizer's update of each parameter in a step.
_PARAMETER_SECONDS = 1.5e-9
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
    """Estimated seconds of each config's run alone."""
    past = read_page(store, RunQuery(states=["finished"]), limit=_LOOKED_AT).runs
    return [_RUN_SECONDS + guess.seconds for guess in training_seconds(past, configs)]


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
    past = [run for run in finished[:_LOOKED_AT] if run.seconds > 0 and run.epoch > (run.config.continue_epoch or 0)]
    by_kind: dict[tuple[object, ...], list[float]] = {}
    ratios: list[float] = []
    for run in past:
        pace = run.seconds / (
            (run.epoch - (run.config.continue_epoch or 0)) * (run.train_images or _train_images(run.config))
        )
        by_kind.setdefault(_kind(run.config), []).append(pace)
        done = (run.epoch - (run.config.continue_epoch or 0)) / (run.config.epochs - (run.config.continue_epoch or 0))
        ratios.append(run.seconds / max(_counted(run.config) * done, 1e-3))
    ratio = median(ratios[:50]) if ratios else 1.0
    times = []
    for config in configs:
        paces = by_kind.get(_kind(config), [])[:9]
        epochs = config.epochs - (config.continue_epoch or 0)
        seconds = median(paces) * epochs * _train_images(config) if paces else ratio * _counted(config)
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


def _counted(config: RunConfig) -> float:
    """Seconds by arithmetic alone, on the machine where the constants were measured."""
    layers, parameters, macs = _size(config.architecture, *input_shape_and_classes(config))
    images = _train_images(config)
    steps = ceil(images / config.batch_size)
    epochs = config.epochs - (config.continue_epoch or 0)
    # The backward pass takes twice as long again as the forward pass.
    step = _STEP_SECONDS + layers * _LAYER_SECONDS + parameters * _PARAMETER_SECONDS
    validation = _validation_images(config)
    return epochs * (_EPOCH_SECONDS + steps * step + (3 * images + validation) * macs * costs.MAC_SECONDS)


@cache
def _size(architecture: str, shape: tuple[int, int, int], classes: int) -> tuple[int, int, int]:
    network = describe_architecture(architecture, shape, classes)
    macs = sum(layer.macs * (costs.CONVOLUTION_FACTOR if layer.window else 1) for layer in network.layers)
    return len(network.layers), network.parameters, macs


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
