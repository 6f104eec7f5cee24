"""Draws an architecture as a strip of blocks that is told apart at the size of a thumbnail, as SVG, without torch."""

from dataclasses import dataclass
from math import log2

from mnist_core.architectures.diagram.drawing import COLOURS
from mnist_core.architectures.layers.kind import Shape
from mnist_core.architectures.table import Architecture, Layer

# Size in pixels.
WIDTH, HEIGHT = 120, 36
# Heights in pixels of the largest block and of the smallest.
_TALLEST, _LOWEST = 28.0, 5.0
# The height in pixels for 2 to the power of 12 numbers side by side, and more.
_MOST_DOUBLINGS = 12
# Width in pixels of a column of numbers, and of what is only a step between two blocks.
_COLUMN, _STEP = 5.0, 2.2
_GAP = 2.0
# A short network is drawn at most this many times as wide.
_MOST_STRETCH = 2.2
# The middle line; above the blocks is room for the arcs of residual blocks.
_MIDDLE = 20.0
# Layers that change no value and no size that could be seen here.
_LEFT_OUT = ("norm", "reshape")


@dataclass(frozen=True)
class _Block:
    role: str
    width: float
    height: float


@dataclass(frozen=True)
class _Arc:
    """A shortcut over the blocks from one position in the list to another."""

    first: int
    last: int


def small_diagram(architecture: Architecture) -> str:
    """The network as one SVG element of 120 × 36 pixels without text, from the image on the left to the scores.

    Feature maps are squares as high as their side, on a logarithmic scale, and wider with more channels; columns of
    numbers are bars whose height grows with the logarithm of their length; tokens are broader bars. The fill tells the
    kind of layer. Activations and dropout are short lines between them, shortcuts are arcs. A long network is squeezed.
    """
    blocks = [_Block("reshape", *_size(architecture.input_shape, architecture.input_shape))]
    arcs: list[_Arc] = []
    waiting: list[tuple[int, int]] = []
    for layer in architecture.layers:
        while waiting and layer.depth <= waiting[-1][0]:
            arcs.append(_Arc(waiting.pop()[1], len(blocks) - 1))
        if layer.role == "block":
            waiting.append((layer.depth, len(blocks)))
        elif layer.role not in _LEFT_OUT and layer.name != "shortcut":
            blocks.append(_block(layer, architecture.input_shape))
    arcs += [_Arc(begin, len(blocks) - 1) for _, begin in waiting]
    return _drawn(blocks, [arc for arc in arcs if arc.last >= arc.first])


def _block(layer: Layer, image: Shape) -> _Block:
    if layer.role in ("activation", "dropout"):
        return _Block(layer.role, _STEP, 9.0)
    return _Block(layer.role, *_size(layer.output_shape, image))


def _size(shape: Shape, image: Shape) -> tuple[float, float]:
    """Width and height in pixels of a block for values of this shape; `image` is the shape of the network's input."""
    if len(shape) == 3:
        share = log2(max(shape[1], shape[2]) + 1) / log2(max(image[1], image[2]) + 1)
        return 4 + 1.2 * log2(shape[0]), max(_LOWEST, _TALLEST * min(1.0, share))
    doublings = min(1.0, log2(shape[-1] + 1) / _MOST_DOUBLINGS)
    height = max(_LOWEST, _TALLEST * doublings)
    return (_COLUMN + 3, height) if len(shape) == 2 else (_COLUMN, height)


def _drawn(blocks: list[_Block], arcs: list[_Arc]) -> str:
    total = sum(block.width + _GAP for block in blocks) - _GAP
    squeeze = min(_MOST_STRETCH, (WIDTH - 2) / total)
    lefts, x = [], 1.0
    for block in blocks:
        lefts.append(x)
        x += (block.width + _GAP) * squeeze
    end = x - _GAP * squeeze
    paths: dict[str, str] = {}
    for left, block in zip(lefts, blocks, strict=True):
        data = f"M{left:.1f} {_MIDDLE - block.height / 2:.1f}h{block.width * squeeze:.1f}v{block.height:.1f}"
        paths[block.role] = f"{paths.get(block.role, '')}{data}h{-block.width * squeeze:.1f}z"
    line = f'<path d="M1 {_MIDDLE:g}H{end:.1f}" style="stroke:{COLOURS["reshape"]}" stroke-opacity=".6"/>'
    fills = "".join(f'<path d="{data}" style="fill:{COLOURS[role]}"/>' for role, data in paths.items())
    bows = "".join(_bow(lefts[arc.first] - 1, lefts[arc.last] + blocks[arc.last].width * squeeze) for arc in arcs)
    shortcuts = f'<path d="{bows}" style="stroke:{COLOURS["block"]};fill:none" stroke-width="1.5"/>' if bows else ""
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" aria-hidden="true">'
        f"{line}{fills}{shortcuts}</svg>"
    )


def _bow(left: float, right: float) -> str:
    return f"M{left:.1f} 5Q{left:.1f} 1.5 {left + 3:.1f} 1.5H{right - 3:.1f}Q{right:.1f} 1.5 {right:.1f} 5"
