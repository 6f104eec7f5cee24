"""Optimizers, and the learning rate as a function of the step."""

import math
from typing import Any, Literal

import torch
from torch import nn
from torch.optim import Optimizer

from mnist_core.config import RunConfig
from mnist_core.optimizers import OPTIMIZERS

# Smith & Topin 2018, with the proportions of torch.optim.lr_scheduler.OneCycleLR.
_RISE, _START, _END = 0.3, 1 / 25, 1 / 25 / 1e4


def optimizers(model: nn.Module, config: RunConfig) -> list[Optimizer]:
    """The optimizers that together update every parameter of the model; one, except for Muon."""
    can_fuse = all(parameter.device.type in ("cpu", "cuda") for parameter in model.parameters())
    found = []
    for part in OPTIMIZERS[config.optimizer].parts:
        arguments: dict[str, Any] = {"lr": config.learning_rate, "weight_decay": config.weight_decay, **part.constants}
        arguments |= {keyword: getattr(config, field) for keyword, field in part.settings.items()}
        if part.fused:
            arguments["fused"] = can_fuse
        if parameters := _parameters(model, part.updates):
            found.append(getattr(torch.optim, part.torch_class)(parameters, **arguments))
    return found


def learning_rate(config: RunConfig, step: int, steps_per_epoch: int) -> float:
    """Learning rate of step `step` (from 0); depends on nothing else, so a run can resume anywhere."""
    total = config.epochs * steps_per_epoch
    if config.schedule == "one-cycle":
        return config.learning_rate * _one_cycle(step, total)
    warmup = config.warmup_epochs * steps_per_epoch
    factor = 1.0
    if config.schedule == "step":
        factor = config.step_factor ** (step // (config.step_epochs * steps_per_epoch))
    elif config.schedule == "cosine":
        done = max(0.0, step - warmup) / max(1.0, total - warmup)
        factor = (1 + math.cos(math.pi * min(1.0, done))) / 2
    if step < warmup:
        factor *= (step + 1) / (warmup + 1)
    return config.learning_rate * factor


def _one_cycle(step: int, total: int) -> float:
    peak = _RISE * total - 1
    if step <= peak:
        return _between(_START, 1.0, step / peak)
    return _between(1.0, _END, (step - peak) / max(1.0, total - 1 - peak))


def _between(start: float, end: float, share: float) -> float:
    """From start to end along half a cosine."""
    return end + (start - end) / 2 * (1 + math.cos(math.pi * share))


def _parameters(model: nn.Module, updates: Literal["all", "hidden", "others"]) -> list[nn.Parameter]:
    """All parameters; the weight matrices between hidden layers; or every other parameter."""
    linear = [module for module in model.modules() if isinstance(module, nn.Linear)]
    hidden = {id(module.weight) for module in linear[:-1]}
    return [
        parameter for parameter in model.parameters()
        if updates == "all" or (id(parameter) in hidden) == (updates == "hidden")
    ]  # fmt: skip


def set_learning_rate(optimizers: list[Optimizer], value: float) -> None:
    """The learning rate of the next step."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = value


def clip(model: nn.Module, norm: float) -> None:
    """Scale the gradients down to at most this norm (Pascanu et al. 2013)."""
    torch.nn.utils.clip_grad_norm_(model.parameters(), norm)
