"""The chart of many lines in a real browser: what it says under the pointer, one line alone, zoom."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, FloatRect, Locator, expect

pytestmark = pytest.mark.browser
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def chart(browser: Browser, script_url: Callable[[str], str]) -> Iterator[Locator]:
    """The chart of `scripts/line_chart.py`, drawn; the page may not report any error."""
    errors: list[str] = []
    page = browser.new_page(viewport={"width": 1200, "height": 900}, color_scheme="dark")
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(script_url("line_chart"))
    locator = page.locator(".line-chart[data-lines]")
    expect(locator).to_be_visible()
    yield locator
    page.close()
    assert not errors


def canvas(chart: Locator) -> FloatRect:
    box = chart.locator("canvas").bounding_box()
    assert box is not None
    return box


def tip_texts(chart: Locator, across: float) -> list[str]:
    """The texts of the tip from the top of the chart to its bottom, at one horizontal position (0 to 1), each once."""
    box, texts = canvas(chart), []
    for up in range(8, int(box["height"]) - 72, 6):
        chart.page.mouse.move(box["x"] + 84 + across * (box["width"] - 98), box["y"] + up)
        if chart.locator(".tip").is_visible() and (text := chart.locator(".tip").inner_text()) not in texts:
            texts.append(text)
    return texts


def drag(chart: Locator, start: tuple[float, float], end: tuple[float, float]) -> None:
    box, mouse = canvas(chart), chart.page.mouse
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in (start, end)]
    mouse.move(*places[0])
    mouse.down()
    mouse.move(*places[1], steps=4)
    mouse.up()


def test_every_line_is_there_and_says_what_it_is(chart: Locator) -> None:
    expect(chart).to_have_attribute("data-lines", "14")
    expect(chart.get_by_role("img", name="fourteen runs")).to_be_visible()
    # The name is shown as text, not as HTML.
    expect(chart.get_by_role("button", name="14 · net <i>&14")).to_be_attached()
    texts = tip_texts(chart, 0.25)
    assert [int(text.split(" · ")[0]) for text in texts] == list(range(14, 0, -1)), "the higher the loss, the higher up"
    assert texts[0].splitlines()[:2] == ["14 · net <i>&14", "training loss 14"]
    assert re.fullmatch(r"step 2[5-7]", texts[0].splitlines()[2])
    highest = tip_texts(chart, 49 / 99)[0]
    assert highest.splitlines() == ["7 · net <i>&7", "training loss 30", "step 50"]


def test_the_lines_have_their_runs_colours(chart: Locator) -> None:
    colours = chart.locator("canvas").evaluate("""(canvas) => {
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height)
      const found = new Set()
      for (let i = 0; i < data.length; i += 4) if (data[i + 3] === 255) found.add(data.slice(i, i + 3).join())
      return [...found]
    }""")
    # The first three colours of the palette.
    assert {"48,120,207", "215,104,8", "0,167,120"} <= set(colours)


def test_a_click_on_a_name_shows_that_line_alone(chart: Locator) -> None:
    button = chart.get_by_role("button", name="3 · net <i>&3", exact=True)
    button.click()
    expect(chart).to_have_attribute("data-lines", "1")
    expect(button).to_have_attribute("aria-pressed", "true")
    assert [text.splitlines()[1] for text in tip_texts(chart, 0.25)] == ["training loss 3"]
    chart.get_by_role("button", name="4 · net <i>&4", exact=True).click()
    assert [text.splitlines()[1] for text in tip_texts(chart, 0.25)] == ["training loss 4"]
    chart.get_by_role("button", name="4 · net <i>&4", exact=True).click()
    expect(chart).to_have_attribute("data-lines", "14")


def test_dragging_zooms_and_a_double_click_shows_everything(chart: Locator) -> None:
    whole = chart.get_by_role("button", name="Show everything")
    expect(whole).to_be_hidden()
    # Some steps have lower losses.
    drag(chart, (0.3, 0.75), (0.6, 0.95))
    expect(whole).to_be_visible()
    losses = [float(text.splitlines()[1].split()[-1]) for text in tip_texts(chart, 0.5)]
    assert losses == sorted(losses, reverse=True)
    assert 0 < len(losses) < 12
    chart.page.get_by_text("log", exact=True).click()
    # On another axis the zoomed range means nothing.
    expect(whole).to_be_hidden()
    drag(chart, (0.5, 0.2), (0.8, 0.9))
    expect(whole).to_be_visible()
    chart.locator("canvas").dblclick(position={"x": 300, "y": 100})
    expect(whole).to_be_hidden()
    assert len(tip_texts(chart, 0.25)) == 14
