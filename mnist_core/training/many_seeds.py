"""Many seeds of one config, to see how far chance moves its result: stacked where that is quicker, else one by one."""

import math
from collections.abc import Iterator, Sequence
from time import perf_counter

from torch import Tensor, nn

from mnist_core.architectures import build_seeded
from mnist_core.config import RunConfig, SeedScore, TrainingRules
from mnist_core.data import Data
from mnist_core.events import EpochEnd, RunFinished, StepEnd
from mnist_core.training.devices import move_to_device
from mnist_core.training.evaluation import evaluate_split
from mnist_core.training.loop import TrainingState, train_network
from mnist_core.training.stackable import why_not_stacked
from mnist_core.training.stacked import StackedProgress, train_stacked


def train_seeds(
    config: RunConfig, data: Data, seeds: Sequence[int], rules: TrainingRules
) -> Iterator[StackedProgress | tuple[SeedScore, ...]]:
    """Train the config with each of these seeds in place of its own; yields and raises as `train_stacked` does.

    Seeds that are trained one by one end with the weights that a run of each would have. Nothing is kept of them but
    their results.
    """
    if why_not_stacked(config, data.input_shape, len(data.classes)):
        yield from one_by_one(config, data, seeds, rules)
        return
    yield from train_stacked(config, data, seeds, rules)


def one_by_one(
    config: RunConfig, data: Data, seeds: Sequence[int], rules: TrainingRules
) -> Iterator[StackedProgress | tuple[SeedScore, ...]]:
    """`train_seeds` for any network: one seed after another."""
    began, finished = perf_counter(), tuple[SeedScore, ...]()
    steps = config.epochs * math.ceil(len(data.train.labels) / config.batch_size)
    for index, seed in enumerate(seeds):
        trainer = _Alone(config.replace(seed=seed), data, rules)
        for step in trainer.steps():
            yield StackedProgress(
                epoch=trainer.state.epoch + 1,
                step=index * steps + step,
                steps=len(seeds) * steps,
                seconds=perf_counter() - began,
                finished=finished,
            )
        finished += (trainer.result(),)
    yield finished


class _Alone:
    """One seed, trained as a run trains it, without checkpoints."""

    def __init__(self, config: RunConfig, data: Data, rules: TrainingRules) -> None:
        self._config, self._data, self._rules = config, data, rules
        shape, classes = data.input_shape, len(data.classes)
        network, _ = build_seeded(config.architecture, shape, classes, config.seed, config.initial_weights)
        self._model: nn.Module = move_to_device(network, data.train.labels.device)
        self.state = TrainingState.start(self._model, config)
        # Those of the best epoch, where images were held out.
        self._best: dict[str, Tensor] = {}
        self._diverged = False

    def steps(self) -> Iterator[int]:
        """Train; yields the number of steps done each time it is reported."""
        for event in train_network(self._model, self._data, self._config, self.state, self._rules):
            if isinstance(event, StepEnd):
                yield event.step
            elif isinstance(event, EpochEnd) and event.best and event.validation_accuracy is not None:
                self._best = {name: value.clone() for name, value in self._model.state_dict().items()}
            elif isinstance(event, RunFinished):
                self._diverged = event.outcome == "diverged"

    def result(self) -> SeedScore:
        """What the trained network comes to on the test images."""
        state = self.state
        held_out = state.best_accuracy if state.best_accuracy >= 0 else None
        loss = accuracy = None
        if not self._diverged:
            if self._best:
                self._model.load_state_dict(self._best)
            loss, accuracy = evaluate_split(self._model, self._data, self._data.test, self._config.precision)
        return SeedScore(
            seed=self._config.seed,
            test_loss=loss,
            test_accuracy=accuracy,
            validation_accuracy=held_out,
            best_epoch=state.best_epoch,
        )
