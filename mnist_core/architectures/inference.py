"""Turns a line of text into layers with all shapes, and checks every argument and shape, without torch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite, prod
from typing import Any

from mnist_core.architectures.language import TypedLayer, Value, parse_architecture, suggest_name
from mnist_core.architectures.layers import KINDS
from mnist_core.architectures.layers.kind import Argument, LayerKind, Shape, WeightShapes, format_shape
from mnist_core.architectures.layers.residual import shortcut
from mnist_core.config import limit_variable, read_limit
from mnist_core.errors import ArchitectureError


@dataclass(frozen=True)
class Node:
    """One layer with its arguments and shapes; `start` and `end` are its position in the line."""

    kind: LayerKind
    values: dict[str, Any]
    input_shape: Shape
    output_shape: Shape
    start: int
    end: int
    # The layers inside, if this is a block.
    body: tuple["Node", ...] = ()
    # The projection of the input, in a block whose input and output shapes differ.
    shortcut: "Node | None" = None

    @property
    def weights(self) -> tuple[WeightShapes, ...]:
        """The learned tensors of this layer itself, without the layers inside a block."""
        return self.kind.weights(self.input_shape, **self.values)

    @property
    def parameters(self) -> int:
        """Number of learned values of this layer itself."""
        return sum(weights.numbers for weights in self.weights)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of this layer alone for one image."""
        return self.kind.macs(self.input_shape, **self.values)


def infer_nodes(line: str, input_shape: Shape, classes: int) -> tuple[Node, ...]:
    """The layers of a line for images (C, H, W) and this many classes; raises ArchitectureError with its position."""
    nodes = _Walk(line, classes).through(parse_architecture(line, KINDS), input_shape)
    _check_outputs(nodes, classes, line)
    return nodes


def flatten_nodes(nodes: tuple[Node, ...], depth: int = 0) -> list[tuple[Node, int, bool]]:
    """All nodes in the order of the table: (node, depth of nesting, whether it is a shortcut)."""
    rows: list[tuple[Node, int, bool]] = []
    for node in nodes:
        rows.append((node, depth, False))
        rows += flatten_nodes(node.body, depth + 1)
        if node.shortcut:
            rows.append((node.shortcut, depth + 1, True))
    return rows


def list_weights(nodes: Sequence[Node], path: str = "") -> list[tuple[str, WeightShapes]]:
    """The learned tensors of all layers, each with its module's name in the built network, in the network's order."""
    rows: list[tuple[str, WeightShapes]] = []
    for number, node in enumerate(nodes):
        name = f"{path}{number}"
        rows += [(f"{name}.{weights.inside}" if weights.inside else name, weights) for weights in node.weights]
        rows += list_weights(node.body, f"{name}.body.")
        if node.shortcut:
            rows += [(f"{name}.shortcut", weights) for weights in node.shortcut.weights]
    return rows


class _Walk:
    """Follows the shapes from layer to layer, and raises at the layer that makes the network too large."""

    def __init__(self, line: str, classes: int) -> None:
        self._line = line
        self._words = {"classes": classes}
        self._parameters = 0

    def through(self, calls: tuple[TypedLayer, ...], shape: Shape) -> tuple[Node, ...]:
        """The nodes of these calls for an input of this shape."""
        nodes = []
        for call in calls:
            try:
                node = self._node(call, shape)
            except ArchitectureError as error:
                if error.text:
                    raise
                raise ArchitectureError(str(error), self._line, call.start, call.end) from None
            if len(node.output_shape) == 2 and len(shape) != 2:
                self._words["tokens"] = node.output_shape[0]
            nodes.append(node)
            shape = node.output_shape
        return tuple(nodes)

    def _node(self, call: TypedLayer, shape: Shape) -> Node:
        kind = KINDS[call.name]
        if not kind.block:
            values = _bind(kind, call.values, self._words, self._line)
            return self._fitting(Node(kind, values, shape, kind.shape(shape, **values), call.start, call.end))
        body = self.through(call.body, shape)
        after = body[-1].output_shape
        projection = shortcut(shape, after)
        node = Node(kind, {}, shape, after, call.start, call.end, body)
        if projection is None:
            return node
        name, values = projection
        return replace(node, shortcut=self._fitting(Node(KINDS[name], values, shape, after, call.start, call.end)))

    def _fitting(self, node: Node) -> Node:
        """Return the node; raises ArchitectureError if it is too large or makes the network too large."""
        self._parameters += node.parameters
        if self._parameters > (most := read_limit("MAX_PARAMETERS")):
            raise ArchitectureError(
                f"With this layer the network has {self._parameters:,} parameters, and at most {most:,} fit here; make "
                f"layers narrower, or pool before flatten (on a larger machine: {limit_variable('MAX_PARAMETERS')})"
            )
        if prod(node.output_shape) > (most := read_limit("MAX_OUTPUT")):
            raise ArchitectureError(
                f"This layer puts out {prod(node.output_shape):,} numbers for every image "
                f"({format_shape(node.output_shape)}), "
                f"more than the {most:,} that fit here; use fewer channels or less padding (on a larger machine: "
                f"{limit_variable('MAX_OUTPUT')})"
            )
        return node


def _bind(kind: LayerKind, typed: tuple[Value, ...], words: Mapping[str, int], line: str) -> dict[str, Any]:
    """The value of every argument by its name, with defaults filled in."""
    assigned = _assign(kind, typed, line)
    missing = [a.name for a in kind.arguments if a.default is None and a.name not in assigned]
    if missing:
        raise ArchitectureError(f"{kind.name} lacks {' and '.join(missing)}; write it as {kind.signature()}")
    values: dict[str, Any] = {}
    for argument in kind.arguments:
        if argument.name in assigned:
            values[argument.name] = _checked(kind, argument, assigned[argument.name], words, line)
        else:
            values[argument.name] = argument.default_among(values)
    return values


def _assign(kind: LayerKind, typed: tuple[Value, ...], line: str) -> dict[str, Value]:
    """The typed values by the names of their arguments."""
    names = {argument.name: argument for argument in kind.arguments}
    assigned: dict[str, Value] = {}
    for position, value in enumerate(typed):
        name = value.name
        if not names:
            raise ArchitectureError(f"{kind.name} takes no arguments; write just {kind.name}")
        if not name and position >= len(names):
            many = f"at most {len(names)} arguments" if len(names) > 1 else "only one argument"
            raise ArchitectureError(f"{kind.name} takes {many}, not {len(typed)}; write it as {kind.signature()}")
        if not name and any(earlier.name for earlier in typed[:position]):
            raise ArchitectureError("Arguments without a name come first", line, value.start, value.end)
        name = name or list(names)[position]
        if name not in names:
            message = f"{kind.name} has no argument {name}{suggest_name(name, names)}"
            raise ArchitectureError(message, line, value.start, value.end)
        if name in assigned:
            raise ArchitectureError(f"{kind.name} is given {name} twice", line, value.start, value.end)
        assigned[name] = value
    return assigned


def _checked(kind: LayerKind, argument: Argument, typed: Value, words: Mapping[str, int], line: str) -> Any:
    """The typed value as the argument's type; raises ArchitectureError that points at the value."""
    value = typed.value
    if isinstance(value, str):
        if value in argument.words:
            return value
        if argument.takes is int and value in words:
            value = words[value]
    name = f"{argument.name} of {kind.name}"
    wrong = ""
    if isinstance(value, str):
        tokens = argument.takes is int and value == "tokens"
        allowed = (*argument.words, *(words if argument.takes is int else ()))
        wrong = (
            f"{value} is known only after patches(size, dim)"
            if tokens
            else f"{name} must be {_type_name(argument)}{''.join(f' or {w}' for w in allowed)}, not {value}"
        )
    elif argument.takes is bool or isinstance(value, bool):
        if not (argument.takes is bool and isinstance(value, bool)):
            wrong = f"{name} must be {_type_name(argument)}, not {value}"
    elif argument.takes is int and not isinstance(value, int):
        wrong = f"{name} must be a whole number, not {value:g}"
    elif not isfinite(value) or not argument.low <= value <= argument.high:
        wrong = f"{name} must be from {argument.low:,} to {argument.high:,}, not {value:,}"
    if wrong:
        raise ArchitectureError(wrong, line, typed.start, typed.end)
    return value if argument.takes is not float else float(value)


def _type_name(argument: Argument) -> str:
    return {int: "a whole number", float: "a number", bool: "True or False"}[argument.takes]


def _check_outputs(nodes: tuple[Node, ...], classes: int, line: str) -> None:
    shape = nodes[-1].output_shape
    if shape == (classes,):
        return
    if len(shape) == 1:
        # Point at the layer whose width must change, not at an activation or dropout after it.
        at = next((node for node in reversed(nodes) if node.macs or node.body), nodes[-1])
        remedy = f"end with linear({classes}) or linear(classes)"
        message = f"The network ends with {shape[0]:,} outputs, but there are {classes} classes; {remedy}"
    else:
        at = nodes[-1]
        what, remedy = {
            3: ("images", "flatten linear(classes), or globalavgpool linear(classes)"),
            2: ("tokens", "meantokens linear(classes)"),
        }[len(shape)]
        message = f"The network ends with {what} of {format_shape(shape)}, not with {classes} outputs; add {remedy}"
    raise ArchitectureError(message, line, at.start, at.end)
