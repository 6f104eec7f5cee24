"""The available schedules, one entry each; the form, training, its remarks and the exported script are made from it."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

# One-cycle schedule (Smith & Topin 2018) with the proportions of torch.optim.lr_scheduler.OneCycleLR: share of steps
# that rise, and first and last learning rate as a fraction of the highest.
_RISE, _START, _END = 0.3, 1 / 25, 1 / 25 / 1e4


class ScheduleSettings(Protocol):
    """The fields of RunConfig that a schedule reads, since RunConfig itself is made from the table below."""

    @property
    def epochs(self) -> int: ...
    @property
    def warmup_epochs(self) -> float: ...
    @property
    def step_epochs(self) -> int: ...
    @property
    def step_factor(self) -> float: ...


@dataclass(frozen=True, kw_only=True)
class ScheduleKind:
    """A schedule as RunConfig names it. No field has a default, so a new entry cannot forget one."""

    name: str
    # By what the learning rate is multiplied at a step (from 0), given the number of steps per epoch, before a warm-up.
    factor: Callable[[ScheduleSettings, int, int], float]
    # Whether that factor depends on the step.
    varies: bool
    # Whether it depends on the number of epochs, so that other epochs mean another rate from the start.
    spread: bool
    # Fields of RunConfig that have an effect with it; with "warmup_epochs" a warm-up may come before it.
    settings: tuple[str, ...]
    # The docstring of `learning_rate(step)` in an exported script.
    explanation: str
    # Lines of that function, which compute `factor` with the same operations in the same order, with a warm-up or not.
    script: Callable[[bool], tuple[str, ...]]

    def warmup(self, config: ScheduleSettings) -> float:
        """Length of the warm-up that comes before it, in epochs."""
        return config.warmup_epochs if "warmup_epochs" in self.settings else 0.0


def schedules_using(field: str) -> tuple[str, ...]:
    """Names of the schedules with which this field of RunConfig has an effect."""
    return tuple(kind.name for kind in SCHEDULES.values() if field in kind.settings)


def _step(config: ScheduleSettings, step: int, steps_per_epoch: int) -> float:
    return config.step_factor ** (step // (config.step_epochs * steps_per_epoch))


def _cosine(config: ScheduleSettings, step: int, steps_per_epoch: int) -> float:
    total, warmup = config.epochs * steps_per_epoch, config.warmup_epochs * steps_per_epoch
    done = max(0.0, step - warmup) / max(1.0, total - warmup)
    return (1 + math.cos(math.pi * min(1.0, done))) / 2


def _cosine_script(warmup: bool) -> tuple[str, ...]:
    if not warmup:
        return ("done = step / (EPOCHS * STEPS_PER_EPOCH)", "factor = (1 + math.cos(math.pi * done)) / 2")
    return (
        "done = max(0.0, step - warmup) / max(1.0, EPOCHS * STEPS_PER_EPOCH - warmup)",
        "factor = (1 + math.cos(math.pi * min(1.0, done))) / 2",
    )


def _one_cycle(config: ScheduleSettings, step: int, steps_per_epoch: int) -> float:
    total = config.epochs * steps_per_epoch
    peak = _RISE * total - 1
    if step <= peak:
        return _between(_START, 1.0, step / peak)
    return _between(1.0, _END, (step - peak) / max(1.0, total - 1 - peak))


def _between(start: float, end: float, share: float) -> float:
    """Interpolate from start to end along half a cosine; `share` runs from 0 to 1."""
    return end + (start - end) / 2 * (1 + math.cos(math.pi * share))


SCHEDULES: Mapping[str, ScheduleKind] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            ScheduleKind(
                name="constant",
                factor=lambda config, step, steps_per_epoch: 1.0,
                varies=False,
                spread=False,
                settings=("warmup_epochs",),
                explanation="LEARNING_RATE after the warm-up.",
                script=lambda warmup: ("factor = 1.0",),
            ),
            ScheduleKind(
                name="step",
                factor=_step,
                varies=True,
                spread=False,
                settings=("step_epochs", "step_factor", "warmup_epochs"),
                explanation="Multiplied by STEP_FACTOR every STEP_EPOCHS epochs.",
                script=lambda warmup: ("factor = STEP_FACTOR ** (step // (STEP_EPOCHS * STEPS_PER_EPOCH))",),
            ),
            ScheduleKind(
                name="cosine",
                factor=_cosine,
                varies=True,
                spread=True,
                settings=("warmup_epochs",),
                explanation="From LEARNING_RATE to 0 along half a cosine.",
                script=_cosine_script,
            ),
            ScheduleKind(
                name="one-cycle",
                factor=_one_cycle,
                varies=True,
                spread=True,
                settings=(),
                explanation=(
                    "One cycle (Smith and Topin 2018): up for three tenths of all steps, then down, along half a "
                    "cosine each."
                ),
                script=lambda warmup: (
                    "steps = EPOCHS * STEPS_PER_EPOCH",
                    "peak = 0.3 * steps - 1",
                    "if step <= peak:",
                    "    start, end, share = 1 / 25, 1.0, step / peak",
                    "else:",
                    "    start, end, share = 1.0, 1 / 25 / 1e4, (step - peak) / max(1.0, steps - 1 - peak)",
                    "factor = end + (start - end) / 2 * (1 + math.cos(math.pi * share))",
                ),
            ),
        )
    }
)
