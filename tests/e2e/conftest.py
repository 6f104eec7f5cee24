"""What the end-to-end tests share: a page of the running app."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

expect.set_options(timeout=20_000)  # two cores also train; nothing here waits longer than it must

_CURVES = """
() => {
  const inside = (root) => root.querySelector("[data-last-step]")
    ?? [...root.querySelectorAll("*")].map((element) => element.shadowRoot && inside(element.shadowRoot)).find(Boolean)
  const chart = inside(document)
  return chart ? { points: Number(chart.dataset.points), step: Number(chart.dataset.lastStep) } : { points: 0, step: 0 }
}
"""


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A new browser window of a projector's width; the page must not end with an error of its own scripts."""
    errors: list[str] = []
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    opened = context.new_page()
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.set_default_timeout(30_000)
    yield opened
    context.close()
    assert not errors


@pytest.fixture
def curves(page: Page) -> Callable[[], dict[str, Any]]:
    """How many points the live chart shows, and the newest step."""
    return lambda: page.evaluate(_CURVES)
