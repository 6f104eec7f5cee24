"""How long the database takes for a page of runs in a store of 100,000 runs and ten million measured rows.

    python -m benchmarks.large_store [--runs 100000] [--rows 10000000] [--database sqlite|postgres] [--keep FOLDER]

The store is made in a temporary folder from rows as training writes them: nine of ten runs are finished, a tenth of
them has a thousand measured rows or more. Each figure is the median of several reads through the functions that the
app uses, so the time to make `Run` objects is part of it:

    without    before the indexes of the pages are made
    with       once they are there

A page has 50 runs. `all runs` is what a page had to read before. PostgreSQL is a server of the benchmark's own on
loopback, which does not wait for the disk; it is vacuumed once after filling, as it does by itself after a while.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import sqlalchemy as sa

from benchmarks.machine import describe_machine
from mnist_core import environment
from mnist_core.config import RunConfig
from mnist_core.errors import StorageError
from mnist_core.store import RunQuery, Store, count_matches, read_page
from mnist_core.store.connections import writing
from mnist_core.store.run import new_row
from mnist_core.store.schema import PAGE_INDEXES, measurements, runs
from tests.postgres_server import temporary_server

PAGE = 50
# Rows of the table of runs in one statement, and measured rows of a run that has any.
_ROWS, _POINTS = 2_000, 1_000
_STATES = ("finished",) * 18 + ("failed", "stopped")


def fill(store: Store, count: int, measured: int) -> None:
    """Add so many ended runs, and so many measured rows, spread over a tenth of the runs."""
    random = np.random.default_rng(0)
    for first in range(0, count, _ROWS):
        rows = [_row(number, random) for number in range(first, min(count, first + _ROWS))]
        with writing(store.engine, durable=False).begin() as connection:
            connection.execute(runs.insert(), rows)
    add_measurements(store, max(1, count // 10), measured)


def add_measurements(store: Store, last: int, measured: int) -> None:
    """Add measured rows to the runs up to number `last`, made by the database itself from numbers alone."""
    points = max(1, measured // last)
    first = sa.select(sa.literal(1).label("id")).cte(recursive=True)
    step = first.union_all(sa.select(first.c.id + 1).where(first.c.id < points))
    loss = 2.3 / (1 + 0.01 * step.c.id) + 0.0001 * (runs.c.number % 97)
    columns = [runs.c.number, step.c.id, 10 * step.c.id, 1 + step.c.id / 100, 0.02 * step.c.id, loss, 1 - loss / 3]
    names = ["run", "id", "step", "epoch", "seconds", "train_loss", "train_accuracy"]
    query = sa.select(*columns).select_from(runs.join(step, sa.true())).where(runs.c.number <= last)
    with writing(store.engine, durable=False).begin() as connection:
        connection.execute(measurements.insert().from_select(names, query.order_by(runs.c.number, step.c.id)))
        connection.execute(runs.update().where(runs.c.number <= last).values(recorded=points))


def reads(store: Store, count: int) -> dict[str, Callable[[], object]]:
    """What is measured, by its name."""
    network, run = RunQuery(architecture="mlp-120"), store.find(str(max(1, count // 20))).id
    rare, often = RunQuery(text=f"run-{count // 3:06}"), RunQuery(text="sweep mlp-120")
    ended, best = RunQuery(states=["finished"], text="mlp-120"), "test_accuracy"
    return {
        "newest page": lambda: read_page(store, limit=PAGE),
        "newest thousand": lambda: read_page(store),
        "page 1,000 (or the last)": lambda: read_page(store, limit=PAGE, offset=min(PAGE * 999, count - PAGE)),
        "best by test accuracy": lambda: read_page(store, sort=best, limit=PAGE),
        "best stopped": lambda: read_page(store, RunQuery(states=["stopped"]), best, limit=PAGE),
        "best of one architecture": lambda: read_page(store, network, best, limit=PAGE),
        "name that one run has": lambda: read_page(store, rare, limit=PAGE),
        "the same, sorted by test accuracy": lambda: read_page(store, rare, best, limit=PAGE),
        "two words that many have, best": lambda: read_page(store, often, best, limit=PAGE),
        "finished with a word, best": lambda: read_page(store, ended, best, limit=PAGE),
        "count of all": lambda: count_matches(store, RunQuery()),
        "count of one architecture": lambda: count_matches(store, network),
        "count of what a word finds": lambda: count_matches(store, RunQuery(text="mlp-120")),
        "whether a run has finished since": store.finished_stamp,
        "one run's curves": lambda: store.curves(run),
        "one curve": lambda: store.curves(run, ["train_loss"]),
    }


def timed(read: Callable[[], object]) -> float:
    """Milliseconds that a read takes."""
    begun = time.perf_counter()
    read()
    return 1000 * (time.perf_counter() - begun)


def all_runs(store: Store) -> None:
    """Read every run; a server may end the connection before all of them are made, which is then the time it took."""
    with suppress(StorageError):
        store.runs()


def medians(wanted: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Milliseconds of each read, the median over rounds that do all of them in turn."""
    times: dict[str, list[float]] = {name: [] for name in wanted}
    for _ in range(rounds + 1):
        for name, read in wanted.items():
            times[name].append(timed(read))
    # The first read of a page brings it into memory.
    return {name: statistics.median(of_name[1:]) for name, of_name in times.items()}


@contextmanager
def empty_store(folder: Path, database: str) -> Iterator[Store]:
    """A new store in the folder, in a file or on a server."""
    if database == "sqlite":
        yield Store(folder / "results", environment.sqlite_url(folder / "runs.db"))
        return
    with temporary_server() as server:
        store = Store(folder / "results", server.url(server.new_database()))
        yield store
        store.engine.dispose()


def tidy(store: Store) -> None:
    """What a server does by itself after a while: it counts its rows, and notes which pages all may see."""
    if store.file is None:
        with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")


def versions(store: Store) -> str:
    """The database and its version."""
    with store.engine.connect() as connection:
        if store.file is not None:
            return f"SQLite {connection.exec_driver_sql('SELECT sqlite_version()').scalar()}"
        return f"PostgreSQL {connection.exec_driver_sql('SHOW server_version').scalar()}"


def measure(store: Store, count: int, rounds: int) -> tuple[dict[str, float], dict[str, float], float]:
    """Medians without and with the indexes, and the seconds that making the indexes took."""
    with writing(store.engine).begin() as connection:
        for index in PAGE_INDEXES:
            index.drop(connection)
    tidy(store)
    wanted = reads(store, count)
    # Read once: it takes as long as everything else together.
    without = {"all runs": timed(lambda: all_runs(store))} | medians(wanted, rounds)
    begun = time.perf_counter()
    with writing(store.engine).begin() as connection:
        for index in PAGE_INDEXES:
            index.create(connection)
    seconds = time.perf_counter() - begun
    tidy(store)
    return without, medians(wanted, rounds), seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--keep", type=Path, help="make the store here and leave it, for a look with the app")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        with empty_store(folder, options.database) as store:
            begun = time.perf_counter()
            fill(store, options.runs, options.rows)
            filled = time.perf_counter() - begun
            print(describe_machine(), f"{versions(store)}, load average {os.getloadavg()[0]:.1f}", flush=True)
            without, indexed, seconds = measure(store, options.runs, options.rounds)
            print(f"{options.runs:,} runs, {options.rows:,} rows in {filled:.0f} s; indexes in {seconds:.1f} s")
    print(f"{'milliseconds':<36}{'without':>10}{'with':>10}")
    for name, value in without.items():
        print(f"{name:<36}{value:10.1f}" + (f"{indexed[name]:10.1f}" if name in indexed else ""))


def _row(number: int, random: np.random.Generator) -> dict[str, object]:
    config = RunConfig(
        architecture=f"mlp-{10 * (1 + number % 50)}",
        learning_rate=float(10 ** random.uniform(-4, -1)),
        seed=number % 5,
        epochs=10,
    )
    state, accuracy = _STATES[number % len(_STATES)], float(random.uniform(0.9, 0.99))
    row = new_row(config, f"run-{number:06}", ("sweep",) if number % 2 else (), 1.7e9 + 60 * number, number)
    return row | {
        "state": state,
        "queued": None,
        "started": row["created"],
        "finished": row["created"] + 50.0,
        "epoch": 10,
        "step": 8590,
        "steps_per_epoch": 859,
        "parameters": 79_510,
        "macs": 79_400,
        "train_images": 55_000,
        "seconds": 30 * float(random.random()),
        "images_per_second": 60_000.0,
        "best_epoch": 7,
        "train_loss": 1 - accuracy,
        "train_accuracy": accuracy,
        "validation_loss": 0.1,
        "validation_accuracy": accuracy,
        "test_loss": 0.1,
        "test_accuracy": accuracy - 0.002 if state == "finished" else None,
    }


if __name__ == "__main__":
    main()
