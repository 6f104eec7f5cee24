"""A league of the persons of a class: one run of each, and places that nobody has by luck alone.

The run that counts is chosen without the test images: the one with the best validation accuracy. Its test accuracy is
therefore an honest figure. A place is one more than the number of runs that are better beyond chance, so that runs that
cannot be told apart may share a place.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from mnist_core.analysis.stats.pairs import ALPHA
from mnist_core.analysis.verdict import Verdict
from mnist_core.config import DATASET_CATALOGUE
from mnist_core.store import Run, RunQuery, Store, read_owners, read_page

_FINISHED = RunQuery(states=["finished"])
DATASETS = tuple(DATASET_CATALOGUE)
# How many of a person's best runs are read at once.
_AT_ONCE = 50


@dataclass(frozen=True)
class LeagueRow:
    """One person's place. Accuracies are fractions, on the test images."""

    run: Run
    accuracy: float
    # The 95 % interval (Wilson) over the choice of test images.
    low: float
    high: float
    # How many of the others it beats, and by how many it is beaten, beyond chance.
    wins: int
    losses: int

    @property
    def place(self) -> int:
        """1 for the first; whoever cannot be told apart may share a place."""
        return self.losses + 1


def entries(runs: Sequence[Run]) -> list[Run]:
    """Of each owner the finished run with the best validation accuracy, of equals the earlier.

    Out are runs without a validation accuracy, and those from archives, whose answers were not made here.
    """
    best: dict[str | None, Run] = {}
    for run in sorted(runs, key=lambda run: run.number):
        accuracy = run.held_out_accuracy
        if run.state != "finished" or run.test_accuracy is None or accuracy is None or run.imported:
            continue
        held = best.get(run.owner)
        if held is None or accuracy > (held.held_out_accuracy or 0):
            best[run.owner] = run
    return sorted(best.values(), key=lambda run: run.number)


def read_datasets(store: Store) -> list[str]:
    """The data sets on which a run has finished, those first on which most persons have one."""
    persons = {name: len(read_owners(store, replace(_FINISHED, dataset=name))) for name in DATASETS}
    return sorted((name for name in DATASETS if persons[name]), key=lambda name: -persons[name])


def read_entries(store: Store, dataset: str) -> list[Run]:
    """The `entries` of all runs on a data set, of which only each owner's best are read."""
    best_runs = []
    of_dataset = replace(_FINISHED, dataset=dataset)
    for owner in read_owners(store, of_dataset):
        wanted, offset = replace(of_dataset, owners=[owner]), 0
        while page := read_page(store, wanted, "validation_accuracy", limit=_AT_ONCE, offset=offset).runs:
            best_runs += (best := entries(page))
            # Runs without a validation accuracy come last.
            if best or page[-1].validation_accuracy is None:
                break
            offset += _AT_ONCE
    return sorted(best_runs, key=lambda run: run.number)


def league(verdict: Verdict) -> list[LeagueRow]:
    """The rows of the table, the best place first; of one place the higher accuracy first."""
    runs = verdict.predictions.runs
    wins, losses = _wins_and_losses(verdict)
    rows = [
        LeagueRow(
            run=run,
            accuracy=verdict.count_right(index) / verdict.predictions.images,
            low=verdict.interval(index)[0],
            high=verdict.interval(index)[1],
            wins=wins[run.id],
            losses=losses[run.id],
        )
        for index, run in enumerate(runs)
    ]
    return sorted(rows, key=lambda row: (row.place, -row.accuracy, row.run.number))


def _wins_and_losses(verdict: Verdict) -> tuple[Mapping[str, int], Mapping[str, int]]:
    """How many others each run beats, and how many beat it, by id: pairs with p below 5 %, corrected for their number.

    McNemar's exact test on the images that only one of the two has right, corrected by Holm's method.
    """
    runs = verdict.predictions.runs
    wins, losses = {run.id: 0 for run in runs}, {run.id: 0 for run in runs}
    for pair in verdict.pairs:
        ahead = verdict.count_right(pair.a) - verdict.count_right(pair.b)
        if ahead == 0 or pair.adjusted >= ALPHA:
            continue
        better, worse = (pair.a, pair.b) if ahead > 0 else (pair.b, pair.a)
        wins[runs[better].id] += 1
        losses[runs[worse].id] += 1
    return wins, losses
