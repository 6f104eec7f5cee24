"""How many mislabelled images the list of doubtful labels finds, for single runs and for sets of runs.

    python -m benchmarks.doubtful_labels train --out DIR [--data DIR] [--device cuda] [--seeds 3] [--epochs 5 10]
    python -m benchmarks.doubtful_labels evaluate --from DIR

`train` trains seven networks on MNIST, each with several seeds, and writes DIR/predictions-seed-N.npz: what each gave
its validation and test images. A call that was cut off goes on where it stood. It takes hours on two cores and two
minutes on a GPU.

`evaluate` prints two tables. The first is what the rule was chosen by: the validation images, training images of MNIST
that no network learned from, are halved, and in each half 15 labels are replaced. One half says what each run is worth,
in the other the errors are looked for. The second table has the test images whose labels people found wrong; nothing
was chosen by it.
"""

import argparse
import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

import numpy as np

from benchmarks.machine import describe_machine
from mnist_core.analysis import doubtful, predictions, scores
from mnist_core.analysis.doubtful import RunWorth
from mnist_core.analysis.scores import negative_log_likelihood
from mnist_core.config.recipes import RECIPES
from mnist_core.config.run_config import RunConfig
from mnist_core.jobs.worker import work
from mnist_core.store import concurrency
from mnist_core.store.run import Run
from mnist_core.store.store import Store

# Indices of MNIST test images that people called mislabelled: the label errors published by cleanlab (Northcutt,
# Athalye and Mueller 2021, "Pervasive label errors in test sets").
KNOWN = (947, 1621, 1901, 2130, 2462, 2597, 2654, 3520, 3558, 5937, 6651, 6783, 8527, 9679, 9729)
# How many images at the head of the list are examined.
FIRST = 60
PLANTED = 15
POWERS = (0, 1, 2, 3, 4, 6)
# How many times the validation images are halved and wrong labels are planted in one half.
ROUNDS = 4
# Share of the images that count as hard.
HARD_SHARE = 0.05
# The slowest come first, so that no process waits for the last one.
ARCHITECTURES = ("resnet-small", "vgg-small", "lenet-5", "mlp-300", "mlp-100", "softmax")


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
        # The processes started below inherit this variable.
        os.environ["MNIST_LAB_DATA"] = str(options.data.resolve())
    options.out.mkdir(parents=True, exist_ok=True)
    store = Store.open(options.out / "runs")
    planned = {
        seed: trainings(seed, options.epochs, options.device, options.train_images) for seed in range(options.seeds)
    }
    began = perf_counter()
    # CUDA does not work after a fork.
    spawning = multiprocessing.get_context("spawn")
    workers = options.workers or (8 if options.device == "cuda" else concurrency.cores())
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
        for split in ("validation", "test"):
            rows = predictions.load_split(store, run, split)
            if len(rows):
                arrays[f"{training.name}/{split}"] = scores.probabilities(rows)
                arrays[f"labels/{split}"] = rows["label"].to_numpy(np.uint8)
        if run.validation_loss is not None:
            arrays[f"{training.name}/validation_loss"] = np.array(run.validation_loss)
    np.savez_compressed(path, allow_pickle=False, **arrays)
    print(f"wrote {path} ({path.stat().st_size / 1e6:.1f} MB)", flush=True)


def evaluate(folder: Path) -> None:
    """Print both tables for what `train` wrote into a folder."""
    runs = load(folder)
    seeds = sorted({seed for _, seed in runs})
    print(
        f"Of {PLANTED} planted labels, in the first {FIRST} of the list, by the power of 1 / loss that weighs the runs"
    )
    print_planted(runs, seeds)
    print(f"\nOf {len(KNOWN)} test images that people called mislabelled, in the first {FIRST} of the list")
    print_known(runs, seeds)


@dataclass(frozen=True)
class Predictions:
    """What one run gave: probabilities float32 (images, classes), and the labels."""

    validation: np.ndarray | None
    test: np.ndarray
    validation_labels: np.ndarray
    test_labels: np.ndarray

    def worth(self, split: str) -> RunWorth:
        """What the run is worth by its answers to the images of one split."""
        if split == "test" or self.validation is None:
            return doubtful.run_worth(self.test, self.test_labels)
        return doubtful.run_worth(self.validation, self.validation_labels)


# Name and seed of a run.
Key = tuple[str, int]
Runs = dict[Key, Predictions]


def load(folder: Path) -> Runs:
    """All runs of a folder's files."""
    runs: Runs = {}
    for path in sorted(folder.glob("predictions-seed-*.npz")):
        with np.load(path) as arrays:
            labels = [arrays[f"labels/{split}"].astype(np.int64) for split in ("validation", "test")]
            for key in arrays.files:
                name, split = key.rsplit("/", 1)
                if split == "test" and name != "labels":
                    held_out = f"{name}/validation"
                    validation = arrays[held_out] if held_out in arrays.files else None
                    runs[name, int(path.stem.rpartition("-")[2])] = Predictions(validation, arrays[key], *labels)
    return runs


def sets_of(runs: Runs, seeds: Sequence[int], recipe: str) -> dict[str, list[list[Key]]]:
    """Sets of runs that a person might choose together, several of each kind; `recipe` is what fast-99 is called."""
    lengths = sorted({name.partition(", ")[2] for name, _ in runs if name.endswith("epochs")})
    names = {length: [*(f"{architecture}, {length}" for architecture in ARCHITECTURES), recipe] for length in lengths}
    softmax = [(f"softmax, {length}", seed) for length in lengths for seed in seeds]
    perceptrons = [(f"{name}, {lengths[0]}", seed) for name in ("mlp-100", "mlp-300") for seed in seeds]
    strong = [f"resnet-small, {lengths[-1]}", f"vgg-small, {lengths[-1]}", recipe]
    return {
        **{f"{name} alone": [[(name, seed)] for seed in seeds] for length in lengths for name in names[length]},
        **{f"{name}, all seeds": [[(name, seed) for seed in seeds]] for name in names[lengths[0]]},
        **{f"all seven, {length}": [[(name, seed) for name in names[length]] for seed in seeds] for length in lengths},
        "all seven, all seeds": [[(name, seed) for name in names[length] for seed in seeds] for length in lengths],
        "two softmax and a strong one": [[*softmax[:2], (name, seed)] for name in strong for seed in seeds],
        "all softmax and a strong one": [[*softmax, (name, seed)] for name in strong for seed in seeds],
        "all softmax 4 times and a strong one": [[*softmax * 4, (name, seed)] for name in strong for seed in seeds],
        "softmax, perceptrons, one lenet-5": [
            [*softmax, *perceptrons, (f"lenet-5, {lengths[0]}", seed)] for seed in seeds
        ],
    }


def print_planted(runs: Runs, seeds: Sequence[int]) -> None:
    """A row for each kind of errors and of sets: how many are found with each power, and without temperatures."""
    held_out = {key: run for key, run in runs.items() if run.validation is not None}
    sets = sets_of(held_out, seeds, "fast-99, images held out")
    counts_by_case: dict[tuple[str, str], list[list[int]]] = {}
    by_order: dict[str, list[list[int]]] = {}
    for planting in plantings(held_out):
        for name, members in sets.items():
            for keys in members:
                counts = [_count(planting, keys, power) for power in POWERS]
                counts.append(_count(planting, keys, doubtful.POWER, calibrate=False))
                counts_by_case.setdefault((planting.kind, name), []).append(counts)
                by_order.setdefault(planting.kind, []).append(_count_orders(planting, keys))
    print(f"  {'errors':10} {'runs':40}", *(f"{power:>6}" for power in POWERS), " uncalibrated")
    for (kind, name), counts in counts_by_case.items():
        print(f"  {kind:10} {name:40}", *(f"{mean:6.2f}" for mean in np.mean(counts, axis=0)))
    print("\nThe same in the mean over all these sets, by the order of the list")
    for kind, counts in by_order.items():
        odds, confidence, margin = np.mean(counts, axis=0)
        print(f"  {kind:10} odds {odds:5.2f}, confidence {confidence:5.2f}, margin {margin:5.2f}")


@dataclass(frozen=True)
class Planting:
    """Two halves of the validation images with planted errors: what runs are worth by one, their answers to the other.

    Without temperatures `plain_worths` stands for `worths`.
    """

    kind: str
    worths: dict[Key, RunWorth]
    plain_worths: dict[Key, RunWorth]
    probabilities: dict[Key, np.ndarray]
    labels: np.ndarray
    # Indices of the images with wrong labels.
    wrong: np.ndarray


def plantings(runs: Runs) -> Iterator[Planting]:
    """ROUNDS halvings with each kind of errors."""
    labels = next(iter(runs.values())).validation_labels
    values = {key: run.validation for key, run in runs.items() if run.validation is not None}
    reference = np.mean([value for (name, _), value in values.items() if name.startswith("vgg-small")], axis=0)
    generator = np.random.default_rng(0)
    for _ in range(ROUNDS):
        estimation, examined = np.array_split(generator.permutation(len(labels)), 2)
        for kind in ("random", "confusable", "hard"):
            estimation_labels, _ = plant(kind, labels[estimation], reference[estimation], generator)
            worths = {key: doubtful.run_worth(value[estimation], estimation_labels) for key, value in values.items()}
            plain = {
                key: replace(
                    worths[key], temperature=1.0, loss=negative_log_likelihood(value[estimation], estimation_labels)
                )
                for key, value in values.items()
            }
            parts = {key: value[examined] for key, value in values.items()}
            yield Planting(kind, worths, plain, parts, *plant(kind, labels[examined], reference[examined], generator))


def _count(planting: Planting, keys: Sequence[Key], power: float, calibrate: bool = True) -> int:
    worths = planting.worths if calibrate else planting.plain_worths
    values = [planting.probabilities[key] for key in keys]
    return hits(planting.wrong, planting.labels, values, [worths[key] for key in keys], power)


def _count_orders(planting: Planting, keys: Sequence[Key]) -> list[int]:
    """Errors found where the list is ordered by odds, as it is, by confidence, and by its margin over the label."""
    values, worths = [planting.probabilities[key] for key in keys], [planting.worths[key] for key in keys]
    table = doubtful.suspect_labels(planting.labels, values, worths)
    places, confidence = table["index"].to_numpy(), table["confidence"].to_numpy()
    orders = (np.arange(len(table)), -confidence, table["of_label"].to_numpy() - confidence)
    first = (places[np.argsort(order, kind="stable")[:FIRST]] for order in orders)
    return [int(np.isin(indices, planting.wrong).sum()) for indices in first]


def plant(
    kind: str, labels: np.ndarray, reference: np.ndarray, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Labels with PLANTED wrong ones, and their places.

    Of images that a good network, with the probabilities `reference`, has right: `random` gives any an arbitrary other
    label, `confusable` the network's second choice, and `hard` does that to those of which the network is least sure.
    """
    places = np.arange(len(labels))
    others = reference.copy()
    others[places, labels] = -1
    second, right = others.argmax(axis=1), np.flatnonzero(reference.argmax(axis=1) == labels)
    if kind == "hard":
        margin = reference[right, labels[right]] - others[right].max(axis=1)
        right = right[np.argsort(margin)[: round(HARD_SHARE * len(labels))]]
    wrong = generator.choice(right, PLANTED, replace=False)
    planted = labels.copy()
    classes = reference.shape[1]
    arbitrary = (labels[wrong] + generator.integers(1, classes, PLANTED)) % classes
    planted[wrong] = arbitrary if kind == "random" else second[wrong]
    return planted, wrong


def hits(
    wrong: Sequence[int] | np.ndarray,
    labels: np.ndarray,
    probabilities: Sequence[np.ndarray],
    worths: Sequence[RunWorth],
    power: float = doubtful.POWER,
) -> int:
    """How many of the wrong labels are among the first of the list."""
    table = doubtful.suspect_labels(labels, probabilities, worths, power=power)
    return int(np.isin(table["index"].to_numpy()[:FIRST], wrong).sum())


def print_known(runs: Runs, seeds: Sequence[int]) -> None:
    """A row for each kind of set: how many of the known errors each set finds, and their mean."""
    labels = next(iter(runs.values())).test_labels
    worths = {split: {key: run.worth(split) for key, run in runs.items()} for split in ("validation", "test")}
    for name, members in sets_of(runs, seeds, "fast-99").items():
        counts = []
        for keys in members:
            split = doubtful.weighing_split(runs[key].validation is not None for key in keys)
            counts.append(hits(KNOWN, labels, [runs[key].test for key in keys], [worths[split][key] for key in keys]))
        print(f"  {name:40} mean {np.mean(counts):5.2f}  ({', '.join(map(str, counts))})")


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
    else:
        evaluate(options.folder)


if __name__ == "__main__":
    main()
