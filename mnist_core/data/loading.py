"""Data sets as tensors on a device: uint8 splits that stay there, and their normalisation."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mnist_core.config import READING_RULE, DataFacts, RunConfig, SplitName, dataset
from mnist_core.data.identity import data_facts_of
from mnist_core.data.idx import Labelled
from mnist_core.data.image_statistics import channel_moments, pixel_moments
from mnist_core.data.sources import load_arrays
from mnist_core.data.splitting import split_images


@dataclass(frozen=True)
class Split:
    """Images and labels of one split; `images[i]` belongs to `labels[i]`."""

    # Pixels, uint8 (N, C, H, W), contiguous.
    images: Tensor
    # Class indices, int64 (N,).
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Data:
    """The three splits of a data set on one device, with mean and std of pixels in [0, 1].

    Mean and std hold one value a channel or, where each pixel is standardised by itself, one a pixel (C·H·W). Without
    normalisation they are (0,) and (1,). The validation split may hold no images.
    """

    name: str
    classes: tuple[str, ...]
    train: Split
    validation: Split
    test: Split
    mean: tuple[float, ...]
    std: tuple[float, ...]
    # The facts to record about these images; None for data assembled by hand.
    facts: DataFacts | None = None
    _scaling: "PixelScaling" = field(init=False, repr=False)

    def __post_init__(self) -> None:
        scaling = PixelScaling.of(self.mean, self.std, self.input_shape, self.train.images.device)
        object.__setattr__(self, "_scaling", scaling)

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of an image."""
        channels, height, width = self.train.images.shape[1:]
        return channels, height, width

    def inputs(self, images: Tensor, out: Tensor | None = None) -> Tensor:
        """Normalised float32 inputs of uint8 images (B, C, H, W), in `out` if given."""
        return self._scaling.inputs(images, out)

    def normalise(self, images: Tensor) -> Tensor:
        """Normalised inputs of float images in [0, 1], such as augmented ones: (x - mean) / std."""
        return (images * 255).mul_(self._scaling.scale).add_(self._scaling.bias)


@dataclass(frozen=True)
class PixelScaling:
    """Turns bytes into normalised inputs, by the same operations in training and in every later prediction."""

    # Shape (C, 1, 1) or (C, H, W).
    scale: Tensor
    # Same shape as `scale`.
    bias: Tensor
    # The scale as one number, if all channels share it.
    factor: float | None

    @classmethod
    def of(
        cls, mean: Sequence[float], std: Sequence[float], shape: Sequence[int], device: torch.device | str = "cpu"
    ) -> "PixelScaling":
        """Scaling by mean and deviation of pixels in [0, 1] for images of `shape` (C, H, W); see `channel_planes`."""
        means, stds = (channel_planes(values, shape, torch.float64) for values in (mean, std))
        factor = 1 / (255 * std[0]) if len(set(std)) == 1 else None
        return cls((1 / (255 * stds)).float().to(device), (-means / stds).float().to(device), factor)

    def inputs(self, images: Tensor, out: Tensor | None = None) -> Tensor:
        """uint8 images (B, C, H, W) as float32, normalised; in `out` if given, float32 of the same shape.

        Uses as few tensor operations as possible: at batch size 8 their overhead exceeds the arithmetic.
        """
        pixels = images.float() if out is None else out.copy_(images)
        if self.factor is not None:
            # The exporter to ONNX knows no `out`.
            into = {} if out is None else {"out": out}
            return torch.add(self.bias, pixels, alpha=self.factor, **into)
        return pixels.mul_(self.scale).add_(self.bias)


def channel_planes(values: Sequence[float], shape: Sequence[int], dtype: torch.dtype = torch.float32) -> Tensor:
    """Means or deviations for images of `shape` (C, H, W): as (C, 1, 1), or (C, H, W) with one for each pixel."""
    tensor = torch.tensor(values, dtype=dtype)
    return tensor.view(tuple(shape)) if len(values) == math.prod(shape) else tensor.view(-1, 1, 1)


def load_data(config: RunConfig, root: Path, device: torch.device | str, rule: int = READING_RULE) -> Data:
    """The config's data set from below `root`, read by this version of the rule, split and moved to the device.

    Raises DataError (missing or damaged files) or ConfigError (a split larger than the data set).
    """
    arrays = load_arrays(config, root, rule)
    names: tuple[SplitName, ...] = ("train", "validation", "test")
    splits: dict[SplitName, Labelled] = {name: split_images(arrays, config, name) for name in names}
    facts = data_facts_of(arrays, config, splits)
    train, validation, test = (
        Split(torch.from_numpy(images).to(device), torch.from_numpy(labels).to(device))
        for images, labels in splits.values()
    )
    mean, std = _moments(config, train)
    return Data(arrays.name, arrays.classes, train, validation, test, mean, std, facts)


def _moments(config: RunConfig, train: Split) -> tuple[tuple[float, ...], tuple[float, ...]]:
    if config.standardise:
        mean, std = pixel_moments(np.asarray(train.images.cpu()))
        # As StandardScaler does, divide a pixel that never changes by 1.
        return mean, tuple(value or 1.0 for value in std)
    if not config.normalise:
        return (0.0,), (1.0,)
    entry = dataset(config.dataset)
    if entry.mean:
        return entry.mean, entry.std
    mean, std = channel_moments(np.asarray(train.images.cpu()))
    # A channel with a single value has no spread: divide by 1.
    return mean, tuple(value or 1.0 for value in std)
