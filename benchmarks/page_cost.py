"""What each page costs the app's process, in milliseconds of a processor core, without a browser.

    python -m benchmarks.page_cost [--loads 20] [--ticks 40] [--pictures 100]

The app is its own process with access control and a results folder of its own, which holds three networks, each
trained on mnist-5k for an epoch. The teacher's page speaks Streamlit's protocol. Counted is the time of the processor
that the app's process took, so that it matters little what else the machine does; its workers are not counted.

    load       one load of a page, which is reached from another page; the pages in turn, each so many times
    tick       one look of Train at the run that it shows, while that trains (every half second) and once it has ended
    picture    one picture of a stroke on Draw, answered by the three networks; so many of them
    no page    a second of the app while no page is open, ten times: what is in the figures above for as long as they
               took, about a tenth to a fifth of a second each

Linux only.
"""

import argparse
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from PIL import Image, ImageDraw

from benchmarks.app_memory import exact_cpu_seconds
from benchmarks.class_figures import Notes
from benchmarks.class_session import ClassSession
from benchmarks.draw_latency import train_networks
from benchmarks.machine import describe_machine
from benchmarks.page_weight import PAGES
from dashboard.components.pad.pad import SIDE
from mnist_core import environment
from mnist_core.config import RunConfig
from mnist_core.data import dataset_status
from mnist_core.store import Store
from tests.app_process import app_process, entry_cookie, free_port, wait_until

_NETWORKS = ["softmax", "mlp-300", "lenet-5"]
# The app may still put away what a page has left behind when its end has been told.
_AFTER_SECONDS = 0.05
# A page of Train at which a run trains looks at it so often.
_TICK_SECONDS = 0.5
# So many seconds without a page.
_IDLE = 10


def measure(loads: int, ticks: int, pictures: int) -> dict[str, list[float]]:
    """Milliseconds of the processor by what they were for, each time that it was done."""
    notes = Notes()
    with tempfile.TemporaryDirectory() as name:
        results, port = Path(name) / "results", free_port()
        store = Store.open(results)
        train_networks(store, _NETWORKS)
        with app_process(results, port, env={"MNIST_LAB_ACCESS": "on"}) as app:

            def cost(action: Callable[[], object]) -> float:
                return _cost(app.pid, action)

            with ClassSession(port, entry_cookie(port, results, "teacher"), notes, random.Random(0)) as teacher:
                costs = _loads(teacher, loads, cost)
                costs["picture of a stroke"] = _pictures(teacher, pictures, cost)
                costs["tick of Train, run trains"] = _training_ticks(teacher, store, ticks, cost)
                costs["tick of Train, run ended"] = _ticks(teacher, 1, ticks, cost)
            costs["no page open, a second"] = [cost(lambda: time.sleep(1 - _AFTER_SECONDS)) for _ in range(_IDLE)]
    if notes.errors:
        raise RuntimeError(f"what was measured went wrong: {notes.errors[0]}")
    return costs


def table(costs: Mapping[str, list[float]]) -> str:
    """One line for each thing that was done: median, lowest, highest, and how many values these are of."""
    lines = [f"{'milliseconds of a core':<28}{'median':>8}{'lowest':>8}{'highest':>9}{'of':>5}"]
    for name, values in costs.items():
        figures = f"{statistics.median(values):8.1f}{min(values):8.1f}{max(values):9.1f}{len(values):5}"
        lines.append(f"{name:<28}{figures}")
    return "\n".join(lines)


def _loads(session: ClassSession, count: int, cost: Callable[[Callable[[], object]], float]) -> dict[str, list[float]]:
    costs: dict[str, list[float]] = {}
    # The first load of a page imports what later ones have.
    for number in range(count + 1):
        for name, address in (PAGES | {"Class": "class"}).items():
            page, _, query = address.partition("?")
            spent = cost(lambda page=page, query=query: session.open(page, query))
            if number:
                costs.setdefault(name, []).append(spent)
    return costs


def _pictures(session: ClassSession, count: int, cost: Callable[[Callable[[], object]], float]) -> list[float]:
    """Draw strokes of ten pictures each; the first picture loads the networks, and does not count."""
    session.open("draw", "runs=1&runs=2&runs=3")
    chance, spent = random.Random(0), list[float]()
    picture, point = Image.new("L", (SIDE, SIDE)), (SIDE / 2, SIDE / 2)
    for number in range(count + 1):
        if number % 10 == 0:
            picture = Image.new("L", (SIDE, SIDE))
        before, point = point, (chance.uniform(15, SIDE - 15), chance.uniform(15, SIDE - 15))
        ImageDraw.Draw(picture).line([before, point], fill=255, width=9)
        spent.append(cost(lambda picture=picture: session.send_picture(picture, ended=False)))
    return spent[1:]


def _training_ticks(
    session: ClassSession, store: Store, count: int, cost: Callable[[Callable[[], object]], float]
) -> list[float]:
    """Ticks while a run trains that would not end by itself in this time."""
    dataset = "mnist" if dataset_status("mnist", environment.data_dir()).state == "ready" else "mnist-5k"
    run = store.enqueue(RunConfig(architecture="mlp-300", dataset=dataset, epochs=1000))
    wait_until(lambda: store.run(run.id).step > 0)
    spent = _ticks(session, run.number, count, cost)
    assert store.run(run.id).active, "the run has ended before it was measured"
    store.request(run.id, "stop")
    wait_until(lambda: not store.run(run.id).active)
    return spent


def _ticks(
    session: ClassSession, number: int, count: int, cost: Callable[[Callable[[], object]], float]
) -> list[float]:
    """Ticks of a page of Train that shows this run; the first does not count."""
    session.open("train", f"runs={number}")
    spent: list[float] = []
    for _ in range(count + 1):
        # Meanwhile a run that trains gets on, so that there is something new to draw.
        time.sleep(_TICK_SECONDS)
        spent.append(cost(session.tick))
    return spent[1:]


def _cost(pid: int, action: Callable[[], object]) -> float:
    """Milliseconds of the processor that a process took for an action."""
    before = exact_cpu_seconds(pid)
    action()
    time.sleep(_AFTER_SECONDS)
    return 1000 * (exact_cpu_seconds(pid) - before)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--loads", type=int, default=20)
    parser.add_argument("--ticks", type=int, default=40)
    parser.add_argument("--pictures", type=int, default=100)
    options = parser.parse_args()
    print(describe_machine(), f"load average {os.getloadavg()[0]:.1f} before", flush=True)
    print(table(measure(options.loads, options.ticks, options.pictures)))


if __name__ == "__main__":
    main()
