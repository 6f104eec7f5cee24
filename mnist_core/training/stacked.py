"""Seeds of a small perceptron trained together: their weights lie stacked in one tensor a layer.

A step of 784-10 is so small that most of it is the calls around its products. Here one call serves all seeds: it
multiplies matrices of all of them, and the optimizer changes all weights at once, number by number, as it would change
each seed's. Every seed has its own initial weights and its own order of images, those that it has alone, and the same
arithmetic but for the order in which numbers are added.

Numbers lie features first, (features, seeds, images): the softmax and the activations then run along contiguous
memory. The last feature is always 1 and its weight is the bias, so that products take care of biases, too.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import NamedTuple

import torch
from torch import Tensor, nn

from mnist_core.architectures import build_seeded
from mnist_core.config import RunConfig, SeedScore, TrainingRules
from mnist_core.data import Data, Split
from mnist_core.training import kernels, optimization
from mnist_core.training.perceptron import derivative, in_place_function, missing_kernels, outer_gradient
from mnist_core.training.stackable import SEEDS_AT_ONCE, check_stackable
from mnist_core.training.steps import epoch_order
from mnist_core.training.updates import update_of

# Pixels of a step of all seeds of a group, at most; fewer seeds are trained at once where batches are large.
_MOST_PIXELS = 1 << 24
# Images that are evaluated at once, for all seeds.
_EVALUATED_AT_ONCE = 250
# Seconds between two reports of progress, at least.
_REPORT_SECONDS = 0.1


@dataclass(frozen=True)
class StackedProgress:
    """How far `train_stacked` is."""

    # The epoch, from 1, of the seeds that are being trained.
    epoch: int
    # Steps done and steps in all, over all epochs and groups of seeds.
    step: int
    steps: int
    # Since the start.
    seconds: float
    # Results of the groups that are finished, for a caller that stops here.
    finished: tuple[SeedScore, ...]


def train_stacked(
    config: RunConfig, data: Data, seeds: Sequence[int], rules: TrainingRules | None = None
) -> Iterator[StackedProgress | tuple[SeedScore, ...]]:
    """Train the config with each of these seeds in place of its own; `data` lies on the CPU.

    Yields progress at most every 0.1 s, and at the end the results in the order of `seeds`. The caller may stop in
    between. A seed that diverges leaves the others as they are. The weights agree with those of `train_network` but for
    rounding; torch's global random state stays as it is. `rules`: by default those of today.
    Raises ConfigError (see `why_not_stacked`) or ArchitectureError before the first step.
    """
    check_stackable(config, data.input_shape, len(data.classes))
    size = _seeds_at_once(config, data)
    groups = [seeds[start : start + size] for start in range(0, len(seeds), size)]
    steps_per_epoch = math.ceil(len(data.train) / config.batch_size)
    steps_per_group = config.epochs * steps_per_epoch
    finished: tuple[SeedScore, ...] = ()
    start = reported = perf_counter()
    flushes = kernels.flushes_denormals(config, rules or TrainingRules(), "cpu")
    for number, members in enumerate(groups):
        group = SeedGroup(config, data, members)
        with kernels.denormals_flushed(flushes):
            for step in group.train():
                if perf_counter() - reported >= _REPORT_SECONDS:
                    yield StackedProgress(
                        epoch=(step - 1) // steps_per_epoch + 1,
                        step=number * steps_per_group + step,
                        steps=len(groups) * steps_per_group,
                        seconds=perf_counter() - start,
                        finished=finished,
                    )
                    reported = perf_counter()
        finished += group.results()
    yield finished


def _seeds_at_once(config: RunConfig, data: Data) -> int:
    pixels = min(config.batch_size, len(data.train)) * math.prod(data.input_shape)
    return max(1, min(SEEDS_AT_ONCE, _MOST_PIXELS // pixels))


class SeedGroup:
    """Some seeds of a config, trained at the same time."""

    def __init__(self, config: RunConfig, data: Data, seeds: Sequence[int]) -> None:
        self._config, self._data, self._seeds = config, data, seeds
        classes = len(data.classes)
        with torch.random.fork_rng(devices=()):
            networks = [
                build_seeded(config.architecture, data.input_shape, classes, seed, config.initial_weights)[0]
                for seed in seeds
            ]
        self._networks = _StackedNetworks(networks)
        self._optimizer = _StackedOptimizer(self._networks, config)
        # By the number of images in a batch.
        self._batches: dict[int, _Batches] = {}
        self._pixels = _Pixels(data)
        self._diverged = [False] * len(seeds)
        # (accuracy, -loss) on the validation images in the best epoch of each seed, that epoch, and its weights.
        self._best = [(-1.0, -math.inf)] * len(seeds)
        self._best_epochs = [0] * len(seeds)
        self._best_weights = [weight.clone() for weight in self._networks.weights]

    def train(self) -> Iterator[int]:
        """Train all epochs; yields the number of steps done, after each one. Ends early once every seed diverged."""
        config, count = self._config, len(self._data.train)
        steps_per_epoch = math.ceil(count / config.batch_size)
        step = 0
        for epoch in range(1, config.epochs + 1):
            # Shape (S, count).
            order = torch.stack([epoch_order(count, seed, epoch) for seed in self._seeds])
            for batch in order.split(config.batch_size, dim=1):
                self._step(batch, optimization.learning_rate(config, step, steps_per_epoch))
                step += 1
                yield step
            self._end_epoch(epoch)
            if all(self._diverged):
                return

    def results(self) -> tuple[SeedScore, ...]:
        """The results once `train` has ended, in the order of the seeds; the networks then hold their best weights."""
        for weight, best in zip(self._networks.weights, self._best_weights, strict=True):
            weight.copy_(best)
        losses, accuracies = self._evaluate(self._data.test)
        results = []
        for index, seed in enumerate(self._seeds):
            diverged = self._diverged[index] or not math.isfinite(losses[index])
            validated = len(self._data.validation) > 0 and self._best_epochs[index] > 0
            results.append(
                SeedScore(
                    seed=seed,
                    test_loss=None if diverged else losses[index],
                    test_accuracy=None if diverged else accuracies[index],
                    validation_accuracy=self._best[index][0] if validated else None,
                    best_epoch=self._best_epochs[index],
                )
            )
        return tuple(results)

    def state_dict(self, index: int) -> dict[str, Tensor]:
        """The present weights of the seed at this place, by the names that they have in its network alone."""
        return self._networks.state_dict(index)

    # Without autograd's preparations for each operation a step takes up to a tenth less. Memory that is made here may
    # be changed only here and in `_evaluate`.
    @torch.inference_mode()
    def _step(self, indices: Tensor, rate: float) -> None:
        """One step of each seed on its images, given by their indices (S, B)."""
        size = indices.shape[1]
        if size not in self._batches:
            self._batches[size] = _Batches(self._data, len(self._seeds), size, self._config.label_smoothing)
        batches = self._batches[size]
        batches.fill(indices)
        logits = self._networks.forward(self._pixels.normalised(batches.images, len(indices)))
        gradient = batches.gradient(logits)
        self._networks.backward(gradient, self._optimizer.descent(rate))
        self._optimizer.step(rate)

    def _end_epoch(self, epoch: int) -> None:
        """Find seeds that diverged, and keep the weights of those for which this epoch is the best so far."""
        finite = self._networks.finite()
        validation = self._data.validation
        losses, accuracies = self._evaluate(validation) if len(validation) else ([], [])
        improved = []
        for index in range(len(self._seeds)):
            loss, accuracy = (losses[index], accuracies[index]) if losses else (0.0, 0.0)
            self._diverged[index] = self._diverged[index] or not (finite[index] and math.isfinite(loss))
            if self._diverged[index] or (losses and (accuracy, -loss) <= self._best[index]):
                continue
            self._best[index], self._best_epochs[index] = (accuracy, -loss), epoch
            improved.append(index)
        for weight, best in zip(self._networks.weights, self._best_weights, strict=True):
            best[improved] = weight[improved]

    @torch.inference_mode()
    def _evaluate(self, split: Split) -> tuple[list[float], list[float]]:
        """Mean cross-entropy (nats) and accuracy of each seed on a split with at least one image."""
        # Made before the batches, as in `evaluation.predict_split`. Shape (2, S).
        sums = torch.zeros(2, len(self._seeds), dtype=torch.float64)
        for images, labels in zip(
            split.images.split(_EVALUATED_AT_ONCE), split.labels.split(_EVALUATED_AT_ONCE), strict=True
        ):
            # Shape (classes, S, B).
            logits = self._networks.forward(self._pixels.normalised(images, 1))
            logit_of_label = logits.gather(0, labels.expand(1, *logits.shape[1:]))[0]
            right = (logits.argmax(0) == labels).sum(1)
            sums += torch.stack(((logits.logsumexp(0) - logit_of_label).sum(1), right.float()))
        losses, accuracies = (sums / len(split)).tolist()
        return losses, accuracies


class _Batches:
    """A batch for each seed: memory that is filled again and again, because new memory at each step takes time."""

    def __init__(self, data: Data, seeds: int, size: int, label_smoothing: float) -> None:
        classes = len(data.classes)
        self._train, self._size = data.train, size
        # uint8, shape (S · B, C, H, W).
        self.images = torch.empty(seeds * size, *data.input_shape, dtype=torch.uint8)
        self._labels = torch.empty(seeds * size, dtype=torch.int64)
        # Gradient of the loss for the log-softmax, by label: (classes, classes), a column a label; symmetric.
        self._by_label = outer_gradient(size, classes, label_smoothing)
        self._gradient = torch.empty(classes, seeds, size)
        self._probabilities = torch.empty_like(self._gradient)

    def fill(self, indices: Tensor) -> None:
        """Take the training images with these indices (S, B)."""
        chosen = indices.reshape(-1)
        torch.index_select(self._train.images, 0, chosen, out=self.images)
        torch.index_select(self._train.labels, 0, chosen, out=self._labels)

    def gradient(self, logits: Tensor) -> Tensor:
        """Gradient of each batch's mean cross-entropy for the logits: (softmax - target) / B, all (classes, S, B)."""
        outer = self._gradient
        torch.index_select(self._by_label, 1, self._labels, out=outer.flatten(1))
        torch.softmax(logits, 0, out=self._probabilities)
        return torch.add(outer, self._probabilities, alpha=1 / self._size, out=outer)


class _Features(NamedTuple):
    """What a layer puts out for all images of a step, or the images themselves; two views of the same memory."""

    # Shape (F, S, B).
    values: Tensor
    # Shape (S, F + 1, B); the last feature is 1.
    with_one: Tensor

    @classmethod
    def of(cls, memory: Tensor) -> "_Features":
        """The views of memory of shape (F + 1, S, B)."""
        return cls(memory[:-1], memory.transpose(0, 1))


class _Pixels:
    """Scales images into memory that stays from step to step."""

    def __init__(self, data: Data) -> None:
        self._data = data
        self._memory = torch.empty(0, 0)

    def normalised(self, images: Tensor, groups: int) -> _Features:
        """uint8 images (groups · B, C, H, W): a batch for each seed, or with one group the same one for all of them.

        The result holds until the next call.
        """
        count, shape = len(images), self._data.input_shape
        features = math.prod(shape)
        if len(self._memory) < count:
            # Rows that begin at multiples of 64 bytes are read faster.
            self._memory = torch.ones(count, -(features + 1) // 16 * -16)
        memory = self._memory[:count, : features + 1]
        self._data.inputs(images, memory[:, :features].unflatten(1, shape))
        # Shape (F + 1, groups, B).
        return _Features.of(memory.unflatten(0, (groups, -1)).permute(2, 0, 1))


class _StackedNetworks:
    """Networks of one architecture as layers that hold the weights of all of them."""

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        self._seeds = len(networks)
        # Activations before the first linear layer have nothing to learn and hand no gradient on.
        self._before: list[Callable[[Tensor], Tensor]] = []
        self._layers: list[_StackedLinear | _StackedActivation] = []
        # The linear ones among them, by their names in each network.
        self._linear: dict[str, _StackedLinear] = {}
        for position, modules in enumerate(zip(*(network.children() for network in networks), strict=True)):
            if isinstance(modules[0], nn.Linear):
                self._linear[str(position)] = _StackedLinear(modules, is_first=not self._layers)
                self._layers.append(self._linear[str(position)])
            elif isinstance(modules[0], nn.Flatten):
                continue
            elif self._layers:
                follows_linear = isinstance(self._layers[-1], _StackedLinear)
                self._layers.append(_StackedActivation(modules[0], in_place=follows_linear))
            else:
                self._before.append(in_place_function(modules[0]))
        # A tensor a linear layer: (S, out, in + 1), or (S, out, in) without a bias.
        self.weights = [layer.weight for layer in self._linear.values()]
        self.parameters = [layer.parameter for layer in self._linear.values()]
        self._logits = torch.empty(0)

    def forward(self, pixels: _Features) -> Tensor:
        """Logits (classes, S, B) of images with S or 1 in the place of seeds; they hold until the next call."""
        for change in self._before:
            change(pixels.values)
        features = _Features(pixels.values, pixels.with_one.expand(self._seeds, -1, -1))
        for layer in self._layers:
            features = layer.forward(features)
        self._logits = features.values
        return self._logits

    def backward(self, gradient: Tensor, descent: "_Descent | None") -> None:
        """Gradients of all weights, given that for the logits (classes, S, B), which it overwrites.

        With a descent, the weights are changed at once.
        """
        for layer in reversed(self._layers):
            gradient = layer.backward(gradient, descent)

    def finite(self) -> list[bool]:
        """For each seed, whether its weights and the latest logits are finite."""
        finite = self._logits.isfinite().all(2).all(0)
        for weight in self.weights:
            finite &= weight.isfinite().flatten(1).all(1)
        return finite.tolist()

    def state_dict(self, index: int) -> dict[str, Tensor]:
        """Weights of one network, by the names that they have in it."""
        values: dict[str, Tensor] = {}
        for position, layer in self._linear.items():
            values |= {f"{position}.{name}": value for name, value in layer.state_dict(index).items()}
        return values


class _Descent(NamedTuple):
    """Stochastic gradient descent so plain that the product that computes a gradient also does the optimizer's work."""

    rate: float
    momentum: float


class _StackedLinear:
    """The same linear layer of all networks: y = W (x, 1), or W x without a bias."""

    def __init__(self, modules: Sequence[nn.Module], is_first: bool) -> None:
        """`is_first`: whether no gradient is wanted for what comes in."""
        self._is_first = is_first
        linear = [module for module in modules if isinstance(module, nn.Linear)]
        stacked = torch.stack([_with_bias(module) for module in linear])
        self.parameter = nn.Parameter(stacked)
        self.parameter.grad = torch.zeros_like(stacked)
        # Detached, because autograd has nothing to record here. In a descent with momentum, the gradient is the sum
        # that torch calls momentum buffer.
        self.weight, self._weight_gradient = self.parameter.detach(), self.parameter.grad
        self._inputs = linear[0].in_features
        self._input = torch.empty(0)
        self._output = self._gradient = _Features.of(torch.empty(1, 0, 0))

    def forward(self, features: _Features) -> _Features:
        self._input = features.with_one[:, : self.weight.shape[2]]
        seeds, outputs, size = len(self.weight), self.weight.shape[1], self._input.shape[2]
        if self._output.values.shape[2] != size:
            self._output = _Features.of(torch.ones(outputs + 1, seeds, size))
            self._gradient = _Features.of(torch.ones(1 if self._is_first else self._inputs + 1, seeds, size))
        _multiply(self.weight, self._input, self._output.values.transpose(0, 1))
        return self._output

    def backward(self, gradient: Tensor, descent: _Descent | None) -> Tensor:
        # Shape (S, out, B).
        of_output = gradient.transpose(0, 1)
        if not self._is_first:
            transposed = self.weight[:, :, : self._inputs].transpose(1, 2)
            _multiply(transposed, of_output, self._gradient.values.transpose(0, 1))
        of_input = self._input.transpose(1, 2)
        if descent is None:
            _multiply(of_output, of_input, self._weight_gradient)
        elif descent.momentum:
            _multiply(of_output, of_input, self._weight_gradient, kept=descent.momentum)
            self.weight.add_(self._weight_gradient, alpha=-descent.rate)
        else:
            _multiply(of_output, of_input, self.weight, kept=1, added=-descent.rate)
        # Shape (in, S, B).
        return self._gradient.values

    def state_dict(self, index: int) -> dict[str, Tensor]:
        weight = self.weight[index]
        values = {"weight": weight[:, : self._inputs].clone()}
        return values if weight.shape[1] == self._inputs else {**values, "bias": weight[:, -1].clone()}


def _with_bias(module: nn.Linear) -> Tensor:
    """The weights (out, in + 1) of a linear layer with the bias as last column; (out, in) if it has none."""
    weight = module.weight.detach()
    return weight if module.bias is None else torch.cat((weight, module.bias.detach()[:, None]), 1)


def _multiply(left: Tensor, right: Tensor, result: Tensor, kept: float = 0, added: float = 1) -> None:
    """Set `result` to itself times `kept` plus the products of stacked matrices (S, n, k) and (S, k, m) times `added`.

    All products of a step are computed here.
    """
    torch.baddbmm(result, left, right, beta=kept, alpha=added, out=result)


class _StackedActivation:
    """An activation function, whose derivative is computed from its output."""

    def __init__(self, module: nn.Module, in_place: bool) -> None:
        """`in_place`: whether the values that come in are needed by nobody else."""
        self._change = in_place_function(module)
        self._derivative, *self._settings = derivative(module)
        self._in_place = in_place
        self._output = _Features.of(torch.empty(1, 0, 0))

    def forward(self, features: _Features) -> _Features:
        if self._in_place:
            self._output = features
        else:
            count, seeds, size = features.values.shape
            if self._output.values.shape != features.values.shape:
                self._output = _Features.of(torch.ones(count + 1, seeds, size))
            self._output.values.copy_(features.values)
        self._change(self._output.values)
        return self._output

    def backward(self, gradient: Tensor, descent: _Descent | None) -> Tensor:
        return self._derivative(gradient, self._output.values, *self._settings, grad_input=gradient)


class _StackedOptimizer:
    """Changes the stacked weights as torch's optimizer changes those of one network: number by number."""

    def __init__(self, networks: _StackedNetworks, config: RunConfig) -> None:
        self._gradients = [parameter.grad for parameter in networks.parameters if parameter.grad is not None]
        self._clip_norm = config.clip_norm
        needs_more = config.weight_decay or config.clip_norm or config.nesterov
        self._is_descent = config.optimizer == "sgd" and not needs_more
        self._momentum = config.momentum
        stacked = nn.ParameterList(networks.parameters)
        self._optimizers = [] if self._is_descent else optimization.build_optimizers(stacked, config)
        lacking = missing_kernels()
        self._updates = [optimizer.step if lacking else update_of(optimizer) for optimizer in self._optimizers]

    def descent(self, rate: float) -> _Descent | None:
        """What the layers can do themselves; None if they cannot."""
        return _Descent(rate, self._momentum) if self._is_descent else None

    def step(self, rate: float) -> None:
        """Change the weights by their gradients; nothing to do after a descent."""
        if self._clip_norm:
            _clip(self._gradients, self._clip_norm)
        optimization.set_learning_rate(self._optimizers, rate)
        for update in self._updates:
            update()


def _clip(gradients: Sequence[Tensor], most: float) -> None:
    """Scale each seed's gradients, (S, out, in) a layer, down to this norm, as torch.nn.utils.clip_grad_norm_ does."""
    # Shape (layers, S).
    norms = torch.stack([torch.linalg.vector_norm(gradient, dim=(1, 2)) for gradient in gradients])
    factors = (most / (torch.linalg.vector_norm(norms, dim=0) + 1e-6)).clamp_(max=1)
    for gradient in gradients:
        gradient.mul_(factors[:, None, None])
