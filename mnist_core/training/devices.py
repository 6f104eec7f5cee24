"""The device on which a run computes, and the settings that make it reproducible there."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import torch
from torch import nn

from mnist_core.config import Device, RunConfig
from mnist_core.errors import DeviceError
from mnist_core.training import machine

_WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"


def prepare_device(config: RunConfig) -> torch.device:
    """Set threads and determinism for this process and return the run's device.

    Raises DeviceError if the device is missing, busy or out of memory.
    """
    torch.set_num_threads(config.threads)
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False
    wanted = _best() if config.device == "auto" else config.device
    # scikit-learn always computes on the processor.
    device = torch.device("cpu" if config.library == "sklearn" else wanted)
    if device.type == "cuda":
        # cuBLAS is reproducible only with this setting.
        os.environ.setdefault(_WORKSPACE, ":4096:8")
        torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        # CUDA reports a busy device only at its first use.
        reason = str(error).splitlines()[0]
        raise DeviceError(
            f"device: {device.type} cannot be used ({reason}). Choose cpu, or free the device and resume the run."
        ) from error
    return device


@contextmanager
def torch_settings_kept() -> Iterator[None]:
    """Give the caller torch's process-wide settings back: threads, determinism, random numbers, and cuBLAS's variable.

    What trains inside a caller's own process, such as a notebook, uses this; a worker's process is the run's alone.
    """
    threads, workspace = torch.get_num_threads(), os.environ.get(_WORKSPACE)
    deterministic, warn_only = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )
    cudnn = torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark
    # Where CUDA has not begun yet, looking at its random state would begin it.
    gpus = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
    with torch.random.fork_rng(devices=gpus):
        try:
            yield
        finally:
            torch.set_num_threads(threads)
            torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = cudnn
            torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)
            if workspace is None:
                os.environ.pop(_WORKSPACE, None)


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute with one thread: one image takes a millisecond, and more would slow down a run that trains beside it."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def move_to_device(model: nn.Module, device: torch.device) -> nn.Module:
    """Move a network to the device, convolution kernels in the channels-last layout.

    The layout saves the reordering around each convolution: measured 10 % in float32 and 30 % in bfloat16 on a CPU.
    """
    return model.to(device, memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]


@cache
def has_bfloat16() -> bool:
    """Whether this machine's processor computes in bfloat16, natively or by emulation."""
    try:
        with torch.autocast("cpu", torch.bfloat16), torch.inference_mode():
            layers = nn.Sequential(nn.Conv2d(1, 1, 1), nn.Flatten(), nn.Linear(4, 1))
            return bool(torch.isfinite(layers(torch.ones(1, 1, 2, 2))).all())
    except (RuntimeError, NotImplementedError):
        return False


def emulation_note(config: RunConfig, device: torch.device) -> str:
    """A sentence for the person if bfloat16 saves no time here but takes more; else ""."""
    if config.precision != "bfloat16" or device.type != "cpu" or not machine.emulates_bfloat16():
        return ""
    return "This processor has no instructions for bfloat16: the run may take several times as long as in float32."


def describe_device(device: torch.device) -> Device:
    """The device with the name that it gives itself, its vector instructions and this process's threads."""
    if device.type == "cuda":
        return Device(kind="cuda", name=torch.cuda.get_device_name(device))
    threads = torch.get_num_threads()
    if device.type == "mps":
        return Device(kind="mps", name=machine.processor_name(), threads=threads)
    return Device(kind="cpu", name=machine.processor_name(), vectors=_vectors(), threads=threads)


def _vectors() -> str:
    """The vector instructions that torch's kernels use here, such as "AVX2" or "AVX-512"; "" if torch names none."""
    try:
        name = torch.backends.cpu.get_cpu_capability()
    except (AttributeError, RuntimeError):
        # A missing description must not stop a run.
        return ""
    return "" if name in ("DEFAULT", "NO AVX") else name.replace("AVX512", "AVX-512")


def _best() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"
