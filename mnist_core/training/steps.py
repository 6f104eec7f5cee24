"""The steps of an epoch, and what the network answered to each batch before it learned from it.

There are two ways: by autograd, for every network, and written out, for perceptrons on the CPU (`perceptron`). Making
the views of a batch takes up to a tenth of a small network's step, so the written-out way makes all of its buffers and
their views once for the whole run.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Optimizer

from mnist_core.config import RunConfig
from mnist_core.data import Data, augment, has_augmentation
from mnist_core.training import optimization
from mnist_core.training.perceptron import Perceptron, PreparedBatch
from mnist_core.training.pooling_first import pooling_first

# About so many images are picked and scaled at once: few enough that they stay in a nearby cache.
_PICKED_AT_ONCE = 256


class Answers(NamedTuple):
    """What the network answered to some images (N) before it learned from them."""

    # Shape (N, classes).
    logits: Tensor
    # Natural logarithms of the probabilities of the classes, (N, classes).
    log_probabilities: Tensor
    # The right answers, (N,).
    labels: Tensor


class Steps(Protocol):
    """Makes the steps of a run, one at a time."""

    def of_epoch(self, epoch: int, done: int) -> Iterator[None]:
        """Make a step for each batch of this epoch (from 1) but the first `done`; yields after each one."""
        ...

    def context(self) -> AbstractContextManager[object]:
        """The context to make steps in, one or many; nothing else belongs there."""
        ...

    def take_answers(self) -> Answers:
        """The answers in all steps since the last call, or since the first step."""
        ...


def epoch_order(count: int, seed: int, epoch: int) -> Tensor:
    """The order of `count` images in this epoch (from 1), on the CPU, the same on every machine."""
    generator = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
    # Shape (count,).
    return torch.randperm(count, generator=generator)


class AutogradSteps:
    """Steps of any network on any device."""

    def __init__(self, model: nn.Module, data: Data, config: RunConfig, optimizers: list[Optimizer]) -> None:
        self._model, self._data, self._config, self._optimizers = model, data, config, optimizers
        self._answers: list[tuple[Tensor, Tensor]] = []

    def of_epoch(self, epoch: int, done: int) -> Iterator[None]:
        config, data, device = self._config, self._data, self._data.train.labels.device
        order = epoch_order(len(data.train.labels), config.seed, epoch).to(device)
        labels = data.train.labels[order].split(config.batch_size)
        autocast = torch.autocast(device.type, torch.bfloat16) if config.precision == "bfloat16" else nullcontext()
        augmented = has_augmentation(config)
        network = pooling_first(self._model, device)
        for batch, target in zip(order.split(config.batch_size)[done:], labels[done:], strict=True):
            images = data.train.images.index_select(0, batch)
            pixels = _augmented(data, config, images) if augmented else data.inputs(images)
            # Gradients are dropped here, and not after the step, so that they can be looked at between two steps.
            for optimizer in self._optimizers:
                optimizer.zero_grad()
            with autocast:
                # Shape (B, classes).
                logits = network(pixels)
                loss = F.cross_entropy(logits, target, label_smoothing=config.label_smoothing)
            loss.backward()
            if config.clip_norm:
                optimization.clip_gradients(self._model, config.clip_norm)
            for optimizer in self._optimizers:
                optimizer.step()
            self._answers.append((logits.detach(), target))
            yield

    def context(self) -> AbstractContextManager[object]:
        return nullcontext()

    def take_answers(self) -> Answers:
        logits, labels = map(torch.cat, zip(*self._answers, strict=True))
        self._answers = []
        logits = logits.float()
        return Answers(logits, F.log_softmax(logits, 1), labels)


class PerceptronSteps:
    """The same steps of a perceptron on the CPU, written out."""

    def __init__(self, chain: Perceptron, data: Data, config: RunConfig) -> None:
        self._chain, self._data, self._config = chain, data, config
        # By the number of images.
        self._chunks: dict[int, _Chunk] = {}
        # Copies of answers that were in chunks which have been filled again.
        self._copies: list[Answers] = []
        # The chunk of the last step; how many of its images were trained on, and of how many the answers are copied.
        self._chunk: _Chunk | None = None
        self._seen = self._copied = 0

    def of_epoch(self, epoch: int, done: int) -> Iterator[None]:
        config, size = self._config, self._config.batch_size
        order = epoch_order(len(self._data.train.labels), config.seed, epoch)[done * size :]
        # Changing images at random draws numbers batch by batch.
        many = size if has_augmentation(config) else size * max(1, _PICKED_AT_ONCE // size)
        step = self._chain.step
        for indices in order.split(many):
            for batch in self._filled(indices).batches:
                step(batch)
                self._seen += batch.size
                yield

    def _filled(self, indices: Tensor) -> "_Chunk":
        """A chunk with these training images."""
        self._copy_answers()
        count = len(indices)
        if count not in self._chunks:
            self._chunks[count] = _Chunk(self._chain, self._data, self._config, count)
        self._chunk, self._seen, self._copied = self._chunks[count], 0, 0
        self._chunk.fill(indices)
        return self._chunk

    def _copy_answers(self) -> None:
        if self._chunk and self._copied < self._seen:
            self._copies.append(Answers(*(each[self._copied : self._seen].clone() for each in self._chunk.answers)))
            self._copied = self._seen

    def context(self) -> AbstractContextManager[object]:
        # Without autograd's preparations for each operation, small ones take up to a tenth less.
        return torch.inference_mode()

    def take_answers(self) -> Answers:
        self._copy_answers()
        answers = Answers(*map(torch.cat, zip(*self._copies, strict=True)))
        self._copies = []
        return answers


class _Chunk:
    """Buffers for the images of some batches, which are filled again and again, and views of each batch."""

    def __init__(self, chain: Perceptron, data: Data, config: RunConfig, count: int) -> None:
        self._data, self._config = data, config
        size, classes = config.batch_size, len(data.classes)
        self._images = torch.empty(count, *data.train.images.shape[1:], dtype=torch.uint8)
        # Normalised, and the same as the network takes them, which shares their memory if that is float32.
        self._pixels = torch.empty(self._images.shape)
        self._inputs = self._pixels.flatten(1).to(chain.input_type)
        logits, log_probabilities, outers = torch.empty(3, count, classes)
        labels = torch.empty(count, dtype=torch.int64)
        # Those of the steps so far, and the labels of all images.
        self.answers = Answers(logits, log_probabilities, labels)
        sizes = [min(size, count - start) for start in range(0, count, size)]
        views = [each.split(size) for each in (self._inputs, outers, logits, log_probabilities)]
        self.batches = [*map(PreparedBatch, sizes, *views)]
        # Where the gradients of the loss come from and go, for whole batches and for a last one that is smaller.
        whole = count // size * size
        self._outers = [
            (chain.outer_gradient(min(size, stop - start)), labels[start:stop], outers[start:stop])
            for start, stop in ((0, whole), (whole, count))
            if start < stop
        ]

    def fill(self, indices: Tensor) -> None:
        """Fill it with these training images."""
        data = self._data
        torch.index_select(data.train.images, 0, indices, out=self._images)
        torch.index_select(data.train.labels, 0, indices, out=self.answers.labels)
        if has_augmentation(self._config):
            self._pixels.copy_(_augmented(data, self._config, self._images))
        else:
            data.inputs(self._images, self._pixels)
        if self._inputs.dtype != self._pixels.dtype:
            self._inputs.copy_(self._pixels.flatten(1))
        for by_label, labels, outers in self._outers:
            torch.index_select(by_label, 0, labels, out=outers)


def _augmented(data: Data, config: RunConfig, images: Tensor) -> Tensor:
    """Inputs of the network for a batch of training images, uint8 (B, C, H, W), changed at random."""
    return data.normalise(augment(images.float().div_(255), config))
