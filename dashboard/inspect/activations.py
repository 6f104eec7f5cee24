"""Feature maps: what each layer of a run's network makes of one image."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from dashboard.controls import ImagePrediction, SplitPredictions, image_tag
from dashboard.frame import open_store
from mnist_core.analysis import trained
from mnist_core.plots import weight_images
from mnist_core.text import in_markdown

if TYPE_CHECKING:
    from mnist_core.analysis import LayerOutput

# Kinds of layers that only rearrange or rescale values, so that their output is not worth an image of its own.
_REARRANGING = ("flatten", "dropout", "batchnorm", "layernorm", "groupnorm", "transpose", "position", "meantokens")
# Kinds of layers that are shown of a network that works on tokens, besides its last one.
_TOKEN_LAYERS = ("patches", "residual")
_MAX_MAPS, _MAX_UNITS = 32, 1024
# Widths of a map and of a unit in pixels of the screen, and how many units stand in a row.
_MAP_WIDTH, _UNIT_WIDTH, _UNITS_IN_A_ROW = 56, 14, 32


def show_layers(predictions: SplitPredictions, prediction: ImagePrediction) -> None:
    """A switch; when it is on, the output of each layer for the image. Raises CheckpointError or DataError."""
    help = "What each layer of the network computes from this image, from the first to the last."
    if not st.toggle("Layer by layer", key="maps", bind="query-params", help=help):
        return
    with st.spinner("Loading the network …"):
        # This imports torch, for which no page should wait before it needs it.
        from mnist_core.analysis import explain

        network = trained.load_network(open_store(), predictions.run)
        image = predictions.image(prediction)
        outputs = explain.activations(network.model, image, network.mean, network.std, network.precision)
    if note := trained.precision_note(predictions.run):
        st.caption(in_markdown(note))
    st.caption(
        "Red is positive, blue negative, pale zero; every layer has its own scale. Each map shows where in the "
        "image one filter finds its pattern; each square is one unit."
    )
    st.html("<div class='maps'>" + "".join(map(_layer_html, _layers_to_show(outputs))) + "</div>")


def _layers_to_show(activations: Sequence["LayerOutput"]) -> list["LayerOutput"]:
    """The layers whose output says something to a person, and always the last one, the logits."""
    kinds = [activation.kind for activation in activations]
    if "patches" in kinds:
        chosen = [kind in _TOKEN_LAYERS for kind in kinds]
    else:
        chosen = [kind not in _REARRANGING for kind in kinds]
    chosen[-1] = True
    return [activation for activation, shown in zip(activations, chosen, strict=True) if shown]


def _layer_html(activation: "LayerOutput") -> str:
    values = activation.values
    # Tokens of a square grid, row by row: (T, D) becomes (D, H, W).
    if values.ndim == 2 and math.isqrt(len(values)) ** 2 == len(values):
        side = math.isqrt(len(values))
        values = values.T.reshape(-1, side, side)
    if values.ndim == 3:
        count, (height, width) = len(values), values.shape[1:]
        size, limit = f"{count:,} maps of {width} × {height}", _MAX_MAPS
        images = [image_tag(image, _MAP_WIDTH, "") for image in weight_images(values)[0][:limit]]
    else:
        count, limit = values.size, _MAX_UNITS
        size, images = f"{count:,} units", [_units_image(values.reshape(-1), limit)]
    first = f", the first {limit:,} of them" if count > limit else ""
    return f"<h4>{activation.name} · {size}{first}</h4><div>{''.join(images)}</div>"


def _units_image(values: np.ndarray, limit: int) -> str:
    """The first units of (N,) as rows of squares, the end of the last row empty."""
    # (N, 3)
    colours = weight_images(values[None, None])[0][0, 0, :limit]
    rows = -(-len(colours) // _UNITS_IN_A_ROW)
    columns = min(len(colours), _UNITS_IN_A_ROW)
    cells = np.zeros((rows * columns, 4), dtype=np.uint8)
    cells[: len(colours)] = np.c_[colours, np.full(len(colours), 255, dtype=np.uint8)]
    return image_tag(cells.reshape(rows, columns, 4), columns * _UNIT_WIDTH, "")
