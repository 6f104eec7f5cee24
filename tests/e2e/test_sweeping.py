"""In a real browser: a sweep is described by an address, started, watched to its end, extended, and deleted."""

import re

import pytest
from playwright.sync_api import Page, expect

from mnist_core.store.store import Store

pytestmark = pytest.mark.browser

FORM = (
    "dataset=mnist-5k&architecture=mlp-100&train_images=500&epochs=2"
    "&vary1=Learning+rate&try_learning_rate=0.001,+0.01&sweep_name=Two+rates"
)


@pytest.mark.long
def test_a_sweep_is_started_watched_extended_and_deleted(serve, page: Page):
    page.goto(f"{serve()}/sweeps?{FORM}")
    expect(page.get_by_text(re.compile(r"^2 runs\b.* \d+ "))).to_be_visible()
    page.get_by_role("button", name="Start the sweep").click()
    # How many runs there are, and how many of them have finished.
    progress = page.get_by_test_id("stProgress")
    expect(progress).to_have_text(re.compile(r"^2\D+2 finished$"))
    expect(page.locator(".st-key-best")).to_be_visible()
    expect(page.get_by_role("heading", name="What it found")).to_be_visible()
    summary, curves = page.locator(".live-figure[data-redraws]"), page.locator(".curve-chart")
    expect(summary).to_be_visible()
    expect(curves).to_have_attribute("data-lines", "2")
    expect(page).to_have_url(re.compile("sweep=[0-9a-f-]{36}"))

    # The sweep comes from the address, not from the state of the browser.
    page.reload()
    expect(progress).to_have_text(re.compile(r"^2\D+2 finished$"))
    page.get_by_role("button", name="Extend").click()
    # The form of a new sweep has a field of the same name and value; what is typed into that one is lost.
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    values = page.get_by_role("textbox", name="Values of Learning rate")
    expect(values).to_have_value("0.001, 0.01")
    values.fill("0.001, 0.01, 0.1")
    values.press("Enter")
    page.get_by_role("button", name="Add the missing runs").click()
    expect(progress).to_have_text(re.compile(r"^3\D+3 finished$"))
    expect(curves).to_have_attribute("data-lines", "3")
    assert [run.config.learning_rate for run in Store.open().runs()] == [0.1, 0.01, 0.001]

    expect(page.locator(".st-key-sweep")).to_be_visible()
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("button", name="Delete it with its 3 runs").click()
    expect(page.locator(".st-key-sweep")).to_have_count(0)
    assert Store.open().sweeps() == []
    assert len(Store.open().runs(deleted=True)) == 3
