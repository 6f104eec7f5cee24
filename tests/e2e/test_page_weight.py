"""What a first visit costs, on the real app in a real browser: bytes over the wire, and which fonts are fetched."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

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
