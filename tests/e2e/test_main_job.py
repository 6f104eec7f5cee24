"""The main job in a real browser: pick, train live, reload, look, draw, compare."""

import re
from collections.abc import Callable
from contextlib import suppress

import pytest
from playwright.sync_api import Locator, Page, expect

from mnist_core.store import concurrency
from mnist_core.store.store import Store
from tests.app_process import wait_until

pytestmark = pytest.mark.browser
NEVER_ENDING = "dataset=mnist-5k&architecture=mlp-100&epochs=2000"


def press_until(button: Locator, condition: Callable[[], bool]) -> None:
    """Press again until the condition holds: a browser that is busy drawing can miss a press."""
    for _ in range(4):
        if not condition() and button.is_visible() and button.is_enabled():
            button.click()
        with suppress(AssertionError):
            wait_until(condition, seconds=15)
            return
    wait_until(condition)


def test_a_network_is_chosen_trained_watched_and_stopped(serve, page: Page, curves):
    url = serve()
    page.goto(f"{url}/train?{NEVER_ENDING}")
    # The number of parameters of 784-100-10.
    expect(page.get_by_text("79,510").first).to_be_visible()
    page.get_by_role("button", name="Start training").click()
    wait_until(lambda: curves()["points"] > 20)
    before = curves()
    wait_until(lambda: curves()["step"] > before["step"])
    expect(page.locator(".st-key-run-1")).to_contain_text(re.compile(r"[\d,]+ images/s"))

    # The run does not depend on the browser: it continues.
    page.reload()
    wait_until(lambda: curves()["step"] > before["step"])
    assert [run.state for run in Store.open().runs()] == ["running"]

    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Continue")).to_be_visible()
    paused = Store.open().runs()[0].step
    page.get_by_role("button", name="Continue").click()
    wait_until(lambda: curves()["step"] > paused)
    # Streamlit itself has a button of this name above the page, while it draws.
    press_until(
        page.get_by_test_id("stMain").get_by_role("button", name="Stop"),
        lambda: Store.open().runs()[0].state == "stopped",
    )
    expect(page.get_by_text("stopped")).to_be_visible()
    expect(page.get_by_text(re.compile(r"test \d\d\.\d\d%"))).to_be_visible()
    assert Store.open().runs()[0].test_accuracy is not None


@pytest.mark.long
def test_a_second_run_waits_in_the_queue_and_both_are_drawn(serve, page: Page, curves):
    concurrency.set_runs_at_once(Store.open(), 1)
    url = serve()
    page.goto(f"{url}/train?{NEVER_ENDING}")
    start = page.get_by_role("button", name="Start training")
    start.click()
    wait_until(lambda: curves()["points"] > 0)
    start.click()
    expect(page.locator(".st-key-run-2")).to_contain_text("⏳")
    expect(page).to_have_url(re.compile(r"runs=1.*runs=2"))
    stops = [page.locator(f".st-key-run-{number}").get_by_role("button", name="Stop") for number in (1, 2)]
    press_until(stops[0], lambda: Store.open().find("2").step > 0)
    press_until(stops[1], lambda: not Store.open().find("2").active)
    page.get_by_role("button", name=re.compile("Remove 2")).click()
    expect(page).not_to_have_url(re.compile("runs=2"))
    assert {run.number for run in Store.open().runs()} == {1, 2}


@pytest.mark.long
def test_an_app_without_a_network_says_what_it_learns_from(serve, page: Page):
    url = serve(mnist=False)
    page.goto(f"{url}/train?architecture=softmax&epochs=1")
    page.get_by_role("button", name="Start training").click()
    expect(page.locator(".st-key-run-1")).to_contain_text("mnist-5k")
    wait_until(lambda: not Store.open().runs()[0].active)
    assert Store.open().runs()[0].dataset == "mnist-5k"


@pytest.mark.parametrize(
    "path",
    [
        "",
        "inspect",
        # The other pages, each with a server of its own, take half a minute together.
        *(
            pytest.param(path, marks=pytest.mark.long)
            for path in ("train", "compare", "sweeps", "draw", "studies", "data", "class")
        ),
    ],
)
def test_every_page_opens_on_an_empty_lab_by_its_own_address(serve, page: Page, path: str):
    """Each address is the first request after a start, when Streamlit knows only the files of the folder pages/."""
    url = serve()
    page.goto(f"{url}/{path}")
    expect(page.get_by_role("heading", level=1)).to_have_text((path or "train").capitalize())
    expect(page.get_by_text("Page not found")).to_have_count(0)
    expect(page.get_by_test_id("stException")).to_have_count(0)
    expect(page.get_by_test_id("stTopNavLink")).to_have_count(8)
