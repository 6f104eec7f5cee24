"""Sweeps: a grid or random search over any settings, with seeds, from one value `Sweep`. Never imports torch."""

from mnist_core.sweeps.axes import Axis, label, parse_values
from mnist_core.sweeps.board import best, measure, table
from mnist_core.sweeps.estimate import estimate, in_words, run_seconds
from mnist_core.sweeps.halving import should_stop
from mnist_core.sweeps.running import default_name, extend, find, launch, load, missing, retry_failed, row, stop_all
from mnist_core.sweeps.sweep import MAX_RUNS, Sweep

__all__ = [
    "MAX_RUNS", "Axis", "Sweep", "best", "default_name", "estimate", "extend", "find", "in_words", "label", "launch",
    "load", "measure", "missing", "parse_values", "retry_failed", "row", "run_seconds", "should_stop", "stop_all",
    "table",
]  # fmt: skip
