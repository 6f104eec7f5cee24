"""Turns the rows of a table of layers into the items of a diagram: units, residual blocks and repetitions."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from mnist_core.architectures.table import Layer

# Layers with these roles are drawn as pills on another layer.
_PILLS = ("activation", "norm", "dropout")


@dataclass(frozen=True)
class Unit:
    """A layer with the activations, normalisations and dropouts around it; `layer` is None if they stand alone."""

    layer: Layer | None
    before: tuple[Layer, ...] = ()
    after: tuple[Layer, ...] = ()


@dataclass(frozen=True)
class ResidualBlock:
    """The items between a fork and a sum; `shortcut` is None if the input itself is added."""

    items: tuple["Item", ...]
    shortcut: Layer | None
    after: tuple[Layer, ...] = ()


@dataclass(frozen=True)
class Repeat:
    """Items that come several times in a row with equal shapes."""

    items: tuple["Item", ...]
    times: int


Item = Unit | ResidualBlock | Repeat


def diagram_tree(layers: Sequence[Layer], source: Unit) -> tuple[Item, ...]:
    """The items of a table of layers, after a unit for the network's input."""
    return _items(_folded(_nested(layers)), source)


@dataclass(frozen=True)
class _Branch:
    layer: Layer
    inner: tuple["_Branch", ...]


@dataclass(frozen=True)
class _Loop:
    branches: tuple[_Branch, ...]
    times: int


def _nested(layers: Sequence[Layer]) -> tuple[_Branch, ...]:
    branches = []
    at = 0
    while at < len(layers):
        end = at + 1
        while end < len(layers) and layers[end].depth > layers[at].depth:
            end += 1
        branches.append(_Branch(layers[at], _nested(layers[at + 1 : end])))
        at = end
    return tuple(branches)


def _folded(branches: Sequence[_Branch]) -> list[_Branch | _Loop]:
    """Fold repetitions: rows with equal positions in the text come from one `n * (...)`."""
    numbers = {branch: number for number, branch in enumerate(dict.fromkeys(branches))}
    keys = [numbers[branch] for branch in branches]
    # Count, before each position, the branches that are drawn by themselves. A loop that holds only pills is not drawn.
    drawn = list(accumulate((branch.layer.role not in _PILLS for branch in branches), initial=0))
    folded: list[_Branch | _Loop] = []
    at = 0
    while at < len(branches):
        period, times = _loop(keys, drawn, at)
        folded.append(_Loop(tuple(branches[at : at + period]), times) if times > 1 else branches[at])
        at += times * period
    return folded


def _loop(keys: Sequence[int], drawn: Sequence[int], at: int) -> tuple[int, int]:
    """The shortest period from this position on and how often it comes in a row; (1, 1) if nothing repeats."""
    for period in range(1, (len(keys) - at) // 2 + 1):
        if keys[at + period] != keys[at] or drawn[at + period] == drawn[at]:
            continue
        once = keys[at : at + period]
        times = 1
        while keys[at + times * period : at + (times + 1) * period] == once:
            times += 1
        if times > 1:
            return period, times
    return 1, 1


def _items(branches: Sequence[_Branch | _Loop], source: Unit | None = None) -> tuple[Item, ...]:
    items: list[Item] = [source] if source else []
    waiting: tuple[Layer, ...] = ()
    for branch in branches:
        if isinstance(branch, _Branch) and branch.layer.role in _PILLS:
            last = items[-1] if items else None
            if last is None or isinstance(last, Repeat):
                waiting += (branch.layer,)
            else:
                items[-1] = replace(last, after=(*last.after, branch.layer))
            continue
        if isinstance(branch, _Branch) and branch.layer.role != "block":
            items.append(Unit(branch.layer, before=waiting))
        else:
            if waiting:
                items.append(Unit(None, before=waiting))
            items.append(_loop_item(branch) if isinstance(branch, _Loop) else _residual(branch))
        waiting = ()
    if waiting:
        items.append(Unit(None, before=waiting))
    return tuple(items)


def _loop_item(loop: _Loop) -> Repeat:
    return Repeat(_items(loop.branches), loop.times)


def _residual(branch: _Branch) -> ResidualBlock:
    inner = branch.inner
    shortcut = inner[-1].layer if inner[-1].layer.name == "shortcut" else None
    return ResidualBlock(_items(_folded(inner[:-1] if shortcut else inner)), shortcut)
