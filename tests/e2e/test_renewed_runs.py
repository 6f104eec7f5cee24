"""In a real browser: a page of Train keeps itself up to date without running, and runs where that is needed."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from mnist_core.config.run_config import RunConfig
from mnist_core.store.store import Store
from tests.app_process import wait_until
from tests.e2e.messages import frames_of, requests_of

pytestmark = pytest.mark.browser
NEVER_ENDING = RunConfig(dataset="mnist-5k", architecture="mlp-100", epochs=5000)
SEEN = """hidden => {
  Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden })
  document.dispatchEvent(new Event("visibilitychange"))
}"""

# The answer to the next question is what `answerHeld` is called with.
HELD = """() => {
  const fetchNow = window.fetch
  window.fetch = (address, options) => {
    if (!String(address).endsWith("/followed-runs")) return fetchNow(address, options)
    return new Promise((resolve) => (window.answerHeld = resolve))
  }
}"""


def step_of(thinking: Locator) -> int:
    return int(thinking.get_attribute("data-step") or -1)


def test_runs_are_watched_without_a_run_of_the_page(serve, page: Page, curves):
    store = Store.open()
    run = store.enqueue(NEVER_ENDING)
    frames, asked = frames_of(page), requests_of(page, "/followed-runs")
    page.goto(f"{serve()}/train?runs=1")
    card, thinking = page.locator(".st-key-run-1"), page.locator(".thinking")
    expect(card).to_contain_text("images/s")
    expect(thinking.locator(".tile")).to_have_count(20)
    # What the components tell once they are there has been answered.
    page.wait_for_timeout(2000)

    before, received, questions = (curves()["step"], step_of(thinking), card.inner_text()), len(frames), len(asked)
    page.wait_for_timeout(4000)
    assert curves()["step"] > before[0]
    assert step_of(thinking) > before[1]
    assert card.inner_text() != before[2]
    assert len(frames) == received
    # One question at a time, every half second.
    assert 2 <= len(asked) - questions <= 9

    # Nobody sees the page: it asks nothing, and is up to date at once when it is seen again.
    page.evaluate(SEEN, True)
    page.wait_for_timeout(1000)
    questions, before_hidden = len(asked), curves()["step"]
    page.wait_for_timeout(2000)
    assert (len(asked), curves()["step"]) == (questions, before_hidden)
    page.evaluate(SEEN, False)
    wait_until(lambda: page.wait_for_timeout(50) or curves()["step"] > before_hidden)

    # Seen again while a question is under way, it still asks one at a time.
    for _ in range(5):
        page.evaluate(SEEN, True)
        page.evaluate(SEEN, False)
    questions = len(asked)
    page.wait_for_timeout(3000)
    assert 1 <= len(asked) - questions <= 7

    # What happens elsewhere is seen, too.
    store.request(run.id, "pause")
    expect(card.get_by_role("button", name="Continue")).to_be_visible()
    expect(card).to_contain_text("paused")
    paused = store.run(run.id).step
    store.requeue(run.id)
    wait_until(lambda: page.wait_for_timeout(50) or curves()["step"] > paused)
    store.request(run.id, "stop")
    expect(card).to_contain_text(re.compile(r"test \d\d\.\d\d%"))
    expect(card.locator(".mistakes figure")).to_have_count(6)


def test_the_lanes_of_many_runs_advance(serve, page: Page):
    store = Store.open()
    for seed in range(3):
        store.enqueue(NEVER_ENDING.replace(seed=seed, epochs=40 if seed == 2 else 5000))
    frames = frames_of(page)
    page.goto(f"{serve()}/train?runs=1&runs=2&runs=3")
    lanes = page.locator(".lane")
    expect(lanes.nth(0)).to_contain_text(re.compile(r"epoch \d+ of 5000"))
    expect(lanes.nth(2)).to_contain_text("its turn is number 1")
    # Equal progress is an equal length.
    widths = page.locator(".lane .track").evaluate_all("tracks => tracks.map((track) => track.offsetWidth)")
    assert len(widths) == 3
    assert len(set(widths)) == 1
    page.wait_for_timeout(1500)
    before, received = lanes.nth(0).inner_text(), len(frames)
    wait_until(lambda: page.wait_for_timeout(50) or lanes.nth(0).inner_text() != before)
    assert len(frames) == received
    # The third run begins once there is room for it, and its card has other buttons then.
    store.request(store.find("1").id, "stop")
    expect(lanes.nth(2)).to_contain_text(re.compile(r"epoch \d+ of 40"))
    expect(lanes.nth(0)).to_contain_text("stopped")


def test_a_page_of_a_server_that_was_started_anew_goes_on(serve, page: Page):
    """As one would see it whose questions another app behind the same address answers, which does not know the page."""
    Store.open().enqueue(NEVER_ENDING)
    asked = requests_of(page, "/followed-runs")
    page.goto(f"{serve()}/train?runs=1")
    card = page.locator(".st-key-run-1")
    expect(card).to_contain_text("images/s")
    page.route("**/followed-runs", lambda route: route.fulfill(status=404, json={"problem": "Not open here."}))
    page.wait_for_timeout(1000)
    before, questions = card.inner_text(), len(asked)
    wait_until(lambda: page.wait_for_timeout(50) or card.inner_text() != before)
    wait_until(lambda: page.wait_for_timeout(50) or len(asked) >= questions + 2)


def test_a_page_that_is_being_left_is_not_drawn_in_the_place_of_the_next_one(serve, page: Page):
    """The page is told to run just after the other one was asked for, before that one's run begins."""
    Store.open().enqueue(NEVER_ENDING)
    page.goto(f"{serve()}/train?runs=1")
    expect(page.locator(".st-key-run-1")).to_contain_text("images/s")
    page.evaluate(HELD)
    page.wait_for_function("() => Boolean(window.answerHeld)")
    page.get_by_role("link", name="Data", exact=True).evaluate(
        "link => { link.click(); answerHeld(Response.json({ run: true })) }"
    )
    for _ in range(2):
        expect(page.get_by_role("heading", name="Data", exact=True)).to_be_visible()
        expect(page.get_by_role("heading", name="Pixels")).to_be_visible()
        page.wait_for_timeout(2000)
