"""What each kind of layer declares: arguments, shapes, costs and how torch makes it."""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any, Literal

from mnist_core.text import all_digits

# Shape for one image: (C, H, W), tokens (T, D) or a vector (D,).
Shape = tuple[int, ...]
Role = Literal["dense", "convolution", "pool", "activation", "norm", "dropout", "tokens", "reshape", "block"]


@dataclass(frozen=True)
class Argument:
    """One argument of a layer; whole numbers also take the words `classes` and `tokens`."""

    name: str
    help: str
    takes: type[int] | type[float] | type[bool]
    # None if a value is required; a string names the earlier argument whose value it takes.
    default: float | bool | str | None
    low: float
    high: float
    # Words that are allowed instead of a number.
    words: tuple[str, ...]

    def default_among(self, values: dict[str, Any]) -> Any:
        """The default beside these values of the earlier arguments."""
        return values.get(self.default, self.default) if isinstance(self.default, str) else self.default


@dataclass(frozen=True)
class WeightShapes:
    """The learned tensors of one torch module."""

    # Name of its class, such as Linear.
    module: str
    # In the order of the module's parameters.
    shapes: tuple[Shape, ...]
    # Name of the module within the layer if the layer holds several modules, else "".
    inside: str

    @property
    def numbers(self) -> int:
        """How many numbers the tensors hold."""
        return sum(map(prod, self.shapes))


def unchanged(shape: Shape, **values: Any) -> Shape:
    """For `Kind.shape`: the output has the input's shape."""
    return shape


def no_weights(shape: Shape, **values: Any) -> tuple[WeightShapes, ...]:
    """For `Kind.weights`: nothing is learned."""
    return ()


def no_macs(shape: Shape, **values: Any) -> int:
    """For `Kind.macs`: no matrix product and no convolution."""
    return 0


@dataclass(frozen=True, kw_only=True)
class LayerKind:
    """A kind of layer. Every function takes the input's shape, then the arguments by their names.

    `shape` gives the output's shape or raises ArchitectureError without a position; `weights` are the learned tensors,
    from which parameters are counted and initial weights are handed on; `macs` counts the multiply-accumulates of
    matrix products and convolutions for one image; `make` gets the module `mnist_core.architectures.modules` first, so
    that only building a network imports torch. Nothing has a default that could be wrong unnoticed.
    """

    name: str
    help: str
    role: Role
    arguments: tuple[Argument, ...]
    shape: Callable[..., Shape]
    weights: Callable[..., tuple[WeightShapes, ...]]
    macs: Callable[..., int]
    # Whether training normalises all images of a batch together.
    over_batch: bool
    make: Callable[..., Any]
    # Makes a few words for the diagram; None stands for the layer's name.
    label: Callable[..., str] | None

    @property
    def block(self) -> bool:
        """Whether the layer is a block, which holds layers instead of values."""
        return self.role == "block"

    def signature(self) -> str:
        """How the layer is written, with defaults: `maxpool(size, stride=size)`."""
        if self.block:
            return f"{self.name}(layers)"
        parts = [a.name if a.default is None else f"{a.name}={a.default}" for a in self.arguments]
        return f"{self.name}({', '.join(parts)})" if parts else self.name

    def call(self, values: dict[str, Any]) -> str:
        """The layer as it would be typed with these values, defaults left out: `conv(150, 5, padding=2)`."""
        parts = []
        for argument in self.arguments:
            value = values[argument.name]
            if argument.default is None:
                parts.append(format_argument(value))
            elif value != argument.default_among(values):
                parts.append(f"{argument.name}={format_argument(value)}")
        return f"{self.name}({', '.join(parts)})" if parts else self.name


def format_shape(shape: Shape) -> str:
    """A shape as text: `64×7×7`."""
    return "×".join(str(size) for size in shape)


def format_argument(value: Any) -> str:
    """A number or a word as it is typed: `0.5`, `True`, `same`."""
    return all_digits(value) if isinstance(value, float) else str(value)
