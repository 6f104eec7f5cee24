"""The drawing pad: a canvas whose picture goes to Python while a person draws, or is asked about by the browser."""

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

_HTML, _CSS = assets.text("pad/pad.html"), assets.text("pad/pad.css")
_MOUNT = component("mnist_lab_pad", html=_HTML, css=_CSS, js=assets.joined("kept.js", "pad/pad.js", "pad/sent_pad.js"))
_MOUNT_ASKING = component(
    "mnist_lab_asking_pad",
    html=_HTML,
    css=_CSS,
    js=assets.joined(
        "kept.js", "latest_call.js", "drawing_answers/drawing_events.js", "pad/pad.js", "pad/asking_pad.js"
    ),
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
    # Which drawing it is, and the digit that was asked for when it was drawn.
    number: int = 0
    label: int | None = None


def pad(key: str, number: int = 0, *, label: int | None = None, pause: float) -> PadDrawing:
    """Show the pad and return its drawing: every `pause` seconds during a stroke, and at its end.

    Call it in a fragment, so that only the fragment runs for each picture. The drawing stays when the page is left.
    Another number empties the pad; `label` is the digit that is asked for, if there is one.

    Where this is the first run for a page that was open before, because its app was started anew or another one has
    taken over, the pad keeps its drawing with number and label, and these are returned.
    """
    is_first = _kept_name(key) not in st.session_state
    # Streamlit forgets a component's state when its page is left, so the drawing is stored under a key of its own.
    kept = st.session_state[_kept_name(key)] = _newest_kept(key, number)
    # `seq` confirms a picture to the browser; before that, it sends no other of the same stroke.
    # One key for all numbers: two pads would stand on the page until the run that brings the second has ended.
    _MOUNT(
        key=key,
        data={
            "key": key,
            "number": number,
            "label": label,
            "first": is_first,
            "seq": kept["seq"],
            "strokes": kept["strokes"],
            "pause": round(1000 * pause),
        },
        on_drawing_change=lambda: None,
    )
    if is_first:
        # Only now Streamlit knows what the browser has sent for this component.
        kept = st.session_state[_kept_name(key)] = newest(kept, _sent(key), of_any_number=True)
    return _drawing(kept)


def asking_pad(key: str, pause: float) -> None:
    """Show a pad whose pictures `drawing_answers` asks about, every `pause` seconds at first, and at a stroke's end.

    Python never sees the drawing. It stays in the browser until that loads the app anew.
    """
    _MOUNT_ASKING(key=key, data={"key": key, "pause": round(1000 * pause)})


def read_pad(key: str, number: int = 0) -> PadDrawing:
    """The drawing on a pad as the browser has sent it last, without showing the pad: for callbacks."""
    return _drawing(_newest_kept(key, number))


def _drawing(kept: dict[str, Any]) -> PadDrawing:
    return PadDrawing(decode_picture(kept["image"]), kept["seq"], kept["ended"], kept["number"], kept["label"])


def _newest_kept(key: str, number: int) -> dict[str, Any]:
    kept = st.session_state.get(_kept_name(key), _EMPTY)
    if kept["number"] != number:
        # The count goes on, so that the browser's next picture is newer.
        kept = {**_EMPTY, "number": number, "seq": kept["seq"]}
    return newest(kept, _sent(key))


def _sent(key: str) -> Any:
    return (st.session_state.get(key) or {}).get("drawing")


def _kept_name(key: str) -> str:
    return f"{key}:kept"


def newest(kept: dict[str, Any], sent: Any, *, of_any_number: bool = False) -> dict[str, Any]:
    """The browser's message if it is newer than the stored drawing and has its number, else the stored one.

    While the pen is down, messages contain no strokes: they are needed only to draw the pad again.
    """
    match sent:
        case {
            "number": int(number),
            "seq": int(seq),
            "ended": bool(ended),
            "image": str(image),
            "strokes": list() | None as strokes,
        }:
            if (number == kept["number"] or of_any_number) and seq > kept["seq"]:
                return {
                    "number": number,
                    "label": label if type(label := sent.get("label")) is int else None,
                    "seq": seq,
                    "ended": ended,
                    "image": image,
                    "strokes": kept["strokes"] if strokes is None else strokes,
                }
    return kept


def decode_picture(image: str) -> np.ndarray | None:
    """uint8 (112, 112) of a base64 PNG; None for anything else, since a browser may send what it likes."""
    try:
        with Image.open(io.BytesIO(base64.b64decode(image, validate=True)), formats=["PNG"]) as picture:
            return np.array(picture.convert("L")) if picture.size == (SIDE, SIDE) else None
    except (binascii.Error, ValueError, UnidentifiedImageError, OSError, SyntaxError):
        # PIL raises each of these for some damaged files.
        return None


_EMPTY: dict[str, Any] = {"number": 0, "label": None, "seq": 0, "ended": True, "image": "", "strokes": []}
