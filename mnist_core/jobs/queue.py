"""The background thread by which the queue is trained and the store kept safe. Never imports torch."""

import atexit
import sys
import threading
import traceback
from collections.abc import Callable

from mnist_core import environment
from mnist_core.jobs import troubles
from mnist_core.jobs.executor import Executor, make_executor
from mnist_core.jobs.troubles import Pauses, Trouble
from mnist_core.store import (
    UNDO_SECONDS,
    Run,
    Store,
    copy_daily,
    database_file,
    keep_reserve,
    remove_leftovers,
    same_database,
)
from mnist_core.text import in_terminal

_TICK_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 10.0
# Time between two rounds of copying the database and removing old files.
_HOUSEKEEPING_SECONDS = 60.0


class Jobs(threading.Thread):
    """Lets an executor train the queued runs, and keeps house.

    No error of the database or the system ends it: `troubles` says what is wrong while it tries again.
    """

    runs_the_queue = True

    def __init__(self, url: str, opened: Callable[[], Store]) -> None:
        """`opened` gives the store at `url`, and is asked again until it can."""
        # The address is not part of the name: it may hold a password.
        super().__init__(name="mnist-lab-jobs", daemon=True)
        self._url = url
        self._opened = opened
        self._opened_store: Store | None = None
        self._wake = threading.Event()
        self._ended = threading.Event()
        self._executor: Executor | None = None
        self._pauses = Pauses(first=1.0, most=_LONGEST_PAUSE_SECONDS)
        self._own_trouble: Trouble | None = None
        self._house_trouble: Trouble | None = None

    @property
    def failed_starts(self) -> int:
        """How many starts of what trains runs failed in succession."""
        return 0 if self._executor is None else self._executor.failed_starts

    @property
    def troubles(self) -> list[Trouble]:
        """What keeps runs from being trained or kept safe now, as messages for a person; empty if nothing does."""
        trouble = self._own_trouble or self._house_trouble
        return [*filter(None, [trouble]), *(self._executor.troubles if self._executor else [])]

    def serves(self, url: str) -> bool:
        """Whether this thread works for the store at this address."""
        return same_database(url, self._url) or (self._opened_store is not None and url == self._opened_store.url)

    def silence(self, run: Run) -> float:
        """For how many seconds the worker of this running run has given no sign of life."""
        return 0.0 if self._executor is None else self._executor.silence(run)

    def wake(self) -> None:
        """Look at the queue now: a run was added or a setting changed."""
        self._wake.set()

    def end(self, wait_seconds: float = 10.0) -> None:
        """End what this process started for the queue; runs in processes of its own are interrupted resumably."""
        self._ended.set()
        self._wake.set()
        if self.is_alive() and threading.current_thread() is not self:
            self.join(5)
        if self._executor is not None:
            self._executor.end(wait_seconds)

    def run(self) -> None:
        while not self._ended.is_set():
            pause = _TICK_SECONDS
            try:
                self._step()
                self._own_trouble = None
                self._pauses.begin_anew()
            # Catch every error: nobody would start this thread again, and the queue must go on after the trouble.
            except Exception as error:
                pause = self._pauses.next()
                self._log(error)
                cause = troubles.explain(error)
                self._own_trouble = Trouble(
                    f"{cause} Runs in the queue wait; it is tried again by itself.", cause=cause
                )
            self._wake.wait(pause)
            self._wake.clear()

    def _step(self) -> None:
        if self._opened_store is None:
            self._opened_store = self._opened()
        if self._executor is None:
            self._executor = make_executor(self._opened_store, self._ended)
        self._executor.step()

    def _log(self, error: Exception) -> None:
        """Print an error with its lines of code, but without its own text, which may hold SQL with values."""
        print(in_terminal(f"jobs: {type(error).__name__}: {troubles.explain(error)}"), file=sys.stderr)
        if not isinstance(error, troubles.STORE_ERRORS):
            print("".join(traceback.format_tb(error.__traceback__)), file=sys.stderr)

    def keep_house(self) -> None:
        """Until the jobs end, in a thread of its own: no temporary files of killed processes, a copy of the database a
        day, and no run deleted before a day.
        """
        pause = _TICK_SECONDS
        while not self._ended.wait(pause):
            store = self._opened_store
            if store is None:
                continue
            try:
                if pause == _TICK_SECONDS:
                    pause = _HOUSEKEEPING_SECONDS
                    remove_leftovers(store.root)
                    continue
                keep_reserve(store.root)
                store.purge(deleted_before=store.clock() - UNDO_SECONDS)
                if (path := database_file(store.url)) is not None:
                    copy_daily(path, store.root, store.clock())
                self._house_trouble = None
            except troubles.STORE_ERRORS as error:
                # Do not report a passing trouble, such as a full disk: the queue meets it, too, and reports it.
                cause = troubles.explain(error)
                self._house_trouble = None if troubles.passes(error) else Trouble(cause, cause=cause)
                print(in_terminal(f"housekeeping: {cause}"), file=sys.stderr)


def start(store: Store) -> Jobs:
    """The background thread for this store; started on the first call in this process.

    The thread itself is the record that it was started: it outlives a reload of this module.
    """
    return _start(store.url, lambda: store)


def start_from_environment() -> Jobs:
    """The background thread for the store that the environment names; it waits if the store is not there yet."""
    return _start(environment.database_url(), Store.open)


def current_troubles() -> list[Trouble]:
    """What keeps the background threads of this process from training runs, as messages for a person."""
    return [trouble for jobs in _started() for trouble in jobs.troubles]


def silent_seconds(run: Run) -> float:
    """For how many seconds the worker of a running run has given no sign of life, as far as this process knows."""
    return max((jobs.silence(run) for jobs in _started()), default=0.0)


def end() -> None:
    """End the background threads of this process; for a server that a signal ends before `atexit` functions run."""
    for jobs in _started():
        jobs.end()


def _start(url: str, opened: Callable[[], Store]) -> Jobs:
    for jobs in _started():
        if jobs.serves(url):
            return jobs
    jobs = Jobs(url, opened)
    jobs.start()
    threading.Thread(target=jobs.keep_house, name="mnist-lab-housekeeping", daemon=True).start()
    atexit.register(jobs.end)
    return jobs


def _started() -> list[Jobs]:
    # By an attribute and not by its class: the class is another one after a reload of this module.
    return [
        thread  # pyright: ignore[reportReturnType]
        for thread in threading.enumerate()
        if getattr(thread, "runs_the_queue", False)
    ]
