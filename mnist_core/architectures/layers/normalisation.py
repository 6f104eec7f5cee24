"""Layers that bring numbers to mean 0 and variance 1, then scale and shift them by learned amounts."""

from typing import Any

from mnist_core.architectures.layers.kind import LayerKind, Shape, WeightShapes, format_shape, no_macs, unchanged
from mnist_core.errors import ArchitectureError


def _batchnorm_shape(shape: Shape) -> Shape:
    if len(shape) == 2:
        raise ArchitectureError(
            f"batchnorm works on images or vectors, but here it gets tokens of {format_shape(shape)}; use layernorm"
        )
    return shape


def _batchnorm_weights(shape: Shape) -> tuple[WeightShapes, ...]:
    return (WeightShapes("BatchNorm2d" if len(shape) == 3 else "BatchNorm1d", (shape[:1], shape[:1]), ""),)


def _batchnorm(nn: Any, shape: Shape) -> Any:
    return nn.BatchNorm2d(shape[0]) if len(shape) == 3 else nn.BatchNorm1d(shape[0])


def _layernorm_weights(shape: Shape) -> tuple[WeightShapes, ...]:
    if len(shape) == 3:
        return (WeightShapes("GroupNorm", (shape[:1], shape[:1]), ""),)
    return (WeightShapes("LayerNorm", (shape[-1:], shape[-1:]), ""),)


def _layernorm(nn: Any, shape: Shape) -> Any:
    # GroupNorm with one group is layer norm with one scale per channel instead of one per pixel (Wu and He 2018).
    return nn.GroupNorm(1, shape[0]) if len(shape) == 3 else nn.LayerNorm(shape[-1])


BATCHNORM = LayerKind(
    name="batchnorm",
    help="Normalises every channel over the images of the batch; in use, over all of training "
    "(Ioffe and Szegedy 2015).",
    role="norm",
    arguments=(),
    shape=_batchnorm_shape,
    weights=_batchnorm_weights,
    macs=no_macs,
    over_batch=True,
    make=_batchnorm,
    label=lambda shape: "batch norm",
)

LAYERNORM = LayerKind(
    name="layernorm",
    help="Normalises every image, vector or token by itself, independent of the batch (Ba et al. 2016).",
    role="norm",
    arguments=(),
    shape=unchanged,
    weights=_layernorm_weights,
    macs=no_macs,
    over_batch=False,
    make=_layernorm,
    label=lambda shape: "layer norm",
)
