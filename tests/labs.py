"""Runs that are trained in the test's own process."""

from collections.abc import Sequence

from mnist_core.config.run_config import RunConfig
from mnist_core.jobs.worker import work
from mnist_core.store.run import Run
from mnist_core.store.store import Store


def train_now(store: Store, run: Run) -> Run:
    """Train a claimed run until it ends or a request stops it; returns the run as it is then."""
    for _ in work(store, run):
        pass
    return store.run(run.id)


def trained_run(store: Store, config: RunConfig, name: str = "", tags: Sequence[str] = ()) -> Run:
    """A run of this config, trained to its end."""
    return train_now(store, store.enqueue(config, name, tags, claimed=True))


def follow_here(
    store: Store, runs: Sequence[Run], interrupt: object, as_json: bool = False, again: str = ""
) -> list[Run]:
    """`jobs.follow_all` in this process instead of in worker processes, which other tests cover."""
    while run := store.claim():
        train_now(store, run)
    return store.runs(ids=[run.id for run in runs])
