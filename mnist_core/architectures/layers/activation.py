"""Activation functions: applied to every number by itself, whatever the shape."""

from mnist_core.architectures.layers.kind import Argument, Kind

RELU = Kind(
    "relu",
    "Keeps positive numbers and sets negative ones to zero.",
    "activation",
    make=lambda nn, shape: nn.ReLU(),
    label=lambda shape: "ReLU",
)

LEAKYRELU = Kind(
    "leakyrelu",
    "Like relu, but lets negative numbers through with a small slope (Maas et al. 2013).",
    "activation",
    arguments=(Argument("slope", "Slope for negative numbers.", float, 0.01, low=0, high=1),),
    make=lambda nn, shape, slope: nn.LeakyReLU(slope),
    label=lambda shape, slope: "leaky ReLU",
)

GELU = Kind(
    "gelu",
    "A smooth relu: x times the probability that a normal variable is below x (Hendrycks and Gimpel 2016).",
    "activation",
    make=lambda nn, shape: nn.GELU(),
    label=lambda shape: "GELU",
)

TANH = Kind(
    "tanh",
    "Squashes every number into -1 to 1.",
    "activation",
    make=lambda nn, shape: nn.Tanh(),
)

SIGMOID = Kind(
    "sigmoid",
    "Squashes every number into 0 to 1.",
    "activation",
    make=lambda nn, shape: nn.Sigmoid(),
)

KINDS = (RELU, LEAKYRELU, GELU, TANH, SIGMOID)
