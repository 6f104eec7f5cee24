"""Layers that bring numbers to mean 0 and variance 1, then scale and shift them by learned amounts."""

from typing import Any

from mnist_core.architectures.layers.kind import Kind, Shape, shown
from mnist_core.errors import ArchitectureError


def _batchnorm_shape(shape: Shape) -> Shape:
    if len(shape) == 2:
        raise ArchitectureError(
            f"batchnorm works on images or vectors, but here it gets tokens of {shown(shape)}; use layernorm"
        )
    return shape


def _batchnorm(nn: Any, shape: Shape) -> Any:
    return nn.BatchNorm2d(shape[0]) if len(shape) == 3 else nn.BatchNorm1d(shape[0])


def _layernorm_width(shape: Shape) -> int:
    return shape[0] if len(shape) == 3 else shape[-1]


def _layernorm(nn: Any, shape: Shape) -> Any:
    # One group over all channels is layer norm with a scale a channel instead of one a pixel (Wu and He 2018).
    return nn.GroupNorm(1, shape[0]) if len(shape) == 3 else nn.LayerNorm(shape[-1])


BATCHNORM = Kind(
    "batchnorm",
    "Normalises every channel over the images of the batch; in use, over all of training (Ioffe and Szegedy 2015).",
    "norm",
    shape=_batchnorm_shape,
    parameters=lambda shape: 2 * shape[0],
    make=_batchnorm,
    label=lambda shape: "batch norm",
)

LAYERNORM = Kind(
    "layernorm",
    "Normalises every image, vector or token by itself, independent of the batch (Ba et al. 2016).",
    "norm",
    parameters=lambda shape: 2 * _layernorm_width(shape),
    make=_layernorm,
    label=lambda shape: "layer norm",
)

KINDS = (BATCHNORM, LAYERNORM)
