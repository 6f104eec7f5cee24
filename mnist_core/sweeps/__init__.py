"""Sweeps: a grid or random search over any settings, with seeds, from one value `Sweep`. Never imports torch."""

from mnist_core.sweeps.axes import Axis, label, parse_values
from mnist_core.sweeps.board import BestRun, Choice, Setting, best, choice, measure, score_name, table
from mnist_core.sweeps.estimate import estimate, in_words, run_seconds
from mnist_core.sweeps.halving import should_stop
from mnist_core.sweeps.running import default_name, extend, find, launch, load, missing, retry_failed, row, stop_all
from mnist_core.sweeps.sweep import MAX_RUNS, Sweep

__all__ = [
    "MAX_RUNS", "Axis", "BestRun", "Choice", "Setting", "Sweep", "best", "choice", "default_name", "estimate", "extend",
    "find", "in_words", "label", "launch", "load", "measure", "missing", "parse_values", "retry_failed", "row",
    "run_seconds", "score_name", "should_stop", "stop_all", "table",
]  # fmt: skip
