"""Builds optimizers, and sets their learning rate."""

from typing import Any, Literal

import torch
from torch import nn
from torch.optim import Optimizer

from mnist_core.config import OPTIMIZERS, RunConfig, learning_rate

__all__ = ["build_optimizers", "clip_gradients", "learning_rate", "set_learning_rate"]


def build_optimizers(model: nn.Module, config: RunConfig) -> list[Optimizer]:
    """The optimizers that together update every parameter of the model; one, except for Muon."""
    devices = {parameter.device.type for parameter in model.parameters()}
    optimizers = []
    for part in OPTIMIZERS[config.optimizer].parts:
        arguments: dict[str, Any] = {"lr": config.learning_rate, "weight_decay": config.weight_decay, **part.constants}
        arguments |= {keyword: getattr(config, field) for keyword, field in part.settings.items()}
        # Leave `fused` out otherwise: fused=False would also turn off torch's second-best implementation.
        if devices <= part.fused:
            arguments["fused"] = True
        if parameters := _parameters(model, part.updates):
            optimizers.append(getattr(torch.optim, part.torch_class)(parameters, **arguments))
    return optimizers


def _parameters(model: nn.Module, updates: Literal["all", "hidden", "others"]) -> list[nn.Parameter]:
    """All parameters; the weight matrices between hidden layers; or every other parameter."""
    linear = [module for module in model.modules() if isinstance(module, nn.Linear)]
    hidden = {id(module.weight) for module in linear[:-1]}
    return [
        parameter
        for parameter in model.parameters()
        if updates == "all" or (id(parameter) in hidden) == (updates == "hidden")
    ]


def set_learning_rate(optimizers: list[Optimizer], value: float) -> None:
    """Set the learning rate of the next step."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = value


def clip_gradients(model: nn.Module, norm: float) -> None:
    """Scale the gradients down to at most this norm (Pascanu et al. 2013)."""
    torch.nn.utils.clip_grad_norm_(model.parameters(), norm)
