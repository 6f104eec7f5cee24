"""One student of a lesson under load in a real browser."""

import random
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import BrowserContext, Page, Response, sync_playwright

from benchmarks.class_figures import Notes
from benchmarks.class_session import PLACES, SMALL_RUN
from benchmarks.draw_latency import draw
from tests.browser import ARGUMENTS, executable

_PATIENCE_MS = 60_000


@contextmanager
def own_browser() -> Iterator[BrowserContext]:
    """A student's browser, which keeps files and compiled scripts on the disk, as a browser does in daily use."""
    with sync_playwright() as playwright, tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        context = playwright.chromium.launch_persistent_context(
            profile, executable_path=executable(), args=ARGUMENTS, viewport={"width": 1440, "height": 900}
        )
        context.set_default_timeout(_PATIENCE_MS)
        yield context
        context.close()


class BrowserSession:
    """A student in a browser, with the same actions as a `ClassSession`.

    As students do, it opens links, which load the app anew, and goes from page to page by the menu, which does not.
    """

    def __init__(self, browser: BrowserContext, url: str, link: str, notes: Notes, chance: random.Random) -> None:
        """`link` lets students in at `url`."""
        self._url, self._link, self._notes, self._chance = url, link, notes, chance
        self._page: Page = browser.new_page()
        self._page.on("pageerror", lambda error: notes.error(f"browser: {str(error)[:200]}"))
        self._page.on("response", self._see_response)

    def join(self, name: str) -> None:
        """Open the class link, and give a name."""
        self._page.goto(self._link)
        self._page.get_by_role("textbox", name="What shall we call you?").fill(name)
        self._page.get_by_role("button", name="Start", exact=True).click()
        self._page.get_by_role("heading", name="Train", exact=True).wait_for()

    def change_pages(self) -> None:
        """Open a few pages, and look at each for some seconds."""
        for page, _ in self._chance.sample(PLACES, 3):
            self._go_to(page.capitalize())
            self.look(self._chance.uniform(2, 5))

    def watch(self) -> None:
        """Open the teacher's link, and watch two runs learn."""
        self._open("train?runs=1&runs=2")
        self.look(self._chance.uniform(8, 15))

    def draw(self) -> None:
        """Draw a digit, and read the networks' answers after each stroke."""
        self._go_to("Draw")
        self._page.locator(".answers").wait_for()
        for milliseconds, _ in draw(self._page, 3):
            self._notes.time("drawn answer, browser", milliseconds / 1000)

    def start_run(self) -> None:
        """Open the link of a small run, start it, and watch it for some seconds."""
        self._open(f"train?{SMALL_RUN}&seed={self._chance.randrange(1000)}")
        self.look(self._chance.uniform(1, 3))
        self._page.get_by_role("button", name="Start training").click()
        self.look(self._chance.uniform(4, 8))

    def look(self, seconds: float) -> None:
        """Leave the page open."""
        self._page.wait_for_timeout(1000 * seconds)
        for box in self._page.get_by_test_id("stException").all_inner_texts():
            self._notes.error(f"exception on a page: {box[:200]}")

    def _open(self, address: str) -> None:
        began = time.monotonic()
        self._page.goto(f"{self._url}/{address}")
        self._wait_for("Train")
        self._notes.time("page load, browser", time.monotonic() - began)

    def _go_to(self, title: str) -> None:
        """Press the page's name in the menu."""
        if self._page.get_by_role("heading", level=1, name=title, exact=True).is_visible():
            return
        began = time.monotonic()
        self._page.get_by_role("link", name=title, exact=True).click()
        self._wait_for(title)
        self._notes.time("change of pages, browser", time.monotonic() - began)

    def _wait_for(self, title: str) -> None:
        """Return once this page is there and its script does not run any more."""
        self._page.get_by_role("heading", level=1, name=title, exact=True).wait_for()
        self._page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()

    def _see_response(self, response: Response) -> None:
        # Chromium asks for an icon of its own; everything else was asked for by the page.
        if response.status >= 400 and not response.url.endswith("favicon.ico"):
            self._notes.error(f"browser: {response.status} for {response.url.partition('?')[0]}")
