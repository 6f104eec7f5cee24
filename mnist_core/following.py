"""Train many queued runs from the command line: the background jobs, and one bar until all have ended."""

import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from mnist_core import jobs
from mnist_core.store import Run, Store
from mnist_core.text import one_line

_LOOK_SECONDS = 0.5


def follow_all(store: Store, runs: Sequence[Run], as_json: bool = False) -> list[Run]:
    """Train these runs, several at a time in processes of their own, until each has ended; returns them as they are.

    Other runs of the queue are trained too. Ctrl-C interrupts what is running so that it can be resumed.
    """
    ids = [run.id for run in runs]
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with interruptible() as interrupt, Progress(*columns, console=Console(stderr=True), disable=as_json) as bar:
        task = bar.add_task("runs", total=len(ids))
        thread = jobs.start(store)
        ended: set[str] = set()
        while True:
            found = store.runs(ids=ids)
            for run in found:
                if not run.active and run.id not in ended:
                    ended.add(run.id)
                    bar.console.print(_line(run), markup=False, emoji=False, highlight=False)
            bar.update(task, completed=len(ended))
            if not any(run.active for run in found):
                return found
            if interrupt.wait(_LOOK_SECONDS):
                thread.end()
                return store.runs(ids=ids)


@contextmanager
def interruptible() -> Iterator[threading.Event]:
    """An event that Ctrl-C sets; where there is no main thread to tell, it stays unset."""
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event
        return
    before = signal.signal(signal.SIGINT, lambda *_: event.set())
    try:
        yield event
    finally:
        signal.signal(signal.SIGINT, before)


def _line(run: Run) -> str:
    test = "test accuracy (optimistic)" if run.optimistic else "test accuracy"
    accuracy = "" if run.test_accuracy is None else f", {test} {run.test_accuracy:.2%}"
    note = f" {one_line(run.note)}" if run.state in ("failed", "diverged", "interrupted") else ""
    return f"#{run.number} {one_line(run.name)}: {run.state}{accuracy} in {run.seconds:.0f} s.{note}"
