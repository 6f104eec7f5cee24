"""The modules that torch lacks, against torch's own operations."""

import torch
import torch.nn.functional as F
from torch import nn

from mnist_core.architectures import modules


def test_attention_is_multi_head_attention() -> None:
    torch.manual_seed(0)
    ours = modules.Attention(12, heads=3)
    theirs = nn.MultiheadAttention(12, num_heads=3, batch_first=True)
    theirs.load_state_dict(
        {
            "in_proj_weight": ours.project.weight,
            "in_proj_bias": ours.project.bias,
            "out_proj.weight": ours.merge.weight,
            "out_proj.bias": ours.merge.bias,
        }
    )
    tokens = torch.randn(2, 7, 12)
    expected, _ = theirs(tokens, tokens, tokens)
    torch.testing.assert_close(ours(tokens), expected)


def test_patches_are_read_row_by_row() -> None:
    torch.manual_seed(0)
    patches = modules.Patches(3, size=4, width=5)
    images = torch.randn(2, 3, 8, 12)
    # Shape (2, 6, 5).
    tokens = patches(images)
    # The fourth patch: second row, first column.
    piece = images[:, :, 4:8, 0:4].flatten(1)
    expected = F.linear(piece, patches.project.weight.flatten(1), patches.project.bias)
    torch.testing.assert_close(tokens[:, 3], expected)


def test_position_tells_equal_tokens_apart() -> None:
    torch.manual_seed(0)
    tokens = modules.Position(4, 6)(torch.zeros(2, 4, 6))
    assert len({tuple(token.tolist()) for token in tokens[0]}) == 4
    assert torch.equal(tokens[0], tokens[1])


def test_residual_adds_what_both_ways_make() -> None:
    x = torch.randn(2, 6)
    body, shortcut = nn.Linear(6, 4), nn.Linear(6, 4, bias=False)
    torch.testing.assert_close(modules.Residual(body, shortcut)(x), body(x) + shortcut(x))
    torch.testing.assert_close(modules.Residual(nn.ReLU(), None)(x), x.relu() + x)


def test_means() -> None:
    x = torch.randn(2, 3, 4, 5)
    torch.testing.assert_close(modules.GlobalAveragePool()(x), nn.AdaptiveAvgPool2d(1)(x).flatten(1))
    torch.testing.assert_close(modules.MeanTokens()(x[0]), x[0].sum(1) / 4)
