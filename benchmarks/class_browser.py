"""One student of a lesson under load in a real browser."""

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, Response, sync_playwright

from benchmarks.class_figures import Notes
from benchmarks.class_session import PLACES, SMALL_RUN
from benchmarks.draw_latency import draw
from tests.browser import ARGUMENTS, executable

_PATIENCE_MS = 60_000


@contextmanager
def a_browser() -> Iterator[Browser]:
    """A browser for the thread that asks; Playwright's objects belong to one thread."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), args=ARGUMENTS)
        yield browser
        browser.close()


class BrowserSession:
    """A student in a browser, with the same actions as a `ClassSession`."""

    def __init__(self, browser: Browser, url: str, link: str, notes: Notes, chance: random.Random) -> None:
        """`link` lets students in at `url`."""
        self._url, self._link, self._notes, self._chance = url, link, notes, chance
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        context.set_default_timeout(_PATIENCE_MS)
        self._page: Page = context.new_page()
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
        for page, query in self._chance.sample(PLACES, 3):
            self._open(f"{page}?{query}")
            self.look(self._chance.uniform(2, 5))

    def watch(self) -> None:
        """Watch the teacher's runs learn."""
        self._open("train?runs=1&runs=2")
        self.look(self._chance.uniform(8, 15))

    def draw(self) -> None:
        """Draw a digit, and read the networks' answers after each stroke."""
        self._open("draw?runs=3&runs=4&runs=5")
        self._page.locator(".answers").wait_for()
        for milliseconds, _ in draw(self._page, 3):
            self._notes.time("drawn answer, browser", milliseconds / 1000)

    def start_run(self) -> None:
        """Start a small run of its own, and watch it for some seconds."""
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
        self._page.get_by_role("heading", level=1).first.wait_for()
        self._page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
        self._notes.time("page load, browser", time.monotonic() - began)

    def _see_response(self, response: Response) -> None:
        # Chromium asks for an icon of its own; everything else was asked for by the page.
        if response.status >= 400 and not response.url.endswith("favicon.ico"):
            self._notes.error(f"browser: {response.status} for {response.url.partition('?')[0]}")
