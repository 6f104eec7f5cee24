"""Which library multiplies matrices in training, and whether numbers next to zero count: the rule `kernels`.

On a processor torch multiplies float32 matrices with Intel's MKL. On AMD processors with AVX-512, oneDNN multiplies
large ones in half the time, to the same accuracy but with other last digits (docs/benchmarks.md). So the choice is a
rule: it depends on the processor and on the sizes alone, never on a measurement, and the same machine gives the same
bits tomorrow. Version 1 leaves everything to torch; version 2 chooses as `by_onednn` says.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from mnist_core.config import RunConfig, TrainingRules
from mnist_core.training import machine

# From this many multiplications on oneDNN is faster; before, its preparations take longer than the product.
LEAST_PRODUCT = 1_000_000
# What oneDNN's float32 kernel needs.
_NEEDED = {"avx512f", "avx512bw", "avx512dq", "avx512vl"}


def by_onednn(config: RunConfig, rules: TrainingRules, device: torch.device) -> bool:
    """Whether oneDNN multiplies the large matrices of linear layers while such a run trains here."""
    return is_ruled(config, rules, device.type) and onednn_is_faster() and can_choose()


def is_ruled(config: RunConfig, rules: TrainingRules, device: str) -> bool:
    """Whether it depends on the processor, by the rule of such a run, which library multiplies."""
    return rules.kernels >= 2 and device == "cpu" and config.precision == "float32"


def flushes_denormals(config: RunConfig, rules: TrainingRules, device: str) -> bool:
    """Whether numbers below 1e-38 (denormal ones) count as zero while such a run trains.

    Processors take up to forty times as long for them, and a sure network has many: the probabilities of the wrong
    classes. The setting belongs to one thread, so a run with several keeps them.
    """
    return rules.kernels >= 2 and device == "cpu" and config.library == "torch" and config.threads == 1


def flushes_now() -> bool:
    """Whether numbers below 1e-38 count as zero in this thread; torch sets it, but does not tell."""
    return float(torch.tensor(1e-38) * 0.01) == 0


def is_large(images: int, inputs: int, outputs: int) -> bool:
    """Whether oneDNN is faster for a linear layer of this size with this many images at once."""
    return images * inputs * outputs >= LEAST_PRODUCT


def can_choose() -> bool:
    """Whether this version of torch can be told which library multiplies."""
    return hasattr(getattr(torch.backends.mkldnn, "matmul", None), "fp32_precision")


def without_choice_note(config: RunConfig, rules: TrainingRules, device: torch.device) -> str:
    """A sentence for the person if oneDNN would be chosen here, but this version of torch offers no choice; else ""."""
    if not is_ruled(config, rules, device.type) or not onednn_is_faster() or can_choose():
        return ""
    return (
        f"torch {torch.__version__} cannot be told to multiply with oneDNN, so training takes longer here, and last "
        "digits may differ."
    )


@cache
def onednn_is_faster() -> bool:
    """Whether this processor multiplies large matrices faster with oneDNN; only Linux tells."""
    return onednn_suits(machine.cpuinfo())


def onednn_suits(cpuinfo: str) -> bool:
    """Whether a processor with this /proc/cpuinfo is one of AMD's with AVX-512.

    Not with AMX: there oneDNN would compute in bfloat16, which is less accurate. On Intel's processors MKL is faster.
    """
    fields = dict(re.findall(r"^(vendor_id|flags)\s*: *(.+)$", cpuinfo, re.MULTILINE))
    flags = set(fields.get("flags", "").split())
    return fields.get("vendor_id") == "AuthenticAMD" and flags >= _NEEDED and not any("amx" in flag for flag in flags)


def use_onednn(chosen: bool) -> None:
    """Let oneDNN multiply float32 matrices from now on in this process, or leave it to torch again.

    torch calls the setting a precision: it allows oneDNN to compute in bfloat16, which it does only with AMX.
    """
    torch.backends.mkldnn.matmul.fp32_precision = "bf16" if chosen else "none"  # pyright: ignore


@contextmanager
def chosen_kernels(model: nn.Module, config: RunConfig, rules: TrainingRules, device: torch.device) -> Iterator[None]:
    """Context for the training steps of a run: what autograd computes follows the rule, and denormal numbers, too.

    It holds for training alone, not for evaluation, so that whoever asks the network later gets the same answers.
    """
    with (
        denormals_flushed(flushes_denormals(config, rules, device.type)),
        large_products_by_onednn(model, by_onednn(config, rules, device)),
    ):
        yield


@contextmanager
def denormals_flushed(chosen: bool) -> Iterator[None]:
    """Count numbers below 1e-38 as zero in this thread, or do not, as `chosen`; afterwards it is as it was."""
    before = flushes_now()
    torch.set_flush_denormal(chosen)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)


@contextmanager
def large_products_by_onednn(model: nn.Module, chosen: bool) -> Iterator[None]:
    """Let oneDNN multiply in every large linear layer of the model, forward and backward, if `chosen`."""
    layers = [layer for layer in model.modules() if isinstance(layer, nn.Linear)] if chosen else []
    handles = [layer.register_forward_pre_hook(_before_forward) for layer in layers]
    handles += [layer.register_forward_hook(_after_forward) for layer in layers]
    # Autograd computes both gradients of a layer together, then adds that of the weights to `weight.grad`.
    handles += [layer.weight.register_post_accumulate_grad_hook(lambda _: use_onednn(False)) for layer in layers]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
        if chosen:
            use_onednn(False)


def _before_forward(layer: nn.Module, inputs: tuple[Any, ...]) -> None:
    if _is_large(layer, inputs[0]):
        use_onednn(True)


def _after_forward(layer: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> None:
    use_onednn(False)
    if output.requires_grad and _is_large(layer, inputs[0]):
        # The gradient of the output arrives just before the layer's own products.
        output.register_hook(lambda _: use_onednn(True))


def _is_large(layer: nn.Module, inputs: Tensor) -> bool:
    assert isinstance(layer, nn.Linear)
    return inputs.numel() * layer.out_features >= LEAST_PRODUCT
