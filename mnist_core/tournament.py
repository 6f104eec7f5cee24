"""A fair tournament: one line of network a person, trained under an equal budget of multiply-accumulates.

The budget counts the forward passes of training: multiply-accumulates of one image, times training images, times
epochs. A small network trains for more epochs than a large one. All other settings are the same for everyone.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

from mnist_core.architectures import describe_architecture
from mnist_core.config import RunConfig, dataset
from mnist_core.data import input_shape_and_classes, split_sizes
from mnist_core.errors import ConfigError, MnistLabError, StoreError
from mnist_core.store import Run, RunQuery, Store, queueing, read_page, read_tags
from mnist_core.text import one_line

# The most epochs that a small network gets, whatever its budget would buy.
MOST_EPOCHS = 50
# Data sets of a tournament: those that come with a number of images known beforehand.
DATASETS = ("mnist-5k", "mnist", "fashion-mnist")
_SETTING = "tournament"
_NAME_LENGTH = 60
_TAG = "tournament: "


@dataclass(frozen=True)
class Tournament:
    """What holds for every entry."""

    name: str
    dataset: str
    # Multiply-accumulates of all forward passes of training.
    budget: int

    @property
    def tag(self) -> str:
        """The tag of its runs."""
        return f"{_TAG}{self.name}"


def begin_tournament(store: Store, name: str, dataset_name: str, yardstick: str, epochs: int) -> Tournament:
    """Begin a tournament whose budget is what `epochs` of the network `yardstick` take; the one before ends.

    Where entries of an earlier one have this name, it gets a number behind it, so that it begins without entries.
    Raises ArchitectureError, ConfigError, NotAllowedError for a student.
    """
    line = one_line(name).strip()[:_NAME_LENGTH]
    if not line:
        raise ConfigError("name", "a tournament needs a name")
    if dataset_name not in DATASETS:
        raise ConfigError("dataset", f"a tournament is about one of {', '.join(DATASETS)}")
    if not 1 <= epochs <= MOST_EPOCHS:
        raise ConfigError("epochs", f"must lie between 1 and {MOST_EPOCHS}")
    cost = _cost_of_epoch(RunConfig.parse({"architecture": yardstick, "dataset": dataset_name}))
    started = Tournament(_free_name(store, line), dataset_name, epochs * cost)
    store.set_setting(_SETTING, vars(started))
    return started


def end_tournament(store: Store) -> None:
    """Take no more entries; the runs stay. Raises NotAllowedError for a student."""
    store.set_setting(_SETTING, None)


def read_tournament(store: Store) -> Tournament | None:
    """The tournament of now; None if there is none."""
    match store.setting(_SETTING):
        case {"name": str(name), "dataset": str(dataset_name), "budget": int(budget)} if dataset_name in DATASETS:
            return Tournament(name, dataset_name, budget)
    return None


def entry_config(tournament: Tournament, architecture: str) -> RunConfig:
    """The settings with which this network takes part: as many epochs as its budget buys.

    Raises ArchitectureError for a line that is no network, ConfigError for one whose first epoch is beyond the budget.
    """
    config = RunConfig.parse({"architecture": architecture, "dataset": tournament.dataset})
    cost = _cost_of_epoch(config)
    epochs = min(MOST_EPOCHS, tournament.budget // max(1, cost))
    if epochs < 1:
        raise ConfigError(
            "architecture",
            f"one epoch of this network takes {cost:,} multiply-accumulates, and the budget is {tournament.budget:,}; "
            "make it smaller",
        )
    return config.replace(epochs=epochs)


def enter(store: Store, tournament: Tournament, architecture: str) -> Run:
    """Take part with this network: queue its run, which all of the class may see.

    Raises ArchitectureError, ConfigError, DataError; StoreError if this is not the tournament of now any more.
    """
    if read_tournament(store) != tournament:
        raise StoreError("This tournament is over: it takes no more entries.")
    config = entry_config(tournament, architecture)
    run = queueing.enqueue(store, config, f"{tournament.name}: {architecture}", [tournament.tag])
    store.share([run.id])
    return run


def read_entries(store: Store, tournament: Tournament) -> list[Run]:
    """The run of each person that counts: the last one that keeps to the rules, in whatever state it is.

    A tag can be given to any run, so that the settings of each run are compared with the rules, and runs from archives,
    whose answers were not made here, do not count.
    """
    last: dict[str | None, Run] = {}
    for run in read_page(store, RunQuery(text=tournament.tag), descending=False, limit=None).runs:
        if tournament.tag in run.tags and not run.imported and _keeps_rules(tournament, run):
            last[run.owner] = run
    return list(last.values())


def _free_name(store: Store, name: str) -> str:
    taken = read_tags(store, RunQuery(text=_TAG))
    endings = ("" if number == 1 else f" {number}" for number in count(1))
    names = (f"{name[: _NAME_LENGTH - len(ending)]}{ending}" for ending in endings)
    return next(free for free in names if f"{_TAG}{free}" not in taken)


def _keeps_rules(tournament: Tournament, run: Run) -> bool:
    try:
        config = entry_config(tournament, run.config.architecture)
    except MnistLabError:
        return False
    return run.config.digest() == config.digest()


def _cost_of_epoch(config: RunConfig) -> int:
    shape, classes = input_shape_and_classes(config)
    images = split_sizes(config, dataset(config.dataset).train_images or 0)[0]
    return describe_architecture(config.architecture, shape, classes).macs * images


def budget_in_words(budget: int) -> str:
    """The budget with a unit: "12.3 billion multiply-accumulates"."""
    for size, word in ((1e12, "trillion"), (1e9, "billion"), (1e6, "million")):
        if budget >= size:
            return f"{budget / size:.3g} {word} multiply-accumulates"
    return f"{budget:,} multiply-accumulates"


def order_of_finish(runs: Sequence[Run]) -> list[Run]:
    """Entries that have not been tested yet, those nearest to their end first."""
    waiting = [run for run in runs if run.test_accuracy is None]
    return sorted(waiting, key=lambda run: (-run.progress, run.queued or math.inf, run.number))
