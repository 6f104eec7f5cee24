"""Training: a generator of events over tensors that lie on the device."""

import math
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, fields
from time import perf_counter
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Optimizer

from mnist_core.config import RunConfig, TrainingRules
from mnist_core.data import Data, augment, has_augmentation
from mnist_core.events import EpochEnd, Event, RunFinished, RunStarted, StepEnd
from mnist_core.training import kernels, optimization
from mnist_core.training.evaluation import evaluate_split
from mnist_core.training.layouts import channels_last_gradients
from mnist_core.training.perceptron import Perceptron, perceptron
from mnist_core.training.pooling_first import pooling_first

# A run's curve has at most about this many training points; longer runs average several steps per point.
MAX_WINDOWS = 5000
# Seconds between two reads of the device, at least.
_REPORT_SECONDS = 0.1
# About so many images are picked and scaled at once where that changes nothing.
_PICKED_AT_ONCE = 1024
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
    chain = perceptron(model, config, state.optimizers, device, kernels.by_onednn(config, rules, device))
    while state.epoch < config.epochs:
        diverged = False
        meter = _Meter(math.ceil(config.epochs * steps_per_epoch / MAX_WINDOWS), smoothing)
        with channels_last_gradients(model, device), kernels.chosen_kernels(model, config, rules, device):
            for event in _steps(model, chain, data, config, state, steps_per_epoch, meter):
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


def epoch_order(count: int, seed: int, epoch: int) -> Tensor:
    """The order of `count` images in this epoch (from 1), on the CPU, the same on every machine."""
    generator = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
    # Shape (count,).
    return torch.randperm(count, generator=generator)


def _steps(
    model: nn.Module,
    chain: Perceptron | None,
    data: Data,
    config: RunConfig,
    state: TrainingState,
    steps_per_epoch: int,
    meter: "_Meter",
) -> Iterator[StepEnd]:
    """The remaining steps of the current epoch. Ends after the first StepEnd whose loss is not finite."""
    done = state.step - state.epoch * steps_per_epoch
    if chain is None:
        logits_of_steps = _autograd_steps(model, data, config, state, done)
    else:
        logits_of_steps = _chain_steps(chain, data, config, state, done)
    rate = -1.0
    for index in range(done, steps_per_epoch):
        wanted = optimization.learning_rate(config, state.step, steps_per_epoch)
        if wanted != rate:
            rate = wanted
            optimization.set_learning_rate(state.optimizers, rate)
        logits, target = next(logits_of_steps)
        meter.add(logits, target, rate)
        state.step += 1
        if meter.due(last=index + 1 == steps_per_epoch):
            for event in meter.read(state):
                yield event
                if not math.isfinite(event.loss):
                    return


def _autograd_steps(
    model: nn.Module, data: Data, config: RunConfig, state: TrainingState, done: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """A step for each of the epoch's batches after the first `done`, by autograd; yields its logits and labels."""
    device = data.train.labels.device
    order = epoch_order(len(data.train.labels), config.seed, state.epoch + 1).to(device)
    labels = data.train.labels[order].split(config.batch_size)
    autocast = torch.autocast(device.type, torch.bfloat16) if config.precision == "bfloat16" else nullcontext()
    augmented = has_augmentation(config)
    network = pooling_first(model, device)
    for batch, target in zip(order.split(config.batch_size)[done:], labels[done:], strict=True):
        images = data.train.images.index_select(0, batch)
        pixels = _augmented(data, config, images) if augmented else data.inputs(images)
        # Gradients are dropped here, and not after the step, so that they can be looked at between two steps.
        for optimizer in state.optimizers:
            optimizer.zero_grad()
        with autocast:
            # Shape (B, classes).
            logits = network(pixels)
            loss = F.cross_entropy(logits, target, label_smoothing=config.label_smoothing)
        loss.backward()
        if config.clip_norm:
            optimization.clip_gradients(model, config.clip_norm)
        for optimizer in state.optimizers:
            optimizer.step()
        yield logits.detach(), target


def _chain_steps(
    chain: Perceptron, data: Data, config: RunConfig, state: TrainingState, done: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """The same steps, written out; images are picked and scaled about a thousand at a time, in half the time."""
    order = epoch_order(len(data.train.labels), config.seed, state.epoch + 1)[done * config.batch_size :]
    size = config.batch_size
    augmented = has_augmentation(config)
    # Changing images at random draws numbers batch by batch.
    many = size if augmented else size * max(1, _PICKED_AT_ONCE // size)
    picked = torch.empty(min(many, len(order)), *data.train.images.shape[1:], dtype=torch.uint8)
    scaled = torch.empty(picked.shape)
    for part in order.split(many):
        images = torch.index_select(data.train.images, 0, part, out=picked[: len(part)])
        targets = data.train.labels[part]
        pixels = _augmented(data, config, images) if augmented else data.inputs(images, scaled[: len(part)])
        for batch, target in zip(chain.batches(pixels, targets, size), targets.split(size), strict=True):
            yield chain.step(batch), target


def _augmented(data: Data, config: RunConfig, images: Tensor) -> Tensor:
    """Inputs of the network for a batch of training images, uint8 (B, C, H, W), changed at random."""
    return data.normalise(augment(images.float().div_(255), config))


class _Meter:
    """Collects the logits of each step on the device, and occasionally computes loss and accuracy of each window.

    For many steps at a time, this costs a fraction of what it would cost at every step.
    """

    def __init__(self, window: int, label_smoothing: float) -> None:
        self._window, self._smoothing = window, label_smoothing
        self._read_at = perf_counter()
        self._forget()

    def _forget(self) -> None:
        # Each has shape (B, classes).
        self._logits: list[Tensor] = []
        # Each has shape (B,).
        self._targets: list[Tensor] = []
        self._rates: list[float] = []
        # How many numbers `_logits` holds.
        self._values = 0

    def add(self, logits: Tensor, target: Tensor, rate: float) -> None:
        self._logits.append(logits)
        self._targets.append(target)
        self._rates.append(rate)
        self._values += logits.numel()

    def due(self, last: bool) -> bool:
        if last:
            return True
        whole = len(self._rates) % self._window == 0
        return whole and (self._values >= _UNREAD or perf_counter() - self._read_at >= _REPORT_SECONDS)

    def read(self, state: TrainingState) -> list[StepEnd]:
        """The unread windows as events; adds them to the epoch's sums in `state`."""
        windows = [self._targets[index : index + self._window] for index in range(0, len(self._rates), self._window)]
        images = [sum(target.shape[0] for target in targets) for targets in windows]
        losses, corrects = self._sums(images)
        now = perf_counter()
        elapsed, total = max(now - self._read_at, 1e-9), sum(images)
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
        self._forget()
        self._read_at = perf_counter()
        return events

    def _sums(self, images: list[int]) -> list[list[float]]:
        """Sum of the loss and number of correct predictions of each window: two lists as long as `images`."""
        logits, targets = torch.cat(self._logits).float(), torch.cat(self._targets)
        losses = F.cross_entropy(logits, targets, label_smoothing=self._smoothing, reduction="none")
        right = (logits.argmax(1) == targets).float()
        counts = torch.tensor(images, device=logits.device)
        # Index of the window of each image.
        window = torch.repeat_interleave(counts, output_size=len(targets))
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
