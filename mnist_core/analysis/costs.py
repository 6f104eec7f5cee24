"""What a network costs: size of its weights, memory and prediction time; and the Pareto front of costs."""

import json
import struct
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isnan

import numpy as np

from mnist_core.analysis import trained
from mnist_core.architectures import Shape
from mnist_core.config import RunConfig
from mnist_core.data import input_shape, input_shape_and_classes
from mnist_core.errors import CheckpointError
from mnist_core.store import Run, Store
from mnist_core.training import BYTES_PER_NUMBER, count_optimizer_numbers, network_sizes

# Images in a batch of the speed test; larger batches are no faster on one core.
BATCH = 100
# How often each network takes its turn, and how many single images it gets in each turn.
_ROUNDS, _SINGLES = 9, 10

# Measured on one core of an Intel Xeon of 2023 with one thread, in batches: time to answer an image is the sum of these
# for the image, for each multiply-accumulate, and for each number that its layers put out.
_IMAGE_SECONDS = 8e-7
MAC_SECONDS = 1.2e-11
_NUMBER_SECONDS = 8e-10

# Takes uint8 images (N, C, H, W) and returns probabilities (N, classes).
Predictor = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Memory:
    """Bytes in use while a network works, as far as they follow from its layers."""

    weights: int
    # Most bytes needed at one moment for one image.
    activations: int
    # Weights, gradients, optimizer state and all activations of a batch; None for scikit-learn.
    training: int | None

    @property
    def answering(self) -> int:
        """Bytes to answer one image."""
        return self.weights + self.activations


@dataclass(frozen=True)
class Speed:
    """How fast a network answers, from pixels to probabilities."""

    # Median time of one image alone.
    milliseconds: float
    # First and third quartile of that time.
    low: float
    high: float
    # Speed in batches of BATCH images, from the median time.
    images_per_second: float


def network_memory(config: RunConfig, shape: Shape, classes: int) -> Memory:
    """Memory of a run's network for images (C, H, W) and this many classes, of float32 numbers.

    Activations are a layer's input and output, and inside a residual block the block's input as well; what a layer
    needs for itself while it computes is not counted. In training every output of a batch is kept for the way back.
    Raises ArchitectureError.
    """
    network = network_sizes(config.architecture, shape, classes)
    weights = BYTES_PER_NUMBER * network.parameters
    training = weights * (2 + count_optimizer_numbers(config)) + BYTES_PER_NUMBER * network.kept * config.batch_size
    return Memory(weights, BYTES_PER_NUMBER * network.peak, training if config.library == "torch" else None)


def weights_size(store: Store, run: Run) -> int | None:
    """Bytes of the run's weights alone as a safetensors file; None while there is no checkpoint that can be read.

    Read from the head of the checkpoint, which holds the same tensors and more.
    """
    try:
        path = store.folder(run.id) / trained.chosen_checkpoint(store, run).path
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            head = json.loads(file.read(min(length, path.stat().st_size)))
    except (CheckpointError, OSError, ValueError, struct.error):
        return None
    weights = {name: about for name, about in head.items() if name.startswith("model.")}
    end, weights_only = 0, {}
    for name, about in sorted(weights.items(), key=lambda item: item[1]["data_offsets"]):
        start, end = end, end + about["data_offsets"][1] - about["data_offsets"][0]
        weights_only[name.removeprefix("model.")] = about | {"data_offsets": [start, end]}
    text = len(json.dumps(weights_only, separators=(",", ":")).encode())
    # A safetensors file is 8 bytes with the length of the header, the header padded to a multiple of 8, and the
    # numbers.
    return 8 + -(-text // 8) * 8 + end


def answering_seconds(run: Run, images: int) -> float:
    """About how long the run's network takes to answer images on one core.

    Raises ArchitectureError, and DataError if the run has not recorded its classes and its folder is gone.
    """
    classes = len(run.data.classes) if run.data else input_shape_and_classes(run.config)[1]
    network = network_sizes(run.config.architecture, input_shape(run.config), classes)
    return images * image_seconds(run.macs or 0, network.kept)


def image_seconds(macs: int, numbers: int) -> float:
    """About how long one core takes to answer an image.

    `macs` are the network's multiply-accumulates, `numbers` those that its layers put out for one image.
    """
    return _IMAGE_SECONDS + macs * MAC_SECONDS + numbers * _NUMBER_SECONDS


def pareto_front(costs: Sequence[float], accuracies: Sequence[float]) -> list[int]:
    """Indices on the Pareto front, cheapest first: no other is cheaper and as accurate, or as cheap and better.

    What has a NaN cannot be compared and is never on it.
    """
    comparable = [index for index, pair in enumerate(zip(costs, accuracies, strict=True)) if not any(map(isnan, pair))]
    comparable.sort(key=lambda index: (costs[index], -accuracies[index]))
    front: list[int] = []
    for index in comparable:
        last = front[-1] if front else None
        if (
            last is None
            or accuracies[index] > accuracies[last]
            or ((costs[index], accuracies[index]) == (costs[last], accuracies[last]))
        ):
            front.append(index)
    return front


def load_predictors(store: Store, runs: Sequence[Run]) -> dict[str, Predictor]:
    """Load, by run id, functions that predict images on the CPU with one thread in the run's precision.

    Raises CheckpointError.
    """
    return {run.id: trained.load_network(store, run).probabilities for run in runs}


def measure_speeds(
    networks: Mapping[str, Predictor],
    images: Mapping[str, np.ndarray],
    report: Callable[[float], None] = lambda share: None,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Speed]:
    """How fast each network answers its `images`, uint8 (at least BATCH, C, H, W), by the same keys.

    The networks take turns, so that whatever else the machine does slows all of them alike; a first turn, which is the
    slowest, does not count. `report` is called with the share that is done.
    """
    alone: dict[str, list[float]] = {key: [] for key in networks}
    batches: dict[str, list[float]] = {key: [] for key in networks}
    for turn, key in enumerate(_turns(list(networks))):
        report(turn / ((_ROUNDS + 1) * len(networks)))
        single, batch = images[key][:1], images[key][:BATCH]
        times = [_seconds(networks[key], single, clock) for _ in range(_SINGLES)]
        together = _seconds(networks[key], batch, clock)
        if turn >= len(networks):
            alone[key] += times
            batches[key].append(together)
    report(1.0)
    return {key: _speed(alone[key], batches[key]) for key in networks}


def _turns(keys: list[str]) -> Iterator[str]:
    """Every key once a round, each round beginning one further."""
    for turn in range(_ROUNDS + 1):
        first = turn % max(1, len(keys))
        yield from (*keys[first:], *keys[:first])


def _seconds(answer: Predictor, images: np.ndarray, clock: Callable[[], float]) -> float:
    before = clock()
    answer(images)
    return clock() - before


def _speed(alone: list[float], batches: list[float]) -> Speed:
    low, middle, high = (1000 * float(value) for value in np.quantile(alone, (0.25, 0.5, 0.75)))
    return Speed(middle, low, high, BATCH / max(float(np.median(batches)), 1e-9))
