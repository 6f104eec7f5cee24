"""The network of an architecture's text written out as torch code."""

import inspect
from collections.abc import Sequence
from typing import Any

from torch import nn

from mnist_core.architectures import (
    Node,
    Shape,
    architecture_line,
    check_initial_weights,
    flatten_nodes,
    infer_nodes,
    initial_lines,
    list_weights,
    matching_weights,
    modules,
)
from mnist_core.config import RunConfig

_INDENT = "    "
# How many leading arguments are written without their names; 2 for modules that are not listed.
_WITHOUT_NAME = {"Conv2d": 3, "Patches": 3, "LogSoftmax": 0}


def network_code(nodes: Sequence[Node]) -> str:
    """An expression that makes the network of these layers: `nn.Sequential(...)`, one layer a line.

    It makes the modules in the order of `architectures.build_network`, so a seed gives both the same weights.
    """
    return _sequential(nodes, 0)


def seeding_code(config: RunConfig, nodes: Sequence[Node], shape: Shape, classes: int, device: str) -> str:
    """`network` with the run's initial weights on its device, as `build_seeded` and `move_to_device` make it."""
    check_initial_weights(config.initial_weights, shape, classes)
    lines = ["torch.manual_seed(SEED)"]
    older = [infer_nodes(architecture_line(line), shape, classes) for line in initial_lines(config.initial_weights)]
    for index, ancestor in enumerate(older):
        lines.append(f"{'network' if index else 'older'} = {network_code(ancestor)}")
        if index == 0:
            lines.append("state = torch.get_rng_state()")
        else:
            lines += [_copied(older[index - 1], ancestor), "older = network"]
    lines.append(f"network = {network_code(nodes)}")
    if older:
        lines += [_copied(older[-1], nodes), "torch.set_rng_state(state)"]
    arguments = ["DEVICE"] if device != "cpu" else []
    arguments += ["memory_format=torch.channels_last"] if _has_kernels(nodes) else []
    if arguments:
        lines.append(f"network = network.to({', '.join(arguments)})")
    return "\n".join(lines)


def linear_layers(nodes: Sequence[Node]) -> int:
    """Number of weight matrices of linear layers, including those inside attention."""
    return sum(weights.module == "Linear" for _, weights in list_weights(nodes))


def module_definitions(nodes: Sequence[Node]) -> str:
    """Source of this project's own module classes that these layers use."""
    written: list[str] = []
    for node, _, _ in flatten_nodes(tuple(nodes)):
        kind = getattr(modules, _class_name(node))
        source = inspect.getsource(kind).rstrip()
        if kind.__module__ == modules.__name__ and source not in written:
            written.append(source)
    return "\n\n\n".join(written)


def _copied(older: Sequence[Node], nodes: Sequence[Node]) -> str:
    """Code that copies weights from `older` to `network`, as `inheriting.inherit` does."""
    listed = ", ".join(f"({mine!r}, {its!r})" for mine, its in matching_weights(nodes, older)).replace("'", '"')
    return (
        f"for mine, its in [{listed}]:  # the layers of the same kind and shape\n"
        "    network.get_submodule(mine).load_state_dict(older.get_submodule(its).state_dict())"
    )


def _has_kernels(nodes: Sequence[Node]) -> bool:
    """Whether a layer has convolution kernels, whose layout in memory changes the last bits of the result."""
    return any(_class_name(node) in ("Conv2d", "Patches") for node, _, _ in flatten_nodes(tuple(nodes)))


def _sequential(nodes: Sequence[Node], depth: int) -> str:
    inner = _INDENT * (depth + 1)
    lines = [f"{inner}{_expression(node, depth + 1)}," for node in nodes]
    return "\n".join(["nn.Sequential(", *lines, f"{_INDENT * depth})"])


def _expression(node: Node, depth: int) -> str:
    if not node.kind.block:
        return node.kind.make(_Writer(), node.input_shape, **node.values)
    inner = _INDENT * (depth + 1)
    shortcut = _expression(node.shortcut, depth + 1) if node.shortcut else "None"
    body = _sequential(node.body, depth + 1)
    return f"Residual(\n{inner}{body},\n{inner}shortcut={shortcut},\n{_INDENT * depth})"


def _class_name(node: Node) -> str:
    if node.kind.block:
        return "Residual"
    return node.kind.make(_ClassNames(), node.input_shape, **node.values)


class _Writer:
    """Stands in for `architectures.modules`: calling one of its classes returns the text of that call."""

    def __getattr__(self, name: str) -> Any:
        return lambda *values, **named: _call(name, values, named)


class _ClassNames:
    """Stands in for `architectures.modules`: calling one of its classes returns the name of that class."""

    def __getattr__(self, name: str) -> Any:
        return lambda *values, **named: name


def _call(name: str, values_in_order: tuple[Any, ...], named: dict[str, Any]) -> str:
    """A call as a person would write it: torch's defaults are left out, later arguments are named."""
    kind = getattr(modules, name)
    parameters = inspect.signature(kind).parameters
    values = inspect.signature(kind).bind(*values_in_order, **named).arguments
    parts = []
    for index, (argument, value) in enumerate(values.items()):
        same_as_window = argument == "stride" and parameters[argument].default is None and value == values_in_order[0]
        if same_as_window or (value == parameters[argument].default and name != "Dropout"):
            continue
        leading = index < _WITHOUT_NAME.get(name, 2)
        parts.append(repr(value) if leading else f"{argument}={value!r}")
    prefix = "nn." if getattr(nn, name, None) is kind else ""
    return f"{prefix}{name}({', '.join(parts)})"
