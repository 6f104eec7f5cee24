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

from mnist_core import optimization
from mnist_core.config import RunConfig
from mnist_core.data.augmentation import augment, augments
from mnist_core.data.loading import Data
from mnist_core.evaluation import evaluate
from mnist_core.events import EpochEnd, Event, RunFinished, RunStarted, StepEnd

POINTS = 5000  # a run's curve has at most about this many training points; longer runs average several steps
_REPORT_SECONDS = 0.1  # how often the device is read at most
_UNREAD = 512  # points that may wait on the device


@dataclass
class TrainingState:
    """Where training stands; with the model and the random state, all that is needed to go on."""

    optimizers: list[Optimizer]
    step: int = 0
    epoch: int = 0  # completed
    loss_sum: float = 0.0  # over the images of the epoch under way
    correct: float = 0.0
    best_epoch: int = 0
    best_accuracy: float = -1.0
    best_loss: float = math.inf
    seconds: float = 0.0

    @classmethod
    def start(cls, model: nn.Module, config: RunConfig) -> "TrainingState":
        """The state before the first step."""
        return cls(optimization.optimizers(model, config))

    def progress(self) -> dict[str, Any]:
        """Everything but the optimizers, as JSON values."""
        return {entry.name: getattr(self, entry.name) for entry in fields(self) if entry.name != "optimizers"}

    def restore(self, progress: dict[str, Any]) -> None:
        """Take over what `progress` returned."""
        for name in self.progress():
            setattr(self, name, progress[name])


def train(model: nn.Module, data: Data, config: RunConfig, state: TrainingState | None = None) -> Iterator[Event]:
    """Train the model on data.train and yield what happens.

    The model and the state are consistent at every yield, so the caller may evaluate, save or stop there. The order
    of the images in an epoch depends on (seed, epoch) alone; dropout and augmentation use torch's global random state.
    """
    state = state or TrainingState.start(model, config)
    count = len(data.train.labels)
    steps_per_epoch = math.ceil(count / config.batch_size)
    yield RunStarted(
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        train_images=count,
        validation_images=len(data.validation.labels),
        test_images=len(data.test.labels),
        steps_per_epoch=steps_per_epoch,
        first_step=state.step,
        device=str(data.train.labels.device),
    )
    model.train()
    while state.epoch < config.epochs:
        broken = False
        for event in _steps(model, data, config, state, steps_per_epoch):
            yield event
            broken = broken or not math.isfinite(event.loss)
        if not broken:
            end = _end_of_epoch(model, data, state, config)
            yield end
            broken = not math.isfinite(end.validation_loss if end.validation_loss is not None else end.train_loss)
        if broken:
            yield _finished("diverged", state, _divergence_hint(config, state))
            return
        if config.early_stopping and state.epoch - state.best_epoch >= config.early_stopping:
            yield _finished(
                "early-stopped",
                state,
                f"No better validation accuracy for {config.early_stopping} epochs "
                f"after epoch {state.best_epoch}: stopped early.",
            )
            return
    yield _finished("finished", state, "")


def epoch_order(count: int, seed: int, epoch: int) -> Tensor:
    """The order of `count` images in this epoch (from 1), on the CPU, the same on every machine."""
    generator = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
    return torch.randperm(count, generator=generator)  # (count,)


def _steps(
    model: nn.Module, data: Data, config: RunConfig, state: TrainingState, steps_per_epoch: int
) -> Iterator[StepEnd]:
    """The rest of the epoch under way. Ends after the first StepEnd whose loss is not finite."""
    device = data.train.labels.device
    meter = _Meter(device, math.ceil(config.epochs * steps_per_epoch / POINTS))
    done = state.step - state.epoch * steps_per_epoch
    order = epoch_order(len(data.train.labels), config.seed, state.epoch + 1).to(device)
    batches = order.split(config.batch_size)
    labels = data.train.labels[order].split(config.batch_size)
    autocast = torch.autocast(device.type, torch.bfloat16) if config.precision == "bfloat16" else nullcontext()
    augmented = augments(config)
    rate = -1.0
    optimizers = state.optimizers
    for place in range(done, steps_per_epoch):
        batch, target = batches[place], labels[place]
        wanted = optimization.learning_rate(config, state.step, steps_per_epoch)
        if wanted != rate:
            rate = wanted
            optimization.set_learning_rate(optimizers, rate)
        images = data.train.images.index_select(0, batch)  # (B, C, H, W) uint8
        pixels = data.normalise(augment(images.float().div_(255), config)) if augmented else data.inputs(images)
        with autocast:
            logits = model(pixels)  # (B, classes)
            loss = F.cross_entropy(logits, target, label_smoothing=config.label_smoothing)
        loss.backward()
        if config.clip_norm:
            optimization.clip(model, config.clip_norm)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
        meter.add(loss, logits, target, rate)
        state.step += 1
        if meter.due(last=place + 1 == steps_per_epoch):
            for event in meter.read(state):
                yield event
                if not math.isfinite(event.loss):
                    return


class _Meter:
    """Sums loss and correct answers on the device, a window of steps at a time, and reads them rarely."""

    def __init__(self, device: torch.device, window: int) -> None:
        sums = torch.zeros(2, _UNREAD, device=device)
        self._sums, self._window = sums, window
        self._losses, self._correct = sums[0].unbind(), sums[1].unbind()
        self._images: list[int] = []  # seen in each unread window
        self._rates: list[float] = []
        self._steps_in_window = 0
        self._read_at = perf_counter()

    def add(self, loss: Tensor, logits: Tensor, target: Tensor, rate: float) -> None:
        if self._steps_in_window in (0, self._window):
            self._images.append(0)
            self._rates.append(rate)
            self._steps_in_window = 0
        place, size = len(self._images) - 1, len(target)
        self._losses[place].add_(loss.detach(), alpha=size)
        self._correct[place].add_((logits.detach().argmax(1) == target).sum())
        self._images[-1] += size
        self._rates[-1] = rate
        self._steps_in_window += 1

    def due(self, last: bool) -> bool:
        if last:
            return True
        whole = self._steps_in_window == self._window
        return whole and (len(self._images) == _UNREAD or perf_counter() - self._read_at >= _REPORT_SECONDS)

    def read(self, state: TrainingState) -> list[StepEnd]:
        """The unread windows as events; adds them to the epoch's sums in `state`."""
        losses, corrects = self._sums[:, : len(self._images)].tolist()
        now = perf_counter()
        took, total = max(now - self._read_at, 1e-9), sum(self._images)
        before, start = state.seconds, state.step - self._steps_unread()
        events, seen = [], 0
        for place, (loss, correct, images) in enumerate(zip(losses, corrects, self._images, strict=True)):
            state.loss_sum += loss
            state.correct += correct
            seen += images
            events.append(
                StepEnd(
                    step=min(start + (place + 1) * self._window, state.step),
                    epoch=state.epoch + 1,
                    loss=loss / images,
                    accuracy=correct / images,
                    learning_rate=self._rates[place],
                    images_per_second=total / took,
                    seconds=before + took * seen / total,
                )
            )
        state.seconds = before + took
        self._sums.zero_()
        self._images, self._rates, self._steps_in_window, self._read_at = [], [], 0, perf_counter()
        return events

    def _steps_unread(self) -> int:
        return (len(self._images) - 1) * self._window + self._steps_in_window


def _end_of_epoch(model: nn.Module, data: Data, state: TrainingState, config: RunConfig) -> EpochEnd:
    began = perf_counter()
    count = len(data.train.labels)
    loss = accuracy = None
    best = True
    if len(data.validation.labels):
        loss, accuracy = evaluate(model, data, data.validation, precision=config.precision)
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


def _divergence_hint(config: RunConfig, state: TrainingState) -> str:
    remedies = [f"a learning rate of {config.learning_rate / 10:g}"]
    if not config.clip_norm:
        remedies.append("gradient clipping at norm 1")
    if not config.normalise:
        remedies.append("normalised pixels")
    return f"The loss stopped being a finite number in epoch {state.epoch + 1}: try {', or '.join(remedies)}."
