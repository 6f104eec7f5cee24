"""How long many seeds take: trained together as stacked matrices, and one after another as runs are.

    python -m benchmarks.luck [--rounds 5] [--seeds 200]

First, in this process with one thread: seconds of processor time a seed of 20 that are trained together, and of one
that is trained alone, in turn, with its network's building and testing; one epoch of all of MNIST, batch 64. Then as
the page does it: a question of luck through the queue, in two workers, from the start of the first to the end of the
last. Needs the full MNIST under MNIST_LAB_DATA or data/.
"""

import argparse
import statistics
import tempfile
import threading
from collections.abc import Iterable
from pathlib import Path
from time import process_time

import torch

from benchmarks.machine import describe_machine, require_mnist
from mnist_core import environment, jobs, luck
from mnist_core.config import RunConfig, TrainingRules
from mnist_core.data import Data, load_data
from mnist_core.jobs import follow_all
from mnist_core.store import Store, concurrency
from mnist_core.training import SEEDS_AT_ONCE, many_seeds, train_seeds

_PLAIN = RunConfig(epochs=1, batch_size=64, optimizer="sgd", momentum=0, learning_rate=0.01, validation_images=0)
_SMALL = "flatten linear(32) relu linear(classes)"
WORK = {
    "784-10, SGD": _PLAIN.replace(architecture="linear-10"),
    "784-32-10, SGD": _PLAIN.replace(architecture=_SMALL),
    "784-32-10, Adam": _PLAIN.replace(architecture=_SMALL, optimizer="adam", learning_rate=0.001),
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=200)
    options = parser.parse_args()
    require_mnist()
    torch.set_num_threads(1)
    print(describe_machine(), f"{options.rounds} rounds", flush=True)
    for name, config in WORK.items():
        data = load_data(config, environment.data_dir(), "cpu")
        # Creating the first optimizer imports much.
        _seconds(many_seeds.one_by_one(config, data, [0], TrainingRules()))
        together, alone = [], []
        for seed in range(options.rounds):
            together.append(_together(config, data))
            alone.append(_seconds(many_seeds.one_by_one(config, data, [seed], TrainingRules())))
        ratio = statistics.median(a / b for a, b in zip(alone, together, strict=True))
        print(
            f"{name}: {statistics.median(together):.3f} s a seed together, {statistics.median(alone):.3f} s alone: "
            f"{ratio:.2f} times as fast; {options.seeds} seeds through the queue:",
            f"{_queued(config, options.seeds):.1f} s",
            flush=True,
        )


def _together(config: RunConfig, data: Data) -> float:
    return _seconds(train_seeds(config, data, range(SEEDS_AT_ONCE), TrainingRules())) / SEEDS_AT_ONCE


def _seconds(training: Iterable[object]) -> float:
    """Seconds of processor time until the training ends."""
    began = process_time()
    for _ in training:
        pass
    return process_time() - began


def _queued(config: RunConfig, seeds: int) -> float:
    """Seconds from the first step of the first part to the end of the last, in two workers."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(Path(folder))
        concurrency.set_runs_at_once(store, 2)
        group = luck.load_group(store, luck.start_group(store, config, seeds))
        follow_all(store, group.parts, threading.Event(), as_json=True)
        # The folder goes away, and the queue would look for it.
        jobs.end()
        parts = luck.load_group(store, group.id).parts
        return max(part.finished or 0.0 for part in parts) - min(part.started or 0.0 for part in parts)


if __name__ == "__main__":
    main()
