"""Evaluation of a network: loss and accuracy on a split, and the predicted probability of each class."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mnist_core.config import PREDICTION_BATCH
from mnist_core.data import Data, Split
from mnist_core.training.pooling_first import pooling_first

# Measured on one core: for wide convolutions, batches of 100 take half the time of batches of 1,000 because they stay
# in the cache; for small networks they take the same time. A GPU is fastest with as many as fit.
CPU_BATCH_SIZE, _GPU_BATCH_SIZE = PREDICTION_BATCH, 2000


def evaluate_split(model: nn.Module, data: Data, split: Split, precision: str = "float32") -> tuple[float, float]:
    """Mean cross-entropy (nats) and accuracy (fraction) on a split of `data` that holds at least one image.

    Runs in evaluation mode, leaves every module's mode and the random state as they were, and reads the device once.
    """
    if not len(split.labels):
        raise ValueError("there are no images to evaluate on")
    device, size = split.images.device, _batch_size(split.images)
    network = pooling_first(model, device)
    image_batches, label_batches = split.images.split(size), split.labels.split(size)
    # Loss and correct answers of each batch, shape (batches, 2). Made before the batches, see `predict_split`.
    sums = torch.empty(len(image_batches), 2, device=device)
    with evaluation_mode(model), torch.inference_mode():
        for images, labels, sum_of_batch in zip(image_batches, label_batches, sums, strict=True):
            # Shape (B, classes).
            logits = compute_logits(network, data.inputs(images), precision)
            loss = F.cross_entropy(logits, labels, reduction="sum")
            sum_of_batch.copy_(torch.stack((loss, (logits.argmax(1) == labels).sum().to(loss.dtype))))
        # Shape (2,), summed in float64 on the CPU because not every device has float64.
        totals = sums.cpu().double().sum(0)
    loss, correct = (totals / len(split.labels)).tolist()
    return loss, correct


def predict_split(model: nn.Module, data: Data, split: Split, precision: str = "float32") -> np.ndarray:
    """Probability of each class for each image of a split, computed as in `evaluate_split`: float32 (N, classes)."""
    network, size = pooling_first(model, split.images.device), _batch_size(split.images)
    # Made before the batches: a small tensor kept after each batch would lie amid the memory that the batch gave back,
    # and the large tensors of the next one would not fit there again.
    probabilities = torch.empty(len(split.labels), len(data.classes), device=split.images.device)
    with evaluation_mode(model), torch.inference_mode():
        for images, rows in zip(split.images.split(size), probabilities.split(size), strict=True):
            rows.copy_(F.softmax(compute_logits(network, data.inputs(images), precision), dim=1))
    return probabilities.cpu().numpy()


def compute_logits(model: nn.Module, inputs: Tensor, precision: str) -> Tensor:
    """Logits float32 (B, classes) of normalised images (B, C, H, W), computed in this precision."""
    autocast: AbstractContextManager[object] = nullcontext()
    if precision == "bfloat16":
        autocast = torch.autocast(inputs.device.type, torch.bfloat16)
    with autocast:
        return model(inputs).float()


@contextmanager
def evaluation_mode(model: nn.Module) -> Iterator[None]:
    """Context in evaluation mode; afterwards every module is back in its earlier mode."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


def _batch_size(images: Tensor) -> int:
    return CPU_BATCH_SIZE if images.device.type == "cpu" else _GPU_BATCH_SIZE
