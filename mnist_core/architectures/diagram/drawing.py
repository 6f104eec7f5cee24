"""The shapes of a network diagram as SVG: stacks of feature maps, columns of neurons, tokens, pills, arrows."""

from dataclasses import dataclass
from math import log2, sqrt

from mnist_core.architectures.layers.kind import Shape
from mnist_core.text import in_html

# CSS variables that a page may set; the defaults are readable on light and on dark backgrounds.
COLOURS = {
    "convolution": "var(--diagram-convolution, #3b82f6)",
    "dense": "var(--diagram-dense, #f08c1a)",
    "tokens": "var(--diagram-tokens, #a463f2)",
    "pool": "var(--diagram-pool, #7c8aa0)",
    "reshape": "var(--diagram-reshape, #7c8aa0)",
    "activation": "var(--diagram-activation, #17a673)",
    "norm": "var(--diagram-norm, #0ea5b7)",
    "dropout": "var(--diagram-dropout, #d9466f)",
    "block": "var(--diagram-shortcut, #e0559d)",
}

# Radius in pixels of a neuron.
_DOT = 3.1
# Side in pixels of the largest feature map.
_LARGEST_MAP = 104.0
# How many pixels the last feature map of a stack is shifted.
_STACK = 30.0


@dataclass(frozen=True)
class Graphic:
    """One drawn tensor around (0, 0); `points` are the heights of its neurons, if it is a column of them."""

    svg: str
    width: float
    height: float
    # For a stack of feature maps: left, top, width and height of the first one.
    front: tuple[float, float, float, float] | None = None
    points: tuple[float, ...] = ()


def tensor(shape: Shape, role: str, largest: int) -> Graphic:
    """A drawing of one image's values: (C, H, W), tokens (T, D) or a vector; `largest` side in the network."""
    if len(shape) == 3:
        return _maps(shape, COLOURS[role], largest)
    return _tokens(shape, COLOURS[role]) if len(shape) == 2 else _neurons(shape[0], COLOURS[role])


def svg_text(x: float, y: float, words: str, size: float = 13, weight: int = 400, opacity: float = 1) -> str:
    """Words centred on x with their baseline at y."""
    faint = f' fill-opacity="{opacity:g}"' if opacity < 1 else ""
    bold = f' font-weight="{weight}"' if weight != 400 else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}"{bold}{faint}>{in_html(words)}</text>'


def text_width(words: str, size: float = 13) -> float:
    """About how wide the words are in pixels in a sans-serif font."""
    narrow = sum(letter in "ijlt.,:;|' ()f" for letter in words)
    return size * (0.58 * (len(words) - narrow) + 0.32 * narrow)


def pill(x: float, y: float, words: str, role: str) -> str:
    """A rounded label centred on x whose top is at y, 19 pixels high."""
    width = pill_width(words)
    dash = ' stroke-dasharray="3 2.5"' if role == "dropout" else ""
    box = (
        f'<rect x="{x - width / 2:.1f}" y="{y:.1f}" width="{width:.1f}" height="19" rx="9.5" '
        f'style="fill:{COLOURS[role]};stroke:{COLOURS[role]}" fill-opacity="0.16" stroke-opacity="0.75"{dash}/>'
    )
    return box + svg_text(x, y + 13.5, words, 11.5)


def pill_width(words: str) -> float:
    """Width of a pill in pixels."""
    return text_width(words, 11.5) + 16


def arrow(x: float, to: float, y: float = 0) -> str:
    """A straight arrow to the right."""
    head = f"M{to - 6:.1f} {y - 4:.1f}L{to:.1f} {y:.1f}L{to - 6:.1f} {y + 4:.1f}"
    return path(f"M{x:.1f} {y:.1f}H{to:.1f}{head}", opacity=0.55, width=1.5)


def path(
    data: str, colour: str = "currentColor", opacity: float = 1.0, width: float = 1.0, fill: float = 0, dash: str = ""
) -> str:
    """A path with a stroke and, if `fill` is above 0, a translucent filling."""
    inside = f'fill-opacity="{fill:g}"' if fill else ""
    style = f"stroke:{colour};fill:{colour if fill else 'none'}"
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<path d="{data}" style="{style}" {inside} stroke-width="{width:g}" stroke-opacity="{opacity:g}"{dashes}/>'


def _maps(shape: Shape, colour: str, largest: int) -> Graphic:
    channels, rows, columns = shape
    height, width = (max(9.0, _LARGEST_MAP * sqrt(side / largest)) for side in (rows, columns))
    sheets = 1 + min(9, round(log2(channels) * 1.2))
    shift = min(4.5, _STACK / max(1, sheets - 1))
    total = shift * (sheets - 1)
    left, top = -(width + total) / 2, -(height - total) / 2
    parts = []
    for sheet in range(sheets - 1, 0, -1):
        x, y = left + sheet * shift, top - sheet * shift
        # Draw only the visible edge of each sheet behind the first: translucent sheets on top of each other would look
        # darker.
        corner = f"M{x:.1f} {y + shift:.1f}V{y:.1f}h{width:.1f}v{height:.1f}h{-shift:.1f}"
        parts.append(path(f"{corner}V{y + shift:.1f}Z", colour, 0.6, 1, 0.1 + 0.1 * (1 - sheet / sheets)))
    parts.append(path(f"M{left:.1f} {top:.1f}h{width:.1f}v{height:.1f}h{-width:.1f}Z", colour, 0.95, 1.4, 0.24))
    return Graphic("".join(parts), width + total, height + total, (left, top, width, height))


def _neurons(size: int, colour: str) -> Graphic:
    height = min(150.0, 62 + 7 * log2(size + 1))
    fitting = int((height - 14) / (2 * _DOT + 1.8)) + 1
    count = min(size, fitting)
    step = min(14.0, (height - 16) / max(1, count - 1))
    points = [(index - (count - 1) / 2) * step for index in range(count)]
    more = ""
    # An ellipsis shows that there are more neurons.
    if count < size:
        points = [y for y in points if abs(y) > 1.2 * step]
        more = "".join(f'<circle cx="0" cy="{y}" r="1.2" fill="currentColor"/>' for y in (-5, 0, 5))
    straight = height / 2 - 9
    box = path(f"M-9 {-straight:.1f}a9 9 0 0 1 18 0V{straight:.1f}a9 9 0 0 1 -18 0Z", colour, 0.8, 1.3, 0.14)
    dots = "".join(f'<circle cx="0" cy="{y:.1f}" r="{_DOT}" style="fill:{colour}"/>' for y in points)
    return Graphic(box + dots + more, 18, height, points=tuple(points))


def _tokens(shape: Shape, colour: str) -> Graphic:
    count = max(2, min(12, round(2 * log2(shape[0] + 1))))
    height = min(140.0, 26 + 9 * log2(shape[1] + 1))
    step = 8.0
    left = -(count * step - 2.5) / 2
    bars = "".join(
        f'<rect x="{left + index * step:.1f}" y="{-height / 2:.1f}" width="5.5" height="{height:.1f}" rx="2" '
        f'style="fill:{colour};stroke:{colour}" fill-opacity="{0.5 if index % 2 else 0.28}" stroke-opacity="0.8"/>'
        for index in range(min(count, shape[0]))
    )
    return Graphic(bars, count * step - 2.5, height)


def window(before: Graphic, at: float, after: Graphic, to: float, share: float, role: str) -> str:
    """A window of this share of the last map's side, and the one value that it becomes in the next block."""
    assert before.front
    left, top, width, height = before.front
    side_x, side_y = min(1.0, share) * width, min(1.0, share) * height
    x, y = at + left + (width - side_x) * 0.62, top + (height - side_y) * 0.36
    if after.front:
        target_x, target_y = to + after.front[0] + 0.3 * after.front[2], after.front[1] + 0.5 * after.front[3]
    else:
        target_x, target_y = to - after.width / 2 + 2.5, -after.height / 4
    colour = COLOURS[role]
    square = path(f"M{x:.1f} {y:.1f}h{side_x:.1f}v{side_y:.1f}h{-side_x:.1f}Z", colour, 1, 1.4, 0.3)
    rays = "".join(f"M{x + side_x:.1f} {corner:.1f}L{target_x:.1f} {target_y:.1f}" for corner in (y, y + side_y))
    return square + path(rays, colour, 0.75, 1.2)


def pairs(before: Graphic, at: float, after: Graphic, to: float) -> str:
    """A line from every neuron to every neuron of the next column."""
    lines = "".join(f"M{at:.1f} {y:.1f}L{to:.1f} {z:.1f}" for y in before.points for z in after.points)
    return path(lines, COLOURS["dense"], 0.3, 0.6)


def funnel(before: Graphic, at: float, after: Graphic, to: float) -> str:
    """A stack of maps that becomes one column of numbers."""
    x, z = at + before.width / 2 + 3, to - after.width / 2 - 3
    outline = f"M{x:.1f} {-before.height / 2:.1f}L{z:.1f} {-after.height / 2 + 6:.1f}"
    outline += f"V{after.height / 2 - 6:.1f}L{x:.1f} {before.height / 2:.1f}Z"
    return path(outline, COLOURS["reshape"], 0.35, 1, 0.1)
