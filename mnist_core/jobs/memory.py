"""The memory of this process: how much it takes, whether an error means that it ran out, and what helps."""

import math
import os

import torch

from mnist_core.config import RunConfig

# Parts of the messages of torch's allocators and the C++ library: on the CPU torch raises a plain RuntimeError.
_SIGNS = ("can't allocate memory", "not enough memory", "out of memory", "bad_alloc", "bad allocation")


def process_memory() -> float:
    """Bytes of memory that this process takes now; NaN where the system does not tell, as outside Linux."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return float(int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE"))
    except (OSError, ValueError, IndexError):
        return math.nan


def ran_out(error: BaseException) -> bool:
    """Whether the error means that no memory was left, on the processor or on a GPU."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error).lower() for sign in _SIGNS)


def remedy(config: RunConfig, error: BaseException) -> str:
    """A message for a person: memory ran out, and what to do about it."""
    # torch has no class of its own for an Apple GPU without memory, only this message.
    gpu = isinstance(error, torch.OutOfMemoryError) or any(name in str(error) for name in ("CUDA", "MPS"))
    where = "The memory of the GPU ran out" if gpu else "The memory ran out"
    more = ", or the device cpu" if gpu else "; fewer runs at once leave more to each"
    return f"batch_size: {where}. Choose a smaller batch size (now {config.batch_size:,}) or network{more}."
