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

# autograd's own kernels, so that the numbers are its own to the last bit
_aten = torch.ops.aten

_KNOWN = (nn.Flatten, nn.Linear, nn.Dropout, nn.ReLU, nn.LeakyReLU, nn.Tanh, nn.Sigmoid)


class Perceptron:
    """Steps of a chain of linear layers, activations and dropout; its parameters stay the module's own."""

    def __init__(self, model: nn.Sequential, config: RunConfig, optimizers: Sequence[Optimizer]) -> None:
        self._model = model
        self._clip_norm = config.clip_norm
        self._classes = [module for module in model if isinstance(module, nn.Linear)][-1].out_features
        self._smoothing = config.label_smoothing
        # by batch size
        self._outer: dict[int, Tensor] = {}
        self._layers = [_layer(module) for module in model if not isinstance(module, nn.Flatten)]
        next(layer for layer in self._layers if isinstance(layer, _LinearStep)).first_of_chain = True
        self._updates = [_update(optimizer) for optimizer in optimizers]
        for parameter in model.parameters():
            parameter.grad = torch.zeros_like(parameter)

    def step(self, pixels: Tensor, target: Tensor) -> Tensor:
        """One step on normalised images (B, C, H, W) with labels (B,); returns the logits before it (B, classes)."""
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
        """Of the mean cross-entropy: (softmax(logits) - wanted) / B, in autograd's own two steps."""
        # len() of a tensor takes as long as a small product
        size = target.shape[0]
        if size not in self._outer:
            self._outer[size] = _outer_gradient(size, self._classes, self._smoothing)
        # (B, classes)
        outer = self._outer[size].index_select(0, target)
        return _aten._log_softmax_backward_data(outer, logits.log_softmax(1), 1, torch.float32)


def perceptron(
    model: nn.Module, config: RunConfig, optimizers: Sequence[Optimizer], device: torch.device
) -> Perceptron | None:
    """The model as a `Perceptron`, or None where it is another network or the written-out steps would not be faster."""
    if device.type != "cpu" or config.precision != "float32" or not isinstance(model, nn.Sequential):
        return None
    modules = list(model)
    if not any(isinstance(module, nn.Linear) for module in modules):
        return None
    if not all(isinstance(module, _KNOWN) for module in modules):
        return None
    return Perceptron(model, config, optimizers)


def _outer_gradient(size: int, classes: int, smoothing: float) -> Tensor:
    """Gradient of a batch's mean cross-entropy for the log-softmax of an image of each class: (classes, classes).

    Asked of autograd: with smoothing it is a sum, and the order of its terms decides about the last bits.
    """
    logits, gradients_seen = torch.zeros(size, classes, requires_grad=True), []
    loss = F.cross_entropy(logits, torch.zeros(size, dtype=torch.int64), label_smoothing=smoothing)
    node = loss.grad_fn
    while node is not None and node.name() != "LogSoftmaxBackward0":
        node = node.next_functions[0][0]
    assert node is not None
    node.register_prehook(lambda gradients: gradients_seen.append(gradients[0]))
    loss.backward()
    # of an image of class 0
    right, *others = gradients_seen[0][0]
    outer = torch.full((classes, classes), float(others[0]) if others else 0.0)
    return outer.fill_diagonal_(float(right))


class _LinearStep:
    """y = x W' + b."""

    def __init__(self, module: nn.Linear) -> None:
        self.first_of_chain = False
        # detached: nothing records here
        self._weight, self._bias = module.weight.detach(), module.bias.detach()
        self._transposed = self._weight.t()
        self._module = module
        self._input = self._weight

    def forward(self, x: Tensor) -> Tensor:
        self._input = x
        # (B, out)
        return torch.addmm(self._bias, x, self._transposed)

    def backward(self, gradient: Tensor) -> Tensor:
        weight, bias = self._module.weight.grad, self._module.bias.grad
        assert weight is not None
        assert bias is not None
        torch.mm(gradient.t(), self._input, out=weight)
        torch.sum(gradient, 0, out=bias)
        # What lies before the first linear layer has nothing to learn.
        # (B, in)
        return gradient if self.first_of_chain else torch.mm(gradient, self._weight)


class _ActivationStep:
    """An activation function, its derivative told by its output."""

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
            # y has x's sign
            return _aten.leaky_relu_backward(gradient, y, self._module.negative_slope, True)
        return _aten.threshold_backward(gradient, y, 0)


class _DropoutStep:
    """Dropout that draws the same random numbers as torch's own."""

    def __init__(self, module: nn.Dropout) -> None:
        self._kept = 1 - module.p
        self._numbers = torch.empty(0, dtype=torch.int64)
        # 0 or 1 / kept
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
    """Ones for about this share of the mask, else zeros, from the 53 bits of which torch makes a uniform number."""
    return torch.lt(numbers.random_(0, 1 << 53, generator=generator), math.ceil(share * (1 << 53)), out=mask)


@cache
def _whole_draws_the_same() -> bool:
    """Whether whole numbers, which take less than half the time, give bit for bit what `bernoulli_` draws here.

    They do wherever torch draws one number after another, and not where it has Intel's library draw them.
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
    """The optimizer's step without what it looks up anew at each: its kernel on lists that stay the same."""
    if not isinstance(optimizer, SGD | Adam) or not optimizer.param_groups[0]["fused"]:
        return optimizer.step
    group = optimizer.param_groups[0]
    parameters = group["params"]
    lists: dict[str, list[Tensor]] = {}

    def state(name: str) -> list[Tensor]:
        return [optimizer.state[parameter][name] for parameter in parameters]

    def gradients() -> list[Tensor]:
        return [parameter.grad for parameter in parameters]

    def update() -> None:
        # the first step makes the optimizer's state
        if not lists:
            optimizer.step()
            lists["values"], lists["gradients"] = [value.detach() for value in parameters], gradients()
            if isinstance(optimizer, Adam):
                lists.update({name: state(name) for name in ("exp_avg", "exp_avg_sq")})
                # one tensor: counting up takes one operation
                lists["counts"] = [torch.stack(state("step"))]
                lists["step"] = [*lists["counts"][0]]
                for parameter, step in zip(parameters, lists["step"], strict=True):
                    optimizer.state[parameter]["step"] = step
            else:
                lists["momentum"] = state("momentum_buffer") if group["momentum"] else []
        elif isinstance(optimizer, Adam):
            lists["counts"][0].add_(1)
            kernel = _aten._fused_adamw_ if group["decoupled_weight_decay"] else _aten._fused_adam_
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
        else:
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
