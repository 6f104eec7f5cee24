"""Variations of a network to put against it: wider, deeper, with dropout, convolutional. Does not import torch."""

from collections.abc import Callable
from dataclasses import dataclass

from mnist_core.architectures.editing import (
    FIRST_WIDTH,
    hidden_layers,
    insert_layers,
    output_layer,
    width_span,
    with_hidden_layer,
)
from mnist_core.architectures.layers.kind import Shape
from mnist_core.architectures.table import Architecture, describe_architecture
from mnist_core.config import MAX_PARAMETERS
from mnist_core.errors import ArchitectureError

_DROPOUT = 0.3
_WIDER = "wider"


@dataclass(frozen=True)
class Variation:
    """A network that differs from another one in a single respect."""

    # One or two words: "wider".
    name: str
    # The line of layers.
    text: str
    # What was changed, as the end of a sentence.
    change: str


def variations(text: str, input_shape: Shape, classes: int) -> list[Variation]:
    """What can be put against a network: each variation is a valid line that differs from it and is not too large.

    `text` is a preset's name or a line, for images (C, H, W). Raises ArchitectureError if it cannot be read.
    """
    network = describe_architecture(text, input_shape, classes)
    offered = [variation for vary in _VARIATIONS if (variation := vary(network))]
    return [variation for variation in offered if _is_possible(variation, network, classes)]


def _is_possible(variation: Variation, network: Architecture, classes: int) -> bool:
    try:
        varied = describe_architecture(variation.text, network.input_shape, classes)
    except ArchitectureError:
        return False
    # Around a block whose width changes, a shortcut of its own may arise: then more than the width would differ.
    is_same_kind = variation.name != _WIDER or [row.name for row in varied.layers] == [
        row.name for row in network.layers
    ]
    return is_same_kind and varied.parameters <= MAX_PARAMETERS


def _wider(network: Architecture) -> Variation | None:
    """Twice as many units or channels in every hidden layer; where an argument depends on them, the line is invalid."""
    # A repeated layer stands in the text once.
    widths = {}
    for layer in network.layers:
        is_hidden = layer.name in ("linear", "conv") and layer is not output_layer(network)
        if is_hidden and (span := width_span(network, layer)):
            widths[span] = 2 * int(network.text[slice(*span)])
    text = network.text
    for (start, end), width in sorted(widths.items(), reverse=True):
        text = f"{text[:start]}{width}{text[end:]}"
    return Variation(_WIDER, text, "twice as many units or channels in each hidden layer") if widths else None


def _deeper(network: Architecture) -> Variation | None:
    last = output_layer(network)
    if last is None:
        return None
    hidden = hidden_layers(network)
    width = hidden[-1].output_shape[-1] if hidden else FIRST_WIDTH
    text = with_hidden_layer(network, last, width)
    return Variation("deeper", text, f"one more hidden layer of {width} units before the last one")


def _with_dropout(network: Architecture) -> Variation | None:
    last = output_layer(network)
    if last is None or any(layer.role == "dropout" for layer in network.layers):
        return None
    text = insert_layers(network.text, last.start, f"dropout({_DROPOUT})")
    return Variation("with dropout", text, f"{_DROPOUT:.0%} of the last hidden values left out at random in training")


def _convolutional(network: Architecture) -> Variation | None:
    first = network.layers[0]
    if first.name != "flatten" or any(layer.role == "convolution" for layer in network.layers):
        return None
    text = insert_layers(network.text, first.start, "conv(16, 3, padding=same) relu maxpool(2)")
    return Variation("convolutional", text, "16 filters of 3×3 pixels before the rest")


_VARIATIONS: tuple[Callable[[Architecture], Variation | None], ...] = (_wider, _deeper, _with_dropout, _convolutional)
