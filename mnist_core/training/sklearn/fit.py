"""Runs of scikit-learn: its LogisticRegression and MLPClassifier, told and shown as any network's training."""

import math
from collections.abc import Callable, Iterator
from time import perf_counter

import numpy as np
import torch
from torch import nn

from mnist_core.config import RunConfig
from mnist_core.data import Data
from mnist_core.errors import ConfigError
from mnist_core.events import EpochEnd, Event, Outcome, RunFinished, RunStarted, StepEnd
from mnist_core.training.evaluation import evaluate_split
from mnist_core.training.loop import MAX_WINDOWS, TrainingState
from mnist_core.training.sklearn.estimators import Batch, Fitting, Iteration, Tape, build_estimator, perceptron_layers

_POLL_SECONDS = 0.1


def fit_sklearn(
    model: nn.Module,
    data: Data,
    config: RunConfig,
    state: TrainingState,
    interrupted: Callable[[], bool] = lambda: False,
) -> Iterator[Event]:
    """Fit scikit-learn's estimator of the config to data.train and yield events, as `training.train_network` does.

    One call of scikit-learn's own `fit`. The weights of each iteration are copied into `model`, the torch network of
    config.architecture, before its EpochEnd. The training loss is `loss_curve_` of MLPClassifier, which has the weight
    penalty in it, and the mean cross-entropy for LogisticRegression; the training accuracy is that of the weights at
    the end of the iteration.

    A fit cannot be resumed: it always starts at the beginning and resets `state`. `interrupted` is asked every 0.1 s
    and after each event; when it says so, the stream ends without RunFinished. The solvers of LogisticRegression other
    than lbfgs cannot be halted and tell nothing before the end: they have a single EpochEnd, and when interrupted
    their thread goes on unheard.
    Raises ConfigError for what scikit-learn cannot do.
    """
    subject = build_estimator(config, model)
    # (N,)
    labels = data.train.labels.cpu().numpy()
    missing = sorted(set(range(len(data.classes))) - set(labels.tolist()))
    if missing:
        raise ConfigError("train_images", f"none of them shows class {data.classes[missing[0]]}; raise their number")
    # float64, as scikit-learn gets it from most people: in float32 its results differ in the second digit.
    # (N, pixels)
    inputs = data.inputs(data.train.images).flatten(1).cpu().numpy().astype(np.float64)
    state.restore(TrainingState([]).progress())
    tape = Tape()
    fitting = Fitting(subject, inputs, labels, tape, config.threads)
    player = _Player(model, data, config, state, tape)
    yield player.started()
    fitting.start()
    try:
        while not player.broken and (fitting.is_alive() or tape.said):
            fitting.join(_POLL_SECONDS)
            if interrupted():
                return
            for event in player.news():
                yield event
                if interrupted():
                    return
    finally:
        tape.halt.set()
    if player.broken or fitting.broken:
        remedy = (
            f"a learning rate of {config.learning_rate / 10:g}"
            if len(perceptron_layers(model)[0]) > 1
            else "a smaller C"
        )
        yield player.finished(
            "diverged", f"The loss stopped being a finite number in epoch {state.epoch + 1}: try {remedy}."
        )
    elif fitting.error:
        raise fitting.error
    else:
        yield player.finished(*fitting.verdict(config))


class _Player:
    """Plays a tape as events, and keeps the model and the state up to date with them."""

    def __init__(self, model: nn.Module, data: Data, config: RunConfig, state: TrainingState, tape: Tape) -> None:
        self._model, self._data, self._state, self._tape = model, data, state, tape
        self._linear = perceptron_layers(model)[0]
        self._count = len(data.train)
        # LogisticRegression takes all images at once
        self._batches = len(self._linear) > 1
        self._steps_per_epoch = math.ceil(self._count / config.batch_size) if self._batches else 1
        # LogisticRegression has none
        self._rate = config.learning_rate if self._batches else 0.0
        self._window = math.ceil(config.epochs * self._steps_per_epoch / MAX_WINDOWS)
        # of the window under way
        self._open: list[Batch] = []
        self._steps = 0
        self._began = self._last = perf_counter()
        self.broken = False

    def started(self) -> RunStarted:
        return RunStarted(
            parameters=sum(parameter.numel() for parameter in self._model.parameters()),
            train_images=self._count,
            validation_images=len(self._data.validation),
            test_images=len(self._data.test),
            steps_per_epoch=self._steps_per_epoch,
            first_step=0,
            device="cpu",
        )

    def news(self) -> Iterator[Event]:
        """What was said since the last call, up to the first loss that is not finite."""
        said, report = self._tape.said, []
        while said and not self.broken:
            item = said.popleft()
            if isinstance(item, Batch):
                self._open.append(item)
                self.broken = not math.isfinite(item.loss)
                if len(self._open) == self._window or self.broken:
                    report.append(self._close())
                continue
            if self._open:
                report.append(self._close())
            yield from report
            report = []
            yield from self._iteration(item)
        yield from report

    def finished(self, outcome: Outcome, hint: str) -> RunFinished:
        state = self._state
        return RunFinished(outcome, state.step, state.epoch, state.best_epoch, hint, state.seconds)

    def _close(self) -> StepEnd:
        """The window under way as an event."""
        window, self._open = self._open, []
        images = sum(batch.images for batch in window)
        loss = sum(batch.loss * batch.images for batch in window) / images
        self._steps += len(window)
        return self._step(loss, sum(batch.correct for batch in window) / images, images, window[-1].when)

    def _step(self, loss: float, accuracy: float, images: int, when: float) -> StepEnd:
        state = self._state
        took, self._last = max(when - self._last, 1e-9), when
        state.step, state.seconds = self._steps, when - self._began
        return StepEnd(self._steps, state.epoch + 1, loss, accuracy, self._rate, images / took, state.seconds)

    def _iteration(self, item: Iteration) -> Iterator[Event]:
        state, data, model = self._state, self._data, self._model
        _copy(item, self._linear)
        mean, accuracy = evaluate_split(model, data, data.train)
        loss = mean if item.loss is None else item.loss
        self.broken = not math.isfinite(loss)
        if not self._batches:
            state.epoch = item.number - 1
            self._steps = item.number
            yield self._step(loss, accuracy, self._count, item.when)
        if self.broken:
            return
        validation = evaluate_split(model, data, data.validation) if len(data.validation) else None
        best = validation is None or (validation[1], -validation[0]) > (state.best_accuracy, -state.best_loss)
        state.epoch = item.number
        if best:
            state.best_epoch = item.number
            if validation:
                state.best_loss, state.best_accuracy = validation
        state.seconds = item.when - self._began
        yield EpochEnd(
            step=state.step,
            epoch=state.epoch,
            train_loss=loss,
            train_accuracy=accuracy,
            validation_loss=validation[0] if validation else None,
            validation_accuracy=validation[1] if validation else None,
            best=best,
            seconds=state.seconds,
        )


def _copy(item: Iteration, linear: list[nn.Linear]) -> None:
    """Put scikit-learn's weights into the network.

    For two classes scikit-learn has one output z, the sigmoid of which is the second class: a softmax over (0, z).
    """
    with torch.no_grad():
        for layer, weight, bias in zip(linear, item.weights, item.biases, strict=True):
            # 1 for two classes, else 0
            missing = layer.out_features - weight.shape[1]
            layer.weight.copy_(torch.from_numpy(np.pad(weight, ((0, 0), (missing, 0))).T))
            layer.bias.copy_(torch.from_numpy(np.pad(bias, (missing, 0))))
