"""The pictures of the README and the guide, taken from the running app: `python -m docs.screenshots`.

Trains a few networks on the full MNIST in a folder of its own, then photographs every page.
"""

import tempfile
from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import Browser, Page, sync_playwright

from mnist_core.config.run_config import RunConfig
from mnist_core.jobs.worker import work
from mnist_core.store.store import Store
from mnist_core.sweeps.axes import SweepAxis
from mnist_core.sweeps.running import launch_sweep
from mnist_core.sweeps.sweep import Sweep
from tests.app_process import running_app
from tests.browser import ARGUMENTS, executable

IMAGES = Path(__file__).parent / "images"
RUNS = (
    RunConfig(architecture="softmax", epochs=3),
    RunConfig(architecture="mlp-300", epochs=4),
    RunConfig(architecture="lenet-5", epochs=2, learning_rate=0.002, schedule="cosine"),
)
RATES = SweepAxis("learning_rate", (), 1e-5, 1, 6, "log")
SWEEP = Sweep("Learning rate", RunConfig(architecture="softmax", epochs=1), (RATES,), seeds=3)
VIEWS = {
    "inspect": "inspect?run=1&view=Mistakes",
    "compare": "compare?runs=1&runs=2&runs=3",
    "data": "data",
    "studies": "studies?study=linear-depth",
}
# Of the page Compare.
SECTIONS = {"Curves": "curves", "Is it real?": "verdict", "Disagreements": "disagreements", "Cost": "cost"}


def main() -> None:
    """Train, serve, photograph."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        store = Store.open(Path(folder))
        for config in RUNS:
            run = store.enqueue(config, claimed=True)
            for _ in work(store, run):
                pass
            assert store.run(run.id).dataset == "mnist", "the pictures show the full MNIST: set MNIST_LAB_DATA"
        sweep = launch_sweep(store, SWEEP)
        while (run := store.claim()) is not None:
            for _ in work(store, run):
                pass
        browser = playwright.chromium.launch(executable_path=executable(), args=ARGUMENTS)
        with running_app(Path(folder)) as url:
            for name, view in (VIEWS | {"sweeps": f"sweeps?sweep={sweep}"}).items():
                page = open_page(browser, f"{url}/{view}")
                page.wait_for_timeout(6000)
                page.screenshot(path=IMAGES / f"{name}.png")
                page.close()
            for look, name in SECTIONS.items():
                photograph_section(browser, f"{url}/compare?runs=1&runs=2&runs=3&look={quote(look)}", name)
            photograph_drawing(browser, url)
            photograph_training(browser, url)
        browser.close()


def open_page(browser: Browser, address: str) -> Page:
    """A page as a projector shows it."""
    page = browser.new_page(viewport={"width": 1280, "height": 860})
    page.goto(address)
    page.get_by_role("heading", level=1).wait_for()
    return page


def photograph_section(browser: Browser, address: str, name: str) -> None:
    """A section of the Compare page, from the choice of sections on."""
    page = open_page(browser, address)
    page.wait_for_timeout(6000)
    page.locator(".st-key-look").evaluate("choice => choice.scrollIntoView({ block: 'start' })")
    page.get_by_test_id("stMain").evaluate("main => main.scrollBy(0, -70)")  # from under the navigation
    page.wait_for_timeout(1500)
    page.screenshot(path=IMAGES / f"{name}.png")
    page.close()


def photograph_training(browser: Browser, url: str) -> None:
    """A run in the middle of its training."""
    page = open_page(browser, f"{url}/train?architecture=mlp-300&epochs=20&runs=1&runs=2&runs=3&view=Network")
    page.wait_for_timeout(4000)
    page.get_by_role("button", name="Start training").click()
    page.wait_for_timeout(9000)
    page.mouse.move(5, 5)
    page.wait_for_timeout(500)
    page.screenshot(path=IMAGES / "train.png")
    page.get_by_test_id("stMain").get_by_role("button", name="Stop").first.click()
    page.wait_for_timeout(2000)
    page.close()


def photograph_drawing(browser: Browser, url: str) -> None:
    """A seven drawn with the mouse, and what the networks say."""
    page = open_page(browser, f"{url}/draw?runs=1&runs=2&runs=3")
    page.wait_for_timeout(6000)
    box = page.locator("canvas").first.bounding_box()
    assert box is not None
    points = [(0.25, 0.22), (0.75, 0.22), (0.6, 0.5), (0.45, 0.82)]
    page.mouse.move(box["x"] + points[0][0] * box["width"], box["y"] + points[0][1] * box["height"])
    page.mouse.down()
    for across, down in points[1:]:
        page.mouse.move(box["x"] + across * box["width"], box["y"] + down * box["height"], steps=12)
    page.mouse.up()
    page.wait_for_timeout(2500)
    page.screenshot(path=IMAGES / "draw.png")
    page.close()


if __name__ == "__main__":
    main()
