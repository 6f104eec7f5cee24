"""Draws the buttons with which a layer of a diagram is changed, as SVG; a script gives them their effect."""

from collections.abc import Sequence

from mnist_core.architectures.diagram.drawing import Graphic
from mnist_core.architectures.editing import EditableLayer
from mnist_core.text import in_html

# Size in pixels of a button, and the pixels between two: large enough for a finger where the diagram shrinks.
_WIDTH, _HEIGHT, _BETWEEN = 30.0, 28.0, 4.0
# Pixels that a row of buttons takes with the space around it.
ROW = _HEIGHT + 8
# Width in pixels of two buttons.
PAIR = 2 * _WIDTH + _BETWEEN

# The strokes of each button's sign around (0, 0).
_SIGNS = {
    "narrower": "M-5 0H5",
    "wider": "M-5 0H5M0 -5V5",
    "copy": "M-6 -6H2V2H-6ZM5 -3V5H-3",
    "remove": "M-4.5 -4.5L4.5 4.5M4.5 -4.5L-4.5 4.5",
    "insert": "M-5 0H5M0 -5V5",
}


def layer_attributes(layer: EditableLayer) -> str:
    """The attributes from which a script knows the layer of a group: its row, its width, the widths to step through."""
    unit = "units" if layer.name.startswith("Hidden") else "channels"
    widths = " ".join(map(str, layer.widths))
    return f' data-layer="{layer.index}" data-width="{layer.width}" data-widths="{widths}" data-unit="{unit}"'


def width_buttons(layer: EditableLayer, x: float, y: float) -> str:
    """The buttons for one width less and one more, centred on x with their top at y; none if it cannot be changed."""
    if not layer.widths:
        return ""
    narrower = ("narrower", f"{layer.name}: narrower", layer.narrower is not None)
    return _row([narrower, ("wider", f"{layer.name}: wider", layer.wider is not None)], x, y)


def depth_buttons(layer: EditableLayer, x: float, y: float) -> str:
    """The buttons that add a layer or remove this one, centred on x with their top at y."""
    if layer.can_insert:
        return _row([("insert", "Add a hidden layer before the output layer", True)], x, y)
    copy = ("copy", f"{layer.name}: add a copy after it", layer.can_copy)
    return _row([copy, ("remove", f"{layer.name}: remove", layer.can_remove)], x, y)


def drag_area(layer: EditableLayer, graphic: Graphic) -> str:
    """What a pointer takes hold of to make the layer wider or narrower; nothing if that cannot be done."""
    if not layer.widths:
        return ""
    width, height = max(graphic.width, PAIR / 2), graphic.height
    return (
        f'<rect class="drag" x="{-width / 2:.1f}" y="{-height / 2:.1f}" width="{width:.1f}" height="{height:.1f}" '
        'fill="transparent"/>'
    )


def _row(buttons: Sequence[tuple[str, str, bool]], x: float, y: float) -> str:
    """Buttons side by side: action, name, and whether it can be done."""
    left = x - (len(buttons) * _WIDTH + (len(buttons) - 1) * _BETWEEN) / 2
    return "".join(
        _button(action, name, is_possible, left + number * (_WIDTH + _BETWEEN), y)
        for number, (action, name, is_possible) in enumerate(buttons)
    )


def _button(action: str, name: str, is_possible: bool, left: float, top: float) -> str:
    # A button that cannot be pressed keeps the focus, so that a person who steps by keyboard does not lose it.
    state = "" if is_possible else ' aria-disabled="true"'
    return (
        f'<g class="button" role="button" tabindex="0" data-action="{action}" aria-label="{in_html(name)}"{state} '
        f'transform="translate({left:.1f} {top:.1f})"><title>{in_html(name)}</title>'
        f'<rect width="{_WIDTH:g}" height="{_HEIGHT:g}" rx="7"/>'
        f'<path d="{_SIGNS[action]}" transform="translate({_WIDTH / 2:g} {_HEIGHT / 2:g})"/></g>'
    )
