"""What the measurements of many runs cost: room in the database, and seconds to record, to read and to follow them.

    python -m benchmarks.measurements [--runs 2000] [--steps 1000] [--epochs 10] [--rounds 20] [--folder FOLDER]

A new store is filled as workers fill it: eight runs at once, each in turn, with three series a step (loss, accuracy and
a learning rate that always changes) and four an epoch. Measured in it: bytes of the database a measured value; one
flush of a worker, which holds two steps; fifty runs' curves as arrays for a chart; and one look for what is new in a
run that is followed. What 100,000,000 values would take follows by arithmetic, for all figures depend on the size of
a run and hardly on the number of runs: compare `--runs 200` with `--runs 2000`. Times are those of the processor, so
that it does not matter what else the machine does.
"""

import argparse
import math
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import process_time

import sqlalchemy

from benchmarks.machine import describe_machine
from mnist_core.config import RunConfig
from mnist_core.events import EpochEnd, Event, StepEnd
from mnist_core.store import Run, Store

# How many runs are recorded in turn, and how many steps of each at a time.
_TOGETHER, _BATCH = 8, 20
# How many runs a chart shows.
_SHOWN = 50
_DRAWN = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy")
# Series of a step and of an epoch.
_STEP_SERIES, _EPOCH_SERIES = 3, 4
_MANY = 100_000_000


def events_of(seed: int, steps: int, epochs: int) -> list[Event]:
    """What a training of this many measured steps reports."""
    events: list[Event] = []
    for index in range(1, steps + 1):
        # The epochs share the steps evenly.
        epoch = 1 + (index - 1) * epochs // steps
        loss = 2.3 * math.exp(-index / steps) + 0.1 * math.sin(index + seed)
        rate = 0.001 * (1 + math.cos(math.pi * index / steps))
        events.append(StepEnd(5 * index, epoch, loss, 1 - loss / 3, rate, 9e4, 0.01 * index + seed / 1e3))
        if index == steps or 1 + index * epochs // steps > epoch:
            events.append(EpochEnd(5 * index, epoch, loss, 0.9, loss + 0.1, 0.9, True, 0.01 * index + 0.002))
    return events


def fill(store: Store, count: int, steps: int, epochs: int) -> tuple[float, list[Run]]:
    """Record this many runs; returns the seconds of the processor that it took, and the runs."""
    seconds, ended = 0.0, []
    for start in range(0, count, _TOGETHER):
        entries = [(RunConfig(seed=number), "") for number in range(start, min(start + _TOGETHER, count))]
        runs = [run for entry in store.enqueue_all(entries) if (run := store.claim(entry.id))]
        events = [events_of(run.config.seed, steps, epochs) for run in runs]
        began = process_time()
        for first in range(0, max(map(len, events)), _BATCH):
            for run, of_run in zip(runs, events, strict=True):
                store.record(run, of_run[first : first + _BATCH])
        seconds += process_time() - began
        for run in runs:
            store.finish(run, "finished")
        ended += runs
    return seconds, ended


def timed(rounds: int, work: Callable[[], object]) -> float:
    """Median milliseconds of the processor for some work."""
    took = []
    for _ in range(rounds):
        began = process_time()
        work()
        took.append(1000 * (process_time() - began))
    return statistics.median(took)


def read_curves(store: Store, runs: list[Run]) -> None:
    """The curves of some runs, as a chart of runs that have ended reads them."""
    for run in runs:
        store.curves(run.id, _DRAWN)


def poll(store: Store, run: Run, after: int) -> int:
    """What a chart that lives reads of one run at each look; returns the last row's id."""
    return store.new_curves(run.id, after, _DRAWN)[0]


def follow(store: Store, rounds: int, steps: int) -> dict[str, float]:
    """Median milliseconds of a worker's flush, and of a look at its run with and without something new."""
    entry = store.enqueue(RunConfig())
    run = store.claim(entry.id)
    assert run
    events = [event for event in events_of(0, steps + 2 * rounds, 1) if isinstance(event, StepEnd)]
    store.record(run, events[:steps])
    last = poll(store, run, 0)
    flushes, news, idle = [], [], []
    for first in range(steps, steps + 2 * rounds, 2):
        flushes.append(timed(1, lambda first=first: store.record(run, events[first : first + 2])))
        news.append(timed(1, lambda last=last: poll(store, run, last)))
        last = poll(store, run, last)
        idle.append(timed(1, lambda last=last: poll(store, run, last)))
    store.finish(run, "finished")
    return {
        "flush of two steps": statistics.median(flushes),
        "look with something new": statistics.median(news),
        "look with nothing new": statistics.median(idle),
    }


def size_of(store: Store) -> int:
    """Bytes of the database's file, once all is moved from its log."""
    assert store.file
    engine = sqlalchemy.create_engine(f"sqlite:///{store.file}")
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()
    return store.file.stat().st_size


def measure(folder: Path, chosen: argparse.Namespace) -> None:
    store = Store.open(folder / "results")
    empty = size_of(store)
    seconds, runs = fill(store, chosen.runs, chosen.steps, chosen.epochs)
    values = chosen.runs * (_STEP_SERIES * chosen.steps + _EPOCH_SERIES * chosen.epochs)
    room = (size_of(store) - empty) / values
    shown = runs[:: max(1, len(runs) // _SHOWN)][:_SHOWN]
    print(f"{chosen.runs:,} runs, {values:,} values, {size_of(store) / 1e6:,.0f} MB")
    print(f"size: {room:.1f} bytes a value, {_MANY * room / 1e9:.1f} GB for {_MANY:,}")
    print(f"record: {1e6 * seconds / values:.2f} µs a value in batches of {_BATCH} steps")
    print(f"read: {timed(chosen.rounds, lambda: read_curves(store, shown)):.0f} ms for the curves of {len(shown)} runs")
    for name, milliseconds in follow(store, 10 * chosen.rounds, chosen.steps).items():
        print(f"{name}: {milliseconds:.2f} ms")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    for name, default in (("runs", 2000), ("steps", 1000), ("epochs", 10), ("rounds", 20)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--folder", type=Path, help="where the store is made; it is removed afterwards")
    chosen = parser.parse_args()
    print(describe_machine())
    with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
        measure(Path(folder), chosen)
    return 0


if __name__ == "__main__":
    sys.exit(main())
