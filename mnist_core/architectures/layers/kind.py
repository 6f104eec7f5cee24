"""What a kind of layer declares about itself: arguments, shapes, costs and how torch makes it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Shape = tuple[int, ...]  # of one image: (C, H, W), tokens (T, D) or a vector (D,)
Role = Literal["dense", "convolution", "pool", "activation", "norm", "dropout", "tokens", "reshape", "block"]


@dataclass(frozen=True)
class Argument:
    """One argument of a layer; whole numbers also take the words `classes` and `tokens`."""

    name: str
    help: str
    takes: type[int] | type[float] | type[bool] = int
    default: float | bool | str | None = None  # None: must be given; a string: the earlier argument that it equals
    low: float = 1
    high: float = 1_000_000
    words: tuple[str, ...] = ()  # allowed instead of a number

    def default_among(self, values: dict[str, Any]) -> Any:
        """The default beside these values of the earlier arguments."""
        return values.get(self.default, self.default) if isinstance(self.default, str) else self.default


def _nothing(shape: Shape, **values: Any) -> int:
    return 0


def _unchanged(shape: Shape, **values: Any) -> Shape:
    return shape


@dataclass(frozen=True)
class Kind:
    """A kind of layer. Every function takes the input's shape, then the arguments by their names.

    `shape` gives the output's shape or raises ArchitectureError without a position; `macs` counts the
    multiply-accumulates of matrix products and convolutions for one image; `make` gets the module
    `mnist_core.architectures.modules` first, so that only building a network imports torch.
    """

    name: str
    help: str
    role: Role
    make: Callable[..., Any]
    arguments: tuple[Argument, ...] = ()
    shape: Callable[..., Shape] = _unchanged
    parameters: Callable[..., int] = _nothing
    macs: Callable[..., int] = _nothing
    label: Callable[..., str] | None = None  # a few words for the diagram; the name if None
    block: bool = False  # holds layers instead of values

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
                parts.append(shown_value(value))
            elif value != argument.default_among(values):
                parts.append(f"{argument.name}={shown_value(value)}")
        return f"{self.name}({', '.join(parts)})" if parts else self.name


def shown(shape: Shape) -> str:
    """A shape for people: `64×7×7`."""
    return "×".join(str(size) for size in shape)


def shown_value(value: Any) -> str:
    """A number or a word as it is typed: `0.5`, `True`, `same`."""
    return f"{value:g}" if isinstance(value, float) else str(value)
