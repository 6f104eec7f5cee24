"""Many short runs one after another through the queue of one app: does its process hold on to more and more?"""

import random
import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.app_memory import Taken, taken_by
from benchmarks.class_figures import Notes, faults_in_log
from benchmarks.class_session import ClassSession
from mnist_core.config import RunConfig
from mnist_core.store import Store
from tests.app_process import app_process, entry_cookie, free_port

_SHORT = RunConfig(dataset="mnist-5k", train_images=300, validation_images=100, architecture="softmax", epochs=1)
# Runs that are in the queue together, and seconds until as many must have ended.
_TOGETHER, _PATIENCE = 10, 300.0


def soak(count: int, every: int = 50) -> list[Taken]:
    """Train so many runs, print a line after each `every`, and return what the app's process took then."""
    with tempfile.TemporaryDirectory() as name:
        results, port = Path(name) / "results", free_port()
        store, taken, began = Store.open(results), [], time.monotonic()
        with app_process(results, port, env={"MNIST_LAB_ACCESS": "on"}) as app:
            cookie = entry_cookie(port, results, "teacher")
            with ClassSession(port, cookie, Notes(), random.Random(0)) as teacher:
                teacher.open("train", "")
                print("  runs    PSS MB    RSS MB  threads  files  processes  runs a second", flush=True)
                for first in range(0, count, every):
                    _train(store, teacher, first, min(count, first + every))
                    taken.append(taken_by(app.pid))
                    print(_line(min(count, first + every), taken[-1], time.monotonic() - began), flush=True)
        states = [run.state for run in store.runs()]
        faults = faults_in_log((results / "app.log").read_text(errors="replace"))
    print(f"  {states.count('finished')} of {len(states)} finished; uncaught exceptions in the log: {len(faults)}")
    print(_halves(taken))
    return taken


def _train(store: Store, teacher: ClassSession, first: int, last: int) -> None:
    """Train the runs from one number to another while the teacher's page stays open."""
    for begin in range(first, last, _TOGETHER):
        for seed in range(begin, min(last, begin + _TOGETHER)):
            store.enqueue(_SHORT.replace(seed=seed))
        ends = time.monotonic() + _PATIENCE
        while store.runs(states=["queued", "running"]):
            assert time.monotonic() < ends, "the runs did not end"
            teacher.look(0.2)


def _line(count: int, taken: Taken, seconds: float) -> str:
    return (
        f"{count:6}{taken.pss / 1e6:10.1f}{taken.rss / 1e6:10.1f}{taken.threads:9}{taken.files:7}{taken.children:11}"
        f"{count / seconds:15.2f}"
    )


def _halves(taken: list[Taken]) -> str:
    """How much each figure grew in the first half of the lines and in the second."""
    if len(taken) < 3:
        return "  too few lines to compare halves"
    middle = len(taken) // 2
    parts = []
    for name, unit in (("pss", 1e6), ("rss", 1e6), ("threads", 1), ("files", 1), ("children", 1)):
        values = [getattr(sample, name) / unit for sample in taken]
        parts.append(f"{name} {values[middle] - values[0]:+.1f} then {values[-1] - values[middle]:+.1f}")
    before, after = (statistics.mean(sample.pss for sample in half) for half in (taken[:middle], taken[middle:]))
    growth = f"mean PSS of the halves {after / before - 1:+.1%}"
    return f"  growth in the first and the second half: {', '.join(parts)}; {growth}"
