"""Choosing networks in a real browser, by mouse and by keyboard: search, choose, add, take out, at one glance."""

import re

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

pytestmark = pytest.mark.browser


def card(page: Page, name: str) -> Locator:
    return page.locator(f'.network-picker .card[data-name="{name}"]')


def expect_chosen(page: Page, *names: str) -> None:
    """The picker marks these, and Python has put them into the address."""
    expect(page.locator('.network-picker [role=option][aria-selected="true"]')).to_have_count(len(names))
    for name in names:
        expect(card(page, name)).to_have_attribute("aria-selected", "true")
    expect(page).to_have_url(re.compile("&".join(f"architecture={name}" for name in names)))


def test_networks_are_chosen_by_mouse_and_by_keyboard(serve, page: Page) -> None:
    page.goto(f"{serve()}/train?dataset=mnist-5k")
    search = page.get_by_role("searchbox")
    search.fill("LeCun  chèques")
    expect(page.get_by_role("option")).to_have_count(1)
    card(page, "lenet-5").click()
    expect_chosen(page, "lenet-5")
    # The number of parameters of LeNet-5.
    expect(page.get_by_text("61,706").first).to_be_visible()

    search.fill("")
    card(page, "vgg-small").locator(".add").click()
    expect_chosen(page, "lenet-5", "vgg-small")
    page.get_by_role("button", name="vgg-small ✕").click()
    expect_chosen(page, "lenet-5")
    # A click without + chooses that network alone.
    card(page, "mlp-300").click()
    expect(card(page, "lenet-5")).to_have_attribute("aria-selected", "false")
    expect(page).not_to_have_url(re.compile("architecture="))

    search.focus()
    page.keyboard.type("lenet")
    page.keyboard.press("Enter")
    expect_chosen(page, "lenet-5")
    page.keyboard.press("Escape")
    expect(search).to_have_value("")
    page.keyboard.press("ArrowDown")
    expect(card(page, "softmax")).to_be_focused()
    page.keyboard.press("Space")
    expect_chosen(page, "lenet-5", "softmax")
    expect(card(page, "softmax")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("+")
    expect_chosen(page, "lenet-5", "softmax", "linear-10")
    page.keyboard.press("Home")
    page.keyboard.press("-")
    expect_chosen(page, "lenet-5", "linear-10")
    page.keyboard.press("Enter")
    expect_chosen(page, "softmax")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("+")
    expect_chosen(page, "softmax", "linear-10")

    # The page Sweeps has a select box for the same parameter; the choice outlives a visit there.
    page.get_by_test_id("stTopNavLink").filter(has_text="Sweeps").click()
    page.get_by_role("combobox", name="Network").click()
    page.keyboard.type("vgg")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("architecture=vgg-small"))
    page.get_by_test_id("stTopNavLink").filter(has_text="Train").click()
    expect(page.get_by_role("heading", name="Train", level=1)).to_be_visible()
    expect(page.get_by_role("button", name="linear-10 ✕")).to_be_visible()
    expect(page.get_by_test_id("stException")).to_have_count(0)


def test_long_families_unfold_and_no_match_is_told(serve, page: Page) -> None:
    page.goto(f"{serve()}/train?form=true")
    expect(card(page, "linear-9-10")).to_be_hidden()
    more = page.get_by_role("button", name="more of the family Linear")
    expect(more).to_have_attribute("aria-expanded", "false")
    more.click()
    expect(card(page, "linear-9-10")).to_be_visible()
    page.get_by_role("searchbox").fill("dropout 0.9")
    expect(page.get_by_role("option")).to_have_count(1)
    expect(page.locator(".network-picker [role=status]")).to_contain_text("1 of")
    page.get_by_role("searchbox").fill("no network has this")
    expect(page.get_by_role("option")).to_have_count(0)
    expect(page.locator(".network-picker [role=status]")).not_to_be_empty()


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (390, 844)])
def test_lenet_is_seen_at_a_glance(serve, browser: Browser, width: int, height: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": height})
    page = context.new_page()
    page.goto(f"{serve()}/train?form=true")
    # Once the fonts and styles have come, nothing moves any more.
    page.get_by_role("button", name="Start training").wait_for()
    page.wait_for_function("""() => {
        const boxes = (window.boxes ??= [])
        boxes.push(document.querySelector("[data-testid=stExpander]").getBoundingClientRect().top)
        return boxes.length > 20 && new Set(boxes.slice(-20)).size === 1
    }""")
    box = card(page, "lenet-5").bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= height
    assert box["x"] + box["width"] <= width
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    facts = card(page, "lenet-5").locator(".facts")
    assert facts.evaluate("line => line.scrollWidth <= line.clientWidth")
    context.close()
