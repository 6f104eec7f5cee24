"""Shape rules, costs and modules of every kind of layer against torch itself."""

import pytest
import torch
from torch import nn

from mnist_core.architectures.building import build_network
from mnist_core.architectures.layers import KINDS
from mnist_core.architectures.table import describe_architecture

# One line of layers for every kind, in which the row of that kind is checked. Odd sizes make rounding errors visible.
ACTIVATIONS = [kind.name for kind in KINDS.values() if kind.role == "activation"]
LINES = {name: f"{name} flatten {name} linear(classes) {name}" for name in ACTIVATIONS} | {
    "linear": "flatten linear(11, bias=False) linear(classes)",
    "flatten": "patches(1, 3) flatten linear(classes)",
    "dropout": "dropout(0.25) flatten dropout(0.5) linear(classes)",
    "logsoftmax": "flatten linear(classes) logsoftmax",
    "conv": "conv(6, 4, stride=3, padding=2) conv(9, 3, groups=3, padding=same, bias=False) flatten linear(classes)",
    "maxpool": "maxpool(3, stride=2) maxpool(2) flatten linear(classes)",
    "avgpool": "avgpool(2) avgpool(3, stride=1) flatten linear(classes)",
    "globalavgpool": "conv(5, 1) globalavgpool linear(classes)",
    "leakyrelu": "leakyrelu leakyrelu(0.2) flatten linear(classes)",
    "batchnorm": "batchnorm conv(4, 3) batchnorm flatten batchnorm linear(classes)",
    "layernorm": "layernorm conv(4, 3) layernorm patches(1, 5) layernorm meantokens layernorm linear(classes)",
    "residual": "residual(conv(4, 3, 2, padding=1) relu) residual(relu) flatten residual(linear(8)) linear(classes)",
    "patches": "conv(2, 2, padding=0) patches(2, 7) flatten linear(classes)",
    "position": "patches(1, 7) position meantokens linear(classes)",
    "attention": "patches(1, 12) attention(3) residual(attention(1)) meantokens linear(classes)",
    "transpose": "patches(1, 7) transpose linear(4) flatten linear(classes)",
    "meantokens": "patches(1, 7) transpose meantokens linear(classes)",
}
SHAPES = [(1, 11, 13), (3, 17, 17)]


def test_every_kind_has_a_line() -> None:
    assert LINES.keys() == KINDS.keys()


@pytest.mark.parametrize("shape", SHAPES, ids=["grey", "colour"])
@pytest.mark.parametrize("kind", LINES)
def test_shapes_and_parameters_are_those_of_torch(kind: str, shape: tuple[int, int, int]) -> None:
    table = describe_architecture(LINES[kind], shape, 10)
    model = build_network(LINES[kind], shape, 10).eval()
    assert any(layer.name == kind for layer in table.layers)
    values = torch.randn(2, *shape)
    rows = iter(table.layers)
    row = next(rows)
    for module in model.children():
        parameters = row.parameters
        values = module(values)
        assert tuple(values.shape[1:]) == row.output_shape, row.call
        while (following := next(rows, None)) and following.depth > 0:
            parameters += following.parameters
        assert parameters == sum(parameter.numel() for parameter in module.parameters()), row.call
        row = following or row


def test_state_is_named_by_place_in_the_line() -> None:
    model = build_network("flatten linear(30) relu residual(linear(20) relu) linear(classes)", (1, 28, 28), 10)
    assert list(model.state_dict()) == [
        "1.weight",
        "1.bias",
        "3.body.0.weight",
        "3.body.0.bias",
        "3.shortcut.weight",
        "4.weight",
        "4.bias",
    ]
    assert type(model) is nn.Sequential


def test_weights_start_as_torchs_own() -> None:
    torch.manual_seed(3)
    ours = build_network("conv(4, 3) batchnorm relu flatten linear(20) linear(classes)", (1, 28, 28), 10)
    torch.manual_seed(3)
    theirs = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(2704, 20), nn.Linear(20, 10)
    )
    for name, value in theirs.state_dict().items():
        assert torch.equal(ours.state_dict()[name], value), name


@pytest.mark.parametrize(
    ("line", "shortcut", "parameters"),
    [
        ("residual(conv(8, 3, padding=same)) globalavgpool linear(10)", "shortcut conv(8, 1, bias=False)", 8),
        ("residual(conv(8, 3, 2, padding=1)) globalavgpool linear(10)", "shortcut conv(8, 1, stride=2, bias=False)", 8),
        ("residual(conv(1, 5, 3, padding=2)) globalavgpool linear(10)", "shortcut conv(1, 1, stride=3, bias=False)", 1),
        ("flatten residual(linear(10))", "shortcut linear(10, bias=False)", 7840),
        ("patches(7, 6) residual(linear(10)) meantokens", "shortcut linear(10, bias=False)", 60),
    ],
)
def test_a_residual_that_changes_its_shape_gets_a_shortcut(line: str, shortcut: str, parameters: int) -> None:
    table = describe_architecture(line, (1, 28, 28), 10)
    rows = [layer for layer in table.layers if layer.name == "shortcut"]
    assert [(row.call, row.parameters, row.depth) for row in rows] == [(shortcut, parameters, 1)]


def test_a_residual_that_keeps_its_shape_needs_none() -> None:
    table = describe_architecture("flatten residual(relu residual(linear(784))) linear(10)", (1, 28, 28), 10)
    assert [(layer.name, layer.depth) for layer in table.layers] == [
        ("flatten", 0),
        ("residual", 0),
        ("relu", 1),
        ("residual", 1),
        ("linear", 2),
        ("linear", 0),
    ]
    assert table.parameters == 784 * 785 + 7850
