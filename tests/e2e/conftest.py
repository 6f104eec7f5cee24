"""What the end-to-end tests share: a page of the running app."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.app_process import ROOT, running_app

SCRIPTS = Path(__file__).parent / "scripts"

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
    yield opened
    context.close()
    assert not errors


@pytest.fixture(scope="module")
def script_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    """URL of a script of `scripts/`. All tests of a file share its server; each visit is a session of its own."""
    with ExitStack() as servers:

        @cache
        def start(name: str) -> str:
            folder = tmp_path_factory.mktemp(name)
            script = Path(shutil.copy(SCRIPTS / f"{name}.py", folder / "page.py"))
            return servers.enter_context(running_app(folder / "results", script, {"PYTHONPATH": str(ROOT)}))

        yield start


@pytest.fixture
def curves(page: Page) -> Callable[[], dict[str, Any]]:
    """How many points the live chart shows, and the newest step."""
    return lambda: page.evaluate(_CURVES)
