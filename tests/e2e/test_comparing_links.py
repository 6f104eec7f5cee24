"""In a real browser: the address of the Compare page holds the whole view and shows it in another browser."""

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from mnist_core.config.run_config import RunConfig
from mnist_core.events import EpochEnd, StepEnd
from mnist_core.store.store import Store

pytestmark = pytest.mark.browser

_CHART = """() => {
  const inside = (root) => root.querySelector(".curve-chart .plot")
    ?? [...root.querySelectorAll("*")].map((element) => element.shadowRoot && inside(element.shadowRoot)).find(Boolean)
  const plot = inside(document)
  if (!plot?.scales) return null
  return {
    names: plot.scales.names.map(({ text }) => text),
    heights: plot.lines.map((line) => [...line.y].slice(-3)),
    axes: ["x", "y"].map((axis) => [plot.scales[axis].log, plot.scales.titles[axis], ...plot.scales[axis].ends]),
  }
}"""


def _runs(store: Store) -> None:
    for seed in range(3):
        config = RunConfig(dataset="mnist-5k", architecture="mlp-100", epochs=5, seed=seed)
        run = store.enqueue(config, f"wide, seed {seed}", claimed=True)
        store.describe(run, steps_per_epoch=20, train_images=1280)
        for epoch in range(1, 6):
            steps = range(20 * epoch - 19, 20 * epoch + 1)
            store.record(run, [StepEnd(step, epoch, (1 + seed) / step, 0.9, 0.001, 1e4, step / 50) for step in steps])
            held = (1 + seed) / epoch
            store.record(run, [EpochEnd(20 * epoch, epoch, held, 0.9, held, 1 - held / 10, True, 20 * epoch / 50)])
        store.finish(run, "finished", test_loss=0.1, test_accuracy=0.97)
    store.request(store.enqueue(RunConfig(dataset="mnist-5k"), "another").id, "stop")


def _seen(page: Page, names: int) -> dict[str, Any]:
    """What a person sees of the view once its chart is drawn and nothing moves any more."""
    page.wait_for_function(f"() => ({_CHART})()?.names.length === {names}")
    before, seen = None, _look(page)
    for _ in range(240):
        if seen == before:
            return seen
        page.wait_for_timeout(500)
        before, seen = seen, _look(page)
    raise AssertionError("the page does not come to rest")


def _look(page: Page) -> dict[str, Any]:
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    return {"chart": page.evaluate(_CHART), "page": page.get_by_test_id("stMain").aria_snapshot()}


@pytest.mark.long
def test_a_link_shows_the_same_view_in_another_browser(serve, page: Page, browser: Browser):
    _runs(Store.open())
    url = serve()
    page.goto(f"{url}/compare?runs=1&runs=2")
    for choice in ("Curves", "accuracy", "images"):
        page.get_by_role("radio", name=choice).click()
        expect(page.get_by_role("radio", name=choice)).to_be_checked()
    page.get_by_role("slider", name="Smoothing").press("ArrowRight")
    for label in ("Log x", "Log y", "Seeds as one line"):
        page.get_by_text(label, exact=True).click()
        expect(page.get_by_role("switch", name=label)).to_be_checked()
    page.get_by_role("combobox", name="Band").click()
    page.get_by_role("option", name="95 % interval").click()
    page.get_by_text("All runs", exact=True).click()
    page.get_by_role("textbox", name="Filter").fill("wide")
    page.get_by_role("textbox", name="Filter").press("Enter")
    expect(page.get_by_role("grid", name="3 of 4 runs")).to_be_visible()
    page.get_by_role("combobox", name="Chosen runs").fill("seed 2")
    page.get_by_role("option", name="seed 2").click()
    # Escape closes the list.
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Remove 3 · wide")).to_be_attached()
    expect(page).to_have_url(re.compile("runs=1&runs=2&runs=3"))
    expect(page).to_have_url(re.compile("curve_band=95"))
    seen = _seen(page, names=2)
    for axis, quantity in zip(seen["chart"]["axes"], ("Images learned", "Accuracy"), strict=True):
        scale, title = axis[:2]
        assert scale is True
        assert title.startswith(quantity)
    for fragment in ("Remove 1 · wide", "Remove 3 · wide", 'radio "Curves" [checked]', '"0.81"', "3 of 4 runs"):
        assert fragment in seen["page"]
    assert seen["page"].count("switch") == 6

    other = browser.new_context(viewport={"width": 1400, "height": 1000})
    try:
        copy = other.new_page()
        copy.goto(page.url)
        assert _seen(copy, names=2) == seen
        assert copy.url == page.url
    finally:
        other.close()
