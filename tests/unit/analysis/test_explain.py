"""Weights, templates and activations as arrays, for every kind of network."""

import threading

import numpy as np
import pytest
import torch
from torch import nn

from mnist_core.analysis.explain import activations, class_templates, nonlinear_layers, viewable_weights
from mnist_core.architectures.building import build_network
from mnist_core.architectures.modules import Residual

SHAPE = (1, 28, 28)


def _build(text: str, shape: tuple[int, int, int] = SHAPE) -> nn.Module:
    torch.manual_seed(0)
    return build_network(text, shape, 10)


def test_units_of_a_first_linear_layer_are_images() -> None:
    model = _build("flatten linear(30) relu linear(10)", (3, 8, 6))
    (units,) = viewable_weights(model, (3, 8, 6))
    assert (units.name, units.kind, units.values.shape) == ("linear 1", "units", (30, 3, 8, 6))
    image = torch.rand(1, 3, 8, 6)
    linear = model[1]  # pyright: ignore[reportIndexIssue]
    expected = linear(image.flatten(1)) - linear.bias
    np.testing.assert_allclose((units.values * image.numpy()).sum((1, 2, 3)), expected[0].detach(), atol=1e-5)


def test_every_convolution_and_no_later_linear_layer() -> None:
    model = _build("conv(6, 5) relu residual(conv(6, 3, padding=1) batchnorm) flatten linear(10)")
    layers = viewable_weights(model, SHAPE)
    assert [(layer.name, layer.kind, layer.values.shape) for layer in layers] == [
        ("conv 1", "filters", (6, 1, 5, 5)),
        ("conv 2", "filters", (6, 6, 3, 3)),
    ]


def test_a_linear_layer_after_pooling_reads_no_image() -> None:
    assert viewable_weights(_build("maxpool(2) flatten linear(10)"), SHAPE) == []


LINEAR = [
    "flatten linear(10)",
    "flatten linear(100) dropout(0.5) linear(7) linear(10)",
    "flatten linear(20) linear(10) logsoftmax",
    "conv(4, 5, padding=2) batchnorm avgpool(2) flatten linear(10)",
    "conv(4, 3, padding=1) residual(conv(4, 3, padding=1)) globalavgpool linear(10)",
]


@pytest.mark.parametrize("text", LINEAR)
def test_templates_are_the_linear_map(text: str) -> None:
    model = _build(text)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.uniform_(-1, 1)  # pyright: ignore[reportOptionalMemberAccess]
            module.running_var.uniform_(0.5, 2)  # pyright: ignore[reportOptionalMemberAccess]
    templates = class_templates(model, SHAPE)
    assert templates is not None
    assert templates.shape == (10, *SHAPE)
    image = torch.randn(1, *SHAPE)
    logits = nn.Sequential(*list(model.children())[:-1]) if "logsoftmax" in text else model
    with torch.no_grad():
        expected = logits.eval()(image) - logits(torch.zeros_like(image))
    np.testing.assert_allclose((templates * image.numpy()).sum((1, 2, 3)), expected[0], atol=1e-4)


def test_templates_are_the_product_of_the_matrices() -> None:
    model = _build("flatten linear(50) linear(10)")
    first, second = model[1], model[2]  # pyright: ignore[reportIndexIssue]
    product = (second.weight @ first.weight).detach().reshape(10, *SHAPE)
    templates = class_templates(model, SHAPE)
    assert templates is not None
    np.testing.assert_allclose(templates, product, atol=1e-6)


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        ("flatten linear(30) relu linear(10)", ["relu"]),
        ("conv(4, 3) gelu maxpool(2) gelu flatten linear(10)", ["gelu", "maxpool"]),
        ("flatten linear(30) logsoftmax linear(10)", ["logsoftmax"]),
        ("flatten linear(10) relu", ["relu"]),
    ],
)
def test_what_is_not_linear_is_named(text: str, reasons: list[str]) -> None:
    model = _build(text)
    assert nonlinear_layers(model, SHAPE) == reasons
    assert class_templates(model, SHAPE) is None


def test_arithmetic_of_unknown_modules_is_never_taken_for_linear() -> None:
    class Square(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x * x

    block = Residual(nn.Sequential(nn.Linear(784, 784), Square()), None)
    model = nn.Sequential(nn.Flatten(), block, nn.Linear(784, 10))
    assert nonlinear_layers(model, SHAPE) == ["square"]
    assert class_templates(model, SHAPE) is None


def test_activations_follow_the_computation() -> None:
    model = _build("conv(6, 5) relu maxpool(2) residual(conv(6, 3, padding=1) batchnorm) flatten linear(10)")
    image = np.random.default_rng(0).integers(0, 256, SHAPE, dtype=np.uint8)
    layers = activations(model, image, (0.1307,), (0.3081,))
    assert [(layer.name, layer.values.shape) for layer in layers] == [
        ("conv 1", (6, 24, 24)),
        ("relu 1", (6, 24, 24)),
        ("maxpool 1", (6, 12, 12)),
        ("conv 2", (6, 12, 12)),
        ("batchnorm 1", (6, 12, 12)),
        ("residual 1", (6, 12, 12)),
        ("flatten 1", (864,)),
        ("linear 1", (10,)),
    ]
    np.testing.assert_array_equal(layers[1].values, np.maximum(layers[0].values, 0))
    with torch.no_grad():
        pixels = (torch.from_numpy(image)[None] / 255 - 0.1307) / 0.3081
        np.testing.assert_allclose(layers[-1].values, model.eval()(pixels)[0], atol=1e-5)


def test_colour_channels_are_normalised_one_by_one() -> None:
    model = _build("flatten linear(10)", (3, 4, 4))
    image = np.stack([np.full((4, 4), value, dtype=np.uint8) for value in (51, 102, 255)])
    (flat, _) = activations(model, image, (0.2, 0.0, 0.5), (1.0, 0.4, 0.25))
    np.testing.assert_allclose(flat.values.reshape(3, 16)[:, 0], [0, 1, 2], atol=1e-6)


def test_a_network_at_work_elsewhere_is_not_overheard() -> None:
    model = _build("lenet-5").eval()
    image = np.zeros(SHAPE, dtype=np.uint8)
    expected = [layer.name for layer in activations(model, image, (0.0,), (1.0,))]
    done = threading.Event()

    def work() -> None:
        while not done.is_set():
            model(torch.zeros(1, *SHAPE))

    worker = threading.Thread(target=work)
    worker.start()
    try:
        for _ in range(20):
            assert [layer.name for layer in activations(model, image, (0.0,), (1.0,))] == expected
    finally:
        done.set()
        worker.join()


@pytest.mark.parametrize("text", ["lenet-5", "mlp-300", "flatten linear(10)"])
def test_looking_changes_nothing(text: str) -> None:
    model = _build(text).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.get_rng_state()
    viewable_weights(model, SHAPE)
    class_templates(model, SHAPE)
    activations(model, np.zeros(SHAPE, dtype=np.uint8), (0.0,), (1.0,))
    assert torch.equal(torch.get_rng_state(), state)
    assert all(module.training for module in model.modules())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not any(module._forward_hooks for module in model.modules())
