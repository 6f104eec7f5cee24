"""Layers on tokens (T, D), for transformers and mixers."""

from mnist_core.architectures.layers.convolution import need_image
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


def _need_tokens(shape: Shape, name: str) -> None:
    if len(shape) != 2:
        raise ArchitectureError(
            f"{name} works on tokens (number × size), but here it gets {format_shape(shape)}; "
            "cut the image into tokens with patches(size, dim) before it"
        )


def _patches_shape(shape: Shape, size: int, dim: int) -> Shape:
    need_image(shape, "patches")
    rows, columns = shape[1:]
    if rows % size or columns % size:
        fitting = [str(n) for n in range(2, min(rows, columns) + 1) if rows % n == 0 and columns % n == 0]
        remedy = f"take {', '.join(fitting)}" if fitting else "take 1"
        raise ArchitectureError(f"Patches of {size}×{size} pixels do not tile an image of {rows}×{columns}; {remedy}")
    return ((rows // size) * (columns // size), dim)


def _position_shape(shape: Shape) -> Shape:
    _need_tokens(shape, "position")
    return shape


def _attention_shape(shape: Shape, heads: int) -> Shape:
    _need_tokens(shape, "attention")
    if shape[1] % heads:
        fitting = ", ".join(str(n) for n in range(1, min(shape[1], 32) + 1) if shape[1] % n == 0)
        raise ArchitectureError(f"{heads} heads do not divide the tokens' size of {shape[1]}; take {fitting}")
    return shape


def _attention_weights(shape: Shape, heads: int) -> tuple[WeightShapes, ...]:
    width = shape[1]
    return (
        WeightShapes("Linear", ((3 * width, width), (3 * width,)), "project"),
        WeightShapes("Linear", ((width, width), (width,)), "merge"),
    )


def _transpose_shape(shape: Shape) -> Shape:
    _need_tokens(shape, "transpose")
    return shape[::-1]


def _mean_shape(shape: Shape) -> Shape:
    _need_tokens(shape, "meantokens")
    return shape[1:]


PATCHES = LayerKind(
    name="patches",
    help="Cuts the image into square patches and maps each to a token (Dosovitskiy et al. 2020).",
    role="tokens",
    arguments=(
        Argument("size", "Height and width of a patch in pixels.", takes=int, default=None, low=1, high=1024, words=()),
        Argument("dim", "How many numbers describe a token.", takes=int, default=None, low=1, high=1_000_000, words=()),
    ),
    shape=_patches_shape,
    weights=lambda shape, size, dim: (WeightShapes("Conv2d", ((dim, shape[0], size, size), (dim,)), "project"),),
    macs=lambda shape, size, dim: shape[0] * shape[1] * shape[2] * dim,
    over_batch=False,
    make=lambda nn, shape, size, dim: nn.Patches(shape[0], size, dim),
    label=lambda shape, size, dim: f"patches {size}×{size}",
)

POSITION = LayerKind(
    name="position",
    help="Adds a learned vector to every token, so that the network knows where in the image it lay.",
    role="tokens",
    arguments=(),
    shape=_position_shape,
    weights=lambda shape: (WeightShapes("Position", (shape,), ""),),
    macs=no_macs,
    over_batch=False,
    make=lambda nn, shape: nn.Position(*shape),
    label=None,
)

ATTENTION = LayerKind(
    name="attention",
    help="Self-attention: every token gathers from all tokens what is relevant to it (Vaswani et al. 2017).",
    role="tokens",
    arguments=(
        Argument(
            "heads",
            "How many attention patterns work side by side.",
            takes=int,
            default=None,
            low=1,
            high=1_000_000,
            words=(),
        ),
    ),
    shape=_attention_shape,
    weights=_attention_weights,
    # The four projections (query, key, value, output), then the products queries × keys and weights × values.
    macs=lambda shape, heads: 4 * shape[0] * shape[1] ** 2 + 2 * shape[0] ** 2 * shape[1],
    over_batch=False,
    make=lambda nn, shape, heads: nn.Attention(shape[1], heads),
    label=lambda shape, heads: f"attention, {heads} head{'s' if heads > 1 else ''}",
)

TRANSPOSE = LayerKind(
    name="transpose",
    help="Swaps tokens and their numbers, so that the next linear mixes across the image (Tolstikhin et al. 2021).",
    role="reshape",
    arguments=(),
    shape=_transpose_shape,
    weights=no_weights,
    macs=no_macs,
    over_batch=False,
    make=lambda nn, shape: nn.Transpose(),
    label=None,
)

MEANTOKENS = LayerKind(
    name="meantokens",
    help="Keeps the mean of all tokens as one vector.",
    role="pool",
    arguments=(),
    shape=_mean_shape,
    weights=no_weights,
    macs=no_macs,
    over_batch=False,
    make=lambda nn, shape: nn.MeanTokens(),
    label=lambda shape: "mean of tokens",
)
