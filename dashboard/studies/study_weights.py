"""Weights of a study's network as images, arranged as in the study: 2 x 5 classes, or the first 16 units 4 x 4."""

from collections.abc import Sequence

import numpy as np
import streamlit as st

from dashboard.controls import (
    CLASS_TEMPLATES,
    coloured_weights,
    image_tag,
    load_learned_weights,
    weight_scale_html,
    whole_pixel_width,
)
from dashboard.frame import errors_as_messages, open_store
from dashboard.studies.chosen_experiment import ChosenExperiment
from mnist_core.analysis import trained
from mnist_core.architectures import describe_architecture
from mnist_core.data import input_shape_and_classes
from mnist_core.plots import weight_images
from mnist_core.store import Run
from mnist_core.studies import PlannedRun
from mnist_core.text import in_html

_UNITS = 16
# Pixels on the screen, rounded to a whole multiple of the image.
_TILE = 112


def show_study_weights(chosen: ChosenExperiment) -> None:
    """The weights of one trained network of the experiment; a select box chooses it."""
    trained_runs = chosen.trained()
    if not trained_runs:
        st.info("Train these networks live: when they have finished, their weights are drawn here.")
        return
    with errors_as_messages():
        run = choose_network(trained_runs, "weights-of")
        learned = load_learned_weights(run, trained.chosen_checkpoint(open_store(), run).epoch or 0)
        if not learned.names:
            st.info("No layer of this network reads pixels, so its weights make no images.")
        elif learned.names[0] == CLASS_TEMPLATES and _layers(run) == 1:
            pictures, limit = coloured_weights(learned, CLASS_TEMPLATES)
            st.markdown("The coefficients of each class: ink on **red** speaks for it, ink on **blue** against it.")
            weight_grid(_flat(pictures), [str(name) for name in learned.classes], 5, limit)
        else:
            layer = learned.layers[0]
            what = "units: the weights by which each multiplies the pixels" if layer.kind == "units" else "filters"
            count = min(_UNITS, len(layer.values))
            st.markdown(f"The first {count} of {len(layer.values):,} {what}; one scale for all.")
            values = layer.values[:count]
            pictures, limit = (
                weight_images(values[:, 0]) if values.shape[1] == 1 else coloured_weights(learned, layer.name)
            )
            weight_grid(_flat(pictures)[:count], [str(index + 1) for index in range(count)], 4, limit)


def choose_network(trained_runs: Sequence[tuple[PlannedRun, Run]], key: str, last: bool = False) -> Run:
    """The run that a select box chooses, at first the first one, or with `last` the last; no box for a single run."""
    runs = {run.name: run for _, run in trained_runs}
    if len(runs) == 1:
        return next(iter(runs.values()))
    start = len(runs) - 1 if last else 0
    return runs[
        st.selectbox(
            "Of the network", list(runs), start, key=key, width=420, help="The network whose weights are shown."
        )
    ]


def weight_grid(pictures: np.ndarray, captions: Sequence[str], columns: int, limit: float) -> None:
    """Coloured images uint8 (N, H, W, 3) in rows of `columns`, and below them their common scale."""
    size = whole_pixel_width(_TILE, pictures.shape[2])
    figures = "".join(
        f"<figure>{image_tag(image, size, caption)}<figcaption>{in_html(caption)}</figcaption></figure>"
        for image, caption in zip(pictures, captions, strict=True)
    )
    st.html(
        f"<div class='weights' style='grid-template-columns:repeat({columns},minmax(0,{size}px))'>{figures}</div>"
        f"{weight_scale_html(limit)}"
    )


def _layers(run: Run) -> int:
    """Number of linear layers; with one, its units are the classes."""
    network = describe_architecture(run.config.architecture, *input_shape_and_classes(run.config))
    return sum(layer.name == "linear" for layer in network.layers)


def _flat(pictures: np.ndarray) -> np.ndarray:
    """Images without their channel axis: (N, 1, H, W, 3) becomes (N, H, W, 3)."""
    return pictures[:, 0] if pictures.ndim == 5 else pictures
