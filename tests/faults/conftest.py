"""What the tests of faults share: a background queue with real workers."""

from collections.abc import Iterator

import pytest

from mnist_core.jobs import queue
from mnist_core.store import concurrency
from mnist_core.store.store import Store


@pytest.fixture
def running(store: Store) -> Iterator[queue.Jobs]:
    """The queue of the test's store, which trains one run at a time until the test ends."""
    concurrency.set_runs_at_once(store, 1)
    thread = queue.start(store)
    yield thread
    thread.end()
