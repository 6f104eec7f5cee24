"""How fast training is, beside a classic DataLoader loop and a bare loop over tensors.

    python -m benchmarks.training_speed [--rounds 5] [--images 60000] [--network mlp|cnn|all]

Each round runs (a) torchvision's data set with ToTensor and Normalize through a DataLoader, with `.item()` at every
step, (b) a bare loop over tensors in memory with nothing else, and (c) this project with metrics stored and
checkpoints written; for the CNN also (d), which is (c) in bfloat16. Same network, initial weights, batch size,
optimizer, number of images and threads. The rounds alternate and the medians of the per-round ratios are printed.
Needs the full MNIST under MNIST_LAB_DATA or data/.
"""

import argparse
import statistics
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.machine import describe_machine, require_mnist
from mnist_core import architectures, environment
from mnist_core.config.run_config import RunConfig
from mnist_core.data.download.torchvision_ops import make_torchvision_importable
from mnist_core.data.loading import load_data
from mnist_core.events import RunFinished, RunStarted
from mnist_core.jobs.worker import work
from mnist_core.store.store import Store
from mnist_core.training import devices

CONFIGS = {
    "mlp": RunConfig(
        architecture="mlp-300", optimizer="adam", learning_rate=0.001, batch_size=64, epochs=1, validation_images=0
    ),
    "cnn": RunConfig(
        architecture="cnn-150-64",
        optimizer="sgd",
        learning_rate=0.01,
        momentum=0.95,
        batch_size=50,
        epochs=1,
        validation_images=0,
        normalise=False,
    ),
}


def classic(config: RunConfig, device: torch.device) -> float:
    """Seconds of the loop that most tutorials teach."""
    make_torchvision_importable()
    import torchvision

    steps: list[Any] = [torchvision.transforms.ToTensor()]
    if config.normalise:
        steps.append(torchvision.transforms.Normalize((0.1307,), (0.3081,)))
    images = torchvision.datasets.MNIST(environment.data_dir(), transform=torchvision.transforms.Compose(steps))
    subset = torch.utils.data.Subset(images, range(config.train_images or len(images)))
    loader = torch.utils.data.DataLoader(subset, batch_size=config.batch_size, shuffle=True)
    model, optimizer = _fresh(config, device)
    began = perf_counter()
    for batch, target in loader:
        batch, target = batch.to(device), target.to(device)
        optimizer.zero_grad()
        loss = F.cross_entropy(model(batch), target)
        loss.backward()
        optimizer.step()
        loss.item()
    return perf_counter() - began


def bare(config: RunConfig, device: torch.device) -> float:
    """Seconds of the least loop: scaled images in memory, shuffled, nothing recorded."""
    loaded = load_data(config, environment.data_dir(), device)
    images, labels = loaded.inputs(loaded.train.images), loaded.train.labels
    model, optimizer = _fresh(config, device)
    began = perf_counter()
    for batch in torch.randperm(len(labels), device=device).split(config.batch_size):
        optimizer.zero_grad()
        F.cross_entropy(model(images[batch]), labels[batch]).backward()
        optimizer.step()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return perf_counter() - began


def project(config: RunConfig, folder: Path) -> tuple[float, float]:
    """Seconds from the first step to the last checkpoint, metrics stored; and the test accuracy."""
    store = Store.open(folder)
    run = store.enqueue(config, claimed=True)
    began = ended = 0.0
    for event in work(store, run):
        if isinstance(event, RunStarted):
            began = perf_counter()
        elif isinstance(event, RunFinished):
            ended = perf_counter()
    run = store.run(run.id)
    assert run.test_accuracy is not None, run.note
    return ended - began, run.test_accuracy


def _fresh(config: RunConfig, device: torch.device) -> tuple[nn.Module, torch.optim.Optimizer]:
    torch.manual_seed(config.seed)
    model = architectures.build_network(config.architecture, (1, 28, 28), 10).to(device)
    if config.optimizer == "adam":
        return model, torch.optim.Adam(model.parameters(), lr=config.learning_rate)
    return model, torch.optim.SGD(model.parameters(), lr=config.learning_rate, momentum=config.momentum)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--images", type=int, default=60_000, help="of the 60,000; fewer is quicker")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--network", choices=[*CONFIGS, "all"], default="all")
    options = parser.parse_args()
    require_mnist()
    print(describe_machine(), f"{options.threads} thread(s), {options.rounds} rounds, {options.images} images a round")
    for name in CONFIGS if options.network == "all" else [options.network]:
        images = None if options.images == 60_000 else options.images
        config = CONFIGS[name].replace(train_images=images, threads=options.threads)
        device = devices.prepare_device(config)
        rounds: list[dict[str, float]] = []
        accuracies: list[tuple[float, float]] = []
        with tempfile.TemporaryDirectory() as folder:
            for _ in range(options.rounds):
                seconds = {"b": bare(config, device), "a": classic(config, device)}
                seconds["c"], plain = project(config, Path(folder))
                if name == "cnn":
                    seconds["d"], half = project(config.replace(precision="bfloat16"), Path(folder))
                    accuracies.append((plain, half))
                rounds.append(seconds)
                print(
                    "  " + ", ".join(f"({loop}) {value:.2f} s" for loop, value in sorted(seconds.items())), flush=True
                )
        print(f"{name}: {config.architecture}, batch {config.batch_size}, {config.optimizer}, medians of the ratios")
        print(f"  (c) is {_median(rounds, 'a', 'c'):.2f} times as fast as (a), the classic loop")
        print(f"  (c) is {_median(rounds, 'b', 'c'):.3f} times as fast as (b), the bare loop")
        if name == "cnn":
            plain, half = (statistics.median(values) for values in zip(*accuracies, strict=True))
            print(
                f"  (d) bfloat16 is {_median(rounds, 'c', 'd'):.2f} times as fast as (c); "
                f"test accuracy {half:.2%} against {plain:.2%}"
            )


def _median(rounds: list[dict[str, float]], slow: str, fast: str) -> float:
    return statistics.median(seconds[slow] / seconds[fast] for seconds in rounds)


if __name__ == "__main__":
    main()
