"""What a network answers and looks like at one moment of its training: images, weights and layers."""

import base64
import hashlib
import json
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st
from streamlit.components.v2 import component

from dashboard.components import assets
from mnist_core.text import in_markdown

# The message is one buffer, because Streamlit does not carry bytes within a dict; its JSON text names the scripts.
_SCRIPTS = """JSON.parse(new TextDecoder().decode(data.slice(4, 4 + new DataView(data.buffer, data.byteOffset)
    .getUint32(0, true)))).scripts"""
_MOUNT = component(
    "mnist_lab_thinking",
    html=assets.text("thinking/thinking.html"),
    js=assets.loader(
        "thinking/thinking.js", "Training is not affected; reload the page to try again.", scripts=_SCRIPTS
    ),
)
# Width of a picture of the first layer in pixels of the screen, at most, and the most of them in a row.
_PICTURE_WIDTH, _IN_A_ROW = 64, 8
_COLUMNS = (
    ("Layer", "Layers with weights, in the order of computation."),
    (
        "Gradient",
        "How strongly the last batch pulled at the weights: the norm of their gradient. The bar is logarithmic.",
    ),
    ("Dead", "Units (in a convolution: channels) whose relu gives 0 for all images shown."),
    ("Saturated", "Outputs of tanh or sigmoid where the function is nearly flat, so that hardly any gradient passes."),
)


@dataclass(frozen=True)
class Tile:
    """One image and the network's answer for it."""

    # Names of the class that it shows, and of the one that the network takes it for.
    label: str
    answer: str
    # Probability of the answer and of the true class, 0 to 1; NaN if the network gives no number.
    confidence: float
    true_probability: float


@dataclass(frozen=True)
class LayerMeasures:
    """What is known of one layer; NaN where it was not measured."""

    name: str
    gradient_norm: float
    dead: float
    saturated: float


@dataclass(frozen=True, eq=False)
class ThinkingView:
    """Everything that is shown of one moment."""

    step: int
    # Pixels, uint8 (N, C, H, W), and what belongs to each of them.
    images: np.ndarray
    tiles: Sequence[Tile]
    # Indices of the images in the order in which they are shown.
    order: Sequence[int]
    # int8 (pictures, C, H, W); 127 is the end of the scale.
    weights: np.ndarray
    layers: Sequence[LayerMeasures]
    # Ends of the logarithmic scale of the gradients.
    gradient_range: tuple[float, float]
    # Names and values, such as ("Step", "1,200").
    facts: Sequence[tuple[str, str]]
    title: str
    weights_title: str
    note: str


def thinking(key: str, view: ThinkingView | None, label: str, *, live: bool = False, waiting: str = "") -> None:
    """Show a moment of a training in place: nothing flickers when it is called again with another one.

    Without a view the text `waiting` stands in its place. `live`: shown again and again, or renewed; then
    images are sent only until the browser has them. `label` names the whole for people who cannot see it.
    """
    try:
        scripts = assets.publish_scripts()
    except assets.AssetError as error:
        st.error(in_markdown(str(error)))
        return
    about = {
        "scripts": scripts,
        "styles": f"{scripts}/thinking/thinking.css",
        "key": key,
        "label": label,
        "live": live,
        "held": held_images(key),
    }
    data = _packed(about | {"waiting": waiting, "imageBytes": 0}, b"") if view is None else _message(view, about)
    _MOUNT(key=key, data=data, on_held_change=lambda: None)


def held_images(key: str) -> str:
    """The digest of the images that the browser has said it holds for the view with this key; "" for none."""
    return str((st.session_state.get(key) or {}).get("held") or "")


def thinking_message(key: str, view: ThinkingView, label: str, held: str) -> str:
    """What a `renewal` gives to a live `thinking`: this moment, with its images unless they are the `held` ones."""
    about = {"key": key, "label": label, "live": True, "held": held}
    return base64.b64encode(_message(view, about)).decode()


def _message(view: ThinkingView, about: dict[str, object]) -> bytes:
    pixels, weights = view.images.tobytes(), view.weights.tobytes()
    digest = hashlib.sha256(pixels).hexdigest()[:16]
    sent = b"" if about["live"] and about["held"] == digest else pixels
    count = len(view.weights)
    columns = math.ceil(count / max(1, math.ceil(count / _IN_A_ROW))) if count else 1
    head = {
        "step": view.step,
        "title": view.title,
        "images": digest,
        "imageShape": view.images.shape[1:],
        "tiles": [*map(_tile, view.tiles)],
        "order": [*view.order],
        "weightsShape": view.weights.shape,
        "weightsColumns": columns,
        "weightsWidth": columns * _PICTURE_WIDTH,
        "weightsTitle": view.weights_title,
        "columns": _COLUMNS,
        "layers": [{"name": layer.name, "measures": _measures(layer, view.gradient_range)} for layer in view.layers],
        "facts": view.facts,
        "note": view.note,
    }
    shown = json.dumps(head).encode() + weights
    return _packed(about | head | {"imageBytes": len(sent)}, sent + weights, hashlib.sha256(shown).hexdigest()[:16])


def _packed(head: dict[str, object], content: bytes, version: str = "") -> bytes:
    text = json.dumps(head | {"version": version or str(head["waiting"])}).encode()
    return struct.pack("<I", len(text)) + text + content


def _tile(tile: Tile) -> dict[str, object]:
    if math.isnan(tile.confidence):
        spoken = f"{tile.label}: the network answers with no number"
        return {"sign": "✗", "answer": "–", "sure": 0, "below": "no number", "spoken": spoken, "right": False}
    right = tile.answer == tile.label
    # A probability is never quite 0 or 1, and what is recorded of it has three digits.
    sure = ">99 %" if tile.confidence >= 0.995 else percent(tile.confidence)
    return {
        "sign": "✓" if right else "✗",
        "answer": tile.answer,
        "sure": round(tile.true_probability, 3),
        "below": sure if right else f"{sure}, is {tile.label}",
        "spoken": f"{tile.label}: taken for {tile.answer}, {sure} sure, {'right' if right else 'wrong'}",
        "right": right,
    }


def _measures(layer: LayerMeasures, gradient_range: tuple[float, float]) -> list[tuple[str, float]]:
    """Text and length of the bar (0 to 1) of each measure."""
    low, high = gradient_range
    norm, length = layer.gradient_norm, 0.0
    if math.isfinite(norm) and norm > 0 and high > low > 0:
        length = math.log(norm / low) / math.log(high / low)
    text = "–" if math.isnan(norm) else "infinite" if math.isinf(norm) else f"{norm:.2g}"
    shares = [
        ("–" if math.isnan(share) else percent(share), 0.0 if math.isnan(share) else share)
        for share in (layer.dead, layer.saturated)
    ]
    return [(text, round(min(1.0, max(0.0, length)), 3)), *((text, round(share, 3)) for text, share in shares)]


def percent(share: float) -> str:
    """A share in whole per cent; what is not quite none or all says so."""
    if 0 < share < 0.005:
        return "<1 %"
    return ">99 %" if 0.995 <= share < 1 else f"{100 * share:.0f} %"
