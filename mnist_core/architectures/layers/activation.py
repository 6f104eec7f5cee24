"""Activation functions: applied to every number by itself, whatever the shape."""

from collections.abc import Callable
from typing import Any

from mnist_core.architectures.layers.kind import Argument, LayerKind, no_macs, no_weights, unchanged


def _activation(
    name: str, help: str, make: Callable[..., Any], label: Callable[..., str] | None, *arguments: Argument
) -> LayerKind:
    return LayerKind(
        name=name,
        help=help,
        role="activation",
        arguments=arguments,
        shape=unchanged,
        weights=no_weights,
        macs=no_macs,
        over_batch=False,
        make=make,
        label=label,
    )


RELU = _activation(
    "relu",
    "Keeps positive numbers and sets negative ones to zero.",
    make=lambda nn, shape: nn.ReLU(),
    label=lambda shape: "ReLU",
)

LEAKYRELU = _activation(
    "leakyrelu",
    "Like relu, but lets negative numbers through with a small slope (Maas et al. 2013).",
    lambda nn, shape, slope: nn.LeakyReLU(slope),
    lambda shape, slope: "leaky ReLU",
    Argument("slope", "Slope for negative numbers.", takes=float, default=0.01, low=0, high=1, words=()),
)

GELU = _activation(
    "gelu",
    "A smooth relu: x times the probability that a normal variable is below x (Hendrycks and Gimpel 2016).",
    make=lambda nn, shape: nn.GELU(),
    label=lambda shape: "GELU",
)

TANH = _activation(
    "tanh",
    "Squashes every number into -1 to 1.",
    make=lambda nn, shape: nn.Tanh(),
    label=None,
)

SIGMOID = _activation(
    "sigmoid",
    "Squashes every number into 0 to 1.",
    make=lambda nn, shape: nn.Sigmoid(),
    label=None,
)
