"""Optimizers, and the learning rate as a function of the step."""

import math
from typing import Any

import torch
from torch import nn
from torch.optim import SGD, Adagrad, Adam, AdamW, Muon, Optimizer, RMSprop

from mnist_core.config import RunConfig

# Smith & Topin 2018, with the proportions of torch.optim.lr_scheduler.OneCycleLR.
_RISE, _START, _END = 0.3, 1 / 25, 1 / 25 / 1e4


def optimizers(model: nn.Module, config: RunConfig) -> list[Optimizer]:
    """The optimizers that together update every parameter of the model; one, except for Muon."""
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    common: dict[str, Any] = {"lr": config.learning_rate, "weight_decay": config.weight_decay}
    # One fused kernel a step instead of several small ones for each parameter.
    fused: dict[str, Any] = common | {
        "fused": all(parameter.device.type in ("cpu", "cuda") for parameter in parameters)
    }
    if config.optimizer == "sgd":
        return [SGD(parameters, momentum=config.momentum, nesterov=config.nesterov, **fused)]
    if config.optimizer == "adam":
        return [Adam(parameters, **fused)]
    if config.optimizer == "adamw":
        return [AdamW(parameters, **fused)]
    if config.optimizer == "rmsprop":
        return [RMSprop(parameters, momentum=config.momentum, **common)]
    if config.optimizer == "adagrad":
        return [Adagrad(parameters, **fused)]
    hidden, rest = _hidden_matrices(model)
    # match_rms_adamw scales Muon's update so that one learning rate suits both (Liu et al. 2025, Muon is scalable).
    muon = [Muon(hidden, momentum=config.momentum, adjust_lr_fn="match_rms_adamw", **common)] if hidden else []
    return [*muon, AdamW(rest, **fused)]


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


def _hidden_matrices(model: nn.Module) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """Weight matrices between hidden layers, and every other parameter (Jordan et al. 2024: Muon is for the former)."""
    linear = [module for module in model.modules() if isinstance(module, nn.Linear)]
    hidden = {id(module.weight) for module in linear[:-1]}
    split: tuple[list[nn.Parameter], list[nn.Parameter]] = ([], [])
    for parameter in model.parameters():
        split[id(parameter) not in hidden].append(parameter)
    return split


def set_learning_rate(optimizers: list[Optimizer], value: float) -> None:
    """The learning rate of the next step."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = value


def clip(model: nn.Module, norm: float) -> None:
    """Scale the gradients down to at most this norm (Pascanu et al. 2013)."""
    torch.nn.utils.clip_grad_norm_(model.parameters(), norm)
