"""Parameters and multiply-accumulates of the table against torch's own counts."""

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from mnist_core.architectures.building import build_network
from mnist_core.architectures.presets import presets
from mnist_core.architectures.table import describe_architecture

SHAPES = [(1, 28, 28), (3, 32, 32)]
LINES = [
    "conv(8, 4, stride=3, padding=1, bias=False) gelu conv(12, 3, 2, groups=4) flatten linear(classes)",
    "residual(conv(6, 5, stride=3, padding=same)) maxpool(3, stride=2) avgpool(2, stride=1) flatten linear(classes)",
    "layernorm conv(7, 3) batchnorm globalavgpool residual(linear(20) tanh linear(9)) layernorm linear(classes)",
    "patches(2, 12) residual(linear(30)) position attention(5) transpose linear(6) flatten linear(classes, bias=False)",
    "conv(16, 3, 2, padding=same) patches(2, 24) 3 * residual(layernorm attention(3)) meantokens linear(classes)",
]


@pytest.mark.parametrize("shape", SHAPES, ids=["28x28", "colour"])
@pytest.mark.parametrize("text", [*presets(), *LINES])
def test_the_table_counts_what_torch_counts(text: str, shape: tuple[int, int, int]) -> None:
    table = describe_architecture(text, shape, 10)
    model = build_network(text, shape, 10).eval()
    images = torch.zeros(2, *shape)
    # torch's counter counts attention only where it is computed as single matrix products.
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        model(images)
    assert table.parameters == sum(parameter.numel() for parameter in model.parameters())
    assert 2 * table.macs * len(images) == counter.get_total_flops()


def test_each_row_counts_its_own_module() -> None:
    text = "conv(150, 5, padding=2) relu maxpool(2) conv(64, 5, padding=2) batchnorm flatten linear(1024) linear(10)"
    table = describe_architecture(text, (1, 28, 28), 10)
    model = build_network(text, (1, 28, 28), 10)
    counted = [sum(p.numel() for p in module.parameters()) for module in model.children()]
    assert [layer.parameters for layer in table.layers] == counted
    assert [layer.macs for layer in table.layers] == [
        150 * 28 * 28 * 25,
        0,
        0,
        64 * 14 * 14 * 150 * 25,
        0,
        0,
        64 * 14 * 14 * 1024,
        1024 * 10,
    ]
