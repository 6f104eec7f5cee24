"""ReLU after max-pooling instead of before it: the same numbers, and fewer values for ReLU."""

from itertools import pairwise

import torch
from torch import nn


def pooling_first(model: nn.Module, device: torch.device) -> nn.Module:
    """The network to compute with on the CPU: each ReLU right before a max-pooling comes right after it.

    The largest of some values, or zero if all are negative, is the same in either order, and so is the gradient: it
    goes to the first of the largest values, or nowhere. After 2x2 pooling a quarter of the values is left for ReLU, and
    autograd need not keep those before it. The layers are the model's own; other networks are returned as they are.
    For no other activation does this hold to the last bit: rounding can make values equal that were not.
    """
    if device.type != "cpu" or not isinstance(model, nn.Sequential):
        return model
    layers = list(model)
    for index, (layer, following) in enumerate(pairwise(model)):
        if isinstance(layer, nn.ReLU) and isinstance(following, nn.MaxPool2d):
            layers[index : index + 2] = following, layer
    return nn.Sequential(*layers)
