"""Training: a generator of events over tensors that lie on the device."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields
from time import perf_counter
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from torch.optim import Optimizer

from mnist_core.config import RunConfig, TrainingRules
from mnist_core.data import Data
from mnist_core.events import EpochEnd, Event, RunFinished, RunStarted, StepEnd
from mnist_core.training import kernels, optimization
from mnist_core.training.evaluation import evaluate_split
from mnist_core.training.layouts import channels_last_gradients
from mnist_core.training.perceptron import perceptron
from mnist_core.training.steps import Answers, AutogradSteps, PerceptronSteps, Steps

# A run's curve has at most about this many training points; longer runs average several steps per point.
MAX_WINDOWS = 5000
# Seconds between two reads of the device, at least.
_REPORT_SECONDS = 0.1
# At most about this many numbers wait on the device before they are read.
_UNREAD = 2_000_000


@dataclass
class TrainingState:
    """The progress of training; with the model and the random state, all that is needed to continue."""

    optimizers: list[Optimizer]
    step: int = 0
    # Number of completed epochs.
    epoch: int = 0
    # Sums over the images of the current epoch.
    loss_sum: float = 0.0
    correct: float = 0.0
    best_epoch: int = 0
    best_accuracy: float = -1.0
    best_loss: float = math.inf
    # The last epoch whose accuracy was higher than all before it; patience counts from here.
    risen_epoch: int = 0
    seconds: float = 0.0

    @classmethod
    def start(cls, model: nn.Module, config: RunConfig) -> "TrainingState":
        """The state before the first step."""
        return cls(optimization.build_optimizers(model, config))

    def progress(self) -> dict[str, Any]:
        """Everything but the optimizers, as JSON values."""
        return {entry.name: getattr(self, entry.name) for entry in fields(self) if entry.name != "optimizers"}

    def restore(self, progress: dict[str, Any]) -> None:
        """Restore what `progress` returned; checkpoints of earlier versions lack `risen_epoch`."""
        for name in self.progress():
            if name in progress or name != "risen_epoch":
                setattr(self, name, progress[name])

    def forget_the_best(self) -> None:
        """Forget the best epoch so far, as a run does that continues another run."""
        self.best_epoch, self.best_accuracy, self.best_loss, self.risen_epoch = 0, -1.0, math.inf, 0


def train_network(
    model: nn.Module,
    data: Data,
    config: RunConfig,
    state: TrainingState | None = None,
    rules: TrainingRules | None = None,
) -> Iterator[Event]:
    """Train the model on data.train and yield events, by these rules (by default those of today).

    The model and the state are consistent at every yield, so the caller may evaluate, save or stop there. The order
    of the images in an epoch depends on (seed, epoch) alone; dropout and augmentation use torch's global random state.
    """
    state, rules = state or TrainingState.start(model, config), rules or TrainingRules()
    # Label smoothing of the recorded loss, not of the loss that is minimised.
    smoothing = config.label_smoothing if rules.training_loss == 1 else 0.0
    count, device = len(data.train.labels), data.train.labels.device
    steps_per_epoch = math.ceil(count / config.batch_size)
    yield RunStarted(
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        train_images=count,
        validation_images=len(data.validation.labels),
        test_images=len(data.test.labels),
        steps_per_epoch=steps_per_epoch,
        first_step=state.step,
        device=str(device),
    )
    model.train()
    steps = _steps_of_run(model, data, config, state, kernels.by_onednn(config, rules, device))
    while state.epoch < config.epochs:
        diverged = False
        window = math.ceil(config.epochs * steps_per_epoch / MAX_WINDOWS)
        meter = _Meter(window, config, smoothing, len(data.classes))
        with channels_last_gradients(model, device), kernels.chosen_kernels(model, config, rules, device):
            for event in _steps(steps, config, state, steps_per_epoch, meter):
                yield event
                diverged = diverged or not math.isfinite(event.loss)
        if not diverged:
            end = _end_of_epoch(model, data, state, config)
            yield end
            diverged = not math.isfinite(end.validation_loss if end.validation_loss is not None else end.train_loss)
        if diverged:
            yield _finished("diverged", state, _divergence_hint(config, state))
            return
        waited_since = state.best_epoch if rules.patience == 1 else state.risen_epoch
        if config.early_stopping and state.epoch - waited_since >= config.early_stopping:
            yield _finished("early-stopped", state, _patience_hint(config, waited_since, rules))
            return
    yield _finished("finished", state, "")


def _steps_of_run(model: nn.Module, data: Data, config: RunConfig, state: TrainingState, by_onednn: bool) -> Steps:
    """Written out where that is possible and faster, else by autograd."""
    chain = perceptron(model, config, state.optimizers, data.train.labels.device, by_onednn)
    if chain is None:
        return AutogradSteps(model, data, config, state.optimizers)
    return PerceptronSteps(chain, data, config)


def _steps(
    steps: Steps, config: RunConfig, state: TrainingState, steps_per_epoch: int, meter: "_Meter"
) -> Iterator[StepEnd]:
    """The remaining steps of the current epoch. Ends after the first StepEnd whose loss is not finite."""
    done = state.step - state.epoch * steps_per_epoch
    made = steps.of_epoch(state.epoch + 1, done)
    rate = -1.0
    while done < steps_per_epoch:
        # No event is yielded in this context, so it holds for the steps alone.
        with steps.context():
            due = False
            while not due:
                wanted = optimization.learning_rate(config, state.step, steps_per_epoch)
                if wanted != rate:
                    rate = wanted
                    optimization.set_learning_rate(state.optimizers, rate)
                next(made)
                state.step += 1
                done += 1
                meter.add(rate)
                due = meter.due(last=done == steps_per_epoch)
        for event in meter.read(steps.take_answers(), state):
            yield event
            if not math.isfinite(event.loss):
                return


class _Meter:
    """Counts steps, and occasionally computes loss and accuracy of each window of them from the network's answers.

    For many steps at a time, this costs a fraction of what it would cost at every step.
    """

    def __init__(self, window: int, config: RunConfig, label_smoothing: float, classes: int) -> None:
        """`window`: how many steps a StepEnd is about."""
        self._window, self._smoothing = window, label_smoothing
        self._images_of_window = window * config.batch_size
        # So many steps are not read at most, so that their answers do not fill the device.
        self._most = max(1, _UNREAD // (classes * config.batch_size))
        self._read_at = perf_counter()
        # Learning rates of the steps that are not read yet.
        self._rates: list[float] = []

    def add(self, rate: float) -> None:
        """Count a step with this learning rate."""
        self._rates.append(rate)

    def due(self, last: bool) -> bool:
        """Whether to read after this step, which may be the epoch's last."""
        count = len(self._rates)
        is_whole = count % self._window == 0
        return last or (is_whole and (count >= self._most or perf_counter() - self._read_at >= _REPORT_SECONDS))

    def read(self, answers: Answers, state: TrainingState) -> list[StepEnd]:
        """The unread windows as events, from the answers of their steps; adds them to the epoch's sums in `state`."""
        total = len(answers.labels)
        images = [min(self._images_of_window, total - before) for before in range(0, total, self._images_of_window)]
        losses, corrects = self._sums(answers, images)
        now = perf_counter()
        elapsed = max(now - self._read_at, 1e-9)
        before, start = state.seconds, state.step - len(self._rates)
        events, seen = [], 0
        for index, (loss, correct, count) in enumerate(zip(losses, corrects, images, strict=True)):
            state.loss_sum += loss
            state.correct += correct
            seen += count
            steps = min((index + 1) * self._window, len(self._rates))
            events.append(
                StepEnd(
                    step=start + steps,
                    epoch=state.epoch + 1,
                    loss=loss / count,
                    accuracy=correct / count,
                    learning_rate=self._rates[steps - 1],
                    images_per_second=total / elapsed,
                    seconds=before + elapsed * seen / total,
                )
            )
        state.seconds = before + elapsed
        self._rates = []
        self._read_at = perf_counter()
        return events

    def _sums(self, answers: Answers, images: list[int]) -> list[list[float]]:
        """Sum of the loss and number of correct predictions of each window: two lists as long as `images`."""
        logits, log_probabilities, labels = answers
        if self._smoothing:
            losses = F.cross_entropy(logits, labels, label_smoothing=self._smoothing, reduction="none")
        else:
            losses = F.nll_loss(log_probabilities, labels, reduction="none")
        # The first of several largest logits counts, as by `argmax`, which takes longer.
        right = (logits.max(1).indices == labels).float()
        # Index of the window of each image.
        window = torch.repeat_interleave(torch.tensor(images, device=logits.device), output_size=len(labels))
        sums = losses.new_zeros(2, len(images)).index_add_(1, window, torch.stack((losses, right)))
        return sums.tolist()


def _end_of_epoch(model: nn.Module, data: Data, state: TrainingState, config: RunConfig) -> EpochEnd:
    began = perf_counter()
    count = len(data.train.labels)
    loss = accuracy = None
    best = True
    if len(data.validation.labels):
        loss, accuracy = evaluate_split(model, data, data.validation, precision=config.precision)
        if accuracy > state.best_accuracy:
            state.risen_epoch = state.epoch + 1
        best = (accuracy, -loss) > (state.best_accuracy, -state.best_loss)
        if best:
            state.best_accuracy, state.best_loss = accuracy, loss
    state.epoch += 1
    if best:
        state.best_epoch = state.epoch
    state.seconds += perf_counter() - began
    end = EpochEnd(
        step=state.step,
        epoch=state.epoch,
        train_loss=state.loss_sum / count,
        train_accuracy=state.correct / count,
        validation_loss=loss,
        validation_accuracy=accuracy,
        best=best,
        seconds=state.seconds,
    )
    state.loss_sum = state.correct = 0.0
    return end


def _finished(outcome: Any, state: TrainingState, hint: str) -> RunFinished:
    return RunFinished(outcome, state.step, state.epoch, state.best_epoch, hint, state.seconds)


def _patience_hint(config: RunConfig, since: int, rules: TrainingRules) -> str:
    better = "better" if rules.patience == 1 else "higher"
    epochs = "1 epoch" if config.early_stopping == 1 else f"{config.early_stopping} epochs"
    return f"No {better} {config.validation_label} accuracy for {epochs} after epoch {since}: stopped early."


def _divergence_hint(config: RunConfig, state: TrainingState) -> str:
    remedies = [f"a learning rate of {config.learning_rate / 10:g}"]
    if not config.clip_norm:
        remedies.append("gradient clipping at norm 1")
    if not config.normalise:
        remedies.append("normalised pixels")
    return f"The loss stopped being a finite number in epoch {state.epoch + 1}: try {', or '.join(remedies)}."
