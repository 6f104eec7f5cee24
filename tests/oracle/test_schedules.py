"""Learning rates against PyTorch's own schedulers."""

from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from torch.optim import SGD
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler, OneCycleLR, StepLR

from mnist_core.config.run_config import RunConfig
from mnist_core.training.optimization import learning_rate

EPOCHS, STEPS = 6, 25
SCHEDULERS: dict[str, Callable[[SGD], LRScheduler]] = {
    "step": lambda optimizer: StepLR(optimizer, 2 * STEPS, 0.3),
    "cosine": lambda optimizer: CosineAnnealingLR(optimizer, EPOCHS * STEPS),
    "one-cycle": lambda optimizer: OneCycleLR(optimizer, 0.2, total_steps=EPOCHS * STEPS),
}


@pytest.mark.parametrize("schedule", SCHEDULERS)
def test_every_step_has_the_rate_of_pytorchs_scheduler(schedule):
    config = RunConfig(schedule=schedule, epochs=EPOCHS, learning_rate=0.2, step_epochs=2, step_factor=0.3)
    optimizer = SGD([torch.zeros(1, requires_grad=True)], lr=0.2)
    scheduler = SCHEDULERS[schedule](optimizer)
    for step in range(EPOCHS * STEPS):
        assert learning_rate(config, step, STEPS) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-6, abs=1e-12)
        optimizer.step()
        # torch's cycle ends at the last step.
        if step < EPOCHS * STEPS - 1:
            scheduler.step()


def test_warm_up_rises_evenly_to_the_full_rate():
    config = RunConfig(epochs=4, learning_rate=0.1, warmup_epochs=2)
    rates = [learning_rate(config, step, 10) for step in range(40)]
    rises = [after - before for before, after in pairwise(rates[:21])]
    assert rises == pytest.approx([0.1 / 21] * 20)
    assert rates[20:] == [0.1] * 20
