"""The store: runs, metrics and artifacts in one database, files in a folder a run. Never imports torch."""

from mnist_core.store.artifacts import Artifact
from mnist_core.store.runs import ACTIVE, RESUMABLE, BrokenRun, Run
from mnist_core.store.store import Store
from mnist_core.store.sweeps import SweepRow

__all__ = ["ACTIVE", "RESUMABLE", "Artifact", "BrokenRun", "Run", "Store", "SweepRow"]
