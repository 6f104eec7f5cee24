"""Where the time of a training step goes, part by part, on one core.

    python -m benchmarks.step_profile [--steps 400] [--work mlp-300 mlp-2000 deep 784-10 cnn-150-64 ...]

Trains the networks of `benchmarks.beside_commit` as a worker does, in this process, pinned to one core, with one
thread and nothing stored. Some steps are timed by the clock alone, then as many under torch's profiler, which says how
long each operation took. Printed is a table in microseconds a step. "calls and Python" is what the clock says beyond
all operations: the interpreter, and each operation's way from Python to its kernel and back.
The profiler adds about a microsecond to each operation, so parts of many small operations come out too large, and
"calls and Python" too small. Needs the full MNIST under MNIST_LAB_DATA or data/.
"""

import argparse
import os
import statistics
from collections import Counter
from collections.abc import Iterator
from time import perf_counter

import torch
from torch.profiler import ProfilerActivity, profile

from benchmarks.beside_commit import WORK
from benchmarks.machine import describe_machine, require_mnist
from mnist_core import environment
from mnist_core.architectures import build_seeded
from mnist_core.config import RunConfig
from mnist_core.data import load_data
from mnist_core.events import Event
from mnist_core.training import TrainingState, allocation, train_network
from mnist_core.training.devices import move_to_device

_REST = "other operations"
_PYTHON = "calls and Python"
# A part of the step by what the names of its operations contain; the first that fits counts.
_PARTS = {
    "optimizer": ("_fused_", "aten::add_"),
    "convolutions": ("conv",),
    "products of matrices": ("aten::mm", "aten::addmm", "linear"),
    "pooling": ("pool",),
    "loss and its gradient": ("softmax", "nll_loss", "cross_entropy"),
    "activations": ("relu", "threshold", "clamp", "tanh", "sigmoid"),
    "dropout": ("random_", "bernoulli", "dropout", "aten::lt"),
    "sums for the bias": ("aten::sum",),
    "images picked and scaled": ("index_select", "aten::index", "aten::sub", "aten::div", "aten::mul"),
    "conversions and copies": ("copy", "aten::to", "clone", "contiguous"),
}
# Steps before the clock runs, in which buffers are made.
_WARM = 50


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--work", nargs="+", choices=list(WORK), default=["mlp-300", "mlp-2000", "deep", "784-10"])
    parser.add_argument("--core", type=int, default=0)
    options = parser.parse_args()
    require_mnist()
    os.sched_setaffinity(0, {options.core})
    torch.set_num_threads(1)
    allocation.keep_large_tensors()
    print(describe_machine(), f"core {options.core}, {options.rounds} rounds of {options.steps} steps")
    for name in options.work:
        _print(name, parts_of_step(RunConfig(**WORK[name][0]), options.steps, options.rounds))


def parts_of_step(config: RunConfig, steps: int, rounds: int) -> dict[str, float]:
    """Microseconds a step by part, medians over the rounds; "in all" is what the clock says without the profiler."""
    changed = config.replace(validation_images=0, epochs=20, threads=1)
    data = load_data(changed, environment.data_dir(), "cpu")
    model, _ = build_seeded(changed.architecture, data.input_shape, len(data.classes), changed.seed)
    model = move_to_device(model, torch.device("cpu"))
    state = TrainingState.start(model, changed)
    training = train_network(model, data, changed, state)
    _take(training, state, _WARM)
    measured = [_round(training, state, steps) for _ in range(rounds)]
    names = {name for each in measured for name in each}
    return {name: statistics.median(each.get(name, 0.0) for each in measured) for name in names}


def _round(training: Iterator[Event], state: TrainingState, steps: int) -> dict[str, float]:
    began = perf_counter()
    taken = _take(training, state, steps)
    whole = 1e6 * (perf_counter() - began) / taken
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        taken = _take(training, state, steps)
    parts: Counter[str] = Counter()
    for operation in profiler.key_averages():
        parts[_part_of(operation.key)] += operation.self_cpu_time_total / taken
    return {**parts, _PYTHON: whole - parts.total(), "in all": whole}


def _take(training: Iterator[Event], state: TrainingState, steps: int) -> int:
    """Train at least so many steps, until the training says how they went; returns how many they were."""
    before = state.step
    for _ in training:
        if state.step - before >= steps:
            return state.step - before
    raise ValueError("The training has ended: ask for fewer steps or rounds.")


def _part_of(operation: str) -> str:
    return next((part for part, marks in _PARTS.items() if any(mark in operation for mark in marks)), _REST)


def _print(name: str, parts: dict[str, float]) -> None:
    print(f"\n{name}: {parts['in all']:.0f} µs a step")
    for part, microseconds in sorted(parts.items(), key=lambda item: -item[1]):
        if part != "in all" and microseconds:
            print(f"  {part:28} {microseconds:8.1f} µs {100 * microseconds / parts['in all']:6.1f} %")


if __name__ == "__main__":
    main()
