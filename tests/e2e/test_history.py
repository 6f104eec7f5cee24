"""In a real browser: Back undoes the last change of page, section or view, and the title names what is seen."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from mnist_core.config.run_config import RunConfig
from mnist_core.store.store import Store
from tests.app_process import running_app
from tests.labs import trained_run

pytestmark = pytest.mark.browser
TINY = RunConfig(dataset="mnist-5k", train_images=300, validation_images=200, architecture="softmax", epochs=1)
# The browser's entry is made this long after the last change of the address.
SETTLED_MS = 600


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The app with two runs."""
    folder = tmp_path_factory.mktemp("history") / "results"
    store = Store.open(folder)
    for config in (TINY, TINY.replace(seed=1)):
        trained_run(store, config)
    with running_app(folder) as address:
        yield address


def choose(page: Page, name: str) -> None:
    page.get_by_role("radio", name=name, exact=True).click()


def go_to(page: Page, name: str) -> None:
    page.get_by_role("link", name=name, exact=True).click()


def shows(page: Page, title: str, heading: str, chosen: str = "") -> None:
    """Wait until the browser's title, the heading and the chosen section are these, and the address is settled."""
    expect(page).to_have_title(f"{title} · MNIST Lab")
    expect(page.get_by_role("heading", name=heading, level=1)).to_be_visible()
    if chosen:
        expect(page.get_by_role("radio", name=chosen, exact=True)).to_be_checked()
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    page.wait_for_timeout(SETTLED_MS)


def test_back_undoes_each_change_of_page_section_and_view(url: str, page: Page):
    page.goto(f"{url}/compare?runs=1&runs=2")
    shows(page, "Results · Compare", "Compare", "Results")
    began = page.evaluate("history.length")
    places = [("Results · Compare", "Compare", "Results")]

    def step(title: str, heading: str, chosen: str = "") -> None:
        shows(page, title, heading, chosen)
        places.append((title, heading, chosen))

    choose(page, "Curves")
    step("Curves · Compare", "Compare", "Curves")
    go_to(page, "Inspect")
    step("Samples · Inspect", "Inspect", "Samples")
    choose(page, "Weights")
    step("Weights · Inspect", "Inspect", "Weights")
    go_to(page, "Draw")
    step("Draw", "Draw")
    assert page.evaluate("history.length") - began == len(places) - 1
    for place in reversed(places[:-1]):
        page.go_back()
        shows(page, *place)
    # The first page has its runs again, and nothing that was passed on the way back is lost.
    assert re.search(r"/compare\?.*runs=1&runs=2", page.url)
    for place in places[1:]:
        page.go_forward()
        shows(page, *place)


def test_what_is_no_section_makes_no_entry(url: str, page: Page):
    page.goto(f"{url}/compare?runs=1&runs=2&look=Cost")
    shows(page, "Cost · Compare", "Compare", "Cost")
    began = page.evaluate("history.length")
    choose(page, "file")
    page.wait_for_url("**cost=file**")
    shows(page, "Cost · Compare", "Compare", "Cost")
    assert page.evaluate("history.length") == began


def test_back_from_the_first_page_leaves_the_app(url: str, page: Page):
    page.goto("about:blank")
    page.goto(url)
    page.wait_for_url("**/train**")
    shows(page, "Training · Train", "Train")
    page.go_back()
    page.wait_for_timeout(SETTLED_MS)
    assert page.url == "about:blank"


def test_the_title_does_not_flash_when_a_page_is_drawn_again(url: str, page: Page):
    page.goto(f"{url}/compare?runs=1&runs=2&look=Cost")
    shows(page, "Cost · Compare", "Compare", "Cost")
    page.evaluate(
        """() => {
          window.titles = []
          new MutationObserver(() => window.titles.push(document.title))
            .observe(document.querySelector("title"), { childList: true, characterData: true, subtree: true })
        }"""
    )
    choose(page, "file")
    page.wait_for_url("**cost=file**")
    choose(page, "Classes")
    shows(page, "Classes · Compare", "Compare", "Classes")
    assert set(page.evaluate("window.titles")) <= {"Cost · Compare · MNIST Lab", "Classes · Compare · MNIST Lab"}
