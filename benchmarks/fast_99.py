"""Seconds to 99.0 % of the test digits: the recipe fast-99 beside the well-known example recipe.

    python -m benchmarks.fast_99 [--seeds 5] [--example-seeds 1] [--threads 1]

fast-99 is trained by this project, once for each seed, everything counted from reading the images to the stored
predictions. The example is a plain loop: conv 32 3x3, conv 64 3x3, max-pool, dropout 0.25, linear 128, dropout 0.5;
Adadelta with learning rate 1.0 decayed by 0.7 an epoch, batch 64, torchvision's data set through a DataLoader, tested
after each epoch, until 99.0 % of the test digits are right; torch's default number of threads. Neither counts starting
Python and importing torch. Needs the full MNIST under MNIST_LAB_DATA or data/.
"""

import argparse
import statistics
import tempfile
from pathlib import Path
from time import perf_counter

import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader

from benchmarks.machine import describe_machine, require_mnist
from mnist_core import architectures, environment
from mnist_core.config.recipes import RECIPES
from mnist_core.config.run_config import RunConfig
from mnist_core.data.download.torchvision_ops import make_torchvision_importable
from mnist_core.jobs.worker import work
from mnist_core.store.store import Store

GOAL = 0.99
EXAMPLE = (
    "conv(32, 3) relu conv(64, 3) relu maxpool(2) dropout(0.25) flatten linear(128) relu dropout(0.5) linear(classes)"
)
# The example's default number of epochs.
MOST_EPOCHS = 14


def recipe(config: RunConfig, folder: Path) -> tuple[float, float]:
    """Seconds of a run of this project from the first line to the last, and its test accuracy."""
    store = Store.open(folder)
    began = perf_counter()
    run = store.enqueue(config, claimed=True)
    for _ in work(store, run):
        pass
    seconds = perf_counter() - began
    run = store.run(run.id)
    assert run.dataset == config.dataset, run.note
    assert run.test_accuracy is not None, run.note
    return seconds, run.test_accuracy


def example(seed: int) -> tuple[float, list[float]]:
    """Seconds of the example until the goal is reached, and the test accuracy after each epoch."""
    make_torchvision_importable()
    import torchvision

    began = perf_counter()
    transform = torchvision.transforms.Compose(
        [torchvision.transforms.ToTensor(), torchvision.transforms.Normalize((0.1307,), (0.3081,))]
    )
    train = torchvision.datasets.MNIST(environment.data_dir(), train=True, transform=transform)
    test = torchvision.datasets.MNIST(environment.data_dir(), train=False, transform=transform)
    batches = DataLoader(train, batch_size=64, shuffle=True)
    test_batches = DataLoader(test, batch_size=1000)
    torch.manual_seed(seed)
    model = architectures.build_network(EXAMPLE, (1, 28, 28), 10)
    optimizer = torch.optim.Adadelta(model.parameters(), lr=1.0)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.7)
    accuracies: list[float] = []
    while len(accuracies) < MOST_EPOCHS and (not accuracies or accuracies[-1] < GOAL):
        model.train()
        for images, labels in batches:
            optimizer.zero_grad()
            F.cross_entropy(model(images), labels).backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            correct = sum((model(images).argmax(1) == labels).sum().item() for images, labels in test_batches)
        accuracies.append(correct / len(test))
        schedule.step()
    return perf_counter() - began, accuracies


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5, help="runs of fast-99")
    parser.add_argument("--example-seeds", type=int, default=1, help="runs of the example; each takes minutes")
    parser.add_argument("--threads", type=int, help="of fast-99; by default those of the recipe")
    options = parser.parse_args()
    require_mnist()
    default_threads = torch.get_num_threads()
    config = RECIPES["fast-99"].config
    config = config.replace(threads=options.threads or config.threads)
    print(describe_machine(), f"fast-99 with {config.threads} thread(s), the example with {default_threads}")
    times, accuracies = [], []
    with tempfile.TemporaryDirectory() as folder:
        # Warm up: torch loads parts of itself at the first step.
        recipe(config.replace(train_images=1000), Path(folder))
        for seed in range(options.seeds):
            seconds, accuracy = recipe(config.replace(seed=seed), Path(folder))
            print(f"  fast-99, seed {seed}: {seconds:.2f} s, test accuracy {accuracy:.2%}", flush=True)
            times.append(seconds)
            accuracies.append(accuracy)
    mean = statistics.fmean(accuracies)
    print(
        f"fast-99: mean of {len(times)} seeds {statistics.fmean(times):.2f} s, test accuracy {mean:.2%} "
        f"(lowest {min(accuracies):.2%}); 99.0 % {'reached' if mean >= GOAL else 'missed'}",
        flush=True,
    )
    torch.set_num_threads(default_threads)
    theirs = []
    for seed in range(options.example_seeds):
        seconds, curve = example(seed)
        reached = "reached" if curve[-1] >= GOAL else "missed"
        print(
            f"  example, seed {seed}: 99.0 % {reached} after {len(curve)} epochs, {seconds:.1f} s, test accuracy "
            + ", ".join(f"{accuracy:.2%}" for accuracy in curve),
            flush=True,
        )
        theirs.append(seconds)
    if theirs:
        print(
            f"example: mean of {len(theirs)} seeds {statistics.fmean(theirs):.1f} s; "
            f"fast-99 is {statistics.fmean(theirs) / statistics.fmean(times):.1f} times as fast"
        )


if __name__ == "__main__":
    main()
