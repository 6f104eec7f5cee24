"""The dictionary of all kinds of layers: every LayerKind that a family's file names, in its order."""

from mnist_core.architectures.layers import activation, convolution, dense, normalisation, residual, tokens
from mnist_core.architectures.layers.kind import Argument, LayerKind, Shape, WeightShapes, format_shape

__all__ = ["KINDS", "Argument", "LayerKind", "Shape", "WeightShapes", "format_shape"]

KINDS: dict[str, LayerKind] = {
    kind.name: kind
    for family in (dense, convolution, activation, normalisation, residual, tokens)
    for kind in vars(family).values()
    if isinstance(kind, LayerKind)
}
