"""Layers on vectors: linear, flatten, dropout and log-softmax."""

from math import prod

from mnist_core.architectures.layers.kind import (
    Argument,
    LayerKind,
    Shape,
    WeightShapes,
    format_shape,
    no_macs,
    no_weights,
    unchanged,
)
from mnist_core.errors import ArchitectureError

BIAS = Argument(
    "bias",
    "Whether a learned constant is added to every output.",
    takes=bool,
    default=True,
    low=1,
    high=1_000_000,
    words=(),
)


def _linear_shape(shape: Shape, out: int, bias: bool) -> Shape:
    if len(shape) == 3:
        sizes = "·".join(str(size) for size in shape)
        raise ArchitectureError(
            f"linear works on vectors, but here it gets images of {format_shape(shape)} (channels × height × width); "
            f"put flatten before it ({sizes} = {prod(shape):,} numbers)"
        )
    return (*shape[:-1], out)


def _logsoftmax_shape(shape: Shape) -> Shape:
    if len(shape) != 1:
        raise ArchitectureError(
            f"logsoftmax works on one score a class, but here it gets {format_shape(shape)}; "
            "put it last, after linear(classes)"
        )
    return shape


LINEAR = LayerKind(
    name="linear",
    help="Fully connected: every output is a weighted sum of all inputs. Of tokens (T, D) it maps each one by itself.",
    role="dense",
    arguments=(
        Argument("out", "How many numbers come out.", takes=int, default=None, low=1, high=1_000_000, words=()),
        BIAS,
    ),
    shape=_linear_shape,
    weights=lambda shape, out, bias: (WeightShapes("Linear", ((out, shape[-1]), *(((out,),) * bias)), ""),),
    macs=lambda shape, out, bias: prod(shape) * out,
    over_batch=False,
    make=lambda nn, shape, out, bias: nn.Linear(shape[-1], out, bias=bias),
    label=None,
)

FLATTEN = LayerKind(
    name="flatten",
    help="Lays all numbers of an image or of the tokens out in one vector.",
    role="reshape",
    arguments=(),
    shape=lambda shape: (prod(shape),),
    weights=no_weights,
    macs=no_macs,
    over_batch=False,
    make=lambda nn, shape: nn.Flatten(),
    label=None,
)

DROPOUT = LayerKind(
    name="dropout",
    help="Sets this share of the numbers to zero at random while training and scales up the rest "
    "(Srivastava et al. 2014).",
    role="dropout",
    arguments=(
        Argument(
            "p", "The share that is dropped, a probability.", takes=float, default=None, low=0, high=0.99, words=()
        ),
    ),
    shape=unchanged,
    weights=no_weights,
    macs=no_macs,
    over_batch=False,
    make=lambda nn, shape, p: nn.Dropout(p),
    label=lambda shape, p: f"dropout {p:g}",
)

LOGSOFTMAX = LayerKind(
    name="logsoftmax",
    help="Turns scores into logarithms of probabilities. Not needed: the loss does it, and doing it twice changes "
    "nothing.",
    role="activation",
    arguments=(),
    shape=_logsoftmax_shape,
    weights=no_weights,
    macs=no_macs,
    over_batch=False,
    make=lambda nn, shape: nn.LogSoftmax(dim=-1),
    label=lambda shape: "log-softmax",
)
