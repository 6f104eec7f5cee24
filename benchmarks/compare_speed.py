"""How quickly the Compare page opens when there is much to compare, measured in a real browser on the real app.

    python -m benchmarks.compare_speed [--openings 7] [--folder FOLDER]

Two stores, filled with the rows that training would write: 50 runs of 100 epochs with 5,000 points of the training
curve each, and 10,000 finished runs. Each page is opened several times in one browser with a profile on disk, as people
have, in a new tab each time, and the time is taken from navigation (the browser's own time origin) to the first
animation frame in which

    chart    every line is drawn (raw and smoothed training and validation of all runs) and the canvas shows colours,
    table    the first rows below its head stand there, laid out and with their text,
    rows     all rows of the table have arrived: the newest thousand; the last of them can be scrolled to.

The first opening, when neither the app's caches nor the browser's are filled, is named beside the median of the others.
Beside it stands a page that holds only a heading: what Streamlit itself needs here. The largest message is that of the
websocket to the browser. With --folder the stores are kept there and used again.
"""

import argparse
import statistics
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from playwright.sync_api import BrowserContext, ViewportSize, WebSocket, sync_playwright

from benchmarks.machine import describe_machine
from mnist_core.config.run_config import RunConfig
from mnist_core.events import EpochEnd, Event, StepEnd
from mnist_core.store import MOST_LISTED
from mnist_core.store.connections import address, connect, writing
from mnist_core.store.run import new_row
from mnist_core.store.schema import runs
from mnist_core.store.store import Store
from tests.app_process import ROOT, running_app
from tests.browser import ARGUMENTS, executable

RUNS, EPOCHS, POINTS, STEPS = 50, 100, 5_000, 60_000
ROWS = 10_000

_FOUND = """const found = (name, root = document) => root.querySelector(name)
    ?? [...root.querySelectorAll("*")].map((one) => one.shadowRoot && found(name, one.shadowRoot)).find(Boolean)
"""
_CHART = f"""() => {{
  {_FOUND}
  const chart = found(".curve-chart[data-lines]")
  if (!chart || Number(chart.dataset.lines) < {3 * RUNS}) return false
  const strip = chart.querySelector("canvas").getContext("2d").getImageData(90, 14, 60, 300).data
  return new Set(new Uint32Array(strip.buffer)).size > 50
}}"""
_TABLE = f"""() => {{
  {_FOUND}
  const box = found(".data-table[data-rows] .box")
  if (!box || box.clientHeight < 300) return false
  const rows = [...box.querySelectorAll(".row")].slice(0, 5)
  return rows.length === 5 && rows.every((row) => row.clientHeight > 20 && row.innerText.length > 20)
}}"""
_ROWS = f"""() => {{
  {_FOUND}
  return Number(found(".data-table[data-rows]")?.dataset.rows) === {MOST_LISTED}
}}"""
_WINDOW: ViewportSize = {"width": 1400, "height": 1000}
_HEADING = "() => Boolean(document.querySelector('[data-testid=stApp] h1'))"
_WATCH = """
const drawn = %s
const look = () => { if (drawn()) window.drawnAt = performance.now(); else requestAnimationFrame(look) }
requestAnimationFrame(look)
"""


@dataclass
class Opened:
    """Milliseconds of each opening, and the bytes of every message that came."""

    times: list[float] = field(default_factory=list)
    messages: list[int] = field(default_factory=list)

    def told(self, what: str) -> str:
        """A line for people."""
        first, *others = self.times
        return (
            f"{what:<34}median {statistics.median(others) / 1000:.2f} s, worst {max(others) / 1000:.2f} s, "
            f"first {first / 1000:.2f} s; largest message {max(self.messages) / 1e6:.2f} MB, "
            f"{sum(self.messages) / len(self.times) / 1e6:.2f} MB an opening"
        )


def curves_store(folder: Path) -> None:
    """50 finished runs with curves, in ten groups of five seeds."""
    store = Store.open(folder)
    if store.runs():
        return
    step = np.linspace(STEPS // POINTS, STEPS, POINTS).astype(int)
    for number in range(RUNS):
        random = np.random.default_rng(number)
        config = RunConfig(epochs=EPOCHS, architecture=f"mlp-{100 + 20 * (number // 5)}", seed=number % 5)
        run = store.enqueue(config, claimed=True)
        store.describe(run, steps_per_epoch=STEPS // EPOCHS, parameters=79_510, macs=79_400, train_images=55_000)
        loss = 2.3 * np.exp(-step / 8000) + 0.02 + 0.05 * random.gamma(1.0, size=POINTS)
        events: list[Event] = []
        for index, at in enumerate(step.tolist()):
            value, seconds = float(loss[index]), at * 0.002 + number
            epoch = -(-at // (STEPS // EPOCHS))
            events.append(StepEnd(at, epoch, value, 1 - value / 3, 0.001, 64_000.0, seconds))
            if (index + 1) % (POINTS // EPOCHS) == 0:
                held = value + 0.05 * float(random.random())
                best = held < 0.1
                events.append(EpochEnd(at, epoch, value, 1 - value / 3, held, 1 - held / 3, best, seconds))
        store.record(run, events)
        store.finish(run, "finished", test_loss=0.08, test_accuracy=0.97 + 0.0005 * number)


def table_store(folder: Path) -> None:
    """10,000 finished runs as sweeps and studies leave them."""
    store = Store.open(folder)
    if store.runs():
        return
    random = np.random.default_rng(0)
    rows = []
    for number in range(ROWS):
        config = RunConfig(
            architecture=f"mlp-{10 * (1 + number % 50)}",
            learning_rate=float(10 ** random.uniform(-4, -1)),
            seed=number % 5,
            epochs=10 + number % 3,
        )
        accuracy = float(random.uniform(0.9, 0.99))
        rows.append(
            new_row(config, "", ("sweep",) if number % 2 else (), 1.7e9 + 60 * number, number)
            | {"state": "finished", "queued": None, "started": 1.7e9, "finished": 1.7e9 + 50, "epoch": config.epochs}
            | {"step": 8590, "steps_per_epoch": 859, "parameters": 79_510, "macs": 79_400, "train_images": 55_000}
            | {"seconds": 30 * float(random.random()), "images_per_second": 60_000 * float(random.random())}
            | {"train_loss": 1 - accuracy, "train_accuracy": accuracy + 0.005, "best_epoch": 7, "test_loss": 0.1}
            | {"validation_loss": 0.1, "validation_accuracy": accuracy, "test_accuracy": accuracy - 0.002}
        )
    engine = connect(address(store.url))
    with writing(engine).begin() as connection:
        connection.execute(runs.insert(), rows)
    engine.dispose()


def opened(context: BrowserContext, url: str, drawn: str, openings: int) -> Opened:
    """Open the page in new tabs, one after the other, until each shows what is waited for."""
    result = Opened()

    def count(socket: WebSocket) -> None:
        socket.on("framereceived", lambda payload: result.messages.append(len(payload)))

    for _ in range(openings):
        page = context.new_page()
        page.on("websocket", count)
        page.add_init_script(_WATCH % drawn)
        page.goto(url)
        page.wait_for_function("window.drawnAt", timeout=120_000)
        result.times.append(page.evaluate("window.drawnAt"))
        # Give the rest of the page time to arrive, so that its messages are counted too.
        page.wait_for_timeout(700)
        page.close()
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--openings", type=int, default=7)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        empty = folder / "heading.py"
        empty.write_text("import streamlit as st\n\nst.title('Nothing')\n")
        curves_store(folder / "curves")
        table_store(folder / "table")
        chosen = "&".join(f"runs={number}" for number in range(1, RUNS + 1))
        print(describe_machine(), f"{options.openings} openings", flush=True)
        for index, (what, results, script, address, drawn) in enumerate(
            (
                ("a heading alone", "empty", empty, "", _HEADING),
                ("table of 10,000 runs", "table", ROOT / "app.py", "compare?table=true", _TABLE),
                ("table of 10,000 runs, every row", "table", ROOT / "app.py", "compare?table=true", _ROWS),
                ("50 runs, Curves, chart", "curves", ROOT / "app.py", f"compare?{chosen}&look=Curves", _CHART),
                ("50 runs, Curves, table", "curves", ROOT / "app.py", f"compare?{chosen}&look=Curves", _TABLE),
                ("50 runs, Results, table", "curves", ROOT / "app.py", f"compare?{chosen}&look=Results", _TABLE),
            )
        ):
            context = playwright.chromium.launch_persistent_context(
                f"{temporary}/{index}", executable_path=executable(), args=ARGUMENTS, viewport=_WINDOW
            )
            with running_app(folder / results, script) as url:
                print(opened(context, f"{url}/{address}", drawn, options.openings).told(what), flush=True)
            context.close()


if __name__ == "__main__":
    main()
