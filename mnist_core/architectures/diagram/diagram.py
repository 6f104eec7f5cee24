"""Draws an architecture from left to right as SVG, without torch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil

from mnist_core.architectures.diagram import drawing as draw
from mnist_core.architectures.diagram import handles
from mnist_core.architectures.diagram.drawing import (
    Graphic,
    arrow,
    path,
    pill,
    pill_width,
    svg_text,
    text_width,
)
from mnist_core.architectures.diagram.tree import Item, Repeat, ResidualBlock, Unit, diagram_tree
from mnist_core.architectures.editing import EditableLayer, editable_layers
from mnist_core.architectures.layers.kind import Shape, format_shape
from mnist_core.architectures.table import Architecture, Layer
from mnist_core.text import in_html

# Width in pixels after which the network continues in the next row.
_ROW = 1230.0
# Width in pixels for the captions "output" and "parameters" on the left.
_MARGIN = 88.0
# Pixels between the texts of two neighbouring units.
_GAP = 16.0
# Radius in pixels of the plus sign of a residual block.
_PLUS = 11.0
# Pixels from one pill to the next.
_PILL = 22.0
# Name of the block before the first layer.
_INPUT = "input"


@dataclass(frozen=True)
class Diagram:
    """A diagram and its size."""

    svg: str
    # Size in pixels at which it is drawn where there is room.
    width: int
    height: int


def architecture_diagram(architecture: Architecture, picture: str = "") -> str:
    """The network as one SVG element that takes the colour and font of its text from the page.

    `picture` is the address of an image that is drawn into the input, if that has one channel.

    A block a layer shows its output: stacks of feature maps, columns of neurons, bars of tokens; sizes grow with the
    root of the pixels and the logarithm of channels and widths. Activations, normalisation and dropout are pills on
    their layer, residual shortcuts arcs, repeated layers one frame with a number. A long network goes on in a next
    row. Streamlit shows it with `st.markdown(svg, unsafe_allow_html=True)`; `st.html` drops every SVG.
    """
    return _diagram(architecture, picture, {}).svg


def sized_diagram(architecture: Architecture, picture: str = "", *, buttons: bool) -> Diagram:
    """The same diagram with its size, and with `buttons` at each layer that can be changed (`editable_layers`).

    A group with `data-layer` holds such a layer; in it are elements with `data-action` and the part of class "drag".
    """
    editable = editable_layers(architecture) if buttons else ()
    return _diagram(architecture, picture, {architecture.layers[layer.index]: layer for layer in editable})


def _diagram(architecture: Architecture, picture: str, editable: Mapping[Layer, EditableLayer]) -> Diagram:
    shape = architecture.input_shape
    source = Unit(Layer(_INPUT, "input", shape, 0, 0, 0, 0, 0, "input", "reshape"))
    items = diagram_tree(architecture.layers, source)
    shapes = [shape, *(layer.output_shape for layer in architecture.layers)]
    style = _style(shapes, picture if shape[0] == 1 else "", editable)
    rows = [_drawn(row, style, first=not number) for number, row in enumerate(_rows(items, style))]
    return _assembled(rows, architecture)


@dataclass(frozen=True)
class _Style:
    # Side in pixels of the largest feature map.
    largest: int
    # Half the height in pixels of the tallest block.
    half: float
    # Address of the image in the input; "" for none.
    picture: str
    # What can be changed in the network, by its layer.
    editable: Mapping[Layer, EditableLayer] = field(default_factory=dict)


@dataclass(frozen=True)
class _Port:
    """What the next block is connected to: the last block, or just a point on the line."""

    centre: float
    right: float
    graphic: Graphic | None = None
    shape: Shape = ()


class _DiagramRow:
    """One row while it is drawn; y is 0 on the line of the data flow, x is where the text of the last unit ends."""

    def __init__(self, style: _Style) -> None:
        self.style = style
        self.parts: list[str] = []
        self.x = _MARGIN
        self.port: _Port | None = None
        # Horizontal position at which the first block begins.
        self.entry = 0.0
        self.top = -style.half - 30
        self.bottom = style.half + 48

    def add(self, item: Item) -> None:
        if isinstance(item, Unit):
            self.unit(item)
        elif isinstance(item, ResidualBlock):
            self.residual(item)
        else:
            self.repeat(item)

    def unit(self, unit: Unit) -> None:
        layer = unit.layer
        if layer is None:
            self.loose_pills(unit.before)
            return
        graphic = draw.tensor(layer.output_shape, layer.role, self.style.largest)
        editable = self.style.editable.get(layer)
        parameters = f"{layer.parameters:,}" if layer.parameters else ""
        widths = [
            text_width(layer.label, 14) * 1.05,
            text_width(format_shape(layer.output_shape)),
            text_width(parameters, 12),
            handles.PAIR if editable else 0,
        ]
        pills = [pill_width(strip.label) for strip in (*unit.before, *unit.after)]
        slot = max(graphic.width + 26, 60 if graphic.points else 0, *widths, *pills)
        centre = self.x + _GAP + slot / 2
        self.connect(layer, graphic, centre)
        half = self.style.half
        words = [
            svg_text(centre, -half - 14, layer.label, 14, weight=600),
            svg_text(centre, half + 22, format_shape(layer.output_shape)),
            svg_text(centre, half + 40, parameters, 12, opacity=0.7) if parameters else "",
        ]
        for index, strip in enumerate(unit.before):
            words.append(pill(centre, -half - 30 - _PILL * (len(unit.before) - index), strip.label, strip.role))
        below = half + (52 if parameters else 32)
        words += self.pills_below(unit.after, centre, below)
        above = -half - 32 - _PILL * len(unit.before)
        self.top = min(self.top, above)
        inside = _picture(self.style.picture, graphic) if layer.name == _INPUT else ""
        if editable:
            words += self.buttons(editable, centre, above, below + _PILL * len(unit.after))
            inside = handles.drag_area(editable, graphic)
        block = f'<g transform="translate({centre:.1f})">{graphic.svg}{inside}</g>'
        group = f"<g{handles.layer_attributes(editable) if editable else ''}>"
        self.parts.append(f"{group}<title>{in_html(_tooltip(layer, unit))}</title>{block}{''.join(words)}</g>")
        self.port = _Port(centre, centre + graphic.width / 2, graphic, layer.output_shape)
        self.x = centre + slot / 2

    def buttons(self, editable: EditableLayer, x: float, above: float, below: float) -> list[str]:
        """The buttons for the layer's width above its texts, those for the depth below them."""
        self.top = min(self.top, above - handles.ROW)
        self.bottom = max(self.bottom, below + handles.ROW)
        return [
            handles.width_buttons(editable, x, above - handles.ROW + 4),
            handles.depth_buttons(editable, x, below + 4),
        ]

    def residual(self, block: ResidualBlock) -> None:
        fork = self.x + _GAP + 6
        self.line_to(fork)
        colour = draw.COLOURS["block"]
        self.parts.append(f'<circle cx="{fork:.1f}" cy="0" r="3.5" style="fill:{colour}"/>')
        self.port, self.x = _Port(fork, fork + 3.5), fork
        outer, self.top = self.top, -self.style.half - 30
        for item in block.items:
            self.add(item)
        pills = max((pill_width(strip.label) for strip in block.after), default=0)
        slot = max(2 * _PLUS + 8, pills)
        plus = self.x + _GAP + slot / 2
        self.arrow_to(plus - _PLUS)
        self.parts.append(
            f'<circle cx="{plus:.1f}" cy="0" r="{_PLUS}" style="fill:{colour};stroke:{colour}" fill-opacity="0.16"/>'
            + path(f"M{plus - 5.5:.1f} 0h11M{plus:.1f} -5.5v11", width=1.6)
            + "".join(self.pills_below(block.after, plus, _PLUS + 8))
        )
        self.arc(fork, plus, self.top - 16, block.shortcut)
        self.top = min(outer, self.top - 38)
        self.port, self.x = _Port(plus, plus + _PLUS), plus + slot / 2

    def arc(self, fork: float, plus: float, y: float, shortcut: Layer | None) -> None:
        colour = draw.COLOURS["block"]
        bend = 18
        data = (
            f"M{fork:.1f} 0V{y + bend:.1f}q0 {-bend} {bend} {-bend}H{plus - bend:.1f}q{bend} 0 {bend} {bend}"
            f"V{-_PLUS - 1:.1f}m-4 -6l4 6l4 -6"
        )
        words = f"{shortcut.label} · {shortcut.parameters:,}" if shortcut else "+ its input"
        caption = svg_text((fork + plus) / 2, y - 7, words, 12, opacity=0.85)
        self.parts.append(path(data, colour, 0.85, 1.8) + caption)

    def repeat(self, loop: Repeat) -> None:
        left = self.x + _GAP
        outer, self.top = self.top, -self.style.half - 30
        deepest, self.bottom = self.bottom, self.style.half + 48
        self.x, behind = left, len(self.parts)
        for item in loop.items:
            self.add(item)
        right, top, bottom = self.x + _GAP, self.top - 22, self.bottom + 4
        badge = f"{loop.times} ×"
        frame = (
            f'<rect x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" height="{bottom - top:.1f}" rx="14" '
            'style="stroke:currentColor" fill="currentColor" fill-opacity="0.035" stroke-opacity="0.4" '
            'stroke-dasharray="6 5" stroke-width="1.3"/>'
        )
        self.parts.insert(
            behind, frame + svg_text(left + 8 + text_width(badge, 17) / 2, top + 20, badge, 17, weight=700)
        )
        self.top, self.bottom = min(outer, top - 2), max(deepest, bottom + 2)
        self.x = right

    def loose_pills(self, strips: Sequence[Layer]) -> None:
        """Draw activations, normalisations and dropouts that have no layer to sit on, on the line itself."""
        for strip in strips:
            width = pill_width(strip.label)
            left = self.x + _GAP + 12
            self.arrow_to(left)
            self.parts.append(pill(left + width / 2, -9.5, strip.label, strip.role))
            self.port, self.x = _Port(left + width / 2, left + width), left + width

    def pills_below(self, strips: Sequence[Layer], x: float, y: float) -> list[str]:
        self.bottom = max(self.bottom, y + _PILL * len(strips))
        return [pill(x, y + _PILL * index, strip.label, strip.role) for index, strip in enumerate(strips)]

    def line_to(self, x: float) -> None:
        if self.port:
            self.parts.append(path(f"M{self.port.right + 3:.1f} 0H{x:.1f}", opacity=0.55, width=1.5))
        else:
            self.entry = x

    def arrow_to(self, x: float) -> None:
        if self.port:
            self.parts.append(arrow(self.port.right + 3, x - 2))
        else:
            self.entry = x

    def connect(self, layer: Layer, graphic: Graphic, centre: float) -> None:
        """Shows how the next block reads the last one: a sliding window, all pairs of neurons, or just an arrow."""
        left, port = centre - graphic.width / 2, self.port
        before = port.graphic if port else None
        if port is None or before is None:
            self.arrow_to(left)
        elif layer.window and before.front:
            self.parts.append(
                draw.window(before, port.centre, graphic, centre, layer.window / port.shape[-1], layer.role)
            )
        elif before.points and graphic.points and layer.role == "dense":
            self.parts.append(draw.pairs(before, port.centre, graphic, centre))
        elif before.front and graphic.points:
            self.parts.append(draw.funnel(before, port.centre, graphic, centre))
        else:
            self.arrow_to(left)


def _picture(address: str, graphic: Graphic) -> str:
    """An image that fills the input's square."""
    if not address:
        return ""
    left, top = -graphic.width / 2, -graphic.height / 2
    return (
        f'<image href="{address}" x="{left:.1f}" y="{top:.1f}" width="{graphic.width:.1f}" '
        f'height="{graphic.height:.1f}" style="image-rendering:pixelated"/>'
    )


def _style(shapes: Sequence[Shape], picture: str, editable: Mapping[Layer, EditableLayer]) -> _Style:
    largest = max((side for shape in shapes if len(shape) == 3 for side in shape[1:]), default=1)
    half = max(draw.tensor(shape, "dense", largest).height for shape in shapes) / 2
    return _Style(largest, half, picture, editable)


def _rows(items: Sequence[Item], style: _Style) -> list[list[Item]]:
    """The items in as few rows as fit, of about equal length."""
    widths = [_drawn([item], style).x - _MARGIN for item in items]
    fewest = len(_broken(items, widths, _ROW))
    limit = ceil(sum(widths) / fewest)
    while len(rows := _broken(items, widths, limit)) > fewest:
        limit += 10
    return rows


def _broken(items: Sequence[Item], widths: Sequence[float], limit: float) -> list[list[Item]]:
    rows: list[list[Item]] = [[]]
    used = 0.0
    for item, width in zip(items, widths, strict=True):
        if rows[-1] and used + width > limit:
            rows.append([])
            used = 0.0
        rows[-1].append(item)
        used += width
    return rows


def _drawn(items: Sequence[Item], style: _Style, first: bool = True) -> _DiagramRow:
    row = _DiagramRow(style)
    # Leave space for the arrow from the row above.
    row.x += 0 if first else 24
    for item in items:
        row.add(item)
    return row


def _assembled(rows: Sequence[_DiagramRow], architecture: Architecture) -> Diagram:
    width = max(row.x for row in rows) + (36 if len(rows) > 1 else 8)
    parts: list[str] = []
    y = 6.0
    # Vertical position of the row above.
    line = 0.0
    for number, row in enumerate(rows):
        above, line = line, y - row.top
        half = row.style.half
        names = svg_text(0, half + 22, "output", 12, opacity=0.6) + svg_text(
            0, half + 40, "parameters", 12, opacity=0.6
        )
        parts.append(f'<g transform="translate(0 {line:.1f})">')
        parts.append(f'<g text-anchor="end" transform="translate({_MARGIN - 8})">{names}</g>{"".join(row.parts)}</g>')
        if number:
            parts.append(_turn(rows[number - 1], above, row, line, y - 10))
        y = line + row.bottom + 26
    summary = (
        f"Network of {len(architecture.layers)} layers from {format_shape(architecture.input_shape)} to "
        f"{format_shape(architecture.layers[-1].output_shape)} with {architecture.parameters:,} parameters"
    )
    height = y - 20
    # What is in an image cannot be reached by the keyboard.
    role = "group" if rows[0].style.editable else "img"
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" role="{role}" '
        f'aria-label="{in_html(summary)}" fill="currentColor" text-anchor="middle" '
        f'style="--diagram-width:{width:.0f}px;width:var(--diagram-width);max-width:100%;'
        f'min-width:{0.6 * width:.0f}px;height:auto;font-family:inherit">'
        f"{''.join(parts)}</svg>"
    )
    return Diagram(svg, round(width), round(height))


def _turn(last: _DiagramRow, above: float, row: _DiagramRow, line: float, between: float) -> str:
    """The arrow from the end of a row to the start of the next, along the gap between them."""
    assert last.port
    left, right = _MARGIN + 4, last.x + 28
    data = (
        f"M{last.port.right + 3:.1f} {above:.1f}H{right - 14:.1f}q14 0 14 14V{between - 14:.1f}q0 14 -14 14"
        f"H{left + 14:.1f}q-14 0 -14 14V{line - 14:.1f}q0 14 14 14"
    )
    return path(data, opacity=0.55, width=1.5) + arrow(left + 13, row.entry - 2, line)


def _tooltip(layer: Layer, unit: Unit) -> str:
    calls = " ".join(strip.call for strip in (*unit.before, layer, *unit.after))
    costs = f", {layer.parameters:,} parameters, {layer.macs:,} multiply-accumulates" if layer.parameters else ""
    return f"{calls}: {format_shape(layer.output_shape)}{costs}"
