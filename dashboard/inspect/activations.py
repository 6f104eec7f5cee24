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

_IN_BETWEEN = ("flatten", "dropout", "batchnorm", "layernorm", "groupnorm", "transpose", "position", "meantokens")
# what is shown of a network that works on tokens, besides its answer
_OF_TOKENS = ("patches", "residual")
_MOST_MAPS, _MOST_UNITS = 32, 1024
# pixels on the screen of a map and of a unit; units in a row
_MAP, _CELL, _CELLS = 56, 14, 32


def layer_by_layer(subject: SplitPredictions, answer: ImagePrediction) -> None:
    """A switch, and behind it what the layers make of the answer's image. Raises CheckpointError or DataError."""
    help = "What each layer of the network makes of this image, from the first to the last."
    if not st.toggle("Layer by layer", key="maps", bind="query-params", help=help):
        return
    with st.spinner("Loading the network …"):
        # Imports torch, which a page must not wait for.
        from mnist_core.analysis import explain

        network = trained.load_network(open_store(), subject.run)
        image = subject.image(answer)
        found = explain.activations(network.model, image, network.mean, network.std, network.precision)
    if note := trained.precision_note(subject.run):
        st.caption(in_markdown(note))
    st.caption(
        "Red is positive, blue negative, pale zero; every layer has its own scale. Each map shows where in the "
        "image one filter finds what it looks for; each cell is one unit."
    )
    st.html("<div class='maps'>" + "".join(map(_layer, _worth_showing(found))) + "</div>")


def _worth_showing(found: Sequence["LayerOutput"]) -> list["LayerOutput"]:
    """What a person can read something from, and the last one: the logits."""
    kinds = [activation.name.split()[0] for activation in found]
    if "patches" in kinds:
        chosen = [kind in _OF_TOKENS for kind in kinds]
    else:
        chosen = [kind not in _IN_BETWEEN for kind in kinds]
    chosen[-1] = True
    return [activation for activation, shown in zip(found, chosen, strict=True) if shown]


def _layer(activation: "LayerOutput") -> str:
    values = activation.values
    # tokens, row by row: (T, D) to (D, H, W)
    if values.ndim == 2 and math.isqrt(len(values)) ** 2 == len(values):
        side = math.isqrt(len(values))
        values = values.T.reshape(-1, side, side)
    if values.ndim == 3:
        count, (height, width) = len(values), values.shape[1:]
        said, most = f"{count:,} maps of {width} × {height}", _MOST_MAPS
        pictures = [image_tag(map, _MAP, "") for map in weight_images(values)[0][:most]]
    else:
        count, most = values.size, _MOST_UNITS
        said, pictures = f"{count:,} units", [_cells(values.reshape(-1), most)]
    first = f", the first {most:,} of them" if count > most else ""
    return f"<h4>{activation.name} · {said}{first}</h4><div>{''.join(pictures)}</div>"


def _cells(values: np.ndarray, most: int) -> str:
    """Units (N,) as rows of cells, the end of the last row empty."""
    # (N, 3)
    colours = weight_images(values[None, None])[0][0, 0, :most]
    rows = -(-len(colours) // _CELLS)
    columns = min(len(colours), _CELLS)
    cells = np.zeros((rows * columns, 4), dtype=np.uint8)
    cells[: len(colours)] = np.c_[colours, np.full(len(colours), 255, dtype=np.uint8)]
    return image_tag(cells.reshape(rows, columns, 4), columns * _CELL, "")
