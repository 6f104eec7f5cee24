"""Perceptrons on the CPU: forward and backward pass written out.

In a network of a few small matrices most of a step is spent on autograd's bookkeeping and on the optimizer's. With the
gradients of the chain written out, and the optimizer's kernel called directly, a step of the networks of the studies
takes clearly less time. The operations are autograd's own in its own order, so the results are the same bit for bit.
"""

import math
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Optimizer

from mnist_core.config import RunConfig
from mnist_core.training import kernels, optimization, updates

# These are the kernels of autograd itself, so the results agree with it to the last bit.
_aten = torch.ops.aten

# Kernels that torch keeps to itself and may rename or drop; called on a name that is not checked for them.
_torch: Any = torch
_PRIVATE = (*updates.KERNELS, "_log_softmax", "_log_softmax_backward_data")

_SUPPORTED = (nn.Flatten, nn.Linear, nn.Dropout, nn.ReLU, nn.LeakyReLU, nn.Tanh, nn.Sigmoid)


class PreparedBatch(NamedTuple):
    """A batch as a `Perceptron` wants it; views of what was made for many batches at once."""

    # Number of images, B.
    size: int
    # Normalised images, (B, C * H * W), of the type that the network takes.
    pixels: Tensor
    # Gradient of the loss for the log-softmax of each image, (B, classes).
    outer: Tensor
    # Where the logits and their log-softmax go, (B, classes).
    logits: Tensor
    log_probabilities: Tensor


class Perceptron:
    """Training steps of a chain of linear layers, activations and dropout; parameters remain those of the module."""

    def __init__(
        self, model: nn.Sequential, config: RunConfig, optimizers: Sequence[Optimizer], by_onednn: bool = False
    ) -> None:
        """`by_onednn`: whether oneDNN multiplies where the product is large (`kernels`)."""
        self._model = model
        self._clip_norm = config.clip_norm
        self._classes = [module for module in model if isinstance(module, nn.Linear)][-1].out_features
        self._smoothing = config.label_smoothing
        # The result of outer_gradient by batch size.
        self._outer: dict[int, Tensor] = {}
        for parameter in model.parameters():
            parameter.grad = torch.zeros_like(parameter)
        # What the layers compute in: under autocast products take and give bfloat16, weights and loss stay float32.
        self._dtype = torch.bfloat16 if config.precision == "bfloat16" else torch.float32
        kind = _kind_of_linear(self._dtype, by_onednn)
        layers = _layers([module for module in model if not isinstance(module, nn.Flatten)], kind)
        self._linear_layers = [layer for layer in layers if isinstance(layer, _LinearStep)]
        # What comes before the first linear layer computes with the pixels as they are.
        self.input_type = self._dtype if isinstance(layers[0], _LinearStep) else torch.float32
        # The layer that can write the logits where they belong; a linear one in bfloat16 cannot write float32.
        self._last = layers[-1] if isinstance(layers[-1], _LinearStep) and self._dtype == torch.float32 else None
        # Methods are looked up once and not at every step. Layers before the first linear one have nothing to learn,
        # so no gradient goes there.
        first = layers.index(self._linear_layers[0])
        self._forwards = [layer.forward for layer in layers]
        self._backwards = [layer.backward for layer in layers[first:][::-1]]
        half_values, half_gradients = _halves(layers)
        if self._clip_norm:
            # The norm is that of all gradients, so they are cast before any is used.
            self._half_gradients = list(half_gradients.values())
            self._gradients_to_cast = [each for parameter in half_gradients for each in _present(parameter.grad)]
            half_gradients = {}
        self._updates = [updates.update_of(optimizer, half_values, half_gradients) for optimizer in optimizers]
        # The batch size of the buffers.
        self._size = 0
        # Gradient for the logits, (B, classes), as the loss gives it and as the layers take it.
        self._gradient = self._layers_gradient = torch.empty(0)

    def step(self, batch: PreparedBatch) -> None:
        """One step on a batch; leaves there what the network answered before the step."""
        size, flow, _, logits, _ = batch
        if size != self._size:
            self._resize(size)
        if self._last:
            self._last.output = logits
        for forward in self._forwards:
            flow = forward(flow)
        if flow is not logits:
            logits.copy_(flow)
        flow = self._gradient_of_loss(batch)
        for backward in self._backwards:
            flow = backward(flow)
        if self._clip_norm:
            updates.cast(self._gradients_to_cast, self._half_gradients)
            optimization.clip_gradients(self._model, self._clip_norm)
        for update in self._updates:
            update()

    def outer_gradient(self, size: int) -> Tensor:
        """The function `outer_gradient` for this network's loss."""
        if size not in self._outer:
            self._outer[size] = outer_gradient(size, self._classes, self._smoothing)
        return self._outer[size]

    def _resize(self, size: int) -> None:
        self._size, self._gradient = size, torch.empty(size, self._classes)
        self._layers_gradient = self._gradient.to(self._dtype)
        for layer in self._linear_layers:
            layer.resize(size)

    def _gradient_of_loss(self, batch: PreparedBatch) -> Tensor:
        """Gradient of the mean cross-entropy: (softmax(logits) - target) / B, in the same two steps as autograd."""
        log_probabilities, gradient = batch.log_probabilities, self._gradient
        _torch._log_softmax(batch.logits, 1, False, out=log_probabilities)
        _torch._log_softmax_backward_data(batch.outer, log_probabilities, 1, torch.float32, out=gradient)
        return gradient if self._layers_gradient is gradient else self._layers_gradient.copy_(gradient)


def perceptron(
    model: nn.Module, config: RunConfig, optimizers: Sequence[Optimizer], device: torch.device, by_onednn: bool = False
) -> Perceptron | None:
    """The model as a `Perceptron`, or None if it is another network or written-out steps would not be faster."""
    if not _can_be_written_out(model, device) or missing_kernels():
        return None
    assert isinstance(model, nn.Sequential)
    return Perceptron(model, config, optimizers, by_onednn)


def without_kernels_note(model: nn.Module, device: torch.device) -> str:
    """A sentence for the person if a network is left to autograd because this torch lacks kernels; else ""."""
    names = ", ".join(missing_kernels())
    if not names or not _can_be_written_out(model, device):
        return ""
    return f"This version of torch lacks {names}, so every step is left to its autograd: the same result in more time."


def missing_kernels() -> list[str]:
    """Names of the kernels that written-out steps call and this version of torch does not have."""
    return [name for name in _PRIVATE if not hasattr(torch, name)]


def _can_be_written_out(model: nn.Module, device: torch.device) -> bool:
    if device.type != "cpu" or not isinstance(model, nn.Sequential):
        return False
    has_linear = any(isinstance(module, nn.Linear) for module in model)
    return has_linear and all(isinstance(module, _SUPPORTED) for module in model)


# A network's steps are made in inference mode, where autograd is off.
@torch.inference_mode(False)
def outer_gradient(size: int, classes: int, smoothing: float) -> Tensor:
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
    """y = x W' + b, or without b."""

    def __init__(self, module: nn.Linear, is_first: bool) -> None:
        self._is_first = is_first
        # Detached, because autograd has nothing to record here. The bias and its gradient: a list of one or none.
        self._weight, self._bias = module.weight.detach(), [*map(Tensor.detach, _present(module.bias))]
        self._transposed = self._weight.t()
        (self._weight_gradient,) = _present(module.weight.grad)
        self._bias_gradient = [gradient for bias in _present(module.bias) for gradient in _present(bias.grad)]
        # `output`: where the result goes, (B, out).
        self._input = self.output = self._gradient = torch.empty(0)
        # The last gradient that came, and its transpose: as a rule it lies in the same buffer at every step.
        self._last = self._last_transposed = torch.empty(0)

    def resize(self, size: int) -> None:
        outputs, inputs = self._weight.shape
        self.output = self._weight.new_empty(size, outputs)
        self._gradient = self._weight.new_empty(0 if self._is_first else size, inputs)

    def forward(self, x: Tensor) -> Tensor:
        self._input = x
        if not self._bias:
            return torch.mm(x, self._transposed, out=self.output)
        return torch.addmm(self._bias[0], x, self._transposed, out=self.output)

    def backward(self, gradient: Tensor) -> Tensor:
        if gradient is not self._last:
            self._last, self._last_transposed = gradient, gradient.t()
        torch.mm(self._last_transposed, self._input, out=self._weight_gradient)
        if self._bias:
            torch.sum(gradient, 0, out=self._bias_gradient[0])
        # Shape (B, in).
        return gradient if self._is_first else torch.mm(gradient, self._weight, out=self._gradient)


def _present(tensor: Tensor | None) -> list[Tensor]:
    return [] if tensor is None else [tensor]


class _HalfLinearStep(_LinearStep):
    """The same in bfloat16, as autocast does it: with halves of the weights and of their gradients."""

    def __init__(self, module: nn.Linear, is_first: bool) -> None:
        super().__init__(module, is_first)
        self.parameters = [module.weight, *_present(module.bias)]
        self._weight, *self._bias = self.values = [value.detach().bfloat16() for value in self.parameters]
        self._transposed = self._weight.t()
        self._weight_gradient, *self._bias_gradient = self.gradients = [*map(torch.empty_like, self.values)]

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.bfloat16())


def _halves(layers: Sequence[object]) -> tuple[dict[Tensor, Tensor], dict[Tensor, Tensor]]:
    """For each parameter of layers in bfloat16: its value there, and its gradient there."""
    values: dict[Tensor, Tensor] = {}
    gradients: dict[Tensor, Tensor] = {}
    for layer in layers:
        if isinstance(layer, _HalfLinearStep):
            values.update(zip(layer.parameters, layer.values, strict=True))
            gradients.update(zip(layer.parameters, layer.gradients, strict=True))
    return values, gradients


class _LargeLinearStep(_LinearStep):
    """The same in float32, with oneDNN for the products where there are so many images that it is faster."""

    def __init__(self, module: nn.Linear, is_first: bool) -> None:
        super().__init__(module, is_first)
        self._is_large = False

    def resize(self, size: int) -> None:
        super().resize(size)
        outputs, inputs = self._weight.shape
        self._is_large = kernels.is_large(size, inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self._chosen(super().forward, x)

    def backward(self, gradient: Tensor) -> Tensor:
        return self._chosen(super().backward, gradient)

    def _chosen(self, compute: Callable[[Tensor], Tensor], argument: Tensor) -> Tensor:
        if not self._is_large:
            return compute(argument)
        kernels.use_onednn(True)
        try:
            return compute(argument)
        finally:
            kernels.use_onednn(False)


class _ActivationStep:
    """An activation function whose derivative is computed from its output."""

    def __init__(self, module: nn.Module, in_place: bool) -> None:
        """`in_place`: whether the values that come in are needed by nobody else."""
        self._forward = in_place_function(module) if in_place else module
        self._backward, *self._settings = derivative(module)
        self._output = torch.empty(0)

    def forward(self, x: Tensor) -> Tensor:
        self._output = self._forward(x)
        return self._output

    def backward(self, gradient: Tensor) -> Tensor:
        return self._backward(gradient, self._output, *self._settings, grad_input=gradient)


def in_place_function(module: nn.Module) -> Callable[[Tensor], Tensor]:
    """The activation function of a module, as one that changes the tensor it is given."""
    if isinstance(module, nn.Tanh):
        return torch.tanh_
    if isinstance(module, nn.Sigmoid):
        return torch.sigmoid_
    if isinstance(module, nn.LeakyReLU):
        return partial(F.leaky_relu, negative_slope=module.negative_slope, inplace=True)
    # What `relu_` calls, without the way there.
    return lambda x: torch.clamp_min_(x, 0)


def derivative(module: nn.Module) -> tuple[Any, ...]:
    """The kernel that multiplies a gradient by the derivative, and its arguments after gradient and output."""
    if isinstance(module, nn.Tanh):
        return (_aten.tanh_backward.grad_input,)
    if isinstance(module, nn.Sigmoid):
        return (_aten.sigmoid_backward.grad_input,)
    if isinstance(module, nn.LeakyReLU):
        # The output has the same sign as the input, so it can replace the input here.
        return _aten.leaky_relu_backward.grad_input, module.negative_slope, True
    return _aten.threshold_backward.grad_input, 0


class _DropoutStep:
    """Dropout that draws the same random numbers as torch's own."""

    def __init__(self, module: nn.Dropout) -> None:
        self._kept = 1 - module.p
        self._numbers = torch.empty(0, dtype=torch.int64)
        # Each element is 0 or 1 / kept.
        self._mask = self._output = torch.empty(0)

    def forward(self, x: Tensor) -> Tensor:
        if self._mask.shape != x.shape:
            self._numbers = torch.empty(x.shape, dtype=torch.int64)
            self._mask, self._output = torch.empty_like(x), torch.empty_like(x)
        if _whole_draws_the_same():
            _draw_whole(self._mask, self._numbers, self._kept)
        else:
            self._mask.bernoulli_(self._kept)
        return torch.mul(x, self._mask.div_(self._kept), out=self._output)

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


def _kind_of_linear(dtype: torch.dtype, by_onednn: bool) -> type[_LinearStep]:
    if dtype == torch.bfloat16:
        return _HalfLinearStep
    return _LargeLinearStep if by_onednn else _LinearStep


def _layers(
    modules: Sequence[nn.Module], linear: type[_LinearStep]
) -> "list[_LinearStep | _ActivationStep | _DropoutStep]":
    layers: list[_LinearStep | _ActivationStep | _DropoutStep] = []
    for module in modules:
        if isinstance(module, nn.Linear):
            layers.append(linear(module, is_first=not any(isinstance(layer, _LinearStep) for layer in layers)))
        elif isinstance(module, nn.Dropout):
            layers.append(_DropoutStep(module))
        else:
            # What a linear layer or dropout gave is not needed for their gradients. That of an activation is.
            in_place = bool(layers) and not isinstance(layers[-1], _ActivationStep)
            layers.append(_ActivationStep(module, in_place))
    return layers
