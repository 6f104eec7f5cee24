"""Perceptrons on the CPU: forward and backward pass written out.

In a network of a few small matrices most of a step is spent on autograd's bookkeeping and on the optimizer's. With the
gradients of the chain written out, and the optimizer's kernel called directly, a step of the networks of the studies
takes clearly less time. The operations are autograd's own in its own order, so the results are the same bit for bit.
"""

import math
from collections.abc import Callable, Sequence
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import SGD, Adam, Optimizer

from mnist_core.config import RunConfig
from mnist_core.training import optimization

# These are the kernels of autograd itself, so the results agree with it to the last bit.
_aten = torch.ops.aten

_SUPPORTED = (nn.Flatten, nn.Linear, nn.Dropout, nn.ReLU, nn.LeakyReLU, nn.Tanh, nn.Sigmoid)


class Perceptron:
    """Training steps of a chain of linear layers, activations and dropout; parameters remain those of the module."""

    def __init__(self, model: nn.Sequential, config: RunConfig, optimizers: Sequence[Optimizer]) -> None:
        self._model = model
        self._clip_norm = config.clip_norm
        self._classes = [module for module in model if isinstance(module, nn.Linear)][-1].out_features
        self._smoothing = config.label_smoothing
        # The result of _outer_gradient by batch size.
        self._outer: dict[int, Tensor] = {}
        self._layers = [_layer(module) for module in model if not isinstance(module, nn.Flatten)]
        next(layer for layer in self._layers if isinstance(layer, _LinearStep)).first_of_chain = True
        self._updates = [_update(optimizer) for optimizer in optimizers]
        for parameter in model.parameters():
            parameter.grad = torch.zeros_like(parameter)

    def step(self, pixels: Tensor, target: Tensor) -> Tensor:
        """One step on normalised images (B, C, H, W) with labels (B,); returns logits (B, classes) from before it."""
        flow = pixels.flatten(1)
        for layer in self._layers:
            flow = layer.forward(flow)
        logits = flow
        flow = self._gradient_of_loss(logits, target)
        for layer in reversed(self._layers):
            flow = layer.backward(flow)
        if self._clip_norm:
            optimization.clip_gradients(self._model, self._clip_norm)
        for update in self._updates:
            update()
        return logits

    def _gradient_of_loss(self, logits: Tensor, target: Tensor) -> Tensor:
        """Gradient of the mean cross-entropy: (softmax(logits) - target) / B, in the same two steps as autograd."""
        # len() of a tensor takes as long as a small matrix product.
        size = target.shape[0]
        if size not in self._outer:
            self._outer[size] = _outer_gradient(size, self._classes, self._smoothing)
        # Shape (B, classes).
        outer = self._outer[size].index_select(0, target)
        return _aten._log_softmax_backward_data(outer, logits.log_softmax(1), 1, torch.float32)


def perceptron(
    model: nn.Module, config: RunConfig, optimizers: Sequence[Optimizer], device: torch.device
) -> Perceptron | None:
    """The model as a `Perceptron`, or None if it is another network or written-out steps would not be faster."""
    if device.type != "cpu" or config.precision != "float32" or not isinstance(model, nn.Sequential):
        return None
    modules = list(model)
    if not any(isinstance(module, nn.Linear) for module in modules):
        return None
    if not all(isinstance(module, _SUPPORTED) for module in modules):
        return None
    return Perceptron(model, config, optimizers)


def _outer_gradient(size: int, classes: int, smoothing: float) -> Tensor:
    """Gradient of a batch's mean cross-entropy for the log-softmax of an image of each class: (classes, classes).

    Computed by autograd: with label smoothing it is a sum, and the order of its terms decides the last bits.
    """
    logits, captured = torch.zeros(size, classes, requires_grad=True), []
    loss = F.cross_entropy(logits, torch.zeros(size, dtype=torch.int64), label_smoothing=smoothing)
    node = loss.grad_fn
    while node is not None and node.name() != "LogSoftmaxBackward0":
        node = node.next_functions[0][0]
    assert node is not None
    node.register_prehook(lambda gradients: captured.append(gradients[0]))
    loss.backward()
    # Gradient for an image of class 0.
    own_class, *other_classes = captured[0][0]
    outer = torch.full((classes, classes), float(other_classes[0]) if other_classes else 0.0)
    return outer.fill_diagonal_(float(own_class))


class _LinearStep:
    """y = x W' + b."""

    def __init__(self, module: nn.Linear) -> None:
        self.first_of_chain = False
        # Detached, because autograd has nothing to record here.
        self._weight, self._bias = module.weight.detach(), module.bias.detach()
        self._transposed = self._weight.t()
        self._module = module
        self._input = self._weight

    def forward(self, x: Tensor) -> Tensor:
        self._input = x
        # Shape (B, out).
        return torch.addmm(self._bias, x, self._transposed)

    def backward(self, gradient: Tensor) -> Tensor:
        weight, bias = self._module.weight.grad, self._module.bias.grad
        assert weight is not None
        assert bias is not None
        torch.mm(gradient.t(), self._input, out=weight)
        torch.sum(gradient, 0, out=bias)
        # Layers before the first linear one have nothing to learn, so they need no gradient. Shape (B, in).
        return gradient if self.first_of_chain else torch.mm(gradient, self._weight)


class _ActivationStep:
    """An activation function whose derivative is computed from its output."""

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        self._output = torch.empty(0)

    def forward(self, x: Tensor) -> Tensor:
        self._output = self._module(x)
        return self._output

    def backward(self, gradient: Tensor) -> Tensor:
        y = self._output
        if isinstance(self._module, nn.Tanh):
            return _aten.tanh_backward(gradient, y)
        if isinstance(self._module, nn.Sigmoid):
            return _aten.sigmoid_backward(gradient, y)
        if isinstance(self._module, nn.LeakyReLU):
            # y has the same sign as x, so it can replace x here.
            return _aten.leaky_relu_backward(gradient, y, self._module.negative_slope, True)
        return _aten.threshold_backward(gradient, y, 0)


class _DropoutStep:
    """Dropout that draws the same random numbers as torch's own."""

    def __init__(self, module: nn.Dropout) -> None:
        self._kept = 1 - module.p
        self._numbers = torch.empty(0, dtype=torch.int64)
        # Each element is 0 or 1 / kept.
        self._mask = torch.empty(0)

    def forward(self, x: Tensor) -> Tensor:
        if self._mask.shape != x.shape:
            self._numbers, self._mask = torch.empty(x.shape, dtype=torch.int64), torch.empty_like(x)
        if _whole_draws_the_same():
            _draw_whole(self._mask, self._numbers, self._kept)
        else:
            self._mask.bernoulli_(self._kept)
        return x * self._mask.div_(self._kept)

    def backward(self, gradient: Tensor) -> Tensor:
        return gradient.mul_(self._mask)


def _draw_whole(mask: Tensor, numbers: Tensor, share: float, generator: torch.Generator | None = None) -> Tensor:
    """Set about this share of the mask to one and the rest to zero, from the 53 bits of torch's uniform numbers."""
    return torch.lt(numbers.random_(0, 1 << 53, generator=generator), math.ceil(share * (1 << 53)), out=mask)


@cache
def _whole_draws_the_same() -> bool:
    """Whether drawing integers, which takes less than half the time, gives exactly what `bernoulli_` draws here.

    It does wherever torch draws the numbers itself, but not where Intel's library draws them for torch.
    """
    first, second = (torch.Generator().manual_seed(1) for _ in range(2))
    expected = torch.empty(4096).bernoulli_(0.3, generator=first)
    drawn = _draw_whole(torch.empty(4096), torch.empty(4096, dtype=torch.int64), 0.3, second)
    return torch.equal(drawn, expected) and torch.equal(first.get_state(), second.get_state())


def _layer(module: nn.Module) -> _LinearStep | _ActivationStep | _DropoutStep:
    if isinstance(module, nn.Linear):
        return _LinearStep(module)
    return _DropoutStep(module) if isinstance(module, nn.Dropout) else _ActivationStep(module)


def _update(optimizer: Optimizer) -> Callable[[], object]:
    """The optimizer's step without its preparations: the fused kernel on lists that stay the same from step to step."""
    if not optimizer.param_groups[0].get("fused"):
        return optimizer.step
    if isinstance(optimizer, Adam):
        return _adam_update(optimizer)
    return _sgd_update(optimizer) if isinstance(optimizer, SGD) else optimizer.step


def _adam_update(optimizer: Adam) -> Callable[[], object]:
    """Step of Adam and AdamW. The counts of all parameters share one tensor, so that one operation raises them all."""
    group = optimizer.param_groups[0]
    kernel = _aten._fused_adamw_ if group["decoupled_weight_decay"] else _aten._fused_adam_
    lists: dict[str, list[Tensor]] = {}

    def update() -> None:
        if not lists:
            # The first step creates the optimizer's state.
            optimizer.step()
            lists.update(_values_and_gradients(group["params"]))
            lists.update({name: _state(optimizer, name) for name in ("exp_avg", "exp_avg_sq")})
            lists["counts"] = [torch.stack(_state(optimizer, "step"))]
            lists["step"] = [*lists["counts"][0]]
            for parameter, step in zip(group["params"], lists["step"], strict=True):
                optimizer.state[parameter]["step"] = step
            return
        lists["counts"][0].add_(1)
        beta1, beta2 = group["betas"]
        kernel(
            lists["values"],
            lists["gradients"],
            lists["exp_avg"],
            lists["exp_avg_sq"],
            [],
            lists["step"],
            amsgrad=False,
            lr=group["lr"],
            beta1=beta1,
            beta2=beta2,
            weight_decay=group["weight_decay"],
            eps=group["eps"],
            maximize=False,
        )

    return update


def _sgd_update(optimizer: SGD) -> Callable[[], object]:
    """Step of stochastic gradient descent, with or without momentum."""
    group = optimizer.param_groups[0]
    lists: dict[str, list[Tensor]] = {}

    def update() -> None:
        if not lists:
            # The first step creates the optimizer's state.
            optimizer.step()
            lists.update(_values_and_gradients(group["params"]))
            lists["momentum"] = _state(optimizer, "momentum_buffer") if group["momentum"] else []
            return
        _aten._fused_sgd_(
            lists["values"],
            lists["gradients"],
            lists["momentum"],
            weight_decay=group["weight_decay"],
            momentum=group["momentum"],
            lr=group["lr"],
            dampening=group["dampening"],
            nesterov=group["nesterov"],
            maximize=False,
            is_first_step=False,
        )

    return update


def _values_and_gradients(parameters: Sequence[Tensor]) -> dict[str, list[Tensor]]:
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    return {"values": [parameter.detach() for parameter in parameters], "gradients": gradients}


def _state(optimizer: Optimizer, name: str) -> list[Tensor]:
    return [optimizer.state[parameter][name] for parameter in optimizer.param_groups[0]["params"]]
