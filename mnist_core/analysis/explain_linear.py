"""Computations of two lessons: the single matrix of a linear network, and the logits that a ReLU clips."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mnist_core.analysis import trained
from mnist_core.store import Run, Store

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class LinearProduct:
    """The single matrix that a stack of linear layers multiplies the image with."""

    # float64 (classes, pixels).
    matrix: np.ndarray
    # float64 (classes,), in descending order.
    singular_values: np.ndarray
    rank: int
    # Widths of all layers, the pixels of the image first: (784, 5, 10).
    widths: tuple[int, ...]

    @property
    def narrowest(self) -> int:
        """The rank cannot be larger than this."""
        return min(self.widths)


def linear_product(store: Store, run: Run, epoch: int | None = None) -> LinearProduct | None:
    """The product of the weight matrices of the run's network, last layer first, and its rank; None if it is not
    a stack of linear layers.

    In float64, so that the singular values beyond the narrowest layer are rounding errors of about 1e-16 and not of
    1e-7; the rank counts those above max(shape) * eps * the largest (numpy.linalg.matrix_rank). Raises CheckpointError.
    """
    return linear_product_of(trained.load_network(store, run, epoch).model)


def linear_product_of(model: "nn.Module") -> LinearProduct | None:
    """`linear_product` of a network."""
    from torch import nn

    silent = (nn.Sequential, nn.Flatten, nn.Identity, nn.Dropout, nn.LogSoftmax, nn.Linear)
    if any(not isinstance(part, silent) for part in model.modules()):
        return None
    weights = [part.weight.detach().double().cpu().numpy() for part in model.modules() if isinstance(part, nn.Linear)]
    if not weights:
        return None
    matrix = weights[0]
    for weight in weights[1:]:
        matrix = weight @ matrix
    widths = (weights[0].shape[1], *(weight.shape[0] for weight in weights))
    values = np.linalg.svd(matrix, compute_uv=False)
    return LinearProduct(matrix, values, int(np.linalg.matrix_rank(matrix)), widths)


def run_logits(store: Store, run: Run, images: np.ndarray, epoch: int | None = None) -> np.ndarray:
    """The outputs of the run's network before the softmax, for uint8 images (N, C, H, W): float32 (N, classes).

    Raises CheckpointError.
    """
    return trained.load_network(store, run, epoch).logits(images)


def clipped_logits(outputs: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
    """What a ReLU on the logits takes away, a row a class, from outputs (N, classes) and true classes int (N,).

    Columns, all shares of images from 0 to 1, NaN for a class without images: `own` (of the images of this class, how
    many have its logit clipped to exactly 0: no gradient asks for a higher one), `any` (of all images), `right` (of
    its own, answered rightly), and `images` (how many the class has).
    """
    # Shape (N, classes).
    zero = outputs <= 0
    answers = outputs.argmax(axis=1)
    rows = []
    for class_index in range(outputs.shape[1]):
        mine = labels == class_index
        count = int(mine.sum())
        clipped_share = float(zero[mine, class_index].mean()) if count else float("nan")
        right = float((answers[mine] == class_index).mean()) if count else float("nan")
        rows.append({"own": clipped_share, "any": float(zero[:, class_index].mean()), "right": right, "images": count})
    return pd.DataFrame(rows)


def log_softmax(values: np.ndarray) -> np.ndarray:
    """log p of each class from logits (..., classes): values - log(sum(exp(values))), in float64.

    Applied to its own result it changes nothing: those exponentials add up to 1, whose logarithm is 0.
    """
    wide = np.asarray(values, dtype=np.float64)
    top = wide.max(axis=-1, keepdims=True)
    return wide - top - np.log(np.exp(wide - top).sum(axis=-1, keepdims=True))
