"""Layers on images (C, H, W): convolution and pooling."""

from math import prod

from mnist_core.architectures.layers.dense import BIAS
from mnist_core.architectures.layers.kind import (
    Argument,
    LayerKind,
    Shape,
    WeightShapes,
    format_shape,
    no_macs,
    no_weights,
)
from mnist_core.errors import ArchitectureError

_WINDOW = Argument(
    "kernel", "Height and width of the window in pixels.", takes=int, default=None, low=1, high=1024, words=()
)
_STEP = Argument(
    "stride", "How many pixels the window moves each time.", takes=int, default="kernel", low=1, high=1024, words=()
)


def need_image(shape: Shape, name: str) -> None:
    """Raise ArchitectureError unless the shape is (C, H, W)."""
    if len(shape) != 3:
        what = "a vector" if len(shape) == 1 else "tokens"
        remedy = "put it before flatten" if len(shape) == 1 else "put it before patches"
        raise ArchitectureError(
            f"{name} works on images (channels × height × width), but here it gets {what} of "
            f"{format_shape(shape)}; {remedy}"
        )


def _padding(kernel: int, padding: int | str) -> int:
    if padding != "same":
        return int(padding)
    if kernel % 2 == 0:
        raise ArchitectureError(
            f"padding=same needs an odd kernel, and {kernel} is even; "
            f"use {kernel - 1} or {kernel + 1}, or give padding a number"
        )
    return kernel // 2


def _conv_shape(shape: Shape, out: int, kernel: int, stride: int, padding: int | str, groups: int, bias: bool) -> Shape:
    need_image(shape, "conv")
    pad = _padding(kernel, padding)
    if shape[0] % groups or out % groups:
        raise ArchitectureError(
            f"groups={groups} must divide both the input channels ({shape[0]}) and the output channels ({out}); "
            "groups=1 always does"
        )
    height, width = (size + 2 * pad for size in shape[1:])
    if kernel > min(height, width):
        padded = f", {height}×{width} with its padding" if pad else ""
        raise ArchitectureError(
            f"conv's {kernel}×{kernel} kernel is larger than its input of {format_shape(shape)}{padded}; "
            "use a smaller kernel, more padding, or pool less before it"
        )
    return (out, *((size - kernel) // stride + 1 for size in (height, width)))


def _conv_weights(
    shape: Shape, out: int, kernel: int, groups: int, bias: bool, **_: object
) -> tuple[WeightShapes, ...]:
    return (WeightShapes("Conv2d", ((out, shape[0] // groups, kernel, kernel), *(((out,),) * bias)), ""),)


def _conv_macs(shape: Shape, out: int, kernel: int, stride: int, padding: int | str, groups: int, bias: bool) -> int:
    after = _conv_shape(shape, out, kernel, stride, padding, groups, bias)
    return prod(after) * (shape[0] // groups) * kernel**2


def _conv_label(shape: Shape, kernel: int, stride: int, groups: int, **_: object) -> str:
    name = "depthwise" if groups == shape[0] > 1 else "conv"
    return f"{name} {kernel}×{kernel}" + (f", stride {stride}" if stride > 1 else "")


def _pool_shape(shape: Shape, kernel: int, stride: int) -> Shape:
    need_image(shape, "pooling")
    if kernel > min(shape[1:]):
        raise ArchitectureError(
            f"The {kernel}×{kernel} window of this pooling is larger than its input of {format_shape(shape)}; "
            "use a smaller window or pool less before it"
        )
    return (shape[0], *((size - kernel) // stride + 1 for size in shape[1:]))


def _global_shape(shape: Shape) -> Shape:
    need_image(shape, "globalavgpool")
    return shape[:1]


CONV = LayerKind(
    name="conv",
    help="Convolution: slides small filters over the image and makes one output channel of each (LeCun et al. 1989).",
    role="convolution",
    arguments=(
        Argument(
            "out", "How many filters, and so output channels.", takes=int, default=None, low=1, high=1_000_000, words=()
        ),
        Argument(
            "kernel", "Height and width of a filter in pixels.", takes=int, default=None, low=1, high=1024, words=()
        ),
        Argument(
            "stride", "How many pixels a filter moves each time.", takes=int, default=1, low=1, high=1024, words=()
        ),
        Argument(
            "padding",
            "Zeros added on every side; same keeps height and width (at stride 1).",
            takes=int,
            default=0,
            low=0,
            high=1024,
            words=("same",),
        ),
        Argument(
            "groups",
            "Split the channels into this many groups; as many as channels: depthwise.",
            takes=int,
            default=1,
            low=1,
            high=1_000_000,
            words=(),
        ),
        BIAS,
    ),
    shape=_conv_shape,
    weights=_conv_weights,
    macs=_conv_macs,
    over_batch=False,
    make=lambda nn, shape, out, kernel, stride, padding, groups, bias: nn.Conv2d(
        shape[0], out, kernel, stride, _padding(kernel, padding), groups=groups, bias=bias
    ),
    label=_conv_label,
)

MAXPOOL = LayerKind(
    name="maxpool",
    help="Keeps the largest number of every window, which shrinks the image.",
    role="pool",
    arguments=(_WINDOW, _STEP),
    shape=_pool_shape,
    weights=no_weights,
    macs=no_macs,
    over_batch=False,
    make=lambda nn, shape, kernel, stride: nn.MaxPool2d(kernel, stride),
    label=lambda shape, kernel, stride: f"max-pool {kernel}×{kernel}",
)

AVGPOOL = LayerKind(
    name="avgpool",
    help="Keeps the mean of every window, which shrinks the image.",
    role="pool",
    arguments=(_WINDOW, _STEP),
    shape=_pool_shape,
    weights=no_weights,
    macs=no_macs,
    over_batch=False,
    make=lambda nn, shape, kernel, stride: nn.AvgPool2d(kernel, stride),
    label=lambda shape, kernel, stride: f"avg-pool {kernel}×{kernel}",
)

GLOBALAVGPOOL = LayerKind(
    name="globalavgpool",
    help="Keeps only the mean of every channel: one number a channel, whatever the image's size (Lin et al. 2013).",
    role="pool",
    arguments=(),
    shape=_global_shape,
    weights=no_weights,
    macs=no_macs,
    over_batch=False,
    make=lambda nn, shape: nn.GlobalAveragePool(),
    label=lambda shape: "global avg-pool",
)
