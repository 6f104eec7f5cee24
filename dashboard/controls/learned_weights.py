"""The weights of a run's network after an epoch, as arrays and as coloured images; cached for all sessions."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from dashboard.frame import open_store
from mnist_core.analysis import trained
from mnist_core.plots import colour_weight_images, png_address, weight_images, weight_scale
from mnist_core.store import Run

if TYPE_CHECKING:
    from mnist_core.analysis import WeightImages

CLASS_TEMPLATES = "class templates"


@dataclass(frozen=True)
class LearnedWeights:
    """The weights of a network after one epoch that make images; `key` identifies them."""

    # The run's id, the sha256 of the checkpoint, and the epoch.
    key: tuple[str, str, int]
    classes: tuple[str, ...]
    # Channels of the images that the network reads.
    channels: int
    layers: tuple["WeightImages", ...]
    # (classes, C, H, W) of a linear network, else None.
    templates: np.ndarray | None
    # Kinds of layers that make the network nonlinear.
    nonlinear: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        """Names of all weights that make images, the class templates first."""
        return [CLASS_TEMPLATES] * (self.templates is not None) + [layer.name for layer in self.layers]

    def layer(self, name: str) -> "WeightImages":
        """The layer of this name."""
        return next(layer for layer in self.layers if layer.name == name)

    def values(self, name: str) -> np.ndarray:
        """The weights of one of `names`: (N, C, H, W)."""
        if name == CLASS_TEMPLATES:
            assert self.templates is not None
            return self.templates
        return self.layer(name).values

    def reads_image(self, name: str) -> bool:
        """Whether the channels of these weights are those of the image, so that they can be shown in its colours."""
        return self.values(name).shape[1] == self.channels and (self.channels == 1 or name in self.names[:2])


def load_learned_weights(run: Run, epoch: int) -> LearnedWeights:
    """The weights of one epoch's checkpoint. Raises CheckpointError."""
    return _learned((run.id, trained.chosen_checkpoint(open_store(), run, epoch).sha256, epoch))


def coloured_weights(weights: LearnedWeights, name: str) -> tuple[np.ndarray, float]:
    """Weights (N, C, H, W) as images, and the limit of the scale that they share.

    Weights that read a colour image become uint8 (N, H, W, 3); others get an image for each channel: (N, C, H, W, 3).
    """
    return _coloured(weights.key, name, weights)


def weight_scale_html(limit: float) -> str:
    """HTML of the colours that weights from -limit to limit have."""
    return (
        f"<div class='scale'><img src='{png_address(weight_scale())}' alt='Scale of the weights'>"
        f"<span>−{limit:.3g}</span><span>0</span><span>+{limit:.3g}</span></div>"
    )


@st.cache_resource(max_entries=8, show_spinner="Loading the network …")
def _learned(key: tuple[str, str, int]) -> LearnedWeights:
    # This imports torch, for which no page should wait before it needs it.
    from mnist_core.analysis import explain

    run_id, _, epoch = key
    network = trained.load_network(open_store(), open_store().run(run_id), epoch)
    model, shape = network.model, network.shape
    return LearnedWeights(
        key,
        network.classes,
        shape[0],
        tuple(explain.viewable_weights(model, shape)),
        explain.class_templates(model, shape),
        tuple(explain.nonlinear_layers(model, shape)),
    )


@st.cache_resource(max_entries=16, show_spinner=False)
def _coloured(key: tuple[str, str, int], name: str, _weights: LearnedWeights) -> tuple[np.ndarray, float]:
    values = _weights.values(name)
    if values.shape[1] == 3 and _weights.reads_image(name):
        return colour_weight_images(values)
    return weight_images(values)
