"""How many mislabelled images the list of doubtful labels finds, for single runs and for sets of runs.

    python -m benchmarks.doubtful_labels train --out DIR [--data DIR] [--device cuda] [--seeds 3] [--epochs 5 10]
    python -m benchmarks.doubtful_labels evaluate --from DIR

`train` trains seven networks on MNIST, each with several seeds, and writes DIR/predictions-seed-N.npz: what each gave
its validation and test images. A call that was cut off goes on where it stood. It takes about 40 minutes on two cores
and a few on a GPU.
"""

import argparse
import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np

from benchmarks.machine import describe_machine
from mnist_core import answers, jobs, results
from mnist_core.config import RunConfig
from mnist_core.recipes import RECIPES
from mnist_core.store import Run, Store
from mnist_core.worker import work

ARCHITECTURES = ("resnet-small", "vgg-small", "lenet-5", "mlp-300", "mlp-100", "softmax")  # the slowest first


@dataclass(frozen=True)
class Training:
    """One run of the study; `name` says which network and for how many epochs, whatever its seed."""

    name: str
    config: RunConfig


def trainings(seed: int, epochs: Sequence[int], device: str, train_images: int | None = None) -> list[Training]:
    """All runs of one seed, the slowest first; the recipe fast-99 as it is, and with images held out."""
    common = {"seed": seed, "device": device, "train_images": train_images}
    recipe = RECIPES["fast-99"].config.replace(**common)
    return [
        *(
            Training(f"{architecture}, {count} epochs", RunConfig(architecture=architecture, epochs=count, **common))
            for architecture in ARCHITECTURES
            for count in sorted(epochs, reverse=True)
        ),
        Training("fast-99", recipe),
        Training("fast-99, images held out", recipe.replace(validation_images=None)),
    ]


def train_all(options: argparse.Namespace) -> None:
    """Train what the store below --out lacks, and write each seed's predictions as soon as its runs are finished."""
    if options.data:
        os.environ["MNIST_LAB_DATA"] = str(options.data.resolve())  # the processes started below inherit it
    options.out.mkdir(parents=True, exist_ok=True)
    store = Store.open(options.out / "runs")
    planned = {
        seed: trainings(seed, options.epochs, options.device, options.train_images) for seed in range(options.seeds)
    }
    began = perf_counter()
    spawning = multiprocessing.get_context("spawn")  # CUDA does not survive a fork
    workers = options.workers or (8 if options.device == "cuda" else jobs.cores())
    with ProcessPoolExecutor(workers, mp_context=spawning) as pool:
        waiting = {
            pool.submit(_train, training.config, training.name, store.root): seed
            for seed, of_seed in planned.items()
            for training in of_seed
            if _finished(store, training.config) is None
        }
        for seed in planned.keys() - set(waiting.values()):
            _save(store, planned[seed], options.out / f"predictions-seed-{seed}.npz")
        left = list(waiting.values())
        for future in as_completed(waiting):
            print(f"{perf_counter() - began:5.0f} s  {future.result()}", flush=True)
            seed = waiting[future]
            left.remove(seed)
            if seed not in left:
                _save(store, planned[seed], options.out / f"predictions-seed-{seed}.npz")


def _train(config: RunConfig, name: str, folder: Path) -> str:
    """Train one run in this process; a line on how it went."""
    store = Store.open(folder)
    run = store.enqueue(config, f"{name}, seed {config.seed}", claimed=True)
    for _ in work(store, run):
        pass
    run = store.run(run.id)
    if run.state != "finished" or run.dataset != "mnist":
        raise SystemExit(f"{run.name}: {run.state}. {run.note}")
    return f"{run.name}: test accuracy {run.test_accuracy:.2%}, {run.seconds:.0f} s"


def _finished(store: Store, config: RunConfig) -> Run | None:
    return next(iter(store.runs(states=["finished"], digests=[config.digest()])), None)


def _save(store: Store, of_seed: Sequence[Training], path: Path) -> None:
    """Write one seed's predictions: labels and, for each run and split, probabilities float32 (images, classes)."""
    arrays: dict[str, np.ndarray] = {}
    for training in of_seed:
        run = _finished(store, training.config)
        assert run is not None, training.name
        table = answers.stored(store, run)
        for split in ("validation", "test"):
            rows = results.of_split(table, split)
            if len(rows):
                arrays[f"{training.name}/{split}"] = results.probabilities(rows)
                arrays[f"labels/{split}"] = rows["label"].to_numpy(np.uint8)
        if run.validation_loss is not None:
            arrays[f"{training.name}/validation_loss"] = np.array(run.validation_loss)
    np.savez_compressed(path, allow_pickle=False, **arrays)
    print(f"wrote {path} ({path.stat().st_size / 1e6:.1f} MB)", flush=True)


def parse(words: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    training = commands.add_parser("train", help="train the networks and write their predictions")
    training.add_argument("--out", type=Path, required=True, help="folder of the runs and the predictions")
    training.add_argument("--data", type=Path, help="folder of the data sets; by default MNIST_LAB_DATA or data/")
    training.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda", "mps"])
    training.add_argument("--seeds", type=int, default=3)
    training.add_argument("--epochs", type=int, nargs="+", default=[5, 10], help="a set of runs for each")
    training.add_argument("--train-images", type=int, help="fewer than all, for a quick trial")
    training.add_argument("--workers", type=int, help="runs at once; by default one a core, or 8 on a GPU")
    evaluation = commands.add_parser("evaluate", help="print how many mislabelled images are found")
    evaluation.add_argument("--from", dest="folder", type=Path, required=True, help="what `train --out` wrote")
    return parser.parse_args(words)


def main() -> None:
    options = parse()
    print(describe_machine(), flush=True)
    if options.command == "train":
        train_all(options)


if __name__ == "__main__":
    main()
