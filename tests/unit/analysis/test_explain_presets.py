"""Every preset has weights or activations that can be shown."""

import numpy as np
import pytest
import torch

from mnist_core.analysis.explain import activations, class_templates, nonlinear_layers, viewable_weights
from mnist_core.architectures.building import build_network
from mnist_core.architectures.presets import presets


@pytest.mark.parametrize("name", sorted(presets()))
def test_every_preset_can_be_looked_into(name: str) -> None:
    torch.manual_seed(0)
    shape = (1, 28, 28)
    model = build_network(name, shape, 10)
    layers = viewable_weights(model, shape)
    assert layers, "something of every network can be shown"
    assert all(np.isfinite(layer.values).all() and layer.values.ndim == 4 for layer in layers)
    viewed = activations(model, np.full(shape, 128, dtype=np.uint8), (0.1307,), (0.3081,))
    assert viewed[-1].values.shape == (10,)
    assert len({layer.name for layer in viewed}) == len(viewed)
    assert (class_templates(model, shape) is None) == bool(nonlinear_layers(model, shape))
