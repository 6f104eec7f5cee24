"""A lesson under load: thirty students at one app on two cores, while the teacher's two runs train.

    python -m benchmarks.classroom [--minutes 5] [--sessions 30] [--browsers 3] [--seed 0]
    python -m benchmarks.classroom --soak 1000
    python -m benchmarks.classroom --visits 30

The app is its own process with access control, a results folder of its own, and two of the machine's cores; its
workers train on the same two. Each student has a cookie of the class link and a name, and in an order of its own
watches the teacher's runs, changes pages, draws, and starts small runs. Some sit at real browsers, the others speak
Streamlit's protocol. On a machine of two cores the students' programs take their share of them, too: it is printed.

    page load        from the question to the end of the page's run; in a browser from a link that is opened until the
                     page shows that nothing runs
    change of pages  the same in a browser after a press in the menu
    drawn answer     from the last picture of a stroke to the networks' answers for it
    speed kept       images a second of the two long runs during the lesson, over those before it
    wait             from the queue to the first step, of each student's first run

--soak trains so many short runs one after another in one app, and prints what the app's process holds on to. --visits
opens the app so many times with an empty cache, and adds up the bytes. Linux only.
"""

import argparse
import json
import os
import random
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from benchmarks.app_memory import cpu_seconds, descendants, taken_by
from benchmarks.class_browser import BrowserSession, own_browser
from benchmarks.class_figures import Notes, faults_in_log
from benchmarks.class_session import ClassSession
from benchmarks.class_table import Lesson, table
from benchmarks.classroom_soak import soak
from benchmarks.classroom_visits import visits
from benchmarks.draw_latency import train_networks
from benchmarks.machine import describe_machine
from mnist_core import environment
from mnist_core.config import RunConfig
from mnist_core.data import dataset_status
from mnist_core.store import Store, concurrency, read_people
from tests.app_process import app_process, entry_cookie, free_port, wait_until

# Seconds between two looks at the app's memory.
_SAMPLE_SECONDS = 1.0
# Students come one after another within this share of the lesson, at most so many seconds.
_COMING_SHARE, _COMING_SECONDS = 0.1, 20.0


class Student(Protocol):
    """What a student does, in a browser or without."""

    def join(self, name: str) -> None: ...
    def watch(self) -> None: ...
    def change_pages(self) -> None: ...
    def draw(self) -> None: ...
    def start_run(self) -> None: ...


def hold_lesson(minutes: float, sessions: int, browsers: int, seed: int, alone_seconds: float = 30.0) -> Lesson:
    """Hold a lesson of so many sessions, of which the first `browsers` are real browsers, and measure it."""
    notes = Notes()
    with tempfile.TemporaryDirectory() as name:
        results, port = Path(name) / "results", free_port()
        store = Store.open(results)
        with two_cores(), app_process(results, port, env={"MNIST_LAB_ACCESS": "on"}) as app, everywhere():
            long_runs = _start_long_runs(store, port, results)
            alone = _speed(store, long_runs, lambda: time.sleep(alone_seconds))
            before, used = taken_by(app.pid), _cpu_by_part(app.pid, store, long_runs)
            samples: list[float] = []
            threads = [
                threading.Thread(target=_attend, args=(number, number < browsers, port, results, notes, minutes, seed))
                for number in range(sessions)
            ]
            began = time.monotonic()
            during = _speed(store, long_runs, lambda: _run_all(threads, app.pid, samples))
            seconds = time.monotonic() - began
            now = _cpu_by_part(app.pid, store, long_runs)
            cores = {part: (now[part] - used[part]) / seconds for part in now}
            after = taken_by(app.pid)
            waits = _first_waits(store)
            for number in long_runs:
                store.request(number, "stop")
            wait_until(lambda: not store.runs(states=["queued", "running"]))
        faults = faults_in_log((results / "app.log").read_text(errors="replace"))
    return Lesson(notes, faults, before, after, samples, alone, during, waits, sessions, seconds, cores)


@contextmanager
def two_cores() -> Iterator[None]:
    """Let what is started meanwhile have two of the cores that this process may use."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(cores)[:2])
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


@contextmanager
def everywhere() -> Iterator[None]:
    """Let this process have the other cores again, or all if there are no others."""
    mine = os.sched_getaffinity(0)
    others = set(range(os.cpu_count() or 1)) - mine
    os.sched_setaffinity(0, others or mine)
    try:
        yield
    finally:
        os.sched_setaffinity(0, mine)


def _start_long_runs(store: Store, port: int, results: Path) -> list[str]:
    """The teacher's two runs, 1 and 2, and three networks that answer drawings, 3 to 5; returns when all are ready."""
    dataset = "mnist" if dataset_status("mnist", environment.data_dir()).state == "ready" else "mnist-5k"
    # One run more at a time than there are long ones, so that the students' runs find room.
    concurrency.set_runs_at_once(store, 3)
    configs = [RunConfig(architecture="mlp-300", dataset=dataset, epochs=1000, seed=seed) for seed in (0, 1)]
    long_runs = [store.enqueue(config).id for config in configs]
    train_networks(store, ["softmax", "mlp-300", "lenet-5"])
    cookie = entry_cookie(port, results, "teacher")
    # The app takes runs from the queue once somebody has opened a page.
    with ClassSession(port, cookie, Notes(), random.Random(0)) as teacher:
        teacher.open("train", "")
        wait_until(lambda: all(store.run(run_id).step > 0 for run_id in long_runs))
        teacher.open("draw", "runs=3&runs=4&runs=5")
    return long_runs


def _speed(store: Store, ids: list[str], action: Callable[[], None]) -> float:
    """Images a second of these runs together while the action goes on."""
    began, first = time.monotonic(), [store.run(run_id).step for run_id in ids]
    action()
    seconds, last = time.monotonic() - began, [store.run(run_id) for run_id in ids]
    steps = (run.step - before for run, before in zip(last, first, strict=True))
    return sum(step * run.config.batch_size for step, run in zip(steps, last, strict=True)) / seconds


def _run_all(threads: list[threading.Thread], pid: int, samples: list[float]) -> None:
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        samples.append(taken_by(pid).pss)
        time.sleep(_SAMPLE_SECONDS)


def _attend(number: int, in_browser: bool, port: int, results: Path, notes: Notes, minutes: float, seed: int) -> None:
    """One student's lesson; whatever goes wrong is noted."""
    chance = random.Random(f"{seed} {number}")
    ends = time.monotonic() + 60 * minutes
    time.sleep(chance.uniform(0, min(_COMING_SECONDS, 60 * minutes * _COMING_SHARE)))
    try:
        if in_browser:
            url = f"http://127.0.0.1:{port}"
            token = json.loads((results / "access.json").read_text())["student"]
            with own_browser() as browser:
                _learn(BrowserSession(browser, url, f"{url}/?token={token}", notes, chance), number, ends, chance)
        else:
            with ClassSession(port, entry_cookie(port, results), notes, chance) as session:
                _learn(session, number, ends, chance)
    # A fault of one student is a figure of the lesson, which goes on for the others.
    except Exception as error:
        notes.error(f"session {number}: {type(error).__name__}: {str(error)[:200]}")


def _learn(student: Student, number: int, ends: float, chance: random.Random) -> None:
    student.join(f"Student {number + 1}")
    actions = [student.watch, student.change_pages, student.draw, student.start_run]
    while time.monotonic() < ends:
        for action in chance.sample(actions, len(actions)):
            if time.monotonic() < ends:
                action()


def _first_waits(store: Store) -> list[float | None]:
    """Seconds from the queue to the first step of each student's first run; None for one that has not begun."""
    waits: list[float | None] = []
    for person in read_people(store, "student"):
        own_runs = [run for run in store.runs() if run.owner == person.id]
        if own_runs:
            first = min(own_runs, key=lambda run: run.number)
            waits.append(None if first.started is None else first.started - (first.queued or first.created))
    return waits


def _cpu_by_part(app: int, store: Store, long_runs: list[str]) -> dict[str, float]:
    """Processor seconds of the app's process, of the two long runs, of its other workers, and of the students."""
    long_ones = {run.pid for run in store.runs(ids=long_runs) if run.pid is not None}
    others = set(descendants(app)) - long_ones
    return {
        "app": cpu_seconds(app),
        "long runs": sum(map(cpu_seconds, long_ones)),
        "other workers": sum(map(cpu_seconds, others)),
        "students' programs": _clients_cpu(app),
    }


def _clients_cpu(app: int) -> float:
    """Processor seconds of this process and the browsers that run now, without the app and its workers."""
    others = set(descendants(os.getpid())) - {app, *descendants(app)}
    total = time.process_time()
    for pid in others:
        try:
            total += cpu_seconds(pid)
        except OSError:
            # It has ended since it was listed.
            continue
    return total + os.times().children_user + os.times().children_system


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--sessions", type=int, default=30)
    parser.add_argument("--browsers", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--soak", type=int, default=0, metavar="RUNS")
    parser.add_argument("--visits", type=int, default=0)
    options = parser.parse_args()
    print(describe_machine(), f"load average {os.getloadavg()[0]:.1f} before", flush=True)
    if options.soak:
        soak(options.soak)
    elif options.visits:
        visits(options.visits)
    else:
        print(table(hold_lesson(options.minutes, options.sessions, options.browsers, options.seed)))


if __name__ == "__main__":
    main()
