"""In a real browser: axe-core finds nothing serious on any page, in light, dark and on a phone; focus can be seen."""

from collections.abc import Iterator
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize, expect

from benchmarks.page_weight import fill_store
from tests.app_process import running_app

pytestmark = [pytest.mark.browser, pytest.mark.long]
CHOSEN = "runs=1&runs=2&runs=3"
PAGES = [
    "train?view=Training",
    "train?view=Network",
    "train?view=Luck",
    "sweeps",
    "draw",
    "studies?study=linear-depth",
    "data?dataset=mnist-5k",
    "class?part=League",
    "class?part=Tournament",
    "class?part=Our+handwriting",
    "compare",
    *(
        f"compare?{CHOSEN}&look={look}"
        for look in ("Results", "Curves", "Is+it+real%3F", "Disagreements", "Classes", "Cost", "Calibration")
    ),
    *(f"compare?{CHOSEN}&look={look}" for look in ("Robustness", "Labels", "Take+away")),
    *(f"inspect?run=1&view={view}" for view in ("Samples", "Mistakes", "Confusion", "Classes", "Weights", "Files")),
]
WIDE, PHONE = ViewportSize(width=1440, height=900), ViewportSize(width=390, height=844)
# Every page is opened once in each window; a switch of the colours then needs no new visit.
WINDOWS: dict[str, tuple[ViewportSize, list[Literal["light", "dark"]]]] = {
    "wide": (WIDE, ["light", "dark"]),
    "phone": (PHONE, ["light"]),
}
# Resolves once nothing of the page has changed for 200 ms.
QUIET = """() => new Promise((resolve) => {
  let timer = setTimeout(resolve, 200)
  new MutationObserver(() => {
    clearTimeout(timer)
    timer = setTimeout(resolve, 200)
  }).observe(document, { subtree: true, childList: true, attributes: true })
})"""
GROUNDS = {"light": "rgb(255, 255, 255)", "dark": "rgb(14, 17, 23)"}
# Rules of axe-core that Streamlit's own markup breaks, by a part of the element's HTML, with the reason.
EXCEPTIONS: dict[str, dict[str, str]] = {
    "scrollable-region-focusable": {
        '<pre class="st-emotion': "the code of st.code, which is copied by a button beside it"
    }
}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The app with three short runs."""
    folder = tmp_path_factory.mktemp("accessibility") / "results"
    fill_store(folder)
    with running_app(folder) as address:
        yield address


def open_and_wait(page: Page, address: str) -> None:
    page.goto(address)
    expect(page.get_by_role("heading", level=1).first).to_be_visible()
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    page.wait_for_load_state("networkidle")
    page.evaluate(QUIET)


def serious(violations: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Rule and element of each serious violation that no exception names."""
    return [
        (violation["id"], node["html"][:300])
        for violation in violations
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
        if not any(part in node["html"] for part in EXCEPTIONS.get(violation["id"], {}))
    ]


def out_of_order(violations: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Headings that skip a level, which axe-core calls moderate."""
    return [
        (violation["id"], node["html"][:300])
        for violation in violations
        if violation["id"] == "heading-order"
        for node in violation["nodes"]
    ]


@pytest.mark.parametrize("window", WINDOWS)
def test_axe_finds_nothing_serious(url: str, browser: Browser, window: str):
    size, schemes = WINDOWS[window]
    found = {}
    with browser.new_context(viewport=size) as context:
        page = context.new_page()
        for address in PAGES:
            page.emulate_media(color_scheme=schemes[0])
            open_and_wait(page, f"{url}/{address}")
            for scheme in schemes:
                page.emulate_media(color_scheme=scheme)
                expect(page.get_by_test_id("stApp")).to_have_css("background-color", GROUNDS[scheme])
                page.evaluate(QUIET)
                # All rules are tried; of those that hold, axe-core describes one element instead of all.
                result = Axe().run(page, options={"resultTypes": ["violations"]}).response
                assert len(result["passes"]) > 10, f"axe-core has hardly looked at {address}"
                if violations := serious(result["violations"]) + out_of_order(result["violations"]):
                    found[address, scheme] = violations
    assert found == {}


def test_the_focus_can_be_seen_on_links_and_buttons(url: str, page: Page):
    open_and_wait(page, f"{url}/train?view=Training")
    page.evaluate(
        """() => {
          window.stops = []
          const visited = new WeakSet()
          addEventListener("focusin", ({ target }) => requestAnimationFrame(() => {
            // A row of choices hands the focus on from its last button to the chosen one.
            if (target !== document.activeElement) return
            const { outlineStyle, outlineWidth } = getComputedStyle(target)
            const seen = outlineStyle === "solid" && parseFloat(outlineWidth) >= 2
            const isFirst = !visited.has(target)
            visited.add(target)
            if (["A", "BUTTON", "SUMMARY"].includes(target.tagName))
              stops.push([target.outerHTML.slice(0, 120), seen, isFirst])
          }))
        }"""
    )
    for _ in range(40):
        page.keyboard.press("Tab")
        # The look of a stop is read in the next frame, which must come before the focus goes on.
        page.evaluate("new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))")
    stops = page.evaluate("window.stops")
    # A page with few stops is walked round, and its links are met again.
    assert sum("stTopNavLink" in html and is_first for html, _, is_first in stops) == 8
    assert [html for html, is_seen, _ in stops if not is_seen] == []


def test_captions_and_the_menu_of_a_phone_can_be_read(url: str, browser: Browser):
    context = browser.new_context(viewport=PHONE)
    page = context.new_page()
    open_and_wait(page, f"{url}/compare?{CHOSEN}")
    opacity = "(element) => Number(getComputedStyle(element).opacity)"
    assert page.get_by_test_id("stCaptionContainer").first.evaluate(opacity) >= 0.7
    label = "(element) => getComputedStyle(element, '::after').content"
    assert page.get_by_test_id("stExpandSidebarButton").evaluate(label) == '"Menu"'
    # The row of ten sections is one line, which is scrolled sideways; the page itself is not.
    bar = page.get_by_role("radiogroup", name="Look at")
    last = bar.get_by_role("radio").last
    assert bar.evaluate("(element) => element.scrollWidth > element.clientWidth && element.clientHeight < 60")
    last.scroll_into_view_if_needed()
    last.click()
    expect(last).to_be_checked()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    context.close()
