"""In a real browser without a network: a report opens from the disk, draws its charts and asks for nothing."""

from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser

from mnist_core import report
from mnist_core.config.run_config import RunConfig
from mnist_core.jobs.worker import work
from mnist_core.store.store import Store

pytestmark = pytest.mark.browser
CONFIG = RunConfig(dataset="mnist-5k", train_images=300, architecture="softmax", epochs=2)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of two trained runs."""
    folder = tmp_path_factory.mktemp("report")
    store = Store.open(folder / "results")
    runs = []
    for seed in (0, 1):
        run = store.enqueue(CONFIG.replace(seed=seed), claimed=True)
        assert sum(1 for _ in work(store, run)) > 3
        runs.append(store.run(run.id))
    path = folder / "report.html"
    path.write_text(report.report_html(store, runs), encoding="utf-8")
    return path


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), pytest.param("dark", 390, marks=pytest.mark.long)])
def test_a_report_opens_without_a_network(
    browser: Browser, written: Path, scheme: Literal["light", "dark"], width: int
):
    context = browser.new_context(offline=True, viewport={"width": width, "height": 900})
    page = context.new_page()
    page.emulate_media(color_scheme=scheme)
    messages: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: messages.append(message.text))
    page.on("pageerror", lambda error: messages.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(written.as_uri())
    page.wait_for_function("document.querySelectorAll('.chart .main-svg').length >= 2")
    drawn = "charts => charts.map(chart => chart.querySelectorAll('.scatterlayer .trace path.js-line').length)"
    # Each run has a curve of training and one of validation.
    assert min(page.locator(".chart").evaluate_all(drawn)) >= 4
    pictures = page.locator(".gallery img").evaluate_all("found => found.map(image => image.naturalWidth)")
    assert len(pictures) >= 10
    assert set(pictures) == {28}
    colours = page.evaluate("[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]")
    assert colours[0] == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(18, 22, 29)")
    text = page.locator(".chart .xtitle").first.evaluate("text => getComputedStyle(text).fill")
    # The charts use the page's colours.
    assert text == colours[1]
    # A wide table scrolls on its own, not with the page.
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert messages == []
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    context.close()


def test_a_printed_report_shows_all_settings(browser: Browser, written: Path):
    context = browser.new_context(offline=True)
    page = context.new_page()
    page.goto(written.as_uri())
    assert page.locator("details[open]").count() == 0
    assert page.pdf(format="A4").startswith(b"%PDF")
    assert page.locator("details[open]").count() == 1
    context.close()
