"""The gallery: a grid of many small images that are sent as one picture; one of them can be chosen."""

import base64
import hashlib
import struct
from collections.abc import Sequence

import streamlit as st
from streamlit.components.v2 import component

from dashboard.components import assets
from mnist_core.text import one_line

_PNG = b"\x89PNG\r\n\x1a\n"
_MARKS = {True: "right", False: "wrong", None: None}

_MOUNT = component(
    "mnist_lab_gallery",
    html=assets.text("gallery/gallery.html"),
    css=assets.text("gallery/gallery.css"),
    js=assets.text("gallery/gallery.js"),
)


def gallery(
    key: str,
    sprite_png: bytes,
    tile: tuple[int, int],
    count: int,
    captions: Sequence[str] | None = None,
    marks: Sequence[bool | None] | None = None,
    size_px: int = 64,
    first: int | None = None,
) -> int | None:
    """Show the first `count` tiles of a sprite and return the index of the chosen one; `first` until a person chooses.

    The sprite is a PNG that holds tiles of (width, height) pixels row by row, left to right. `captions` go under the
    images, `marks` say which are right (True) or wrong (False); `size_px` is the width of an image on the screen.
    Another sprite under the same key starts again. Raises ValueError if the parts do not fit.
    """
    columns, rows = _grid(sprite_png, tile, count)
    for name, values in (("captions", captions), ("marks", marks)):
        if values is not None and len(values) != count:
            raise ValueError(f"{len(values)} {name} for {count} images; give one for each image")
    digest = hashlib.sha256(sprite_png).hexdigest()[:16]
    sent = _chosen((st.session_state.get(key) or {}).get("chosen"), digest, count)
    chosen = first if sent is None else sent
    data = {
        "sprite": base64.b64encode(sprite_png).decode(),
        "digest": digest,
        "columns": columns,
        "rows": rows,
        "tile": list(tile),
        "count": count,
        "size": size_px,
        "captions": captions and list(map(one_line, captions)),
        "marks": marks and [_MARKS[mark] for mark in marks],
        "chosen": chosen,
    }
    _MOUNT(key=key, data=data, on_chosen_change=lambda: None)
    return chosen


def _grid(sprite: bytes, tile: tuple[int, int], count: int) -> tuple[int, int]:
    """Columns and rows of tiles in the sprite, from the size in its header."""
    if not sprite.startswith(_PNG):
        raise ValueError("the sprite is not a PNG")
    width, height = struct.unpack(">II", sprite[16:24])
    columns, rows = width // tile[0], height // tile[1]
    if (columns * tile[0], rows * tile[1]) != (width, height) or count > columns * rows:
        raise ValueError(
            f"a sprite of {width}x{height} pixels does not hold {count} tiles of {tile[0]}x{tile[1]}; "
            "lay them out row by row in a full grid"
        )
    return columns, rows


def _chosen(sent: object, digest: str, count: int) -> int | None:
    """The browser's choice, if it is one of this sprite's images."""
    match sent:
        case {"index": int(index), "sprite": str(sprite)} if sprite == digest and 0 <= index < count:
            return index
    return None
