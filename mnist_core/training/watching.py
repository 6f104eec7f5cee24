"""Looking at a network between two steps of its training without changing anything of it."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mnist_core.architectures import architecture_line, infer_nodes
from mnist_core.config import RunConfig
from mnist_core.data import Data, Split
from mnist_core.training.evaluation import compute_logits, evaluation_mode
from mnist_core.training.glimpse import Look, PictureKind, Watched

IMAGES = 20
# The most bytes that the recorded weights of the first layer take, and the most pictures.
_MOST_WEIGHTS, _MOST_UNITS, _MOST_FILTERS = 13_000, 16, 32
# Images with a longer side than this are stored smaller.
_LONGEST_SIDE = 32
# The most layers that are measured; of more, so many are chosen at even distances.
_MOST_LAYERS = 24
# Share of the weights that the scale of their pictures spans; the few beyond are cut off.
_WITHIN = 0.998
# An output is saturated where the slope of its function is less than this share of the steepest.
_FLAT = 0.05
_NORMALISING = (nn.BatchNorm1d, nn.BatchNorm2d, nn.LayerNorm, nn.GroupNorm)


@dataclass(frozen=True, eq=False)
class Watcher:
    """A network that is being trained, and the images that it is asked about."""

    watched: Watched
    model: nn.Module
    precision: str
    # Normalised images, float32 (images, C, H, W), on the network's device.
    inputs: Tensor
    # Of each layer, the modules whose gradient and whose activations are measured.
    weighted: tuple[nn.Module, ...]
    activations: tuple[tuple[nn.Module, ...], ...]
    # The module whose weights are shown, if there is one.
    first: nn.Module | None

    def look(self) -> Look:
        """Ask the network and measure it. Neither weights, buffers, modes nor random state are changed by it."""
        measured: dict[nn.Module, list[Tensor]] = {}
        with evaluation_mode(self.model), torch.inference_mode(), _measured_outputs(self.activations, measured):
            # Shape (images, classes).
            probabilities = F.softmax(compute_logits(self.model, self.inputs, self.precision), dim=1)
            # Each has shape (layers,).
            norms = torch.stack([_gradient_norm(module, self.inputs) for module in self.weighted])
            dead, saturated = (
                torch.stack([_mean(modules, measured, which, self.inputs) for modules in self.activations])
                for which in (0, 1)
            )
            values = torch.cat((probabilities.flatten(), norms, dead, saturated)).cpu().numpy()
        count = probabilities.numel()
        gradient_norms, dead, saturated = np.split(values[count:], 3)
        weights, limit = self._weights()
        return Look(values[:count].reshape(probabilities.shape), gradient_norms, dead, saturated, weights, limit)

    def _weights(self) -> tuple[np.ndarray, float]:
        shape = self.watched.weights_shape
        if self.first is None:
            return np.zeros(shape, dtype=np.int8), 0.0
        weight: Any = self.first.weight
        values = weight.detach()[: shape[0]].float().cpu().numpy().reshape(shape)
        limit = float(np.quantile(np.abs(values), _WITHIN))
        if not (math.isfinite(limit) and limit):
            return np.zeros(shape, dtype=np.int8), limit
        return np.rint(np.nan_to_num(np.clip(values / limit, -1, 1)) * 127).astype(np.int8), limit


def watch_network(model: nn.Module, data: Data, config: RunConfig) -> Watcher:
    """Choose twenty images of `data` and the layers of a network that was built from this config."""
    has_validation = len(data.validation.labels) and config.choose_on != "test"
    split = data.validation if has_validation else data.train
    indices = _two_a_class(split.labels.cpu().numpy(), len(data.classes))
    # Shape (images, C, H, W).
    images = split.images[torch.from_numpy(indices).to(split.images.device)]
    first, picture = _first_layer(model, data)
    weights_shape, units = _weights_shape(first, picture, data)
    names, weighted, activations = _layers(model, data, config)
    watched = Watched(
        split="validation" if has_validation else "training",
        indices=tuple(indices.tolist()),
        labels=tuple(split.labels.cpu().numpy()[indices].tolist()),
        classes=len(data.classes),
        images=_smaller(Split(images, split.labels)),
        layers=names,
        picture=picture,
        weights_shape=weights_shape,
        units=units,
    )
    if not weights_shape[0]:
        watched, first = replace(watched, picture="none"), None
    return Watcher(watched, model, config.precision, data.inputs(images), weighted, activations, first)


def _two_a_class(labels: np.ndarray, classes: int) -> np.ndarray:
    """Indices of up to twenty images, the first ones of each class, as many a class as possible; by class."""
    shown = np.unique(np.linspace(0, classes - 1, min(classes, IMAGES)).round().astype(int))
    by_class = [np.flatnonzero(labels == label) for label in shown]
    chosen: list[tuple[int, int]] = []
    for turn in range(IMAGES):
        chosen += [(position, int(rows[turn])) for position, rows in enumerate(by_class) if turn < len(rows)]
        if len(chosen) >= IMAGES:
            break
    return np.array([index for _, index in sorted(chosen[:IMAGES])], dtype=np.int64)


def _smaller(split: Split) -> np.ndarray:
    """The images as uint8 (N, C, H, W), blocks of pixels averaged until no side is longer than 32."""
    images = split.images.cpu()
    block = math.ceil(max(images.shape[2:]) / _LONGEST_SIDE)
    if block > 1:
        images = F.avg_pool2d(images.float(), block, ceil_mode=True).round().to(torch.uint8)
    return images.contiguous().numpy()


def _first_layer(model: nn.Module, data: Data) -> tuple[nn.Module | None, PictureKind]:
    """The first module with weights if it reads the image itself, and what its weights look like."""
    leaves = [module for module in model.modules() if [*module.parameters(recurse=False)]]
    first = next((module for module in leaves if not isinstance(module, _NORMALISING)), None)
    if isinstance(first, nn.Conv2d) and first.in_channels == data.input_shape[0]:
        return first, "filters"
    if isinstance(first, nn.Linear) and first.in_features == math.prod(data.input_shape):
        return first, "units"
    return None, "none"


def _weights_shape(first: nn.Module | None, picture: PictureKind, data: Data) -> tuple[tuple[int, int, int, int], int]:
    """Shape (pictures, C, H, W) of the weights that are recorded, and how many units or filters there are."""
    if isinstance(first, nn.Conv2d):
        units, sides, most = first.out_channels, first.weight.shape[1:], _MOST_FILTERS
    elif isinstance(first, nn.Linear):
        units, sides, most = first.out_features, data.input_shape, _MOST_UNITS
    else:
        return (0, 1, 1, 1), 0
    channels, height, width = sides
    pictures = min(units, most, _MOST_WEIGHTS // math.prod(sides)) if channels in (1, 3) else 0
    return (pictures, channels, height, width), units


def _layers(
    model: nn.Module, data: Data, config: RunConfig
) -> tuple[tuple[str, ...], tuple[nn.Module, ...], tuple[tuple[nn.Module, ...], ...]]:
    """Names of the layers with weights, their modules, and the activations up to the next such layer.

    Normalisations belong to the layer before them. A block counts as one layer.
    """
    line = architecture_line(config.architecture)
    nodes = infer_nodes(line, data.input_shape, len(data.classes))
    names: list[str] = []
    weighted: list[nn.Module] = []
    activations: list[list[nn.Module]] = []
    for node, child in zip(nodes, model.children(), strict=True):
        if [*child.parameters()] and not isinstance(child, _NORMALISING):
            count = sum(name.rsplit(" ", 1)[0] == node.kind.name for name in names) + 1
            names.append(f"{node.kind.name} {count}")
            weighted.append(child)
            activations.append([])
        if activations:
            activations[-1] += [module for module in child.modules() if type(module) in _MEASURES]
    chosen = np.unique(np.linspace(0, len(names) - 1, min(len(names), _MOST_LAYERS)).round().astype(int))
    return (
        tuple(names[index] for index in chosen),
        tuple(weighted[index] for index in chosen),
        tuple(tuple(activations[index]) for index in chosen),
    )


@contextmanager
def _measured_outputs(
    activations: tuple[tuple[nn.Module, ...], ...], measured: dict[nn.Module, list[Tensor]]
) -> Iterator[None]:
    """Context in which every output of an activation is measured: shares that are dead and saturated."""

    def note(module: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> None:
        measured[module] = _MEASURES[type(module)](output)

    handles = [module.register_forward_hook(note) for modules in activations for module in modules]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _dead_relu(output: Tensor) -> list[Tensor]:
    # Units lie in the second place, but for tokens (B, T, D) in the last.
    others = (0, 1) if output.dim() == 3 else (0, *range(2, output.dim()))
    dead = (output.amax(others) == 0).float().mean()
    return [dead, torch.full_like(dead, math.nan)]


def _saturated(output: Tensor, slope: Callable[[Tensor], Tensor]) -> list[Tensor]:
    """`slope` is the derivative as a share of the steepest, computed from the output."""
    flat = (slope(output.float()) < _FLAT).float().mean()
    return [torch.full_like(flat, math.nan), flat]


# What is measured of the output of an activation, by the kind of its module: shares that are dead and saturated.
_MEASURES: dict[type[nn.Module], Callable[[Tensor], list[Tensor]]] = {
    nn.ReLU: _dead_relu,
    nn.Tanh: partial(_saturated, slope=lambda output: 1 - output * output),
    nn.Sigmoid: partial(_saturated, slope=lambda output: 4 * output * (1 - output)),
}


def _mean(modules: tuple[nn.Module, ...], measured: dict[nn.Module, list[Tensor]], which: int, like: Tensor) -> Tensor:
    """Mean of a measured share over the activations of a layer that have one; NaN where there is none."""
    shares = [measured[module][which].float() for module in modules if module in measured]
    return torch.stack(shares).nanmean() if shares else like.new_full((), math.nan)


def _gradient_norm(module: nn.Module, like: Tensor) -> Tensor:
    """Norm of the gradient of all weights of a layer; NaN where there is no gradient at this moment."""
    gradients = [parameter.grad for parameter in module.parameters()]
    present = [gradient for gradient in gradients if gradient is not None]
    if not present or len(present) < len(gradients):
        return like.new_full((), math.nan)
    norms = torch.stack([torch.linalg.vector_norm(gradient.float()) for gradient in present])
    return torch.linalg.vector_norm(norms)
