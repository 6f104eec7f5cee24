"""Changes to one layer of a network's line: its width, a copy of it, its removal. Does not import torch."""

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from mnist_core.architectures.layers.kind import Role, Shape
from mnist_core.architectures.table import Architecture, Layer, describe_architecture
from mnist_core.errors import ArchitectureError

# resize: another width; copy: the same layer once more after it; remove: take the layer out; insert: a hidden layer
# before the output layer.
Action = Literal["resize", "copy", "remove", "insert"]

# Units of the first hidden layer, where a network has none.
FIRST_WIDTH = 100
# The widths that are stepped through: round numbers for linear layers, powers of two for convolutions, whose channels
# are often split into equal groups.
_UNITS = (1, 2, 3, 5, 10, 20, 30, 50, 100, 200, 300, 500, 1000, 2000, 3000, 5000, 10_000)
_CHANNELS = tuple(2**power for power in range(11))
_WIDTH = re.compile(r"\(\s*\+?([0-9]+)|\bout\s*=\s*\+?([0-9]+)", re.IGNORECASE)
_SEPARATOR = re.compile(r"(?:\s|,|->|→)+")
_REPETITION = re.compile(r"[0-9]+\s*[*×]\s*$")
_REPETITION_OF_GROUP = re.compile(r"[0-9]+\s*[*×]\s*\(\s*$")
_PILLS: tuple[Role, ...] = ("activation", "norm", "dropout")


@dataclass(frozen=True)
class EditableLayer:
    """A layer of a network that can be changed, and what can be done with it."""

    # Row in `Architecture.layers`; of a repeated layer, which stands in the line once, the first.
    index: int
    # Its name for a reader: "Hidden layer 1", "Convolution 2", "Output layer".
    name: str
    # Number of units or channels.
    width: int
    # The widths to step through in rising order, its own among them; empty if its width is not a number in the line.
    widths: tuple[int, ...]
    # Of the neighbouring widths, those with which the network is valid.
    narrower: int | None
    wider: int | None
    can_copy: bool
    can_remove: bool
    can_insert: bool


@lru_cache(maxsize=64)
def editable_layers(network: Architecture) -> tuple[EditableLayer, ...]:
    """The linear layers and convolutions of a network, in its order; the output layer if a layer can go before it."""
    counts = {"linear": 0, "conv": 0}
    # A repeated layer stands in the line once.
    seen: set[int] = set()
    output = output_layer(network)
    layers = []
    for index, layer in enumerate(network.layers):
        if layer.name not in counts or layer.start in seen:
            continue
        seen.add(layer.start)
        if layer == output:
            if _can_change(network, index, "insert"):
                layers.append(
                    EditableLayer(index, "Output layer", layer.output_shape[-1], (), None, None, *_ONLY_INSERT)
                )
            continue
        counts[layer.name] += 1
        name = f"{'Hidden layer' if layer.name == 'linear' else 'Convolution'} {counts[layer.name]}"
        layers.append(_editable(network, index, name))
    return tuple(layers)


@dataclass(frozen=True)
class LayerChange:
    """A change of one layer."""

    # Row of the layer in `Architecture.layers`.
    index: int
    action: Action
    # The width that is wanted, for "resize"; else 0.
    width: int = 0


def change_layer(text: str, input_shape: Shape, classes: int, change: LayerChange) -> str:
    """The line with one layer changed; `text` is a line or a preset's name, for images (C, H, W).

    All else in the line stays as it was written. Raises ArchitectureError if the layer cannot be changed so.
    """
    network = describe_architecture(text, input_shape, classes)
    # A description has a blank for each white space of the line, at the same positions; of a preset it has the layers.
    is_line = len(text) == len(network.text) and re.sub(r"\s", " ", text) == network.text
    return _changed(replace(network, text=text) if is_line else network, change)


def output_layer(network: Architecture) -> Layer | None:
    """The linear layer that gives the scores of the classes; None if the network ends in another way."""
    linear = [layer for layer in network.layers if layer.name == "linear" and not layer.depth]
    return linear[-1] if linear else None


def hidden_layers(network: Architecture) -> list[Layer]:
    """The linear layers before the output layer, without those in blocks."""
    output = output_layer(network)
    return [layer for layer in network.layers if layer.name == "linear" and layer is not output and not layer.depth]


def width_span(network: Architecture, layer: Layer) -> tuple[int, int] | None:
    """Where the layer's width stands in the network's line, as a range of characters; None if it is no number there."""
    match = _WIDTH.search(network.text, layer.start, layer.end)
    return match.span(match.lastindex or 0) if match else None


def with_hidden_layer(network: Architecture, output: Layer, width: int) -> str:
    """The line with one more hidden layer before the output layer, with the activation that the network used last."""
    return insert_layers(network.text, output.start, f"linear({width}) {_activation(network)}")


def insert_layers(text: str, position: int, layers: str) -> str:
    """The line with these layers before the one that begins at this position."""
    return f"{text[:position]}{layers} {text[position:]}"


# Whether an output layer can be copied, removed, and have a layer put before it.
_ONLY_INSERT = (False, False, True)


def _changed(network: Architecture, change: LayerChange) -> str:
    index, action, width = change.index, change.action, change.width
    layer = network.layers[index] if 0 <= index < len(network.layers) else None
    if layer is None or layer.name not in ("linear", "conv"):
        raise ArchitectureError("There is no linear layer and no convolution at this place; choose another one")
    if (layer == output_layer(network)) != (action == "insert"):
        raise ArchitectureError("The output layer has one output a class; change a layer before it")
    text = {
        "resize": lambda: _with_width(network, layer, width),
        "copy": lambda: _with_copy(network, layer),
        "remove": lambda: _without(network, layer),
        "insert": lambda: with_hidden_layer(network, layer, FIRST_WIDTH),
    }[action]()
    classes = network.layers[-1].output_shape[-1]
    describe_architecture(text, network.input_shape, classes)
    return text


def _editable(network: Architecture, index: int, name: str) -> EditableLayer:
    layer = network.layers[index]
    span = width_span(network, layer)
    width = int(network.text[slice(*span)]) if span else layer.output_shape[0 if layer.name == "conv" else -1]
    steps = _UNITS if layer.name == "linear" else _CHANNELS
    widths = tuple(sorted({*steps, width})) if span else ()
    at = widths.index(width) if widths else 0
    below, above = widths[:at][-1:], widths[at + 1 :][:1]
    return EditableLayer(
        index,
        name,
        width,
        widths,
        next((other for other in below if _can_change(network, index, "resize", other)), None),
        next((other for other in above if _can_change(network, index, "resize", other)), None),
        _can_change(network, index, "copy"),
        _can_change(network, index, "remove"),
        can_insert=False,
    )


def _can_change(network: Architecture, index: int, action: Action, width: int = 0) -> bool:
    # Where there are hidden layers already, a copy of the last one is what comes before the output layer.
    if action == "insert" and hidden_layers(network):
        return False
    try:
        _changed(network, LayerChange(index, action, width))
    except ArchitectureError:
        return False
    return True


def _with_width(network: Architecture, layer: Layer, width: int) -> str:
    span = width_span(network, layer)
    if span is None:
        raise ArchitectureError(f"The width of {layer.call} is not a number in the line; write one there")
    return f"{network.text[: span[0]]}{width}{network.text[span[1] :]}"


def _with_copy(network: Architecture, layer: Layer) -> str:
    text, end = network.text, _end(network, layer)
    return f"{text[:end]}{_separator(text, layer.start, end)}{text[layer.start : end]}{text[end:]}"


def _without(network: Architecture, layer: Layer) -> str:
    """The line without the layer and what belongs to it; a repetition of nothing else goes with it."""
    text, start, end = network.text, layer.start, _end(network, layer)
    while True:
        closing = re.compile(r"\s*\)").match(text, end)
        if single := _REPETITION.search(text, 0, start):
            start = single.start()
        elif (group := _REPETITION_OF_GROUP.search(text, 0, start)) and closing:
            start, end = group.start(), closing.end()
        else:
            break
    before = _last_separator(text, start)
    if before < start:
        return text[:before] + text[end:]
    after = _SEPARATOR.match(text, end)
    return text[:start] + text[after.end() if after else end :]


def _end(network: Architecture, layer: Layer) -> int:
    """Where the activations, normalisations and dropouts end that follow the layer; else where the layer ends."""
    end = layer.end
    for start, stop in sorted({(row.start, row.end) for row in network.layers if row.role in _PILLS}):
        if start >= end and _SEPARATOR.fullmatch(network.text, end, start):
            end = stop
    return end


def _separator(text: str, start: int, end: int) -> str:
    """What a person writes between layers, as it stands before this range of characters or after it."""
    before = text[_last_separator(text, start) : start]
    after = _SEPARATOR.match(text, end)
    return before or (after[0] if after and after.end() < len(text) else " ")


def _last_separator(text: str, position: int) -> int:
    """Where the separator begins that ends at this position; the position if there is none."""
    match = re.compile(rf"{_SEPARATOR.pattern}$").search(text, 0, position)
    return match.start() if match else position


def _activation(network: Architecture) -> str:
    """The activation that the network used last, relu if it has none."""
    used = [layer for layer in network.layers if layer.role == "activation" and not layer.depth]
    return network.text[used[-1].start : used[-1].end] if used else "relu"
