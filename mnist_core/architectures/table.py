"""The table of layers that a page shows while an architecture is typed. Does not import torch."""

from dataclasses import dataclass

from mnist_core.architectures.inference import Node, flatten_nodes, infer_nodes
from mnist_core.architectures.layers.kind import Role, Shape
from mnist_core.architectures.presets import architecture_line


@dataclass(frozen=True)
class Layer:
    """One row: a layer, a block's head before its layers, or a block's shortcut after them."""

    # Name of the layer kind, or "shortcut".
    name: str
    # The layer as typed, with words and defaults resolved: "conv(150, 5, padding=2)".
    call: str
    # Shape for one image.
    output_shape: Shape
    parameters: int
    # Multiply-accumulate operations for one image.
    macs: int
    # Number of blocks around it.
    depth: int
    # Character range in the architecture's text.
    start: int
    end: int
    # A few words for the diagram: "conv 5×5".
    label: str
    role: Role
    # Side in pixels of the window that slides over the input; 0 if there is none.
    window: int = 0


@dataclass(frozen=True)
class Architecture:
    """A network as text, with the layers that it stands for."""

    # The line of layers; for a preset its line, not its name.
    text: str
    # Shape (C, H, W).
    input_shape: Shape
    layers: tuple[Layer, ...]

    @property
    def parameters(self) -> int:
        """Number of learned numbers."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of all matrix products and convolutions for one image."""
        return sum(layer.macs for layer in self.layers)


def describe_architecture(text: str, input_shape: Shape, classes: int) -> Architecture:
    """The layers of a preset's name or a line, for images (C, H, W) and this many classes.

    Counts the multiply-accumulates of convolutions, linear layers and attention; not those of biases,
    activations, pooling and normalisation. Raises ArchitectureError with the position of the mistake.
    """
    line = architecture_line(text)
    layers = [_layer(*row) for row in flatten_nodes(infer_nodes(line, input_shape, classes))]
    return Architecture(line, tuple(input_shape), tuple(layers))


def _layer(node: Node, depth: int, shortcut: bool) -> Layer:
    kind, call = node.kind, node.kind.call(node.values)
    label = kind.label(node.input_shape, **node.values) if kind.label else kind.name
    return Layer(
        name="shortcut" if shortcut else kind.name,
        call=f"shortcut {call}" if shortcut else call,
        output_shape=node.output_shape,
        parameters=node.parameters,
        macs=node.macs,
        depth=depth,
        start=node.start,
        end=node.end,
        label=label,
        role=kind.role,
        window=node.values.get("kernel", node.values.get("size", 0)),
    )
