"""Figures from data frames and arrays; never imports torch or streamlit."""

from mnist_core.plots.classes import class_counts, class_scores
from mnist_core.plots.comparison import accuracies
from mnist_core.plots.confusion import confusion_matrix
from mnist_core.plots.costs import accuracy_against
from mnist_core.plots.curves import decimate, learning_curves, smoothed
from mnist_core.plots.images import (
    channels_last,
    colour_weight_images,
    mean_images,
    png,
    sprite,
    weight_images,
    weight_scale,
)
from mnist_core.plots.pixels import pixel_histogram
from mnist_core.plots.style import run_label, run_style, run_styles

__all__ = [
    "accuracies", "accuracy_against", "channels_last", "class_counts", "class_scores", "colour_weight_images",
    "confusion_matrix", "decimate", "learning_curves", "mean_images", "pixel_histogram", "png", "run_label",
    "run_style", "run_styles", "smoothed", "sprite", "weight_images", "weight_scale",
]  # fmt: skip
