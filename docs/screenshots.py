"""The pictures of the README and the guide, taken from the running app: `python -m docs.screenshots`.

Trains a few networks on the full MNIST, then photographs every page and records a race. A folder as argument keeps the
trained networks for the next time.
"""

import io
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

from PIL import Image
from playwright.sync_api import Browser, Page

from mnist_core.config.run_config import RunConfig
from mnist_core.jobs.worker import work
from mnist_core.store.store import Store
from mnist_core.sweeps.axes import SweepAxis
from mnist_core.sweeps.running import launch_sweep
from mnist_core.sweeps.sweep import Sweep
from tests.app_process import running_app
from tests.browser import chromium

IMAGES = Path(__file__).parent / "images"
RUNS = (
    RunConfig(architecture="softmax", epochs=3),
    RunConfig(architecture="mlp-300", epochs=4),
    RunConfig(architecture="lenet-5", epochs=2, learning_rate=0.002, schedule="cosine"),
)
RATES = SweepAxis("learning_rate", (), 1e-5, 1, 6, "log")
SWEEP = Sweep("Learning rate", RunConfig(architecture="softmax", epochs=1), (RATES,), seeds=3)
CHOSEN = "runs=1&runs=2&runs=3"
_PLOT = ".js-plotly-plot"
# A picture's name, its page, and what is scrolled into view if it is not.
VIEWS = {
    "inspect": ("inspect?run=2&view=Mistakes", ""),
    "data": ("data", ""),
    "studies": ("studies?study=linear-depth", ""),
    "compare": (f"compare?{CHOSEN}&look=Results", ""),
    "curves": (f"compare?{CHOSEN}&look=Curves&metric=accuracy&log_y=true", ""),
    "verdict": (f"compare?{CHOSEN}&look={quote('Is it real?')}", _PLOT),
    "disagreements": (f"compare?{CHOSEN}&look=Disagreements", _PLOT),
    "cost": (f"compare?{CHOSEN}&look=Cost", _PLOT),
    "sweeps": ("sweeps?sweep={sweep}", ".live-figure"),
}
RACERS = ("softmax", "mlp-300", "lenet-5")
# The recorded race: pixels, milliseconds of a picture and of the last one, and how many pictures there are at most.
_RACE_SIZE, _SHOWN_MS, _LAST_MS, _MOST_PICTURES = (960, 540), 180, 3500, 60


def main() -> None:
    """Train, serve, photograph."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, chromium() as browser:
        folder = Path(sys.argv[1] if len(sys.argv) > 1 else f"{scratch}/results")
        sweep = train(Store.open(folder))
        with running_app(folder) as url:
            for name, (view, place) in VIEWS.items():
                photograph(browser, f"{url}/{view.format(sweep=sweep)}", name, place)
            photograph_drawing(browser, url)
        # Each lab of its own, so that what trains there is in no other picture and numbers begin with 1.
        with running_app(Path(scratch) / "training") as url:
            photograph_training(browser, url)
        with running_app(Path(scratch) / "race") as url:
            record_race(browser, url)


def train(store: Store) -> str:
    """Train what the pictures show, unless the folder has it already; returns the id of the sweep."""
    if not store.count_runs():
        for config in RUNS:
            run = store.enqueue(config, claimed=True)
            for _ in work(store, run):
                pass
        launch_sweep(store, SWEEP)
    while (run := store.claim()) is not None:
        for _ in work(store, run):
            pass
    runs = store.runs()
    assert {run.dataset for run in runs} == {"mnist"}, "the pictures show the full MNIST: set MNIST_LAB_DATA"
    return next(run.sweep for run in runs if run.sweep)


def open_page(browser: Browser, address: str) -> Page:
    """A page as a projector shows it, once it is drawn."""
    page = browser.new_page(viewport={"width": 1280, "height": 720}, color_scheme="light")
    page.goto(address)
    page.get_by_role("heading", level=1).wait_for()
    settle(page)
    return page


def settle(page: Page) -> None:
    """Wait until the page's script has ended and its charts are drawn."""
    page.wait_for_timeout(1500)
    page.locator("[data-test-script-state=notRunning]").wait_for()
    page.wait_for_timeout(1500)


def save(page: Page, name: str) -> None:
    """Save what the window shows as a small PNG."""
    page.mouse.move(5, 715)
    page.wait_for_timeout(300)
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    picture.save(IMAGES / f"{name}.png", optimize=True)


def photograph(browser: Browser, address: str, name: str, place: str) -> None:
    """A page from its top, scrolled down no further than to the end of what this selector finds."""
    page = open_page(browser, address)
    if place:
        page.locator(place).first.evaluate("""(place) => {
          if (place.getBoundingClientRect().bottom > innerHeight) place.scrollIntoView({ block: "end" })
        }""")
        page.wait_for_timeout(700)
    save(page, name)
    page.close()


def photograph_training(browser: Browser, url: str) -> None:
    """A run in the middle of its training, and what it answers meanwhile."""
    page = open_page(browser, f"{url}/train?architecture=mlp-300&epochs=30&view=Network")
    page.get_by_role("button", name="Start training").click()
    page.get_by_text("epoch 5 of 30").first.wait_for(timeout=120_000)
    save(page, "train")
    page.close()


def photograph_drawing(browser: Browser, url: str) -> None:
    """A seven drawn with the mouse, and what the networks say."""
    page = open_page(browser, f"{url}/draw?{CHOSEN}")
    box = page.locator("canvas").first.bounding_box()
    assert box is not None
    points = [(0.25, 0.22), (0.75, 0.22), (0.6, 0.5), (0.45, 0.82)]
    page.mouse.move(box["x"] + points[0][0] * box["width"], box["y"] + points[0][1] * box["height"])
    page.mouse.down()
    for across, down in points[1:]:
        page.mouse.move(box["x"] + across * box["width"], box["y"] + down * box["height"], steps=12)
    page.mouse.up()
    settle(page)
    save(page, "draw")
    page.close()


def record_race(browser: Browser, url: str) -> None:
    """A race from its start to its podium as an animation, faster than it was."""
    networks = "&".join(f"architecture={name}" for name in RACERS)
    page = open_page(browser, f"{url}/train?{networks}&epochs=1&view=Network")
    pictures, podium = [page.screenshot()] * 4, page.locator(".st-key-race-again")
    page.get_by_role("button", name=f"Start {len(RACERS)} networks").click()
    page.get_by_text("Race:").first.wait_for()
    # Only now: a click that crosses the change of the view would take it back.
    page.get_by_text("Form", exact=True).click()
    page.mouse.move(5, 715)
    while not podium.is_visible():
        pictures.append(page.screenshot())
        time.sleep(0.3)
    settle(page)
    step = max(1, len(pictures) / _MOST_PICTURES)
    kept = [pictures[round(step * index)] for index in range(int(len(pictures) / step))] + [page.screenshot()]
    frames = [Image.open(io.BytesIO(shot)).convert("RGB").resize(_RACE_SIZE, Image.Resampling.LANCZOS) for shot in kept]
    frames[0].save(
        IMAGES / "race.webp",
        save_all=True,
        append_images=frames[1:],
        duration=[_SHOWN_MS] * (len(frames) - 1) + [_LAST_MS],
        loop=0,
        quality=80,
        method=4,
    )
    page.close()


if __name__ == "__main__":
    main()
