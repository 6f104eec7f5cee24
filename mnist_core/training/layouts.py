"""The layout of gradients in networks with convolutions on the CPU."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn


@contextmanager
def channels_last_gradients(model: nn.Module, device: torch.device) -> Iterator[None]:
    """Give the gradient that comes back through Flatten the layout of the images (B, C, H, W) before it.

    Convolutions compute in the channels-last layout (`devices.move_to_device`), but the gradient of a flattened vector
    lies channel by channel, and every layer before Flatten would then mix both layouts element by element. One copy
    here saves that; the numbers are the same. On a GPU nothing changes.
    """
    layers = [layer for layer in model.modules() if isinstance(layer, nn.Flatten)] if device.type == "cpu" else []
    handles = [layer.register_forward_pre_hook(_watch) for layer in layers]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _watch(layer: nn.Module, inputs: tuple[Any, ...]) -> None:
    images = inputs[0]
    # A network that begins with Flatten has nothing to learn before it.
    if images.requires_grad and images.dim() == 4:
        images.register_hook(_as_channels_last)


def _as_channels_last(gradient: Tensor) -> Tensor:
    return gradient.contiguous(memory_format=torch.channels_last)
