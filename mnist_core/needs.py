"""What a run needs - memory, steps, room for its checkpoints - counted from its network's text before it is queued.

Torch is not asked, and nothing is built: shapes and parameters follow from the layers. The limits stand in `limits`.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import ceil, prod

from mnist_core.architectures.inference import Node, every, infer
from mnist_core.architectures.layers import Shape
from mnist_core.architectures.presets import line_of
from mnist_core.config import RunConfig
from mnist_core.errors import ConfigError
from mnist_core.limits import ANSWERED_AT_ONCE, MAX_CHECKPOINT_OF_RUN, MAX_RUN_MEMORY, MAX_STEPS
from mnist_core.optimizers import OPTIMIZERS

NUMBER = 4  # bytes of a float32
_NO_COPY = ("reshape", "dropout")  # roles of layers whose output is their input, laid out anew or as it is
_REMEMBERED = 512  # networks, so that a sweep counts each of its networks once


@dataclass(frozen=True)
class Sizes:
    """How many numbers a network is made of."""

    parameters: int
    kept: int  # of one image, in training: its own and every layer's output, for the way back
    peak: int  # of one image, in answering: the most that exist at one moment


@lru_cache(maxsize=_REMEMBERED)
def sizes(architecture: str, shape: Shape, classes: int) -> Sizes:
    """The sizes of the network for images (C, H, W) and this many classes. Raises ArchitectureError."""
    nodes = infer(line_of(architecture), shape, classes)
    rows = [node for node, _, _ in every(nodes)]
    kept = prod(shape) + sum(prod(node.output_shape) for node in rows if node.kind.role != "reshape")
    return Sizes(sum(node.parameters for node in rows), kept, _peak(nodes))


def numbers_of_optimizer(config: RunConfig) -> int:
    """Numbers that the optimizer keeps for each weight; Muon keeps one for hidden matrices and two for the rest."""
    return OPTIMIZERS[config.optimizer].numbers_kept(config.momentum)


def check_needs(config: RunConfig, shape: Shape, classes: int, images: int | None) -> None:
    """Raise ConfigError, with the remedy, where a run would need more than `limits` allow.

    `images`: how many are learned from; None if that is not known yet, then steps are not counted. Raises
    ArchitectureError.
    """
    network = sizes(config.architecture, shape, classes)
    _check_memory(config, network)
    checkpoint = NUMBER * network.parameters * (1 + numbers_of_optimizer(config))
    if checkpoint > MAX_CHECKPOINT_OF_RUN:
        raise ConfigError(
            "architecture",
            f"one checkpoint of it would take {_gigabytes(checkpoint)} on the disk, and at most "
            f"{_gigabytes(MAX_CHECKPOINT_OF_RUN)} are kept; use fewer units or channels",
        )
    if images is None or config.library != "torch":
        return
    steps = config.epochs * ceil(images / config.batch_size)
    if steps > MAX_STEPS:
        epochs = MAX_STEPS // ceil(images / config.batch_size)
        remedy = f"train at most {epochs:,} epochs, or choose a larger batch size" if epochs else "use larger batches"
        raise ConfigError("epochs", f"{config.epochs:,} are {steps:,} steps, more than {MAX_STEPS:,}; {remedy}")


def _check_memory(config: RunConfig, network: Sizes) -> None:
    at_rest = NUMBER * network.parameters * (2 + numbers_of_optimizer(config))
    answering = NUMBER * (network.parameters + network.peak * ANSWERED_AT_ONCE)
    if max(at_rest, answering) > MAX_RUN_MEMORY:
        raise ConfigError(
            "architecture",
            f"it needs about {_gigabytes(max(at_rest, answering))} of memory whatever the batch size, and a run may "
            f"need {_gigabytes(MAX_RUN_MEMORY)}; use fewer units or channels, or pool earlier",
        )
    training = at_rest + NUMBER * network.kept * config.batch_size
    if config.library == "torch" and training > MAX_RUN_MEMORY:
        fitting = (MAX_RUN_MEMORY - at_rest) // (NUMBER * network.kept)
        remedy = f"choose {fitting:,} or less, or" if fitting else "use smaller images, or"
        raise ConfigError(
            "batch_size",
            f"{config.batch_size:,} images at a time need about {_gigabytes(training)} of memory with this network, "
            f"and a run may need {_gigabytes(MAX_RUN_MEMORY)}; {remedy} fewer units or channels",
        )


def _peak(nodes: tuple[Node, ...], held: int = 0) -> int:
    """The most numbers that exist at once while one image passes these layers; `held` is kept beside all but the first.

    The first layer's input is what is held.
    """
    most = 0
    for place, node in enumerate(nodes):
        before, after = prod(node.input_shape), prod(node.output_shape)
        if node.body:
            inside = max(_peak(node.body, before), before + (3 if node.shortcut else 2) * after)
        else:
            inside = before + (0 if node.kind.role in _NO_COPY else after)
        most = max(most, inside + (held if place else 0))
    return most


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:,.1f} GB"
