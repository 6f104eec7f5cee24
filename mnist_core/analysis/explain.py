"""What a network has learned, as arrays: its weights, what it responds to, and its class templates."""

from collections import Counter
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from mnist_core.architectures import modules
from mnist_core.data import PixelScaling
from mnist_core.training import devices

# The architecture language's names of torch's layers.
_WORDS: dict[type[nn.Module], str] = {
    nn.Conv2d: "conv",
    nn.Linear: "linear",
    nn.MaxPool2d: "maxpool",
    nn.AvgPool2d: "avgpool",
    nn.Dropout: "dropout",
    nn.BatchNorm1d: "batchnorm",
    nn.BatchNorm2d: "batchnorm",
    modules.GlobalAveragePool: "globalavgpool",
}

# In evaluation mode each of these maps its input x to Ax + b, and so does every combination of them.
_AFFINE: tuple[type[nn.Module], ...] = (
    nn.Sequential,
    nn.Identity,
    nn.Flatten,
    nn.Linear,
    nn.Conv2d,
    nn.AvgPool2d,
    nn.Dropout,
    nn.BatchNorm1d,
    nn.BatchNorm2d,
    modules.Residual,
    modules.GlobalAveragePool,
    modules.Patches,
    modules.Position,
    modules.Transpose,
    modules.MeanTokens,
)


# Containers compute nothing themselves, so they have no output of their own to show.
_SILENT = (nn.Sequential, nn.Identity)


@dataclass(frozen=True)
class WeightImages:
    """One layer's weights as images.

    kind "units": what each unit of a linear layer reads of the image, float32 (units, C, H, W).
    kind "filters": the kernels of a convolution, float32 (out, in, kernel height, kernel width).
    """

    name: str
    kind: Literal["units", "filters"]
    values: np.ndarray


@dataclass(frozen=True)
class LayerOutput:
    """Output of one layer for one image: float32 (C, H, W), (tokens, width) or (units,)."""

    # The layer's name in the architecture language, such as "conv".
    kind: str
    # The same with its number among the layers of this kind, such as "conv 2".
    name: str
    values: np.ndarray


@dataclass(frozen=True)
class _ModuleCall:
    kind: str
    name: str
    module: nn.Module
    input: Tensor
    output: Tensor


def viewable_weights(model: nn.Module, input_shape: Sequence[int]) -> list[WeightImages]:
    """The weights that can be shown as images, in the order of computation, for images of (C, H, W).

    The first layer if it is linear and reads the flattened image, and every convolution.
    """
    images = []
    model = _copy(model)
    calls = _calls(model, _blank(model, input_shape))
    pixels = int(np.prod(input_shape))
    weighted = [call for call in calls if [*call.module.parameters(recurse=False)]]
    for call in weighted:
        if isinstance(call.module, nn.Conv2d):
            images.append(WeightImages(call.name, "filters", _array(call.module.weight)))
        elif isinstance(call.module, nn.Linear) and call is weighted[0] and call.input.shape[1:] == (pixels,):
            # Shape (units, C, H, W).
            values = _array(call.module.weight).reshape(-1, *input_shape)
            images.append(WeightImages(call.name, "units", values))
    return images


def class_templates(model: nn.Module, input_shape: Sequence[int]) -> np.ndarray | None:
    """What each class's logit multiplies the image with, if the network is linear: float32 (classes, C, H, W).

    A stack of linear layers is one linear map, the product of its matrices; it is read off as the derivative of the
    logits by the image. None if the network is not linear: `nonlinear_layers` says why.
    """
    if nonlinear_layers(model, input_shape):
        return None
    model = _copy(model)
    image = _blank(model, input_shape)
    last = _calls(model, image)[-1].module
    if isinstance(last, nn.LogSoftmax):
        # Skip the final log-softmax: templates belong to the logits.
        last.register_forward_hook(lambda module, arguments, output: arguments[0])
    with torch.enable_grad():
        # Shape (classes,).
        logits = model(image.requires_grad_())[0]
        rows = [torch.autograd.grad(logit, image, retain_graph=True)[0][0] for logit in logits]
    return _array(torch.stack(rows))


def nonlinear_layers(model: nn.Module, input_shape: Sequence[int]) -> list[str]:
    """The kinds of layer that keep the network from being one linear map, such as ["relu"]; empty if it is one.

    A log-softmax at the very end does not count: it changes no ranking of the classes.
    """
    model = _copy(model)
    last = _calls(model, _blank(model, input_shape))[-1].module
    final = last if isinstance(last, nn.LogSoftmax) else None
    others = [module for module in model.modules() if module is not final and type(module) not in _AFFINE]
    return list(dict.fromkeys(_word(module) for module in others))


def activations(
    model: nn.Module, image: np.ndarray, mean: Sequence[float], std: Sequence[float], precision: str = "float32"
) -> list[LayerOutput]:
    """Output of each layer for one image in evaluation mode, in the order of computation, in `precision`.

    The image is uint8 (C, H, W); mean and std normalise it after scaling to [0, 1], as those of `Data` do.
    """
    device = _blank(model, image.shape).device
    # Shape (1, C, H, W).
    inputs = PixelScaling.of(mean, std, image.shape, device).inputs(torch.from_numpy(image[None]).to(device))
    with devices.one_thread(), torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16"):
        return [LayerOutput(call.kind, call.name, _array(call.output[0])) for call in _calls(_copy(model), inputs)]


def _copy(model: nn.Module) -> nn.Module:
    """A copy in evaluation mode for hooks, because another thread may use the network itself."""
    return deepcopy(model).eval()


def _calls(model: nn.Module, inputs: Tensor) -> list[_ModuleCall]:
    """What one pass through a copied network computes, layer by layer; a residual block follows its parts."""
    calls: list[_ModuleCall] = []
    seen: Counter[str] = Counter()

    def note(module: nn.Module, arguments: tuple[Tensor, ...], output: Tensor) -> None:
        word = _word(module)
        seen[word] += 1
        calls.append(_ModuleCall(word, f"{word} {seen[word]}", module, arguments[0], output))

    layers = [part for part in model.modules() if part is not model and not isinstance(part, _SILENT)]
    handles = [layer.register_forward_hook(note) for layer in layers]
    with torch.inference_mode():
        model(inputs)
    for handle in handles:
        handle.remove()
    return calls


def _word(module: nn.Module) -> str:
    return _WORDS.get(type(module), type(module).__name__.lower())


def _blank(model: nn.Module, input_shape: Sequence[int]) -> Tensor:
    parameter = next(model.parameters())
    # Shape (1, C, H, W).
    return torch.zeros(1, *input_shape, device=parameter.device, dtype=parameter.dtype)


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().float().cpu().numpy()
