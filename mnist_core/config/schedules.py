"""The learning rate as a function of the step, and remarks on it before training. Does not import torch."""

import math
from collections.abc import Callable, Mapping

from mnist_core.config.fields import list_config_fields
from mnist_core.config.run_config import RunConfig

# One-cycle schedule (Smith & Topin 2018) with the proportions of torch.optim.lr_scheduler.OneCycleLR: share of steps
# that rise, and first and last learning rate as a fraction of the highest.
_RISE, _START, _END = 0.3, 1 / 25, 1 / 25 / 1e4
# A jump smaller than this fraction of the learning rate is not mentioned.
_JUMP = 0.02
# Steps per epoch assumed in remarks, which are made before the number of steps is known.
_NOMINAL_STEPS = 1000


def learning_rate(config: RunConfig, step: int, steps_per_epoch: int) -> float:
    """Learning rate of step `step` (from 0); depends on nothing else, so a run can resume anywhere."""
    return config.learning_rate * _FACTORS[config.schedule](config, step, steps_per_epoch)


def schedule_remarks(config: RunConfig, parent: RunConfig | None = None) -> list[str]:
    """Sentences about surprising behaviour of the learning rate; `parent` is the config that the run continues."""
    if config.library != "torch":
        return []
    remarks = []
    warms_up = config.schedule != "one-cycle" and config.warmup_epochs > 0
    if warms_up and config.warmup_epochs > config.epochs:
        reached = learning_rate(config, config.epochs * _NOMINAL_STEPS - 1, _NOMINAL_STEPS)
        remarks.append(
            f"The warm-up of {config.warmup_epochs:g} epochs is longer than the run of {config.epochs}: the learning "
            f"rate ends at {reached:.3g} and never reaches {config.learning_rate:g}. Shorten the warm-up, or raise the "
            "epochs."
        )
    if parent is not None and config.continue_epoch:
        step = config.continue_epoch * _NOMINAL_STEPS
        before, now = learning_rate(parent, step - 1, _NOMINAL_STEPS), learning_rate(config, step, _NOMINAL_STEPS)
        if abs(now - before) > _JUMP * max(config.learning_rate, parent.learning_rate) and not _drops(config, parent):
            remarks.append(
                f"The learning rate jumps from {before:.3g} to {now:.3g} where the run continues at epoch "
                f"{config.continue_epoch}: {_why(config, parent)}. To continue smoothly, choose the schedule constant "
                f"with a learning rate of {max(before, 1e-3 * parent.learning_rate):.3g}."
            )
    return remarks


def _drops(config: RunConfig, parent: RunConfig) -> bool:
    """Whether the learning rate drops at this epoch in both runs, because they share a step schedule."""
    names = ("schedule", "step_epochs", "step_factor", "learning_rate", "warmup_epochs")
    same = all(getattr(config, name) == getattr(parent, name) for name in names)
    return config.schedule == "step" and same


def _why(config: RunConfig, parent: RunConfig) -> str:
    if config.schedule == parent.schedule and config.schedule in ("cosine", "one-cycle"):
        return (
            f"the schedule {config.schedule} is spread over all epochs, {config.epochs} now and {parent.epochs} in the "
            "run before"
        )
    return "its schedule or learning rate differs from that of the run before"


def _one_cycle(config: RunConfig, step: int, steps_per_epoch: int) -> float:
    total = config.epochs * steps_per_epoch
    peak = _RISE * total - 1
    if step <= peak:
        return _between(_START, 1.0, step / peak)
    return _between(1.0, _END, (step - peak) / max(1.0, total - 1 - peak))


def _between(start: float, end: float, share: float) -> float:
    """Interpolate from start to end along half a cosine; `share` runs from 0 to 1."""
    return end + (start - end) / 2 * (1 + math.cos(math.pi * share))


def _constant(config: RunConfig, step: int, steps_per_epoch: int) -> float:
    return _warmed(1.0, config, step, steps_per_epoch)


def _step(config: RunConfig, step: int, steps_per_epoch: int) -> float:
    factor = config.step_factor ** (step // (config.step_epochs * steps_per_epoch))
    return _warmed(factor, config, step, steps_per_epoch)


def _cosine(config: RunConfig, step: int, steps_per_epoch: int) -> float:
    total, warmup = config.epochs * steps_per_epoch, config.warmup_epochs * steps_per_epoch
    done = max(0.0, step - warmup) / max(1.0, total - warmup)
    return _warmed((1 + math.cos(math.pi * min(1.0, done))) / 2, config, step, steps_per_epoch)


def _warmed(factor: float, config: RunConfig, step: int, steps_per_epoch: int) -> float:
    warmup = config.warmup_epochs * steps_per_epoch
    # Keep the parentheses: another order of multiplication would change the last bits and so the results of earlier
    # runs.
    return factor * ((step + 1) / (warmup + 1)) if step < warmup else factor


_FACTORS: Mapping[str, Callable[[RunConfig, int, int], float]] = {
    "constant": _constant,
    "step": _step,
    "cosine": _cosine,
    "one-cycle": _one_cycle,
}

_CHOICES = next(field.choices for field in list_config_fields() if field.name == "schedule")
if tuple(_FACTORS) != _CHOICES:
    raise ImportError("config and schedules do not name the same schedules in the same order")
