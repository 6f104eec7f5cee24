"""Train runs with a progress bar until they have ended: one in this process, or many in processes of their own."""

import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from mnist_core.errors import StoreError
from mnist_core.events import EpochEnd, RunStarted, StepEnd
from mnist_core.jobs import queue
from mnist_core.jobs.queue import Jobs
from mnist_core.jobs.troubles import Trouble
from mnist_core.jobs.worker_process import LOG
from mnist_core.store import Run, Store, runs_at_once
from mnist_core.text import in_terminal, one_line

_LOOK_SECONDS = 0.5
# Give up after this many workers in a row that fail to start. The pauses between them grow, to a minute or two in all.
_STARTS = 6
_HELD = Trouble("The queue is held: no run may train at once. The page Train of the dashboard changes that.")


def follow_run(
    store: Store, run: Run, interrupt: threading.Event, *, show_bar: bool = True, show_epochs: bool = False
) -> Run:
    """Train a claimed run in this process until it ends or `interrupt` is set; returns it as it is then.

    With `show_epochs` each epoch's accuracies stand above the bar.
    """
    # Imported late, because it imports torch.
    from mnist_core.jobs.worker import work

    with _progress(TimeRemainingColumn(), show_bar) as bar:
        task = bar.add_task(f"#{run.number} {one_line(run.name)}")
        for event in work(store, run, interrupt):
            if isinstance(event, RunStarted):
                bar.update(task, total=event.steps_per_epoch * run.config.epochs, completed=event.first_step)
            elif isinstance(event, StepEnd):
                bar.update(task, completed=event.step)
            elif show_epochs and isinstance(event, EpochEnd) and event.validation_accuracy is not None:
                bar.console.print(
                    f"epoch {event.epoch}: training {event.train_accuracy:.2%}, "
                    f"{run.validation_label} {event.validation_accuracy:.2%}"
                )
    return store.run(run.id)


def follow_all(
    store: Store, runs: Sequence[Run], interrupt: threading.Event, as_json: bool = False, again: str = ""
) -> list[Run]:
    """Train these runs, several at a time in processes of their own, until each has ended; returns them as they are.

    Other runs of the queue are trained too. `interrupt` interrupts what is running so that it can be resumed.
    Raises StoreError if no process can be started after several tries: the runs stay in the queue, and `again` is the
    command that goes on with them.
    """
    ids = [run.id for run in runs]
    with _progress(TimeElapsedColumn(), not as_json) as bar:
        task = bar.add_task("runs", total=len(ids))
        thread = queue.start(store)
        ended: set[str] = set()
        shown: list[Trouble] = []
        while True:
            if (troubles := _troubles(store, thread)) != shown:
                new = [trouble for trouble in troubles if trouble not in shown]
                shown = troubles
                for trouble in new:
                    bar.console.print(
                        in_terminal(f"{trouble.text}\n{trouble.lines}".strip()),
                        markup=False,
                        emoji=False,
                        highlight=False,
                    )
            followed = store.runs(ids=ids)
            for run in followed:
                if not run.active and run.id not in ended:
                    ended.add(run.id)
                    bar.console.print(_line(run), markup=False, emoji=False, highlight=False)
            bar.update(task, completed=len(ended))
            if not any(run.active for run in followed):
                return followed
            if thread.failed_starts >= _STARTS and not any(run.state == "running" for run in followed):
                thread.end()
                raise StoreError(_gave_up([run for run in followed if run.active], again))
            if interrupt.wait(_LOOK_SECONDS):
                thread.end()
                return store.runs(ids=ids)


@contextmanager
def interruptible() -> Iterator[threading.Event]:
    """An event that is set by Ctrl-C, SIGTERM or closing the terminal; a second Ctrl-C interrupts at once.

    After SIGTERM or SIGHUP the process saves what it has to, then ends by that signal. Outside the main thread no
    signal can be caught, and the event stays unset.
    """
    event, received = threading.Event(), list[int]()
    if threading.current_thread() is not threading.main_thread():
        yield event
        return

    def ask(number: int, _frame: FrameType | None) -> None:
        if event.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        event.set()
        received.append(number)

    before = {number: signal.signal(number, ask) for number in _asking_signals()}
    try:
        yield event
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for number in received:
            if number != signal.SIGINT:
                signal.raise_signal(number)


def _progress(time: ProgressColumn, shown: bool) -> Progress:
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), time)
    return Progress(*columns, console=Console(stderr=True), disable=not shown)


def _asking_signals() -> list[signal.Signals]:
    """Signals that ask this process to end, except those that it ignores since its start, such as under nohup."""
    names = ("SIGTERM", "SIGHUP")
    asking = [signal.Signals[name] for name in names if name in signal.Signals.__members__]
    return [signal.SIGINT, *(number for number in asking if signal.getsignal(number) != signal.SIG_IGN)]


def _troubles(store: Store, thread: Jobs) -> list[Trouble]:
    return [*thread.troubles, *([_HELD] if runs_at_once(store) == 0 else [])]


def _gave_up(waiting: Sequence[Run], again: str) -> str:
    numbers = [run.number for run in waiting]
    runs = f"Run #{numbers[0]} waits" if len(numbers) == 1 else f"Runs #{min(numbers)} to #{max(numbers)} wait"
    go_on = f" with `python -m mnist_core {again}`, or" if again else ""
    return (
        f"No process for training could be started in {_STARTS} tries; the reason stands above, and in {LOG} of the "
        f"results folder. `python -m mnist_core doctor` looks through the installation. {runs} in the queue: once this "
        f"is mended, go on{go_on} by opening the dashboard."
    )


def _line(run: Run) -> str:
    test = "test accuracy (optimistic)" if run.optimistic else "test accuracy"
    accuracy = "" if run.test_accuracy is None else f", {test} {run.test_accuracy:.2%}"
    note = f" {one_line(run.note)}" if run.state in ("failed", "diverged", "interrupted") else ""
    return f"#{run.number} {one_line(run.name)}: {run.state}{accuracy} in {run.seconds:.0f} s.{note}"
