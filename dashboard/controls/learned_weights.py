"""What a run's network has learned by an epoch, as arrays and as coloured images; kept for all sessions."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from dashboard.frame import open_store
from mnist_core.analysis import trained
from mnist_core.plots import colour_weight_images, weight_images
from mnist_core.store import Run

if TYPE_CHECKING:
    from mnist_core.analysis import WeightImages

CLASS_TEMPLATES = "class templates"


@dataclass(frozen=True)
class LearnedWeights:
    """What can be shown of a network at one epoch; `key` identifies it."""

    # id of the run, sha256 of the checkpoint, epoch
    key: tuple[str, str, int]
    classes: tuple[str, ...]
    # of an image that the network reads
    channels: int
    layers: tuple["WeightImages", ...]
    # (classes, C, H, W), of a linear network
    templates: np.ndarray | None
    # kinds of layer that keep it from being linear
    nonlinear: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        """Everything that can be shown, the class templates first."""
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
        """Whether the channels of these weights are those of the image, so that they show as grey or colour."""
        return self.values(name).shape[1] == self.channels and (self.channels == 1 or name in self.names[:2])


def load_learned_weights(run: Run, epoch: int) -> LearnedWeights:
    """The weights of one epoch's checkpoint. Raises CheckpointError."""
    return _learned((run.id, trained.chosen_checkpoint(open_store(), run, epoch).sha256, epoch))


def coloured_weights(found: LearnedWeights, name: str) -> tuple[np.ndarray, float]:
    """Weights (N, C, H, W) as images and the limit of their shared scale.

    Those that read a colour image become uint8 (N, H, W, 3); others one image a channel, (N, C, H, W, 3).
    """
    return _coloured(found.key, name, found)


@st.cache_resource(max_entries=8, show_spinner="Loading the network …")
def _learned(key: tuple[str, str, int]) -> LearnedWeights:
    # Imports torch, which a page must not wait for.
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
def _coloured(key: tuple[str, str, int], name: str, _found: LearnedWeights) -> tuple[np.ndarray, float]:
    values = _found.values(name)
    if values.shape[1] == 3 and _found.reads_image(name):
        return colour_weight_images(values)
    return weight_images(values)
