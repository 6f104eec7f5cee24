"""In real browsers: two pupils draw, hand in, and the ranking follows; the teacher deletes a drawing."""

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from mnist_core.config.run_config import RunConfig
from mnist_core.store import count_by_digit, count_persons, read_drawings
from mnist_core.store.store import Store
from tests.app_process import wait_until
from tests.e2e.class_windows import enter_class
from tests.labs import trained_run

pytestmark = [pytest.mark.browser, pytest.mark.long]
PART = "/class?part=Our+handwriting"


def draw(page: Page, low: float = 0.8, strokes: int = 1) -> None:
    """A seven by the mouse, which ends at this part of the height; afterwards so many strokes are on the pad."""
    canvas = page.locator("canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box
    points = [(0.3, 0.2), (0.7, 0.2), (0.45, low)]
    (x, y), *rest = [(box["x"] + box["width"] * x, box["y"] + box["height"] * y) for x, y in points]
    page.mouse.move(x, y)
    page.mouse.down()
    for place in rest:
        page.mouse.move(*place, steps=6)
    page.mouse.up()
    expect(page.locator(".pad")).to_have_attribute("data-strokes", str(strokes))


def hand_in(page: Page) -> None:
    """By the keyboard."""
    page.locator(".pad").evaluate("pad => (pad.seen = true)")
    page.get_by_role("button", name="Hand in").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".pad")).to_have_attribute("data-strokes", "0")
    # It is the pad from before: another one beside it would push the page down for a moment.
    assert page.locator(".pad").evaluate("pad => pad.seen")


def test_pupils_draw_and_the_ranking_follows(serve, own_lab: Path, browser: Browser) -> None:
    store = Store.open()
    trained_run(store, RunConfig(dataset="mnist-5k", architecture="softmax", train_images=1000, epochs=2))
    url = serve(env={"MNIST_LAB_ACCESS": "on"})

    def enter(name: str, width: int, height: int) -> Page:
        page = enter_class(browser, url, own_lab, name, width, height)
        page.goto(PART)
        expect(page.locator("canvas")).to_be_visible()
        return page

    teacher, anna, ben = enter("", 1280, 720), enter("Anna", 1280, 720), enter("Ben", 390, 844)
    teacher.get_by_role("radiogroup", name="Ask for").get_by_role("radio", name="7").click()
    expect(anna.get_by_role("heading", level=2).first).to_have_text("Draw a 7")
    for page, count in ((anna, 1), (ben, 2)):
        expect(page.get_by_role("heading", level=2).first).to_have_text("Draw a 7")
        draw(page)
        hand_in(page)
        wait_until(lambda count=count: sum(count_by_digit(store)) == count)
        expect(page.locator(".said")).to_contain_text("softmax")
        for other in (teacher, anna, ben):
            expect(other.locator(".leader")).to_contain_text(f"of {count}")
    assert count_by_digit(store)[7] == 2
    assert count_persons(store) == 2
    for page in (teacher, ben):
        found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
        assert [fault["id"] for fault in found if fault["impact"] in ("serious", "critical")] == []
    teacher.get_by_role("button", name="Look again").click()
    teacher.locator(".tile").first.click()
    teacher.get_by_role("button", name="Delete this drawing").click()
    teacher.get_by_role("button", name="Delete it").click()
    wait_until(lambda: len(read_drawings(store)) == 1)
    expect(ben.locator(".leader")).to_contain_text("of 1")
