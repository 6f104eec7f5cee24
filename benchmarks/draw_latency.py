"""How soon after a stroke the Draw page shows the networks' answers, while another run trains.

    python -m benchmarks.draw_latency [--strokes 40] [--networks softmax mlp-300 lenet-5]

Starts the real app on a results folder of its own that holds trained networks, starts one more run that trains the
whole time, draws strokes in Chromium, and prints the milliseconds from lifting the pen to the new probabilities on
the screen: median, 95th percentile, largest. The networks learn mnist-5k; the run beside them the full MNIST if it is
under MNIST_LAB_DATA or data/.
"""

import argparse
import os
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Page

from benchmarks.machine import describe_machine, require_mnist
from mnist_core.config.run_config import RunConfig
from mnist_core.jobs.worker import work
from mnist_core.store.store import Store
from tests.app_process import running_app
from tests.browser import chromium

STROKES_A_DRAWING = 3
# Measures from the browser's time of the event to the frame that shows the prediction for the whole stroke.
MEASURE = """() => {
  const all = [...document.querySelectorAll("*")]
  const pad = all.find((element) => element.shadowRoot?.querySelector(".pad")).shadowRoot.querySelector(".pad")
  const seen = new Set()
  window.measured = new Promise((resolve) => window.addEventListener("pointerup", (event) => setTimeout(() => {
    const wanted = Number(pad.dataset.seq)
    const look = () => {
      const answers = document.querySelector(".answers")
      const done = answers?.dataset.ended === "true" && Number(answers.dataset.seq) >= wanted
      requestAnimationFrame(done ? (now) => resolve([now - event.timeStamp, seen.size]) : look)
    }
    look()
  }), { once: true, capture: true }))
  const watch = () => {
    const { seq, ended } = document.querySelector(".answers")?.dataset ?? {}
    if (ended === "false") seen.add(seq)
    if (ended !== "true" || !seen.size) requestAnimationFrame(watch)
  }
  watch()
}"""


def train_networks(store: Store, names: list[str]) -> list[int]:
    """Train each network for an epoch; returns the numbers of the runs."""
    numbers = []
    for name in names:
        run = store.enqueue(RunConfig(architecture=name, dataset="mnist-5k", epochs=1), claimed=True)
        for _ in work(store, run):
            pass
        numbers.append(store.run(run.id).number)
    return numbers


def draw(page: Page, strokes: int) -> Iterator[tuple[float, int]]:
    """Draw strokes by mouse; for each, milliseconds to the answer and the number of answers while it was drawn."""
    box = page.locator(".pad canvas").bounding_box()
    assert box is not None
    chance = random.Random(0)
    for number in range(strokes):
        if number % STROKES_A_DRAWING == 0 and number:
            page.get_by_role("button", name="Clear the drawing").click()
            page.wait_for_selector(".card:not([data-answer])")
        points = [(chance.uniform(0.15, 0.85), chance.uniform(0.15, 0.85)) for _ in range(3)]
        places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
        page.evaluate(MEASURE)
        page.mouse.move(*places[0])
        page.mouse.down()
        for point in places[1:]:
            # Move in small steps, as a pen does.
            for _ in range(4):
                page.mouse.move(*point, steps=3)
                page.wait_for_timeout(30)
        page.mouse.up()
        milliseconds, during = page.evaluate("measured")
        yield milliseconds, during
        page.wait_for_timeout(chance.uniform(50, 400))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strokes", type=int, default=40)
    parser.add_argument("--networks", nargs="+", default=["softmax", "mlp-300", "lenet-5"])
    options = parser.parse_args()
    require_mnist()
    print(
        describe_machine(),
        f"{len(options.networks)} networks answer, one more is training, load average {os.getloadavg()[0]:.1f}",
    )
    with tempfile.TemporaryDirectory() as name, chromium() as browser:
        store = Store.open(Path(name))
        numbers = train_networks(store, options.networks)
        with running_app(Path(name)) as url:
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.goto(f"{url}/draw?" + "&".join(f"runs={number}" for number in numbers))
            page.wait_for_selector(".answers", timeout=120_000)
            beside = store.enqueue(RunConfig(architecture="lenet-5", epochs=1000))
            _until(lambda: store.run(beside.id).step > 0, "the other run trains", 120)
            first = store.run(beside.id).step
            measured = list(draw(page, options.strokes))
            steps = store.run(beside.id).step - first
            store.request(beside.id, "stop")
            _until(lambda: not store.run(beside.id).active, "the other run ends", 120)
    times = sorted(milliseconds for milliseconds, _ in measured)
    print(
        f"  {len(times)} strokes: median {statistics.median(times):.0f} ms, 95th percentile "
        f"{times[min(len(times) - 1, int(0.95 * len(times)))]:.0f} ms, largest {times[-1]:.0f} ms"
    )
    print(
        f"  {statistics.mean(during for _, during in measured):.1f} answers while a stroke was drawn; the other run "
        f"did {steps} steps meanwhile"
    )


def _until(true, what: str, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds:.0f} s until {what}")
        time.sleep(0.1)


if __name__ == "__main__":
    main()
