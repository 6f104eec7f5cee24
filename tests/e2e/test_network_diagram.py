"""A network is changed on its diagram in a real browser, by mouse and by keyboard; the line of layers follows."""

import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from tests.app_process import running_app

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The app without runs."""
    with running_app(tmp_path_factory.mktemp("diagram") / "results") as address:
        yield address


def button(page: Page, name: str) -> Locator:
    return page.locator(".network-diagram").get_by_role("button", name=name, exact=True)


def expect_line(page: Page, line: str) -> None:
    """The field for layers, and so the address, has this line, and the diagram is drawn from it."""
    expect(page.get_by_role("textbox", name="Layers")).to_have_value(line)
    widths = re.findall(r"(?:linear|conv)\((\d+)", line)
    for width in widths:
        expect(page.locator(f'.network-diagram [data-width="{width}"]').first).to_be_attached()
    expect(page.locator(".network-diagram .preview")).to_have_count(0)
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")


def drag(page: Page, layer: Locator, by: float) -> None:
    box = layer.locator(".drag").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y - by / 2)
    page.mouse.move(x, y - by)
    page.mouse.up()


@pytest.mark.long
def test_layers_are_stepped_dragged_copied_and_removed_by_mouse(url: str, page: Page) -> None:
    page.goto(f"{url}/train?architecture=mlp-100&view=Network")
    button(page, "Hidden layer 1: wider").click()
    expect_line(page, "flatten linear(200) relu linear(classes)")
    # The parameters of 784 values to 200 units to 10 classes.
    expect(page.get_by_text("159,010", exact=True)).to_be_visible()
    expect(page).to_have_url(re.compile(r"layers=flatten\+linear%28200%29"))
    # 14 pixels are a step: 300, 500, 1000.
    drag(page, page.locator('.network-diagram [data-width="200"]'), 3 * 14)
    expect_line(page, "flatten linear(1000) relu linear(classes)")
    # Quick clicks add up.
    for _ in range(3):
        button(page, "Hidden layer 1: narrower").click()
    expect_line(page, "flatten linear(200) relu linear(classes)")
    button(page, "Hidden layer 1: add a copy after it").click()
    expect_line(page, "flatten linear(200) relu linear(200) relu linear(classes)")
    page.wait_for_timeout(600)
    button(page, "Hidden layer 1: remove").click()
    expect_line(page, "flatten linear(200) relu linear(classes)")
    page.wait_for_timeout(600)
    page.go_back()
    expect_line(page, "flatten linear(200) relu linear(200) relu linear(classes)")
    expect(page.get_by_test_id("stException")).to_have_count(0)


def test_layers_are_stepped_by_keyboard_and_the_focus_stays(url: str, page: Page) -> None:
    page.goto(f"{url}/train?own=true&layers=conv(4,+3)+relu+flatten+linear(30)+tanh+linear(classes)&view=Network")
    first, second = button(page, "Convolution 1: wider"), button(page, "Hidden layer 1: wider")
    button(page, "Convolution 1: narrower").focus()
    page.keyboard.press("Tab")
    expect(first).to_be_focused()
    page.keyboard.press("Enter")
    expect_line(page, "conv(8, 3) relu flatten linear(30) tanh linear(classes)")
    expect(first).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect_line(page, "conv(4, 3) relu flatten linear(30) tanh linear(classes)")
    page.keyboard.press("ArrowRight")
    expect(second).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect_line(page, "conv(4, 3) relu flatten linear(50) tanh linear(classes)")
    remove = button(page, "Hidden layer 1: remove")
    remove.focus()
    page.keyboard.press("Space")
    expect_line(page, "conv(4, 3) relu flatten linear(classes)")
    button(page, "Add a hidden layer before the output layer").focus()
    page.keyboard.press("Enter")
    expect_line(page, "conv(4, 3) relu flatten linear(100) relu linear(classes)")
    violations = Axe().run(page, context=".st-key-diagram-0").response["violations"]
    assert [violation["id"] for violation in violations] == []


def test_each_of_several_networks_has_its_own_diagram(url: str, page: Page) -> None:
    page.goto(f"{url}/train?architecture=mlp-100&architecture=lenet-5&view=Network")
    diagrams = page.locator(".network-diagram")
    diagrams.nth(1).get_by_role("button", name="Hidden layer 2: wider").click()
    expect(diagrams.nth(1).locator('[data-width="100"]')).to_be_attached()
    expect(page).to_have_url(re.compile(r"architecture=mlp-100&architecture=conv"))
    expect(page.get_by_role("button", name="lenet-5 ✕")).to_have_count(0)
    expect(page.get_by_role("button", name="mlp-100 ✕")).to_be_visible()
