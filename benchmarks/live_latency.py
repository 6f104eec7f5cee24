"""How quickly the Train page shows what happens, measured in a real browser on the real app.

    python -m benchmarks.live_latency [--runs 5] [--seconds 8]

For each run: from the click on "Start training" to the first point on the chart; then, for every update of the
chart, from the moment when its newest step was trained to the moment when it was drawn. Prints medians and 95th
percentiles. Uses the data that MNIST_LAB_DATA or data/ holds and a results folder of its own.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page

from benchmarks.machine import describe_machine
from mnist_core.store.store import Store
from tests.app_process import running_app
from tests.browser import chromium

_WATCH = """
() => {
  window.updates = []
  window.clicked = 0
  document.addEventListener("click", (event) => {
    if (event.target.closest("button")?.textContent.includes("Start training")) window.clicked = Date.now()
  }, true)
  const look = () => {
    const chart = document.querySelector("[data-last-step]") ?? [...document.querySelectorAll("*")]
      .map((element) => element.shadowRoot?.querySelector("[data-last-step]")).find(Boolean)
    const drawn = chart && Number(chart.dataset.updatedAt)
    if (drawn && drawn !== window.updates.at(-1)?.drawn && Number(chart.dataset.points) > 0)
      window.updates.push({ drawn, step: Number(chart.dataset.lastStep) })
    requestAnimationFrame(look)
  }
  look()
}
"""


def measure(page: Page, url: str, store: Store, seed: int, seconds: float) -> tuple[dict[str, float], list[float]]:
    """Milliseconds from the click to each station on the way to the first point, and from each metric to the screen."""
    page.goto(f"{url}/train?architecture=mlp-300&epochs=50&seed={seed}&view=Network")
    page.get_by_role("button", name="Start training").wait_for()
    # Wait as long as a teacher looks at the network; by then the spare worker is ready.
    page.wait_for_timeout(4000)
    page.evaluate(_WATCH)
    page.get_by_role("button", name="Start training").click()
    page.wait_for_function("window.updates.length > 0", timeout=30_000)
    page.wait_for_timeout(seconds * 1000)
    clicked, updates = page.evaluate("[window.clicked, window.updates]")
    run = store.runs()[0]
    page.get_by_test_id("stMain").get_by_role("button", name="Stop").first.click()
    while store.run(run.id).active:
        time.sleep(0.1)
    losses = store.curves(run.id, ["train_loss"])["train_loss"]
    assert run.started is not None
    trained = dict(zip(losses.step.tolist(), (losses.seconds + run.started).tolist(), strict=True))
    lags = [update["drawn"] - 1000 * trained[update["step"]] for update in updates if update["step"] in trained]
    stations = {"queued": 1000 * run.created, "first step": 1000 * run.started, "first point": updates[0]["drawn"]}
    return {name: moment - clicked for name, moment in stations.items()}, lags


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=8.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        results = Path(folder) / "results"
        with running_app(results) as url:
            page, store = browser.new_page(), Store.open(results)
            firsts: list[float] = []
            lags: list[float] = []
            for seed in range(options.runs):
                stations, update_lags = measure(page, url, store, seed, options.seconds)
                way = ", ".join(f"{name} {moment:.0f} ms" for name, moment in stations.items())
                print(
                    f"  run {seed}: {way}; {len(update_lags)} updates, "
                    f"median lag {statistics.median(update_lags):.0f} ms",
                    flush=True,
                )
                firsts.append(stations["first point"])
                lags += update_lags
    print(describe_machine(), f"{options.runs} runs")
    print(f"click to first point: median {statistics.median(firsts):.0f} ms, worst {max(firsts):.0f} ms")
    print(
        f"metric to screen: median {statistics.median(lags):.0f} ms, "
        f"95 % within {sorted(lags)[int(0.95 * len(lags))]:.0f} ms, {len(lags)} updates"
    )


if __name__ == "__main__":
    main()
