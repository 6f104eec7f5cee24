"""How fast a study's sweep is, beside the kind of loop that the studies themselves ran.

    python -m benchmarks.sweep_speed [--epochs 5] [--classic-epochs 1] [--experiment lr-coarse ...]
        [--variants 2] [--rounds 1]
    python -m benchmarks.sweep_speed --experiment ffnn-tuning    (its six sweeps together, in full)

For each experiment: (a) torchvision's data set with ToTensor and Normalize through a DataLoader, `.item()` at every
step, the test images through a DataLoader after each epoch, one network after another, torch's default number of
threads; (b) this project, as `study run` does it: the study's plan put into a new store, one process a core, metrics,
checkpoints and predictions written, everything counted from the command to the last result, the start of the processes
included. Same networks, batch sizes, optimizers and images on both sides. The epochs of (a) all take the same time: it
trains --classic-epochs and its seconds are scaled to --epochs, which (b) really trains. Fewer epochs than the study's
count the start of the processes of (b) against less training than there would be. A configuration that two sweeps share
is trained once by (b), as `study run` does it, and once for each by (a).
Needs the full MNIST under MNIST_LAB_DATA or data/.
"""

import argparse
import statistics
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader

from benchmarks.machine import describe_machine, require_mnist
from mnist_core import architectures, environment
from mnist_core.config.run_config import RunConfig
from mnist_core.data.download.torchvision_ops import make_torchvision_importable
from mnist_core.jobs import queue
from mnist_core.jobs.following import follow_all
from mnist_core.store import concurrency
from mnist_core.store.store import Store
from mnist_core.studies.planning import PlannedRun, plan_runs, start_runs

EXPERIMENTS = {
    "lr-coarse": "ffnn-tuning",
    "width": "ffnn-tuning",
    "dropout": "ffnn-tuning",
    "depth": "linear-depth",
}
_TOGETHER = "ffnn-tuning"
_SWEEPS = ("lr-coarse", "lr-fine", "width", "weight-decay", "dropout", "three-layer-grid")


@dataclass(frozen=True)
class Sweep:
    """One sweep trained by one side."""

    seconds: float
    # Test accuracies after the last epoch, as fractions.
    accuracies: tuple[float, ...]
    # Seconds before the first network began to train.
    start_up: float = 0.0
    # Seconds spent training, summed over all processes.
    trained: float = 0.0


def classic(configs: Sequence[RunConfig], epochs: int) -> Sweep:
    """The studies' kind of loop, one network after another; the seconds of each scaled to its epochs."""
    seconds, accuracies = 0.0, []
    for config in configs:
        began = perf_counter()
        accuracies.append(_train_classic(config.replace(epochs=epochs)))
        seconds += (perf_counter() - began) * config.epochs / epochs
    return Sweep(seconds, tuple(accuracies))


def project(planned: Sequence[PlannedRun], folder: Path) -> Sweep:
    """This project, into a store of its own."""
    began = perf_counter()
    store = Store.open(folder)
    clock = store.clock()
    runs = follow_all(store, start_runs(store, planned), threading.Event(), as_json=True)
    seconds = perf_counter() - began
    queue.start(store).end()
    assert all(run.state == "finished" for run in runs), [(run.name, run.state, run.note) for run in runs]
    assert all(run.dataset == "mnist" for run in runs), runs[0].note
    first = min(run.started or clock for run in runs)
    accuracies = tuple(run.test_accuracy or 0.0 for run in runs)
    return Sweep(seconds, accuracies, first - clock, sum(run.seconds for run in runs))


def _train_classic(config: RunConfig) -> float:
    make_torchvision_importable()
    import torchvision

    steps: list[Any] = [torchvision.transforms.ToTensor()]
    if config.normalise:
        steps.append(torchvision.transforms.Normalize((0.1307,), (0.3081,)))
    transform = torchvision.transforms.Compose(steps)
    train = torchvision.datasets.MNIST(environment.data_dir(), train=True, transform=transform)
    test = torchvision.datasets.MNIST(environment.data_dir(), train=False, transform=transform)
    batches = DataLoader(train, batch_size=config.batch_size, shuffle=True)
    test_batches = DataLoader(test, batch_size=config.batch_size)
    torch.manual_seed(config.seed)
    model = architectures.build_network(config.architecture, (1, 28, 28), 10)
    optimizer = _optimizer(model, config)
    accuracy = 0.0
    for _ in range(config.epochs):
        model.train()
        running = 0.0
        for images, labels in batches:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(images), labels)
            loss.backward()
            optimizer.step()
            running += loss.item()
        model.eval()
        correct = 0
        with torch.no_grad():
            for images, labels in test_batches:
                correct += (model(images).argmax(1) == labels).sum().item()
        accuracy = correct / len(test)
    return accuracy


def _optimizer(model: nn.Module, config: RunConfig) -> torch.optim.Optimizer:
    if config.optimizer == "adam":
        return torch.optim.Adam(model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    assert config.optimizer == "sgd", config.optimizer
    return torch.optim.SGD(model.parameters(), lr=config.learning_rate, momentum=config.momentum)


def _plan(experiment: str, epochs: int | None, variants: int | None) -> list[PlannedRun]:
    """The experiment's published runs, perhaps with fewer epochs; of many variants some, evenly spread."""
    if experiment == _TOGETHER:
        full = [run for name in _SWEEPS for run in plan_runs(_TOGETHER, name, protocols=("published",))]
    else:
        full = plan_runs(EXPERIMENTS[experiment], experiment, protocols=("published",))
    count = min(variants or len(full), len(full))
    chosen = [full[index * (len(full) - 1) // max(1, count - 1)] for index in range(count)]
    return [replace(run, config=run.config.replace(epochs=epochs)) if epochs else run for run in chosen]


def _percent(values: Sequence[float]) -> str:
    return ", ".join(f"{value:.2%}" for value in values)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--experiment", choices=[*EXPERIMENTS, _TOGETHER], nargs="+", default=[*EXPERIMENTS])
    parser.add_argument("--epochs", type=int, help="of each network; the study's own unless said")
    parser.add_argument("--classic-epochs", type=int, default=1, help="that (a) trains; its time is scaled up")
    parser.add_argument("--variants", type=int, help="at most so many networks of each experiment; fewer is quicker")
    parser.add_argument("--rounds", type=int, default=1, help="(b) and (a) take turns; medians are printed")
    options = parser.parse_args()
    require_mnist()
    print(
        describe_machine(),
        f"(a) with {torch.get_num_threads()} thread(s), (b) with {concurrency.cores()} process(es) of one thread,",
        f"{options.epochs or 'all'} epoch(s) of 60,000 images ({options.classic_epochs} in (a), scaled),",
        f"{options.rounds} round(s)",
        flush=True,
    )
    for name in options.experiment:
        planned = _plan(name, options.epochs, options.variants)
        ours, theirs = [], []
        for _ in range(options.rounds):
            with tempfile.TemporaryDirectory() as folder:
                ours.append(project(planned, Path(folder)))
            theirs.append(classic([run.config for run in planned], options.classic_epochs))
        ratio = statistics.median(a.seconds / b.seconds for a, b in zip(theirs, ours, strict=True))
        print(
            f"{name}, {len(planned)} networks: "
            f"(a) {statistics.median(a.seconds for a in theirs):.1f} s, "
            f"(b) {statistics.median(b.seconds for b in ours):.1f} s, "
            f"{statistics.median(b.start_up for b in ours):.1f} s of it before the first began, "
            f"{statistics.median(b.trained for b in ours):.1f} s of a core spent training; "
            f"(b) is {ratio:.1f} times as fast"
        )
        print(f"  test accuracy (a) {_percent(theirs[-1].accuracies)} after {options.classic_epochs} epoch(s)")
        print(f"                (b) {_percent(ours[-1].accuracies)} after all", flush=True)


if __name__ == "__main__":
    main()
