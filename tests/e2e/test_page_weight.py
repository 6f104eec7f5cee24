"""What a first visit costs, on the real app in a real browser: bytes, fonts, and how much moves while a page loads."""

import statistics
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, ViewportSize

from benchmarks.page_weight import PAGES, fill_store, open_page
from tests.app_process import running_app

pytestmark = pytest.mark.browser
# Megabytes with headers.
LIMITS = {"Train": 1.4, "Compare, Curves": 2.8, "Compare, Results": 2.8}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The app with three short runs."""
    folder = tmp_path_factory.mktemp("weight") / "results"
    fill_store(folder)
    with running_app(folder) as address:
        yield address


@pytest.mark.parametrize("name", LIMITS)
def test_a_first_visit_is_light(url: str, browser: Browser, name: str):
    opening = open_page(browser, f"{url}/{PAGES[name]}")
    largest = sorted(opening.files.items(), key=lambda item: -item[1])[:6]
    assert opening.wire < LIMITS[name] * 1e6, largest
    assert len(opening.files) > 50
    fonts = [address.rpartition("/")[2] for address in opening.files if ".woff" in address]
    assert [font.partition("-")[0] for font in fonts] == ["icons"]


@pytest.mark.long
@pytest.mark.parametrize(
    ("address", "window"),
    [
        # Where no place is kept these are about 0.2 and 0.13.
        ("compare?runs=1&runs=2", {"width": 1280, "height": 720}),
        ("train", {"width": 390, "height": 844}),
    ],
    ids=["Compare", "Train on a phone"],
)
def test_little_moves_while_a_page_loads(url: str, browser: Browser, address: str, window: ViewportSize):
    shifts = [open_page(browser, f"{url}/{address}", window=window).shift for _ in range(3)]
    assert statistics.median(shifts) < 0.04, shifts
