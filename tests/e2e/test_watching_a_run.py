"""In a real browser: how a run learned, moved through by mouse and by keyboard, and watched while it trains."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from mnist_core.config.run_config import RunConfig
from mnist_core.jobs import watching
from mnist_core.store import Store, glimpse_files
from mnist_core.training import loop
from tests.app_process import wait_until
from tests.labs import trained_run

pytestmark = pytest.mark.browser
_TOPS_OF_TILES = (
    """element => [...element.querySelectorAll(".tile")].map(tile => Math.round(tile.getBoundingClientRect().y))"""
)
CONFIG = RunConfig(dataset="mnist-5k", architecture="flatten linear(12) relu linear(classes)", epochs=3)


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store with two runs that were looked at after every report."""
    monkeypatch.setattr(watching, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(watching, "REST", 0)
    monkeypatch.setattr(loop, "_REPORT_SECONDS", 0.0)
    store = Store.open()
    for seed in (0, 1):
        trained_run(store, CONFIG.replace(seed=seed))
    return store


def step_shown(view: Locator) -> int:
    return int(view.get_attribute("data-step") or -1)


@pytest.mark.long
def test_a_run_is_replayed_by_keyboard_by_mouse_and_by_link(serve, page: Page, recorded: Store):
    run = recorded.find("1")
    url = serve()
    page.goto(f"{url}/inspect?run=1&view=How+it+learned")
    view = page.locator(".thinking")
    expect(view.locator(".tile")).to_have_count(20)
    expect(view).to_have_attribute("data-step", str(run.step))
    sure = view.locator(".tile[data-right=true]").count()
    assert sure >= 10
    assert view.locator("tbody tr").count() == 2
    # Two rows, once every tile has moved to its place.
    wait_until(lambda: len(set(view.evaluate(_TOPS_OF_TILES))) == 2)

    # Home is before the first step: the untrained network is right by chance alone.
    thumb = page.get_by_role("slider")
    thumb.focus()
    page.keyboard.press("Home")
    expect(view).to_have_attribute("data-step", "0")
    expect(page).to_have_url(re.compile(r"moment=0(&|$)"))
    assert view.locator(".tile[data-right=true]").count() < sure
    page.keyboard.press("PageUp")
    expect(view).not_to_have_attribute("data-step", "0")

    box = thumb.locator("xpath=..").bounding_box() or thumb.bounding_box()
    whole = page.get_by_test_id("stSlider").bounding_box()
    assert box
    assert whole
    page.mouse.click(whole["x"] + whole["width"] / 2, box["y"] + box["height"] / 2)
    expect(page).to_have_url(re.compile(r"moment=(4[5-9]|5[0-5])(&|$)"))
    expect(view).not_to_have_attribute("data-step", "0")
    steps = glimpse_files.read_recording(recorded.folder(run.id) / glimpse_files.GLIMPSES).steps.tolist()
    assert step_shown(view) in steps

    page.goto(f"{url}/compare?runs=1&runs=2&look=Curves&replay=true&moment=0")
    expect(page.locator(".thinking .tile")).to_have_count(40)
    for both in page.locator(".thinking").all():
        expect(both).to_have_attribute("data-step", "0")

    # A file that was damaged is said to be so, and everything else stays.
    path = recorded.folder(run.id) / glimpse_files.GLIMPSES
    content = bytearray(path.read_bytes())
    content[-100] ^= 1
    path.write_bytes(content)
    page.goto(f"{url}/inspect?run=1&view=How+it+learned")
    expect(page.get_by_test_id("stAlert")).to_contain_text("damaged")
    expect(page.locator(".thinking")).to_have_count(0)
