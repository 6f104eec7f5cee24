"""An optimizer's step without its preparations: torch's fused kernels, called on lists that stay from step to step."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor
from torch.optim import SGD, Adam, Optimizer

# Kernels that torch keeps to itself and may rename or drop; called on a name that is not checked for them.
_torch: Any = torch
KERNELS = ("_foreach_copy_", "_fused_adam_", "_fused_adamw_", "_fused_sgd_")

# So many numbers are cast, updated and cast back at once: few enough to stay in a nearby cache meanwhile. It is a
# power of two, because kernels compute the numbers that do not fill a vector in another way.
_PIECE = 1 << 16

# Lists of tensors, each with one for each parameter or empty: what a kernel takes, or the gradients and then the values
# in bfloat16.
_Lists = list[list[Tensor]]

_NO_HALVES: Mapping[Tensor, Tensor] = MappingProxyType({})


def update_of(
    optimizer: Optimizer,
    half_values: Mapping[Tensor, Tensor] = _NO_HALVES,
    half_gradients: Mapping[Tensor, Tensor] = _NO_HALVES,
) -> Callable[[], object]:
    """The optimizer's step, as a function without arguments.

    Of parameters that have copies in bfloat16, it casts the gradients from `half_gradients` before it uses them, and
    their new values to `half_values`. The state that the optimizer makes can be changed outside of inference mode.
    """
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    halves = [[halves[parameter] for parameter in parameters if halves] for halves in (half_gradients, half_values)]
    if optimizer.param_groups[0].get("fused"):
        if isinstance(optimizer, Adam):
            return _adam_update(optimizer, halves)
        if isinstance(optimizer, SGD):
            return _sgd_update(optimizer, halves)
    return partial(_whole_step, optimizer, *_values_and_gradients(parameters), *halves)


def cast(targets: list[Tensor], sources: list[Tensor]) -> None:
    """Copy each source to its target, in the target's type. Nothing happens if one of the lists is empty."""
    if targets and sources:
        _torch._foreach_copy_(targets, sources)


def _whole_step(
    optimizer: Optimizer,
    values: list[Tensor],
    gradients: list[Tensor],
    half_gradients: list[Tensor],
    half_values: list[Tensor],
) -> None:
    cast(gradients, half_gradients)
    with torch.inference_mode(False):
        optimizer.step()
    cast(half_values, values)


def _adam_update(optimizer: Adam, halves: _Lists) -> Callable[[], object]:
    """Step of Adam and AdamW. The counts of all parameters share one tensor, so that one operation raises them all."""
    group = optimizer.param_groups[0]
    # A tensor is added in less than half of the time that a number takes.
    one = torch.ones(())
    kernel = _torch._fused_adamw_ if group["decoupled_weight_decay"] else _torch._fused_adam_
    beta1, beta2 = group["betas"]
    constants = {"amsgrad": False, "maximize": False, "beta1": beta1, "beta2": beta2}
    constants |= {"weight_decay": group["weight_decay"], "eps": group["eps"]}
    counts = torch.empty(0)
    step: Callable[..., object] | None = None

    def update() -> None:
        nonlocal counts, step
        if step:
            counts.add_(one)
            step(lr=group["lr"], **constants)
            return
        values, gradients = _values_and_gradients(group["params"])
        # The first step creates the optimizer's state.
        _whole_step(optimizer, values, gradients, *halves)
        with torch.inference_mode(False):
            counts = torch.stack(_state(optimizer, "step"))
            for parameter, count in zip(group["params"], counts, strict=True):
                optimizer.state[parameter]["step"] = count
            means, squares = _state(optimizer, "exp_avg"), _state(optimizer, "exp_avg_sq")
        # Not in pieces: Adam computes so much with each number that they gain nothing.
        step = _step(kernel, [values, gradients, means, squares, [], [*counts]], halves, in_pieces=False)

    return update


def _sgd_update(optimizer: SGD, halves: _Lists) -> Callable[[], object]:
    """Step of stochastic gradient descent, with or without momentum."""
    group = optimizer.param_groups[0]
    constants = {name: group[name] for name in ("weight_decay", "momentum", "dampening", "nesterov")}
    constants |= {"maximize": False, "is_first_step": False}
    step: Callable[..., object] | None = None

    def update() -> None:
        nonlocal step
        if step:
            step(lr=group["lr"], **constants)
            return
        values, gradients = _values_and_gradients(group["params"])
        # The first step creates the optimizer's state.
        _whole_step(optimizer, values, gradients, *halves)
        momentum = _state(optimizer, "momentum_buffer") if group["momentum"] else []
        step = _step(_torch._fused_sgd_, [values, gradients, momentum], halves, in_pieces=True)

    return update


def _step(kernel: Callable[..., object], lists: _Lists, halves: _Lists, *, in_pieces: bool) -> Callable[..., object]:
    """The kernel on its lists, the first two of which are values and gradients; with the casts before and after it."""
    if not any(halves):
        # Nothing is read twice, so pieces would gain nothing either.
        return partial(kernel, *lists)
    whole = [*lists, *halves]
    pieces = _pieces(whole) if in_pieces else [whole]

    def step(**constants: float) -> None:
        for *taken, half_gradients, half_values in pieces:
            values, gradients = taken[:2]
            cast(gradients, half_gradients)
            kernel(*taken, **constants)
            cast(half_values, values)

    return step


def _pieces(lists: _Lists) -> list[_Lists]:
    """The same lists for some of the numbers at a time."""
    pieces: list[_Lists] = []
    filled = [index for index, tensors in enumerate(lists) if tensors]
    room = 0
    for tensors in zip(*(lists[index] for index in filled), strict=True):
        for parts in zip(*(tensor.flatten().split(_PIECE) for tensor in tensors), strict=True):
            if parts[0].numel() > room:
                pieces.append([[] for _ in lists])
                room = _PIECE
            room -= parts[0].numel()
            for index, part in zip(filled, parts, strict=True):
                pieces[-1][index].append(part)
    return pieces


def _values_and_gradients(parameters: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    return [parameter.detach() for parameter in parameters], gradients


def _state(optimizer: Optimizer, name: str) -> list[Tensor]:
    return [optimizer.state[parameter][name] for parameter in optimizer.param_groups[0]["params"]]
