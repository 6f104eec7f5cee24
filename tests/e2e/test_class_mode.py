"""In a real browser: class mode by its key and by a link, and the keys that step through the sections."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from mnist_core.config.run_config import RunConfig
from mnist_core.store.store import Store
from tests.app_process import running_app
from tests.labs import trained_run

pytestmark = pytest.mark.browser
TINY = RunConfig(dataset="mnist-5k", train_images=300, validation_images=200, architecture="softmax", epochs=1)
USUAL_PX, CLASS_PX = 16, 26


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The app with two runs."""
    folder = tmp_path_factory.mktemp("class") / "results"
    store = Store.open(folder)
    for config in (TINY, TINY.replace(seed=1)):
        trained_run(store, config)
    with running_app(folder) as address:
        yield address


def section(page: Page, name: str) -> Locator:
    return page.get_by_role("radio", name=name, exact=True)


def wait_for_size(page: Page, pixels: int) -> None:
    """Wait until the type of the page has this size, and its script has ended."""
    expect(page.locator("html")).to_have_css("font-size", f"{pixels}px")
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")


def test_keys_switch_class_mode_and_step_through_sections(url: str, page: Page):
    page.goto(f"{url}/compare?runs=1&runs=2&table=true")
    page.get_by_role("textbox", name="Filter").press("c")
    expect(page.get_by_role("textbox", name="Filter")).to_have_value("c")
    page.get_by_role("textbox", name="Filter").press("Backspace")
    wait_for_size(page, USUAL_PX)
    page.get_by_role("heading", name="Compare", level=1).click()
    page.keyboard.press("c")
    wait_for_size(page, CLASS_PX)
    assert "classroom=true" in page.url
    # One press a step, as fast as they come: none may be lost.
    for _ in range(9):
        page.keyboard.press("ArrowRight")
    expect(section(page, "Take away")).to_be_checked()
    expect(page).to_have_url(re.compile("look=Take"))
    # Beyond the last section there is none.
    page.keyboard.press("ArrowRight")
    # A clicker also works while a section has the focus.
    section(page, "Curves").click()
    page.keyboard.press("PageDown")
    page.keyboard.press("PageDown")
    page.keyboard.press("PageUp")
    expect(section(page, "Is it real?")).to_be_checked()
    expect(page).to_have_url(re.compile("look=Is"))
    page.reload()
    expect(section(page, "Is it real?")).to_be_checked()
    wait_for_size(page, CLASS_PX)
    page.keyboard.press("c")
    wait_for_size(page, USUAL_PX)
    expect(page).not_to_have_url(re.compile("classroom="))


def test_a_key_that_is_pressed_before_the_switch_is_there_is_not_lost(url: str, page: Page):
    page.goto(f"{url}/compare?runs=1&runs=2", wait_until="domcontentloaded")
    page.keyboard.press("c")
    wait_for_size(page, CLASS_PX)
    assert "classroom=true" in page.url


def test_figures_follow_the_size_of_the_type(url: str, page: Page):
    page.goto(f"{url}/compare?runs=1&runs=2&look=Results")
    label, curves = page.locator(".js-plotly-plot .xtick text").first, page.locator(".curve-chart")
    expect(label).to_have_css("font-size", "16px")
    page.keyboard.press("c")
    expect(label).to_have_css("font-size", "25.6px")
    section(page, "Curves").click()
    expect(curves).to_have_css("font-size", "24px")
    page.keyboard.press("c")
    expect(curves).to_have_css("font-size", "15px")


def test_train_shows_no_form_and_the_menu_keeps_class_mode(url: str, page: Page):
    page.goto(f"{url}/train?view=Training")
    start = page.get_by_role("button", name="Start training")
    expect(start).to_be_visible()
    page.goto(f"{url}/train?view=Training&classroom=true")
    wait_for_size(page, CLASS_PX)
    expect(page.get_by_role("radio", name="Training", exact=True)).to_be_checked()
    expect(start).not_to_be_visible()
    page.get_by_role("link", name="Inspect", exact=True).click()
    expect(section(page, "Samples")).to_be_checked()
    wait_for_size(page, CLASS_PX)
    assert "classroom=true" in page.url


def test_sweeps_show_no_form_in_class_mode(url: str, page: Page):
    page.goto(f"{url}/sweeps")
    form = page.locator(".st-key-sweep-form")
    expect(form).to_be_visible()
    page.keyboard.press("c")
    wait_for_size(page, CLASS_PX)
    expect(form).not_to_be_visible()
