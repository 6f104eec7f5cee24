"""Max-pooling before ReLU changes no number of a training."""

import numpy as np
import pytest
import torch
from torch import nn

from mnist_core import architectures
from mnist_core.config.run_config import RunConfig
from mnist_core.data.loading import Data, load_data
from mnist_core.environment import data_dir
from mnist_core.training import evaluation, steps
from mnist_core.training.devices import move_to_device
from mnist_core.training.evaluation import evaluate_split, predict_split
from mnist_core.training.loop import train_network
from mnist_core.training.pooling_first import pooling_first

CPU = torch.device("cpu")
NETWORKS = {
    "twice": "conv(6, 5) relu maxpool(2) conv(8, 3) relu maxpool(2) flatten linear(20) relu linear(classes)",
    "windows that overlap": "conv(6, 5) relu maxpool(3, 2) flatten linear(classes)",
    "batch norm and dropout": "conv(6, 3) batchnorm relu maxpool(2) dropout(0.2) flatten linear(classes)",
    "ReLU twice": "conv(4, 3) relu relu maxpool(2) relu maxpool(2) flatten linear(classes)",
    # Without a bias the edges of the images, which are alike, give many equal values.
    "no bias": "conv(6, 5, bias=False) relu maxpool(4) flatten linear(classes)",
}


def trained(config: RunConfig, data: Data) -> tuple[list[float | None], dict[str, torch.Tensor]]:
    torch.manual_seed(1)
    model = move_to_device(architectures.build_network(config.architecture, (1, 28, 28), 10), CPU)
    losses = [getattr(event, "loss", None) for event in train_network(model, data, config)]
    return losses, model.state_dict()


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", NETWORKS)
def test_the_weights_are_those_without_it(name: str, precision: str, monkeypatch: pytest.MonkeyPatch):
    config = RunConfig.parse(
        {"dataset": "mnist-5k", "train_images": 330, "validation_images": 100, "precision": precision, "epochs": 2}
        | {"architecture": NETWORKS[name], "normalise": name != "no bias"}
    )
    data = load_data(config, data_dir(), CPU)
    losses, weights = trained(config, data)
    reordered: list[bool] = []

    def left_as_it_is(model: nn.Module, device: torch.device) -> nn.Module:
        reordered.append(pooling_first(model, device) is not model)
        return model

    monkeypatch.setattr(steps, "pooling_first", left_as_it_is)
    expected_losses, expected = trained(config, data)
    assert reordered == [True, True]
    assert losses == expected_losses
    assert all(torch.equal(weights[key], value) for key, value in expected.items())


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", NETWORKS)
def test_answers_and_evaluation_are_those_without_it(name: str, precision: str, monkeypatch: pytest.MonkeyPatch):
    data = load_data(RunConfig(dataset="mnist-5k", train_images=50, validation_images=330), data_dir(), CPU)
    model = move_to_device(architectures.build_network(NETWORKS[name], (1, 28, 28), 10), CPU)
    evaluated = evaluate_split(model, data, data.validation, precision)
    answers = predict_split(model, data, data.validation, precision)
    monkeypatch.setattr(evaluation, "pooling_first", lambda model, _: model)
    assert evaluated == evaluate_split(model, data, data.validation, precision)
    assert np.array_equal(answers, predict_split(model, data, data.validation, precision))


def test_only_relu_changes_places_and_only_on_the_cpu():
    text = "conv(4, 3) relu maxpool(2) conv(4, 3) leakyrelu maxpool(2) relu avgpool(2) flatten linear(classes)"
    model = architectures.build_network(text, (1, 28, 28), 10)
    assert isinstance(model, nn.Sequential)
    first, relu, pool, *rest = model
    changed = pooling_first(model, CPU)
    assert isinstance(changed, nn.Sequential)
    assert [*changed] == [first, pool, relu, *rest]
    assert pooling_first(model, torch.device("meta")) is model
    assert [*model] == [first, relu, pool, *rest]
