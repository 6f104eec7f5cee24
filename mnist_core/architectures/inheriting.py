"""Initial weights taken from another network, for a comparison in which only the architecture differs."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mnist_core.architectures.building import build_network
from mnist_core.architectures.inference import Node, flatten_nodes, infer_nodes, list_weights
from mnist_core.architectures.layers.kind import Shape
from mnist_core.architectures.presets import architecture_line
from mnist_core.config import MAX_LAYERS, read_limit
from mnist_core.errors import ArchitectureError

if TYPE_CHECKING:
    from torch import nn

# Stands between the architectures in `initial_weights`, the oldest first.
_SEPARATOR = ";"


@dataclass(frozen=True)
class Inherited:
    """How much of a network starts from the same values as another one: layers with weights, and their numbers."""

    layers: int
    of_layers: int
    numbers: int
    of_numbers: int

    def __str__(self) -> str:
        numbers = f"{self.numbers:,} of {self.of_numbers:,} weights"
        return f"{self.layers} of {self.of_layers} layers with weights start from the same values ({numbers})."


def extend_initial_weights(initial_weights: str, architecture: str) -> str:
    """`initial_weights` for a network that shall start like a run with this architecture and these initial weights."""
    return f"{initial_weights} {_SEPARATOR} {architecture}" if initial_weights else architecture


def initial_lines(initial_weights: str) -> list[str]:
    """The architectures in `initial_weights`, the oldest first."""
    return [line.strip() for line in initial_weights.split(_SEPARATOR) if line.strip()]


def check_initial_weights(initial_weights: str, input_shape: Shape, classes: int) -> None:
    """Raise ArchitectureError unless all networks of `initial_weights` can be built, one after another.

    Together they may have as many layers and parameters as one network.
    """
    layers = parameters = 0
    for line in initial_lines(initial_weights):
        try:
            nodes = infer_nodes(architecture_line(line), input_shape, classes)
        except ArchitectureError as error:
            message = f"initial_weights: {_lower(str(error))}"
            raise ArchitectureError(message, error.text, error.start, error.end) from None
        rows = flatten_nodes(nodes)
        layers += sum(not is_shortcut for _, _, is_shortcut in rows)
        parameters += sum(node.parameters for node, _, _ in rows)
        if layers > MAX_LAYERS or parameters > read_limit("MAX_PARAMETERS"):
            raise ArchitectureError(
                f"initial_weights: its networks have more than {MAX_LAYERS:,} layers or "
                f"{read_limit('MAX_PARAMETERS'):,} parameters together; name fewer or smaller ones",
                line,
                0,
                len(line),
            )


def build_seeded(
    text: str, input_shape: Shape, classes: int, seed: int, initial_weights: str = ""
) -> "tuple[nn.Module, Inherited | None]":
    """The network that a run of this seed starts with, and what it took over; sets torch's global seed.

    Without `initial_weights` this is `build_network` after `torch.manual_seed(seed)`. `initial_weights` holds one or
    several architectures with ; between them, the oldest first. They are built first, exactly as their own runs build
    them, and each hands its initial values on to the next. Afterwards torch's random state is what it was once the
    first of them was built, so dropout and augmentation draw the same numbers as in its run.
    Raises ArchitectureError.
    """
    import torch

    check_initial_weights(initial_weights, input_shape, classes)
    torch.manual_seed(seed)
    first, *later = [*initial_lines(initial_weights), text]
    network, taken = build_network(first, input_shape, classes), None
    state = torch.get_rng_state()
    for line in later:
        younger = build_network(line, input_shape, classes)
        taken, network = inherit(younger, network), younger
    torch.set_rng_state(state)
    return network, taken


def preview(text: str, input_shape: Shape, classes: int, parent: str) -> Inherited:
    """What `inherit` would take over, without building either network. Raises ArchitectureError."""
    new, old = (infer_nodes(architecture_line(line), input_shape, classes) for line in (text, parent))
    weights = dict(list_weights(new))
    handed_on = [weights[name] for name, _ in matching_weights(new, old)]
    return Inherited(
        layers=len(handed_on),
        of_layers=len(weights),
        numbers=sum(each.numbers for each in handed_on),
        of_numbers=sum(each.numbers for each in weights.values()),
    )


def matching_weights(network: Sequence[Node], parent: Sequence[Node]) -> list[tuple[str, str]]:
    """Names of modules of `network`, each with that of the parent's module whose weights `inherit` gives it."""
    new, old = list_weights(network), list_weights(parent)
    pairs = _aligned(
        [_key_of(each.module, each.shapes) for _, each in old], [_key_of(each.module, each.shapes) for _, each in new]
    )
    return [(new[new_index][0], old[old_index][0]) for old_index, new_index in pairs]


def inherit(network: "nn.Module", parent: "nn.Module") -> Inherited:
    """Copy the parent's weights into layers of the same kind and shapes, aligned in the order of both networks.

    The alignment is difflib's: longest common stretches of layers, so that an added or removed layer affects only
    itself. Weights of normalisation and positions count as layers of their own.
    """
    import torch

    mine, theirs = _weighted(network), _weighted(parent)
    pairs = _aligned([_key(module) for module in theirs], [_key(module) for module in mine])
    numbers = 0
    with torch.no_grad():
        for parent_index, index in pairs:
            for value, target in zip(_parameters(theirs[parent_index]), _parameters(mine[index]), strict=True):
                target.copy_(value)
                numbers += target.numel()
    return Inherited(len(pairs), len(mine), numbers, sum(value.numel() for value in network.parameters()))


def _aligned(old: Sequence[Hashable], new: Sequence[Hashable]) -> list[tuple[int, int]]:
    """Positions in `old` and `new` of equal keys: the longest common stretch, then the same before and after it.

    These are the matching blocks of difflib.SequenceMatcher, found in a small part of its time where keys repeat: no
    stretch beside the longest one can be longer, so the search there ends with the first that is as long.
    """
    numbers = {key: number for number, key in enumerate(dict.fromkeys([*old, *new]))}
    a, b = (np.array([numbers[key] for key in keys], dtype=np.int64) for keys in (old, new))
    pairs: list[tuple[int, int]] = []
    waiting = [(0, len(a), 0, len(b), min(len(a), len(b)))]
    while waiting:
        a_start, a_end, b_start, b_end, bound = waiting.pop()
        size, first, second = _longest(a[a_start:a_end], b[b_start:b_end], bound)
        if size:
            first, second = a_start + first, b_start + second
            pairs += [(first + step, second + step) for step in range(size)]
            waiting.append((a_start, first, b_start, second, size))
            waiting.append((first + size, a_end, second + size, b_end, size))
    return sorted(pairs)


def _longest(a: np.ndarray, b: np.ndarray, bound: int) -> tuple[int, int, int]:
    """Length of the longest common stretch, and where it begins in both, as early as possible in `a`, then in `b`.

    None is longer than `bound`.
    """
    best = (0, 0, 0)
    before = np.zeros(len(b) + 1, dtype=np.int64)
    for row, key in enumerate(a):
        # lengths[j + 1] is the length of the common stretch that ends at a[row] and b[j].
        lengths = np.zeros(len(b) + 1, dtype=np.int64)
        lengths[1:] = np.where(b == key, before[:-1] + 1, 0)
        longest = int(lengths.max())
        if longest > best[0]:
            best = (longest, row - longest + 1, int(lengths.argmax()) - longest)
            if longest >= min(bound, len(b)):
                break
        before = lengths
    return best


def _weighted(network: "nn.Module") -> list["nn.Module"]:
    return [module for module in network.modules() if _parameters(module)]


def _parameters(module: "nn.Module") -> list[Any]:
    return list(module.parameters(recurse=False))


def _key(module: "nn.Module") -> Hashable:
    return _key_of(type(module).__name__, [tuple(value.shape) for value in _parameters(module)])


def _key_of(module: str, shapes: Sequence[Shape]) -> Hashable:
    return module, tuple(shapes)


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]
