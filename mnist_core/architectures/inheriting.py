"""Initial weights taken over from another network, for a comparison in which only the architecture differs."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any

from mnist_core.architectures.building import build
from mnist_core.architectures.layers import Shape

if TYPE_CHECKING:
    from torch import nn

_THEN = ";"  # between networks that hand their weights on, the first one first


@dataclass(frozen=True)
class Inherited:
    """How much of a network starts from the same values as another one: layers with weights, and numbers in them."""

    layers: int
    of_layers: int
    numbers: int
    of_numbers: int

    def __str__(self) -> str:
        numbers = f"{self.numbers:,} of {self.of_numbers:,} weights"
        return f"{self.layers} of {self.of_layers} layers with weights start from the same values ({numbers})."


def line_of_descent(initial_weights: str, architecture: str) -> str:
    """`initial_weights` of a network that is to start like a run of this architecture and these initial weights."""
    return f"{initial_weights} {_THEN} {architecture}" if initial_weights else architecture


def build_seeded(
    text: str, input_shape: Shape, classes: int, seed: int, initial_weights: str = ""
) -> "tuple[nn.Module, Inherited | None]":
    """The network that a run of this seed starts with, and what it took over; sets torch's global seed.

    Without `initial_weights` that is `build` after `torch.manual_seed(seed)`. With it (an architecture, or several
    with ; between them, the oldest first) the older networks are built first, exactly as their own runs build them;
    each hands its initial values on to the next, and torch's random state is then what it was after the first of
    them: dropout and augmentation draw the same numbers as they do in its run. Raises ArchitectureError.
    """
    import torch

    torch.manual_seed(seed)
    first, *later = [*_lines(initial_weights), text]
    network, taken = build(first, input_shape, classes), None
    state = torch.get_rng_state()
    for line in later:
        younger = build(line, input_shape, classes)
        taken, network = inherit(younger, network), younger
    torch.set_rng_state(state)
    return network, taken


def preview(text: str, input_shape: Shape, classes: int, parent: str) -> Inherited:
    """What `inherit` would take over; torch's random state stays as it is. Raises ArchitectureError."""
    import torch

    with torch.random.fork_rng(devices=[]):  # torch's device "meta" would draw nothing, but takes seconds to import
        return inherit(build(text, input_shape, classes), build(parent, input_shape, classes))


def inherit(network: "nn.Module", parent: "nn.Module") -> Inherited:
    """Copy the parent's weights into layers of the same kind and shapes, aligned in the order of both networks.

    The alignment is difflib's: longest common stretches of layers, so that a layer that was put in or left out moves
    nothing but itself. Weights of normalisation and positions count as layers of their own.
    """
    import torch

    mine, theirs = _weighted(network), _weighted(parent)
    blocks = SequenceMatcher(None, [_key(one) for one in theirs], [_key(one) for one in mine], autojunk=False)
    layers = numbers = 0
    with torch.no_grad():
        for start, place, size in blocks.get_matching_blocks():
            for old, new in zip(theirs[start : start + size], mine[place : place + size], strict=True):
                for value, target in zip(_own(old), _own(new), strict=True):
                    target.copy_(value)
                    numbers += target.numel()
                layers += 1
    return Inherited(layers, len(mine), numbers, sum(value.numel() for value in network.parameters()))


def _lines(initial_weights: str) -> Sequence[str]:
    return [line.strip() for line in initial_weights.split(_THEN) if line.strip()]


def _weighted(network: "nn.Module") -> list["nn.Module"]:
    return [module for module in network.modules() if _own(module)]


def _own(module: "nn.Module") -> list[Any]:
    return list(module.parameters(recurse=False))


def _key(module: "nn.Module") -> tuple[Any, ...]:
    return (type(module).__name__, *(tuple(value.shape) for value in _own(module)))
