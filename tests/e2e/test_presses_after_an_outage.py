"""In a real browser: what is pressed as soon as the app is back is done, although the app is not the one it was."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from mnist_core.config.run_config import RunConfig
from mnist_core.store import count_by_digit, read_page
from mnist_core.store.store import Store
from tests.app_process import app_process, free_port, wait_until
from tests.blank_files import write_blank_files
from tests.e2e.test_class_handwriting import PART, draw
from tests.labs import trained_run

pytestmark = [pytest.mark.browser, pytest.mark.long]
TINY = "dataset=mnist-5k&train_images=300&validation_images=100&epochs=1"

# Clicks a button in the frame in which it can be clicked again.
CLICK_AT_ONCE = """
button => {
  let wasDisabled = false
  const look = () => {
    wasDisabled ||= button.disabled
    if (wasDisabled && !button.disabled) button.click()
    else requestAnimationFrame(look)
  }
  look()
}
"""
# Has the app away for a while, and clicks what was found as soon as it can be clicked again.
ClickAfterOutage = Callable[[Locator], None]
# Opens the page at an address.
Opened = Callable[[str], ClickAfterOutage]


@pytest.fixture
def opened(own_lab: Path, page: Page, tmp_path: Path) -> Iterator[Opened]:
    write_blank_files("mnist", tmp_path / "data")
    port = free_port()
    with ExitStack() as running:
        app = running.enter_context(app_process(own_lab, port))

        def click(button: Locator) -> None:
            button.evaluate(CLICK_AT_ONCE)
            app.kill()
            app.wait()
            expect(button).to_be_disabled()
            running.enter_context(app_process(own_lab, port))

        def open_page(path: str) -> ClickAfterOutage:
            page.goto(f"http://127.0.0.1:{port}{path}")
            expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
            return click

        yield open_page


def test_a_drawing_is_handed_in(store: Store, opened: Opened, page: Page) -> None:
    trained_run(store, RunConfig(dataset="mnist-5k", architecture="softmax", train_images=1000, epochs=2))
    click = opened(PART)
    draw(page)
    click(page.get_by_role("button", name="Hand in"))
    wait_until(lambda: sum(count_by_digit(store)) == 1)
    expect(page.locator(".pad")).to_have_attribute("data-strokes", "0")


def test_a_run_is_started(store: Store, opened: Opened, page: Page) -> None:
    click = opened(f"/train?{TINY}&architecture=softmax")
    click(page.get_by_role("button", name="Start training"))
    wait_until(lambda: len(read_page(store).runs) == 1)


def test_a_part_of_a_page_that_follows_nothing_goes_on(store: Store, opened: Opened, page: Page) -> None:
    trained_run(store, RunConfig(dataset="mnist-5k", architecture="softmax", train_images=1000, epochs=2))
    trained_run(store, RunConfig(dataset="mnist-5k", architecture="mlp-10", train_images=1000, epochs=2))
    click = opened("/compare?runs=1&runs=2&look=Curves")
    click(page.get_by_role("switch", name="How they learned"))
    expect(page.get_by_role("rowheader", name="linear 2")).to_be_visible()
