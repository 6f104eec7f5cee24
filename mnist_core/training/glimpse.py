"""What is recorded of a network while it trains: a glimpse, and what all glimpses of a run share. Without torch."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

# What the pictures of the first layer show: the weights of a unit for every pixel, a small filter, or nothing.
PictureKind = Literal["units", "filters", "none"]


@dataclass(frozen=True, eq=False)
class Watched:
    """What all glimpses of a run share: the images, and the layers with weights in the order of computation."""

    # Never the test images. Training images only where a run has no validation images.
    split: Literal["validation", "training"]
    # Of each image: its place in the split and its class.
    indices: tuple[int, ...]
    labels: tuple[int, ...]
    # How many classes the network tells apart.
    classes: int
    # Pixels, uint8 (images, C, H, W); large images are stored smaller.
    images: np.ndarray
    # Names as in the layer language, with a number for each kind, such as "conv 2".
    layers: tuple[str, ...]
    picture: PictureKind
    # Shape of the recorded weights of the first layer: (pictures, C, H, W).
    weights_shape: tuple[int, int, int, int]
    # How many units or filters the first layer has; recorded are the first of them.
    units: int


@dataclass(frozen=True, eq=False)
class Look:
    """What a network answers and looks like between two steps. NaN stands for: not measured."""

    # Of each image and class, float32 (images, classes).
    probabilities: np.ndarray
    # Of each layer, float32 (layers,): Euclidean norm of the gradient of its weights in the last step, after clipping.
    gradient_norms: np.ndarray
    # Share of its units (in a convolution: channels) whose relu gives 0 for all images, everywhere.
    dead: np.ndarray
    # Share of the outputs of its tanh or sigmoid at which the slope is below a twentieth of the steepest.
    saturated: np.ndarray
    # Weights of the first layer, int8; 127 stands for `limit`, and what is beyond is cut off there.
    weights: np.ndarray
    limit: float


@dataclass(frozen=True, eq=False)
class Glimpse:
    """A network after `step` steps, and how it was trained at that moment. NaN stands for: not measured."""

    step: int
    # Epochs completed, with the part of the one under way.
    epoch: float
    # Training time in seconds.
    seconds: float
    images_per_second: float
    learning_rate: float
    # Cores that the training process kept busy since the glimpse before, its memory in bytes, the GPU's load (0 to 1).
    cores: float
    memory: float
    gpu: float
    look: Look
