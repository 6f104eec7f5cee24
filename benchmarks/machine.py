"""The machine and versions that a figure was measured with, in one line, and whether it has the images."""

import datetime as dt
import os
import platform
import sys

import torch

from mnist_core import environment
from mnist_core.data import dataset_status


def describe_machine() -> str:
    """Date, processor, cores, GPU and versions."""
    processor = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo") as file:
            names = [line.split(":")[1].strip() for line in file if line.startswith("model name")]
        processor = names[0] if names else processor
    except OSError:
        # Without /proc (not Linux) the name of the architecture must do.
        pass
    gpu = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    return (
        f"{dt.date.today()}, {processor}, {os.cpu_count()} cores{gpu}, Python {platform.python_version()}, "
        f"torch {torch.__version__};"
    )


def require_mnist() -> None:
    """End the program unless all of MNIST is there: runs would learn from a part of it, and figures be too good."""
    status = dataset_status("mnist", environment.data_dir())
    if status.state != "ready":
        sys.exit(f"{status.message} Name the folder that holds it in MNIST_LAB_DATA.")
