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


def pad(key: str, number: int = 0, *, pause: float) -> PadDrawing:
    """Show the pad and return its drawing: every `pause` seconds during a stroke, and at its end.

    Call it in a fragment, so that only the fragment runs for each picture. The drawing stays when the page is left.
    Another number begins an empty pad, whose brush is the one before.
    """
    if number:
        st.session_state.pop(_kept_name(key, number - 1), None)
    kept = st.session_state[_kept_name(key, number)] = _newest_kept(key, number)
    # `seq` confirms a picture to the browser; before that, it sends no other of the same stroke.
    _MOUNT(
        key=_mounted(key, number),
        data={"key": key, "seq": kept["seq"], "strokes": kept["strokes"], "pause": round(1000 * pause)},
        on_drawing_change=lambda: None,
    )
    return _drawing(kept)


def read_pad(key: str, number: int = 0) -> PadDrawing:
    """The drawing on a pad as the browser has sent it last, without showing the pad: for callbacks."""
    return _drawing(_newest_kept(key, number))


def _drawing(kept: dict[str, Any]) -> PadDrawing:
    return PadDrawing(decode(kept["image"]), kept["seq"], kept["ended"])


def _newest_kept(key: str, number: int) -> dict[str, Any]:
    sent = (st.session_state.get(_mounted(key, number)) or {}).get("drawing")
    return newest(st.session_state.get(_kept_name(key, number), _EMPTY), sent)


def _mounted(key: str, number: int) -> str:
    return f"{key}:{number}" if number else key


def _kept_name(key: str, number: int) -> str:
    # Streamlit forgets a component's state when its page is left, so the drawing is stored under a key of its own.
    return f"{_mounted(key, number)}:kept"


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
