"""A figure with larger type, for a projector."""

from typing import Any

import numpy as np
import plotly.graph_objects as go

# Lengths in pixels that belong to texts, apart from the sizes of fonts.
_LENGTHS = ("standoff", "xshift", "yshift", "entrywidth")
# Plotly's size of a text for which a figure names none.
_USUAL_SIZE = 12
# Average width of a letter as a share of its size, and of a figure's height what the title beside an axis can take.
_LETTER, _BESIDE = 0.5, 0.7
# A low figure grows with its type, up to this height in pixels: a higher one would leave the screen of a projector.
_HIGH = 520


def enlarged(figure: go.Figure, factor: float) -> go.Figure:
    """A copy of a polished figure whose texts are `factor` times as large, with margins and a height that fit them.

    Lines, markers and what is drawn stay as they are.
    """
    content = figure.to_plotly_json()
    layout = content["layout"]
    layout["font"] = {"size": _USUAL_SIZE, **layout.get("font", {})}
    _enlarge(content["data"], factor)
    _enlarge({name: part for name, part in layout.items() if name != "template"}, factor)
    layout["margin"] = {side: factor * width for side, width in layout["margin"].items()}
    layout["height"] = max(layout["height"], min(factor * layout["height"], _HIGH))
    for name, axis in layout.items():
        if name.startswith("yaxis"):
            _wrap_title(axis, layout["height"])
    return go.Figure(content)


def _wrap_title(axis: dict[str, Any], height: float) -> None:
    """Break the title of a vertical axis before what is in brackets if it is longer than its axis."""
    text, size = axis["title"].get("text") or "", axis["title"]["font"]["size"]
    low, high = axis.get("domain", (0, 1))
    if len(text) * _LETTER * size > _BESIDE * (high - low) * height:
        axis["title"]["text"] = text.replace(" (", "<br>(", 1)


def _enlarge(part: Any, factor: float) -> None:
    """Enlarge in place the type in a part of a figure: dicts and lists of dicts."""
    if isinstance(part, (list, tuple)):
        for each in part:
            _enlarge(each, factor)
    elif isinstance(part, dict):
        for name, value in part.items():
            if name in _LENGTHS:
                part[name] = factor * value
            elif name.endswith("font") and "size" in value:
                value["size"] = (factor * np.asarray(value["size"])).tolist()
            else:
                _enlarge(value, factor)
