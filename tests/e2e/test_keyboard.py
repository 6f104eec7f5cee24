"""In a real browser: the Tab key travels through every page and every component of it, forwards and backwards."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from mnist_core import sweeps
from mnist_core.config.run_config import RunConfig
from mnist_core.store.store import Store
from mnist_core.sweeps.axes import SweepAxis
from mnist_core.sweeps.sweep import Sweep
from tests.app_process import running_app
from tests.labs import train_now, trained_run

pytestmark = pytest.mark.browser
TINY = RunConfig(dataset="mnist-5k", train_images=300, validation_images=200, architecture="softmax", epochs=1)

# For each view, an element to wait for, which the keyboard must get into and out of.
PAGES = {
    "train?view=Training&runs=1&runs=2": ".curve-chart .legend button",
    "compare?runs=1&runs=2": ".data-table .head button",
}
# The same for other pages, the other sections of Compare and views of Inspect.
SECTIONS = {
    "inspect?run=1": ".gallery .tile",
    "draw": ".pad canvas",
    "train?view=Network": ".data-table .head button",
    "sweeps": ".data-table .head button",
    "studies?study=linear-depth": ".data-table .head button",
    "data?dataset=mnist-5k&class=3": ".gallery .tile",
    **{
        f"compare?runs=1&runs=2&look={look}": ".data-table .head button"
        for look in ("Curves", "Classes", "Cost", "Calibration")
    },
    "compare?runs=1&runs=2&look=Disagreements": ".gallery .tile",
    **{
        f"compare?runs=1&runs=2&look={look}": ".run-rail button"
        for look in ("Is+it+real%3F", "Robustness", "Labels", "Take+away")
    },
    "inspect?run=1&view=Mistakes": ".gallery .tile",
    "inspect?run=1&view=Confusion": ".gallery .tile",
    "inspect?run=1&view=Classes": ".data-table .head button",
    "inspect?run=1&view=Weights": ".gallery .tile",
    "inspect?run=1&view=Files": "h1",
}
# No page has more Tab stops; a focus that has not come back to the start by then is trapped.
MOST = 250

COMPONENTS = ".data-table, .gallery, .pad, .curve-chart, .run-rail"

# For each stop: its number, the number of its component or null, and the beginning of its HTML.
_WATCH = f"""() => {{
    window.stops = []
    const numbers = new Map()
    const number = (element) => numbers.get(element) ?? numbers.set(element, numbers.size).get(element)
    document.addEventListener("focusin", (event) => {{
        const path = event.composedPath()
        const component = path.find((element) => element.matches?.("{COMPONENTS}"))
        stops.push([number(path[0]), component ? number(component) : null, path[0].outerHTML.slice(0, 90)])
    }}, true)
}}"""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The app with two runs, a sweep of two more, and an experiment of a study that has begun."""
    folder = tmp_path_factory.mktemp("keyboard") / "results"
    store = Store.open(folder)
    for config in (TINY, TINY.replace(seed=1)):
        trained_run(store, config)
    sweeps.launch_sweep(store, Sweep(name="two rates", base=TINY, axes=(SweepAxis("learning_rate", (0.001, 0.01)),)))
    while (run := store.claim()) is not None:
        train_now(store, run)
    with running_app(folder) as address:
        yield address


def round_of(page: Page, key: str) -> list[list]:
    """The stops of one round through the page by this key: from three stops until the same three come again.

    Fewer may come again earlier: on a busy machine a page that is still being drawn gives focus back. Nor need they be
    the first stops of all, since what is drawn again is another element.
    """
    page.evaluate("() => { stops.length = 0 }")
    stops: list[list] = []
    while len(stops) < MOST:
        before = len(stops)
        for _ in range(20):
            page.keyboard.press(key)
        stops = page.evaluate("() => stops")
        numbers = [stop[0] for stop in stops]
        seen: dict[tuple[int, ...], int] = {}
        for index in range(len(numbers) - 2):
            first = seen.setdefault(tuple(numbers[index : index + 3]), index)
            if first < index:
                return stops[first:index]
        assert len(stops) > before, f"{key} is stuck at {stops[-1:]}"
    raise AssertionError(f"{key} does not come round; the stops were {[stop[:2] for stop in stops]}")


def travel(page: Page, address: str, inside: str) -> None:
    page.goto(address)
    expect(page.locator(inside).filter(visible=True).first).to_be_visible()
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    page.wait_for_timeout(300)
    page.evaluate(_WATCH)
    for key in ("Tab", "Shift+Tab"):
        # A closed expander hides its components from the keyboard, too.
        count = page.locator(COMPONENTS).filter(visible=True).count()
        # A page that is drawn anew meanwhile gives focus back, so that a part of the round looks like a whole one.
        rounds = ({component for _, component, _ in round_of(page, key)} - {None} for _ in range(4))
        assert any(len(visited) == count for visited in rounds), f"{key} passes by a component"


@pytest.mark.parametrize("view", PAGES)
def test_tab_travels_through_the_page_both_ways(url: str, page: Page, view: str) -> None:
    travel(page, f"{url}/{view}", PAGES[view])


@pytest.mark.long
@pytest.mark.parametrize("view", SECTIONS)
def test_tab_travels_through_the_section_both_ways(url: str, page: Page, view: str) -> None:
    travel(page, f"{url}/{view}", SECTIONS[view])
