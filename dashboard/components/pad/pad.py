"""The drawing pad: a canvas whose picture is sent to Python while a person draws."""

import base64
import binascii
import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st
from PIL import Image, UnidentifiedImageError
from streamlit.components.v2 import component

from dashboard.components import assets

# Side of the picture in pixels, as in pad.js.
SIDE = 112

_MOUNT = component(
    "mnist_lab_pad",
    html=assets.text("pad/pad.html"),
    css=assets.text("pad/pad.css"),
    js=assets.joined("kept.js", "pad/pad.js"),
)


@dataclass(frozen=True)
class PadDrawing:
    """The current content of the pad."""

    # uint8 (112, 112), 0 for paper to 255 for ink; None while the pad is empty.
    pixels: np.ndarray | None
    # Number of the drawing; grows with every change.
    seq: int
    # False while the pen is down.
    stroke_ended: bool


def pad(key: str) -> PadDrawing:
    """Show the pad and return its drawing, about ten times a second during a stroke.

    Call it in a fragment, so that only the fragment runs for each picture. The drawing stays when the page is left.
    """
    # Streamlit forgets a component's state when its page is left, so the drawing is stored under a key of its own.
    kept_name = f"{key}:kept"
    kept = newest(st.session_state.get(kept_name, _EMPTY), (st.session_state.get(key) or {}).get("drawing"))
    st.session_state[kept_name] = kept
    # `seq` confirms a picture to the browser; before that, it sends no other of the same stroke.
    _MOUNT(key=key, data={"key": key, "seq": kept["seq"], "strokes": kept["strokes"]}, on_drawing_change=lambda: None)
    return PadDrawing(decode(kept["image"]), kept["seq"], kept["ended"])


def newest(kept: dict[str, Any], sent: Any) -> dict[str, Any]:
    """The browser's message if it is newer than the stored drawing, else the stored one.

    While the pen is down, messages contain no strokes: they are needed only to draw the pad again.
    """
    match sent:
        case {"seq": int(seq), "ended": bool(ended), "image": str(image), "strokes": list() | None as strokes}:
            if seq > kept["seq"]:
                return {
                    "seq": seq,
                    "ended": ended,
                    "image": image,
                    "strokes": kept["strokes"] if strokes is None else strokes,
                }
    return kept


def decode(image: str) -> np.ndarray | None:
    """uint8 (112, 112) of a base64 PNG; None for anything else, since a browser may send what it likes."""
    try:
        with Image.open(io.BytesIO(base64.b64decode(image, validate=True)), formats=["PNG"]) as picture:
            return np.array(picture.convert("L")) if picture.size == (SIDE, SIDE) else None
    except (binascii.Error, ValueError, UnidentifiedImageError, OSError, SyntaxError):
        # PIL raises each of these for some damaged files.
        return None


_EMPTY: dict[str, Any] = {"seq": 0, "ended": True, "image": "", "strokes": []}
