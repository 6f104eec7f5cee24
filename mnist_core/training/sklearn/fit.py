"""Runs of scikit-learn: fits LogisticRegression or MLPClassifier, with the events of any network's training."""

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
    config.architecture, before its EpochEnd. The training loss is `loss_curve_` of MLPClassifier, which includes the
    weight penalty, and the mean cross-entropy for LogisticRegression; the training accuracy is that of the weights at
    the end of the iteration.

    A fit cannot be resumed: it always starts at the beginning and resets `state`. `interrupted` is called every 0.1 s
    and after each event; once it returns True, the stream ends without RunFinished. The solvers of LogisticRegression
    other than lbfgs cannot be halted and report nothing before their end: they have a single EpochEnd, and after an
    interruption their thread goes on, but nobody reads its results.
    Raises ConfigError for what scikit-learn cannot do.
    """
    estimator = build_estimator(config, model)
    inputs, labels = _training_arrays(data)
    state.restore(TrainingState([]).progress())
    tape = Tape()
    fitting = Fitting(estimator, inputs, labels, tape, config.threads)
    recorder = _EventRecorder(model, data, config, state, tape)
    yield recorder.run_started()
    fitting.start()
    try:
        while not recorder.diverged and (fitting.is_alive() or tape.entries):
            fitting.join(_POLL_SECONDS)
            if interrupted():
                return
            for event in recorder.new_events():
                yield event
                if interrupted():
                    return
    finally:
        tape.halt.set()
    if recorder.diverged or fitting.diverged:
        yield recorder.run_finished("diverged", _divergence_hint(model, config, state.epoch + 1))
    elif fitting.error:
        raise fitting.error
    else:
        yield recorder.run_finished(*fitting.outcome(config))


def _training_arrays(data: Data) -> tuple[np.ndarray, np.ndarray]:
    """Inputs float64 (N, pixels) and labels int64 (N,) of the training images; ConfigError if a class has no image."""
    labels = data.train.labels.cpu().numpy()
    missing = sorted(set(range(len(data.classes))) - set(labels.tolist()))
    if missing:
        raise ConfigError("train_images", f"none of them shows class {data.classes[missing[0]]}; raise their number")
    # Most people give scikit-learn float64; with float32 its results differ in the second digit.
    return data.inputs(data.train.images).flatten(1).cpu().numpy().astype(np.float64), labels


def _divergence_hint(model: nn.Module, config: RunConfig, epoch: int) -> str:
    has_hidden_layer = len(perceptron_layers(model)[0]) > 1
    remedy = f"a learning rate of {config.learning_rate / 10:g}" if has_hidden_layer else "a smaller C"
    return f"The loss stopped being a finite number in epoch {epoch}: try {remedy}."


class _EventRecorder:
    """Turns the entries of a tape into events, and keeps the model and the state up to date with them."""

    def __init__(self, model: nn.Module, data: Data, config: RunConfig, state: TrainingState, tape: Tape) -> None:
        self._model, self._data, self._state, self._tape = model, data, state, tape
        self._linear = perceptron_layers(model)[0]
        self._train_count = len(data.train)
        # MLPClassifier learns in batches. LogisticRegression takes all images at once and has no learning rate.
        self._in_batches = len(self._linear) > 1
        self._steps_per_epoch = math.ceil(self._train_count / config.batch_size) if self._in_batches else 1
        self._learning_rate = config.learning_rate if self._in_batches else 0.0
        self._window_size = math.ceil(config.epochs * self._steps_per_epoch / MAX_WINDOWS)
        self._window: list[Batch] = []
        self._steps = 0
        self._start = self._last_report = perf_counter()
        self.diverged = False

    def run_started(self) -> RunStarted:
        return RunStarted(
            parameters=sum(parameter.numel() for parameter in self._model.parameters()),
            train_images=self._train_count,
            validation_images=len(self._data.validation),
            test_images=len(self._data.test),
            steps_per_epoch=self._steps_per_epoch,
            first_step=0,
            device="cpu",
        )

    def new_events(self) -> Iterator[Event]:
        """Events of the entries since the last call, up to the first loss that is not finite."""
        entries, report = self._tape.entries, []
        while entries and not self.diverged:
            entry = entries.popleft()
            if isinstance(entry, Batch):
                self._window.append(entry)
                self.diverged = not math.isfinite(entry.loss)
                if len(self._window) == self._window_size or self.diverged:
                    report.append(self._close_window())
                continue
            if self._window:
                report.append(self._close_window())
            yield from report
            report = []
            yield from self._end_iteration(entry)
        yield from report

    def run_finished(self, outcome: Outcome, hint: str) -> RunFinished:
        state = self._state
        return RunFinished(outcome, state.step, state.epoch, state.best_epoch, hint, state.seconds)

    def _close_window(self) -> StepEnd:
        """The batches since the last StepEnd as one event."""
        window, self._window = self._window, []
        images = sum(batch.images for batch in window)
        loss = sum(batch.loss * batch.images for batch in window) / images
        self._steps += len(window)
        return self._end_step(loss, sum(batch.correct for batch in window) / images, images, window[-1].time)

    def _end_step(self, loss: float, accuracy: float, images: int, time: float) -> StepEnd:
        state = self._state
        seconds, self._last_report = max(time - self._last_report, 1e-9), time
        state.step, state.seconds = self._steps, time - self._start
        rate = images / seconds
        return StepEnd(self._steps, state.epoch + 1, loss, accuracy, self._learning_rate, rate, state.seconds)

    def _end_iteration(self, iteration: Iteration) -> Iterator[Event]:
        state, data, model = self._state, self._data, self._model
        _copy_weights(iteration, self._linear)
        mean_loss, accuracy = evaluate_split(model, data, data.train)
        loss = mean_loss if iteration.loss is None else iteration.loss
        self.diverged = not math.isfinite(loss)
        if not self._in_batches:
            state.epoch = iteration.number - 1
            self._steps = iteration.number
            yield self._end_step(loss, accuracy, self._train_count, iteration.time)
        if self.diverged:
            return
        validation = evaluate_split(model, data, data.validation) if len(data.validation) else None
        best = validation is None or (validation[1], -validation[0]) > (state.best_accuracy, -state.best_loss)
        state.epoch = iteration.number
        if best:
            state.best_epoch = iteration.number
            if validation:
                state.best_loss, state.best_accuracy = validation
        state.seconds = iteration.time - self._start
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


def _copy_weights(iteration: Iteration, linear: list[nn.Linear]) -> None:
    """Put scikit-learn's weights into the network.

    For two classes scikit-learn has one output z, the sigmoid of which is the second class: a softmax over (0, z).
    """
    with torch.no_grad():
        for layer, weight, bias in zip(linear, iteration.weights, iteration.biases, strict=True):
            # For two classes the first output, which scikit-learn leaves out, is constantly 0.
            padding = layer.out_features - weight.shape[1]
            layer.weight.copy_(torch.from_numpy(np.pad(weight, ((0, 0), (padding, 0))).T))
            layer.bias.copy_(torch.from_numpy(np.pad(bias, (padding, 0))))
