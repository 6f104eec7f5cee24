"""Where queued runs are trained: what `Jobs` needs of it, and the choice. Never imports torch."""

import threading
from typing import Protocol

from mnist_core import environment
from mnist_core.jobs.local_executor import LocalExecutor
from mnist_core.jobs.troubles import Trouble
from mnist_core.store import Run, Store


class Executor(Protocol):
    """Trains the queued runs of one store. One thread calls `step`; any may ask for the rest."""

    @property
    def failed_starts(self) -> int:
        """How many starts of what trains runs failed in succession."""
        ...

    @property
    def troubles(self) -> list[Trouble]:
        """What keeps runs from being trained now."""
        ...

    def step(self) -> None:
        """Find out what has ended, and take runs from the queue; called ten times a second. Raises STORE_ERRORS."""
        ...

    def silence(self, run: Run) -> float:
        """For how many seconds the worker of this running run has given no sign of life, as far as this knows."""
        ...

    def end(self, wait_seconds: float) -> None:
        """End what was started in this process, and wait so long for it; called after the last `step`."""
        ...


def make_executor(store: Store, ending: threading.Event) -> Executor:
    """The executor that the environment names; `ending` is set once nothing may be started any more."""
    if environment.cluster_address():
        # Imported late: a laptop has no use for it.
        from mnist_core.jobs.cluster.cluster_executor import ClusterExecutor

        return ClusterExecutor(store, ending)
    return LocalExecutor(store, ending)
