"""What a first visit to each page costs, and how much the page moves while it loads, in a real browser on the real app.

    python -m benchmarks.page_weight [--openings 3] [--largest 0] [--results FOLDER]

Three short runs of mnist-5k are trained in a folder of their own (or the runs of FOLDER are shown). Each page is opened
with an empty cache, as on a first visit, and looked at until nothing has arrived for a second:

    wire     bytes of all responses as they came, with headers (of the browser's protocol for developers:
             Network.loadingFinished, encodedDataLength); without the websocket,
    files    how many responses these were,
    shift    the sum of all layout shifts (of the browser's interface PerformanceObserver: entries of layout-shift
             without recent input). 0 is a page on which nothing moves; above 0.1 it is called poor by web.dev.

With --largest N the largest files of each page are listed, too.
"""

import argparse
import statistics
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, ViewportSize

from benchmarks.machine import describe_machine
from mnist_core.config import RunConfig
from mnist_core.jobs.worker import work
from mnist_core.store import Store
from tests.app_process import running_app
from tests.browser import chromium

_TINY = RunConfig(dataset="mnist-5k", train_images=300, validation_images=200, architecture="softmax", epochs=2)
_RUNS = (_TINY, _TINY.replace(architecture="mlp-100"), _TINY.replace(seed=1))
PAGES = {
    "Train": "train",
    "Train, network": "train?view=Network",
    "Compare, Curves": "compare?runs=1&runs=2&runs=3&look=Curves",
    "Compare, Results": "compare?runs=1&runs=2&runs=3",
    "Inspect": "inspect?run=1",
    "Draw": "draw",
    "Sweeps": "sweeps",
    "Studies": "studies",
    "Data": "data?dataset=mnist-5k",
}
_WINDOW: ViewportSize = {"width": 1440, "height": 900}
# How long nothing may arrive before a page counts as loaded, in milliseconds.
_QUIET_MS = 1000
_WATCH_SHIFTS = """
window.shift = 0
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shift += entry.value
}).observe({ type: "layout-shift", buffered: true })
"""


@dataclass(frozen=True)
class Opening:
    """What one opening of a page cost: bytes by address as they came over the wire, and the sum of layout shifts."""

    files: dict[str, int]
    shift: float

    @property
    def wire(self) -> int:
        """Bytes of all responses with their headers."""
        return sum(self.files.values())


def fill_store(folder: Path) -> None:
    """Train the three runs that the pages show, unless the folder holds runs."""
    store = Store.open(folder)
    for config in () if store.runs() else _RUNS:
        for _ in work(store, store.enqueue(config, claimed=True)):
            pass


def open_page(browser: Browser, url: str, cookie: str = "", window: ViewportSize = _WINDOW) -> Opening:
    """Open a page with an empty cache, and a cookie "name=value" if there is one; wait until nothing more arrives."""
    context = browser.new_context(viewport=window)
    if cookie:
        key, _, value = cookie.partition("=")
        context.add_cookies([{"name": key, "value": value, "url": url}])
    page = context.new_page()
    page.add_init_script(_WATCH_SHIFTS)
    protocol = context.new_cdp_session(page)
    names: dict[str, str] = {}
    files: dict[str, int] = {}

    def note_name(event: dict[str, Any]) -> None:
        names[event["requestId"]] = event["request"]["url"]

    def note_size(event: dict[str, Any]) -> None:
        name = names.get(event["requestId"], "")
        files[name] = files.get(name, 0) + int(event["encodedDataLength"])

    protocol.on("Network.requestWillBeSent", note_name)
    protocol.on("Network.loadingFinished", note_size)
    protocol.send("Network.enable")
    page.goto(url)
    page.get_by_role("heading", level=1).first.wait_for()
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    _wait_until_quiet(page.wait_for_timeout, lambda: sum(files.values()))
    opening = Opening(files, page.evaluate("window.shift"))
    context.close()
    return opening


def _wait_until_quiet(wait_ms: Callable[[float], None], arrived: Callable[[], int]) -> None:
    """Wait until nothing has arrived for a second, at most a minute."""
    for _ in range(60):
        before = arrived()
        wait_ms(_QUIET_MS)
        if arrived() == before:
            return


def _describe(name: str, openings: list[Opening], largest: int) -> str:
    wires, shifts = ([getattr(opening, what) for opening in openings] for what in ("wire", "shift"))
    line = (
        f"{name:<18}{statistics.median(wires) / 1e6:6.2f} MB, {len(openings[-1].files):3} files, shift "
        f"{statistics.median(shifts):.3f} (largest {max(shifts):.3f})"
    )
    files = sorted(openings[-1].files.items(), key=lambda item: -item[1])[:largest]
    return "\n".join([line, *(f"{size / 1e3:12.1f} kB  {address.split('?')[0][-70:]}" for address, size in files)])


def main() -> None:
    """Print a line for each page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--openings", type=int, default=3)
    parser.add_argument("--largest", type=int, default=0)
    parser.add_argument("--results", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary, chromium() as browser:
        folder = options.results or Path(temporary)
        fill_store(folder)
        print(describe_machine(), f"Chromium {browser.version}; {options.openings} openings", flush=True)
        with running_app(folder) as url:
            for name, address in PAGES.items():
                openings = [open_page(browser, f"{url}/{address}") for _ in range(options.openings)]
                print(_describe(name, openings, options.largest), flush=True)


if __name__ == "__main__":
    main()
