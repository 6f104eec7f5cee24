"""The learning rate as a function of the step, and remarks on it before training. Does not import torch."""

from mnist_core.config.run_config import RunConfig
from mnist_core.config.schedule_kinds import SCHEDULES

# A jump smaller than this fraction of the learning rate is not mentioned.
_JUMP = 0.02
# Steps per epoch assumed in remarks, which are made before the number of steps is known.
_NOMINAL_STEPS = 1000


def learning_rate(config: RunConfig, step: int, steps_per_epoch: int) -> float:
    """Learning rate of step `step` (from 0); depends on nothing else, so a run can resume anywhere."""
    kind = SCHEDULES[config.schedule]
    factor = kind.factor(config, step, steps_per_epoch)
    warmup = kind.warmup(config) * steps_per_epoch
    if step < warmup:
        # Keep the parentheses: another order of multiplication would change the last bits and so the results of
        # earlier runs.
        factor = factor * ((step + 1) / (warmup + 1))
    return config.learning_rate * factor


def schedule_remarks(config: RunConfig, parent: RunConfig | None = None) -> list[str]:
    """Sentences about surprising behaviour of the learning rate; `parent` is the config that the run continues."""
    if config.library != "torch":
        return []
    remarks = []
    if SCHEDULES[config.schedule].warmup(config) > config.epochs:
        reached = learning_rate(config, config.epochs * _NOMINAL_STEPS - 1, _NOMINAL_STEPS)
        remarks.append(
            f"The warm-up of {config.warmup_epochs:g} epochs is longer than the run of {config.epochs}: the learning "
            f"rate ends at {reached:.3g} and never reaches {config.learning_rate:g}. Shorten the warm-up, or raise the "
            "epochs."
        )
    if parent is not None and config.continue_epoch:
        step = config.continue_epoch * _NOMINAL_STEPS
        before, now = learning_rate(parent, step - 1, _NOMINAL_STEPS), learning_rate(config, step, _NOMINAL_STEPS)
        if abs(now - before) > _JUMP * max(config.learning_rate, parent.learning_rate) and not _goes_on(config, parent):
            remarks.append(
                f"The learning rate jumps from {before:.3g} to {now:.3g} where the run continues at epoch "
                f"{config.continue_epoch}: {_why(config, parent)}. To continue smoothly, choose the schedule constant "
                f"with a learning rate of {max(before, 1e-3 * parent.learning_rate):.3g}."
            )
    return remarks


def _goes_on(config: RunConfig, parent: RunConfig) -> bool:
    """Whether both runs have the same rate at every step, so that a jump, such as a drop, is the schedule's own."""
    kind = SCHEDULES[config.schedule]
    names = ("schedule", "learning_rate", *kind.settings)
    return not kind.spread and all(getattr(config, name) == getattr(parent, name) for name in names)


def _why(config: RunConfig, parent: RunConfig) -> str:
    if config.schedule == parent.schedule and SCHEDULES[config.schedule].spread:
        return (
            f"the schedule {config.schedule} is spread over all epochs, {config.epochs} now and {parent.epochs} in the "
            "run before"
        )
    return "its schedule or learning rate differs from that of the run before"
