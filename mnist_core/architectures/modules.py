"""The torch modules of the layers: torch's own by their names, and those that torch lacks."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def __getattr__(name: str) -> type[nn.Module]:
    """The class of torch.nn of this name, so that a kind of layer may ask for any of them."""
    if name.startswith("_"):
        raise AttributeError(name)
    return getattr(nn, name)


class Residual(nn.Module):
    """Adds the outputs of `body` and `shortcut`; without a shortcut, the input itself is added."""

    def __init__(self, body: nn.Module, shortcut: nn.Module | None) -> None:
        super().__init__()
        self.body = body
        self.shortcut = nn.Identity() if shortcut is None else shortcut

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x) + self.shortcut(x)


class GlobalAveragePool(nn.Module):
    """Mean over height and width: (B, C, H, W) to (B, C)."""

    def forward(self, x: Tensor) -> Tensor:
        # Shape (B, C).
        return x.mean((2, 3))


class Patches(nn.Module):
    """Square patches of an image, each mapped linearly to a token: (B, C, H, W) to (B, T, D), row by row."""

    def __init__(self, channels: int, size: int, width: int) -> None:
        super().__init__()
        self.project = nn.Conv2d(channels, width, size, stride=size)

    def forward(self, x: Tensor) -> Tensor:
        # Shape (B, T, D).
        return self.project(x).flatten(2).transpose(1, 2)


class Position(nn.Module):
    """Adds a learned vector to each token: (B, T, D)."""

    def __init__(self, tokens: int, width: int) -> None:
        super().__init__()
        # Small initial values, as in Dosovitskiy et al. 2020.
        self.embedding = nn.Parameter(torch.randn(tokens, width) * 0.02)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.embedding


class Attention(nn.Module):
    """Multi-head self-attention over all tokens (Vaswani et al. 2017): (B, T, D) to (B, T, D)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        # One matrix product computes queries, keys and values.
        self.project = nn.Linear(width, 3 * width)
        self.merge = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        tokens, width = x.shape[1:]
        # Shape (B, T, 3, heads, D / heads).
        parts = self.project(x).view(-1, tokens, 3, self.heads, width // self.heads)
        # Each has shape (B, heads, T, D / heads).
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(query, key, value)
        # Shape (B, T, D).
        return self.merge(mixed.transpose(1, 2).flatten(2))


class Transpose(nn.Module):
    """Swaps tokens and their numbers: (B, T, D) to (B, D, T)."""

    def forward(self, x: Tensor) -> Tensor:
        return x.transpose(1, 2)


class MeanTokens(nn.Module):
    """Mean over the tokens: (B, T, D) to (B, D)."""

    def forward(self, x: Tensor) -> Tensor:
        # Shape (B, D).
        return x.mean(1)
