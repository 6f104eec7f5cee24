"""What a study's network has learned, as drawn there: ten coefficient images 2 x 5, or the first 16 units 4 x 4."""

import base64
from collections.abc import Sequence

import numpy as np
import streamlit as st

from dashboard.controls import CLASS_TEMPLATES, coloured_weights, image_tag, load_learned_weights, whole_pixel_width
from dashboard.frame import errors_as_messages, open_store
from dashboard.studies.chosen_experiment import ChosenExperiment
from mnist_core.analysis import trained
from mnist_core.architectures import describe_architecture
from mnist_core.data import input_shape_and_classes
from mnist_core.plots import weight_images, weight_scale
from mnist_core.store import Run
from mnist_core.studies import PlannedRun
from mnist_core.text import in_html

_UNITS = 16
# pixels on the screen, about
_TILE = 112


def show_weights(chosen: ChosenExperiment) -> None:
    """The images of one trained network of the experiment, which can be chosen."""
    found = chosen.trained()
    if not found:
        st.info("Train these networks live: what they have learned is drawn here when they have finished.")
        return
    with errors_as_messages():
        run = choose_network(found, "weights-of")
        kept = load_learned_weights(run, trained.chosen_checkpoint(open_store(), run).epoch or 0)
        if not kept.names:
            st.info("No layer of this network reads pixels, so its weights make no images.")
        elif kept.names[0] == CLASS_TEMPLATES and _layers(run) == 1:
            pictures, limit = coloured_weights(kept, CLASS_TEMPLATES)
            st.markdown("The coefficients of each class: ink on **red** speaks for it, ink on **blue** against it.")
            weight_grid(_flat(pictures), [str(name) for name in kept.classes], 5, limit)
        else:
            layer = kept.layers[0]
            what = "units: what each multiplies the image with" if layer.kind == "units" else "filters"
            count = min(_UNITS, len(layer.values))
            st.markdown(f"The first {count} of {len(layer.values):,} {what}; one scale for all.")
            values = layer.values[:count]
            pictures, limit = (
                weight_images(values[:, 0]) if values.shape[1] == 1 else coloured_weights(kept, layer.name)
            )
            weight_grid(_flat(pictures)[:count], [str(place + 1) for place in range(count)], 4, limit)


def choose_network(found: Sequence[tuple[PlannedRun, Run]], key: str, last: bool = False) -> Run:
    """The run of one of these networks, at first the `last` or the first; with one there is nothing to choose."""
    runs = {run.name: run for _, run in found}
    if len(runs) == 1:
        return next(iter(runs.values()))
    start = len(runs) - 1 if last else 0
    return runs[st.selectbox("Of the network", list(runs), start, key=key, width=420, help="Whose weights are shown.")]


def weight_grid(pictures: np.ndarray, captions: Sequence[str], columns: int, limit: float) -> None:
    """Coloured images uint8 (N, H, W, 3) in rows of `columns`, and below them the scale that they share."""
    size = whole_pixel_width(_TILE, pictures.shape[2])
    figures = "".join(
        f"<figure>{image_tag(image, size, caption)}<figcaption>{in_html(caption)}</figcaption></figure>"
        for image, caption in zip(pictures, captions, strict=True)
    )
    file = base64.b64encode(weight_scale()).decode()
    st.html(
        f"<div class='weights' style='grid-template-columns:repeat({columns},minmax(0,{size}px))'>{figures}</div>"
        f"<div class='scale'><img src='data:image/png;base64,{file}' alt='Scale of the weights'>"
        f"<span>−{limit:.3g}</span><span>0</span><span>+{limit:.3g}</span></div>"
    )


def _layers(run: Run) -> int:
    """How many linear layers the network has: with one, its units are the classes themselves."""
    network = describe_architecture(run.config.architecture, *input_shape_and_classes(run.config))
    return sum(layer.name == "linear" for layer in network.layers)


def _flat(pictures: np.ndarray) -> np.ndarray:
    """Of weights with a channel axis (N, 1, H, W, 3) that channel; others as they are."""
    return pictures[:, 0] if pictures.ndim == 5 else pictures
