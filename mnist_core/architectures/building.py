"""Makes the torch module of an architecture."""

from typing import TYPE_CHECKING

from mnist_core.architectures.inference import Node, infer_nodes
from mnist_core.architectures.layers.kind import Shape
from mnist_core.architectures.presets import architecture_line

if TYPE_CHECKING:
    from torch import nn


def build_network(text: str, input_shape: Shape, classes: int) -> "nn.Module":
    """The network of a preset's name or a line: float images (B, C, H, W) to logits (B, classes).

    A Sequential of the layers in the order of the text, on the CPU, initialised as torch does by default, so the
    global seed alone decides its weights. Raises ArchitectureError with the position of the mistake.
    """
    from torch import nn

    return nn.Sequential(*map(_module, infer_nodes(architecture_line(text), input_shape, classes)))


def _module(node: Node) -> "nn.Module":
    from mnist_core.architectures import modules

    values = node.values
    if node.kind.block:
        body = modules.Sequential(*map(_module, node.body))
        values = {"body": body, "shortcut": node.shortcut and _module(node.shortcut)}
    return node.kind.make(modules, node.input_shape, **values)
