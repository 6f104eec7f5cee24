"""Gradients of networks with convolutions get the layout of the images, and no number changes by it."""

from contextlib import nullcontext

import pytest
import torch

from mnist_core import architectures
from mnist_core.config.run_config import RunConfig
from mnist_core.data.loading import load_data
from mnist_core.environment import data_dir
from mnist_core.training import loop
from mnist_core.training.devices import move_to_device
from mnist_core.training.layouts import channels_last_gradients

CPU = torch.device("cpu")
NETWORKS = {
    "dropout before flatten": "conv(8, 3) relu conv(8, 3) relu maxpool(2) dropout(0.25) flatten linear(20) relu "
    "dropout(0.5) linear(classes)",
    "batch norm and average": "conv(6, 5) batchnorm relu avgpool(2) conv(4, 3) tanh flatten linear(classes)",
    "no convolution": "flatten linear(20) batchnorm relu linear(classes)",
    "flatten of one channel": "conv(1, 3) relu flatten linear(classes)",
}


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", NETWORKS)
def test_the_weights_are_those_without_it(name: str, precision: str, monkeypatch: pytest.MonkeyPatch):
    config = RunConfig.parse(
        {"dataset": "mnist-5k", "train_images": 330, "validation_images": 100, "precision": precision, "epochs": 2}
        | {"architecture": NETWORKS[name]}
    )
    data = load_data(config, data_dir(), CPU)
    ends = []
    for context in (channels_last_gradients, lambda *_: nullcontext()):
        monkeypatch.setattr(loop, "channels_last_gradients", context)
        torch.manual_seed(1)
        model = move_to_device(architectures.build_network(config.architecture, (1, 28, 28), 10), CPU)
        losses = [getattr(event, "loss", None) for event in loop.train_network(model, data, config)]
        ends.append((losses, model.state_dict()))
    (losses, weights), (expected_losses, expected) = ends
    assert losses == expected_losses
    assert all(torch.equal(weights[key], value) for key, value in expected.items())


def test_the_gradient_lies_channels_last_while_it_lasts_and_no_longer():
    model = move_to_device(architectures.build_network("conv(8, 3) flatten linear(classes)", (1, 28, 28), 10), CPU)
    seen: list[bool] = []

    def look(gradient: torch.Tensor) -> None:
        seen.append(gradient.is_contiguous(memory_format=torch.channels_last))

    images = torch.randn(4, 1, 28, 28)
    first, *others = model.children()
    elsewhere = channels_last_gradients(model, torch.device("meta"))
    for context in (channels_last_gradients(model, CPU), nullcontext(), elsewhere):
        with context:
            features = flow = first(images)
            for layer in others:
                flow = layer(flow)
            features.register_hook(look)
            flow.sum().backward()
    assert seen == [True, False, False]
