"""Memory, steps and disk space that a run needs, estimated from its network's text before it is queued.

Does not import torch and builds nothing: shapes and parameters follow from the layers. The limits are in `limits`.
"""

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, prod

from mnist_core.architectures import Node, Shape, architecture_line, flatten_nodes, infer_nodes
from mnist_core.config import OPTIMIZERS, PREDICTION_BATCH, RunConfig, limit_variable, read_limit
from mnist_core.errors import ConfigError

# Bytes of a float32.
BYTES_PER_NUMBER = 4
# Roles of layers whose output shares the memory of their input.
_NO_COPY = ("reshape", "dropout")
# Cached networks: more than a sweep has, so each of them is counted once.
_REMEMBERED = 4096


@dataclass(frozen=True)
class NetworkSizes:
    """How many numbers a network is made of."""

    parameters: int
    # Numbers kept for one image in training: the image and every layer's output, for the backward pass.
    kept: int
    # Most numbers that exist at one moment while one image is predicted.
    peak: int


@lru_cache(maxsize=_REMEMBERED)
def network_sizes(architecture: str, shape: Shape, classes: int) -> NetworkSizes:
    """The sizes of the network for images (C, H, W) and this many classes. Raises ArchitectureError."""
    nodes = infer_nodes(architecture_line(architecture), shape, classes)
    rows = [node for node, _, _ in flatten_nodes(nodes)]
    kept = prod(shape) + sum(prod(node.output_shape) for node in rows if node.kind.role != "reshape")
    return NetworkSizes(sum(node.parameters for node in rows), kept, _peak(nodes))


def count_optimizer_numbers(config: RunConfig) -> int:
    """How many numbers the optimizer stores per weight; Muon stores one for hidden matrices and two for the rest."""
    return OPTIMIZERS[config.optimizer].numbers_kept(config.momentum)


def check_needs(config: RunConfig, shape: Shape, classes: int, images: int | None) -> None:
    """Raise ConfigError with the remedy if a run would need more than `limits` allow.

    `images`: how many are learned from; None if that is not known yet, then steps are not counted. Raises
    ArchitectureError.
    """
    _check_memory(config, network_sizes(config.architecture, shape, classes))
    checkpoint, most = checkpoint_bytes(config, shape, classes), read_limit("MAX_CHECKPOINT_OF_RUN")
    if checkpoint > most:
        raise ConfigError(
            "architecture",
            f"one checkpoint of it would take {_gigabytes(checkpoint)} on the disk, and at most {_gigabytes(most)} are "
            f"kept; use fewer units or channels{_larger('MAX_CHECKPOINT_OF_RUN')}",
        )
    steps, most = count_steps(config, images), read_limit("MAX_STEPS")
    if images is not None and steps > most:
        most_epochs = most // ceil(images / config.batch_size)
        epochs = most_epochs + (config.continue_epoch or 0)
        remedy = (
            f"train at most {epochs:,} epochs, or choose a larger batch size" if most_epochs else "use larger batches"
        )
        raise ConfigError(
            "epochs", f"{config.epochs:,} are {steps:,} steps, more than {most:,}; {remedy}{_larger('MAX_STEPS')}"
        )


def memory_bytes(config: RunConfig, shape: Shape, classes: int) -> int:
    """Bytes that a run needs for its network, in training or for its answers; its images are not counted.

    Raises ArchitectureError.
    """
    memory = _memory(config, network_sizes(config.architecture, shape, classes))
    return max(memory.at_rest, memory.answering, memory.training)


@dataclass(frozen=True)
class RunNeeds:
    """Steps and disk space that one run needs."""

    # 0 if the number of training images is not known.
    steps: int
    # Bytes of all checkpoints that the run may keep.
    disk: int


def estimate_needs(config: RunConfig, shape: Shape, classes: int, images: int | None) -> RunNeeds:
    """Steps and disk space of one run; `images` as in `check_needs`. Raises ArchitectureError."""
    checkpoint = checkpoint_bytes(config, shape, classes)
    # The best and the last checkpoint are always kept, and a new one is written before an old one is removed.
    always = 3 * checkpoint
    kept = min(ceil(config.epochs / config.checkpoint_every) + 1, read_limit("MAX_CHECKPOINTS"))
    room = min(kept * checkpoint, max(always, read_limit("MAX_CHECKPOINT_BYTES")))
    return RunNeeds(count_steps(config, images), room)


def check_needs_together(needs: Collection[RunNeeds], field: str, free: int | None = None) -> None:
    """Raise ConfigError for `field` if runs that are queued together would need more than `limits` allow.

    `free`: free bytes on the disk of the runs, None to skip that check.
    """
    count = f"{len(needs):,} run{'s' * (len(needs) != 1)}"
    steps, most = sum(run.steps for run in needs), read_limit("MAX_STEPS_TOGETHER")
    if steps > most:
        raise ConfigError(
            field,
            f"{count} are {steps:,} steps together, more than {most:,}; train fewer runs or epochs, or use larger "
            f"batches{_larger('MAX_STEPS_TOGETHER')}",
        )
    disk, most = sum(run.disk for run in needs), read_limit("MAX_DISK_TOGETHER")
    if disk > most:
        raise ConfigError(
            field,
            f"the checkpoints of {count} may take {_gigabytes(disk)}, more than {_gigabytes(most)}; train fewer runs "
            f"or smaller networks, or raise checkpoint_every{_larger('MAX_DISK_TOGETHER')}",
        )
    if free is not None and disk > free:
        raise ConfigError(
            field,
            f"the checkpoints of {count} may take {_gigabytes(disk)}, and the disk of the results has "
            f"{_gigabytes(free)} left; free some with `python -m mnist_core prune`, train fewer runs or smaller "
            "networks, or raise checkpoint_every",
        )


def count_steps(config: RunConfig, images: int | None) -> int:
    """Steps of a run that learns from this many images; 0 if that is not known, and for scikit-learn."""
    if images is None or config.library != "torch":
        return 0
    return (config.epochs - (config.continue_epoch or 0)) * ceil(images / config.batch_size)


def checkpoint_bytes(config: RunConfig, shape: Shape, classes: int) -> int:
    """Bytes of one checkpoint: weights and optimizer state. Raises ArchitectureError."""
    parameters = network_sizes(config.architecture, shape, classes).parameters
    return BYTES_PER_NUMBER * parameters * (1 + count_optimizer_numbers(config))


@dataclass(frozen=True)
class _Memory:
    """Bytes that a run's network needs between two batches, while it answers, and for a batch of its training."""

    at_rest: int
    answering: int
    # 0 for scikit-learn, which says nothing of it.
    training: int


def _memory(config: RunConfig, network: NetworkSizes) -> _Memory:
    at_rest = BYTES_PER_NUMBER * network.parameters * (2 + count_optimizer_numbers(config))
    answering = BYTES_PER_NUMBER * (network.parameters + network.peak * PREDICTION_BATCH)
    training = at_rest + BYTES_PER_NUMBER * network.kept * config.batch_size
    return _Memory(at_rest, answering, training if config.library == "torch" else 0)


def _check_memory(config: RunConfig, network: NetworkSizes) -> None:
    most, memory = read_limit("MAX_RUN_MEMORY"), _memory(config, network)
    at_rest, answering, training = memory.at_rest, memory.answering, memory.training
    if max(at_rest, answering) > most:
        raise ConfigError(
            "architecture",
            f"it needs about {_gigabytes(max(at_rest, answering))} of memory whatever the batch size, and a run may "
            f"need {_gigabytes(most)}; use fewer units or channels, or pool earlier{_larger('MAX_RUN_MEMORY')}",
        )
    if training > most:
        fitting = (most - at_rest) // (BYTES_PER_NUMBER * network.kept)
        remedy = f"choose {fitting:,} or less, or" if fitting else "use smaller images, or"
        raise ConfigError(
            "batch_size",
            f"{config.batch_size:,} images at a time need about {_gigabytes(training)} of memory with this network, "
            f"and a run may need {_gigabytes(most)}; {remedy} fewer units or channels{_larger('MAX_RUN_MEMORY')}",
        )


def _peak(nodes: tuple[Node, ...], held: int = 0) -> int:
    """The most numbers that exist at once while one image passes these layers.

    `held` numbers, the input of the first layer, stay in memory while all other layers run.
    """
    most = 0
    for index, node in enumerate(nodes):
        before, after = prod(node.input_shape), prod(node.output_shape)
        if node.body:
            inside = max(_peak(node.body, before), before + (3 if node.shortcut else 2) * after)
        else:
            inside = before + (0 if node.kind.role in _NO_COPY else after)
        most = max(most, inside + (held if index else 0))
    return most


def _larger(name: str) -> str:
    return f" (on a larger machine set {limit_variable(name)})"


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:,.1f} GB"
