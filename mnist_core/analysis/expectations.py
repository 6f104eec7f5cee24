"""What accuracy to expect of a network: from figures that ship with the presets, and from one's own runs."""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import fmean, median

from mnist_core import architectures
from mnist_core.architectures import presets
from mnist_core.store import Run

# Measured by `python -m benchmarks.expected_accuracy`.
SHIPPED_FIGURES = Path(architectures.__file__).with_name("presets") / "expected.csv"
SHIPPED_COLUMNS = ("preset", "layers", "epochs", "test_accuracies")


@dataclass(frozen=True)
class ShippedFigure:
    """The test accuracies of a preset on MNIST with the usual settings but this number of epochs, seeds 0, 1, ..."""

    # The line of layers that was measured.
    layers: str
    epochs: int
    # Shares, one a seed.
    accuracies: tuple[float, ...]

    @property
    def accuracy(self) -> float:
        """The mean over the seeds."""
        return fmean(self.accuracies)


@dataclass(frozen=True)
class OwnRuns:
    """How well one's own finished runs of a network did on a data set."""

    # Median test accuracy of the runs, a share.
    accuracy: float
    runs: int
    # The fewest and the most epochs that the runs were trained for.
    epochs: tuple[int, int]


@cache
def shipped_figures() -> Mapping[str, ShippedFigure]:
    """The figures that ship, by preset; those of a preset whose layers have changed since are left out."""
    by_name = presets()
    figures = read_figures(SHIPPED_FIGURES)
    return {name: figure for name, figure in figures.items() if name in by_name and by_name[name].text == figure.layers}


def read_figures(path: Path) -> dict[str, ShippedFigure]:
    """All figures of a file like the shipped one; none if it does not exist."""
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        return {
            row["preset"]: ShippedFigure(
                row["layers"], int(row["epochs"]), tuple(map(float, row["test_accuracies"].split()))
            )
            for row in csv.DictReader(file)
        }


def write_figures(path: Path, figures: Mapping[str, ShippedFigure]) -> None:
    """Write a file that `read_figures` reads, in the order of the presets."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(SHIPPED_COLUMNS)
        for name in [name for name in presets() if name in figures]:
            figure = figures[name]
            accuracies = " ".join(f"{accuracy:.4f}" for accuracy in figure.accuracies)
            writer.writerow((name, figure.layers, figure.epochs, accuracies))


def own_accuracies(runs: Iterable[Run], dataset: str) -> dict[str, OwnRuns]:
    """How well one's own finished runs on this data set did, by the architecture as their configs have it.

    Runs that chose their best epoch on the test images are left out, because their test accuracy is too good.
    """
    by_network: dict[str, list[Run]] = {}
    for run in runs:
        is_comparable = run.state == "finished" and run.dataset == dataset and not run.optimistic
        if is_comparable and run.test_accuracy is not None:
            by_network.setdefault(run.config.architecture, []).append(run)
    return {
        network: OwnRuns(
            accuracy=median(run.test_accuracy or 0.0 for run in members),
            runs=len(members),
            epochs=(min(run.epoch for run in members), max(run.epoch for run in members)),
        )
        for network, members in by_network.items()
    }
