"""The chart of curves in a real browser: crosshair, one line alone, zoom, names at the ends, table, keyboard."""

import json
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest
from playwright.sync_api import Browser, FloatRect, Locator, expect

pytestmark = pytest.mark.browser


@pytest.fixture
def chart(browser: Browser, script_url: Callable[[str], str]) -> Iterator[Locator]:
    """The chart of `scripts/curve_chart.py`, drawn; the page may not report any error."""
    errors: list[str] = []
    page = browser.new_page(viewport={"width": 1200, "height": 900}, color_scheme="dark")
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(script_url("curve_chart"))
    locator = page.locator(".curve-chart[data-lines]")
    expect(locator).to_be_visible()
    yield locator
    page.close()
    assert not errors


def canvas(chart: Locator) -> FloatRect:
    box = chart.locator("canvas").bounding_box()
    assert box is not None
    return box


def ends(chart: Locator, axis: str = "x") -> list[float]:
    """Lowest and highest value of an axis, as it is drawn."""
    return json.loads(chart.locator(".plot").get_attribute(f"data-{axis}") or "")


def nearest_texts(chart: Locator, step: float) -> list[str]:
    """What is said of the nearest line from the top of the chart to its bottom, at one step, each text once."""
    box, texts = canvas(chart), []
    low, high = ends(chart)
    # The plot begins and ends where the script says.
    left, right = chart.locator(".plot").evaluate("plot => [plot.scales.box.left, plot.scales.box.right]")
    across = left + (right - left) * (step - low) / (high - low)
    for up in range(14, int(box["height"]) - 54, 4):
        chart.page.mouse.move(box["x"] + across, box["y"] + up)
        row = chart.locator(".tip .nearest")
        if row.is_visible() and (text := row.inner_text()) not in texts:
            texts.append(text)
    return texts


def drag(chart: Locator, start: tuple[float, float], end: tuple[float, float]) -> None:
    box, mouse = canvas(chart), chart.page.mouse
    corners = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in (start, end)]
    mouse.move(*corners[0])
    mouse.down()
    mouse.move(*corners[1], steps=4)
    mouse.up()


def test_every_line_is_there_and_says_what_it_is(chart: Locator) -> None:
    expect(chart).to_have_attribute("data-lines", "14")
    expect(chart.get_by_role("img", name="fourteen runs")).to_be_visible()
    # The name is shown as text, not as HTML.
    expect(chart.get_by_role("button", name="14 · net <i>&14")).to_be_attached()
    texts = nearest_texts(chart, 26)
    assert [int(text.split(" · ")[0]) for text in texts] == list(range(14, 0, -1)), "the higher the loss, the higher up"
    assert texts[0] == "14 · net <i>&14: 14 training loss"
    tip = chart.locator(".tip").inner_text().splitlines()
    assert tip[0] == "step 26"
    # The lowest six lines are near the foot, in their order.
    assert [line.split(" · ")[0] for line in tip if " · " in line] == ["6", "5", "4", "3", "2", "1"]
    assert nearest_texts(chart, 50)[0] == "7 · net <i>&7: 30 training loss"
    expect(chart.locator(".cross")).to_be_visible()


def test_the_lines_have_their_runs_colours_and_names_at_their_ends(chart: Locator) -> None:
    colours = chart.locator("canvas").evaluate("""(canvas) => {
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height)
      const colours = new Set()
      for (let i = 0; i < data.length; i += 4) if (data[i + 3] === 255) colours.add(data.slice(i, i + 3).join())
      return [...colours]
    }""")
    # The first three colours of the palette.
    assert {"48,120,207", "215,104,8", "0,167,120"} <= set(colours)
    names = chart.locator(".plot").evaluate("plot => plot.scales.names.map(({ text, y }) => [text, y])")
    assert len(names) == 14
    assert all(text.split(" · ")[0].isdigit() for text, _ in names)
    heights = sorted(height for _, height in names)
    assert min(below - above for above, below in pairwise(heights)) >= 18, "names overlap"


def test_a_panel_of_another_height_is_drawn_again(chart: Locator) -> None:
    """As when the style sheet of a growing chart comes after its first lines: a stretched drawing cannot be read."""
    heights = chart.locator(".plot").evaluate_all(
        """async (plots) => {
          for (const plot of plots) plot.style.height = `${plot.clientHeight / 2}px`
          const canvas = plots[0].firstChild
          for (let frame = 0; frame < 60 && canvas.height !== canvas.clientHeight; frame += 1)
            await new Promise(requestAnimationFrame)
          return [canvas.height / devicePixelRatio, canvas.clientHeight]
        }"""
    )
    assert heights[0] == pytest.approx(heights[1], abs=1)


def test_a_click_on_a_name_shows_that_line_alone(chart: Locator) -> None:
    button = chart.get_by_role("button", name="3 · net <i>&3", exact=True)
    button.click()
    expect(chart).to_have_attribute("data-lines", "1")
    expect(button).to_have_attribute("aria-pressed", "true")
    assert nearest_texts(chart, 26) == ["3 · net <i>&3: 3 training loss"]
    chart.get_by_role("button", name="4 · net <i>&4", exact=True).click()
    assert nearest_texts(chart, 26) == ["4 · net <i>&4: 4 training loss"]
    chart.get_by_role("button", name="4 · net <i>&4", exact=True).click()
    expect(chart).to_have_attribute("data-lines", "14")


def test_dragging_zooms_and_a_double_click_shows_everything(chart: Locator) -> None:
    whole = chart.get_by_role("button", name="Show everything")
    expect(whole).to_be_hidden()
    # Some steps have lower losses.
    drag(chart, (0.3, 0.65), (0.6, 0.8))
    expect(whole).to_be_visible()
    zoomed, high = ends(chart), ends(chart, "y")[1]
    losses = [int(text.split(" · ")[0]) for text in nearest_texts(chart, sum(zoomed) / 2)]
    assert losses == sorted(losses, reverse=True)
    assert 0 < len(losses) < 14
    chart.page.get_by_text("log", exact=True).click()
    expect(chart.locator(".plot[data-log=true]")).to_be_visible()
    # The same steps and losses are seen on the logarithmic axis.
    assert ends(chart) == pytest.approx(zoomed)
    assert ends(chart, "y")[1] == high
    chart.locator("canvas").dblclick(position={"x": 300, "y": 100})
    expect(whole).to_be_hidden()
    assert len(nearest_texts(chart, 26)) == 14


def test_the_keyboard_reads_values_zooms_and_opens_the_table(chart: Locator) -> None:
    plot = chart.locator("canvas")
    plot.focus()
    keyboard = chart.page.keyboard
    keyboard.press("ArrowRight")
    text = chart.locator(".tip .nearest").inner_text()
    head = chart.locator(".tip div").first
    step = int(head.inner_text().split()[1])
    keyboard.press("ArrowRight")
    expect(head).to_have_text(f"step {step + 2}")
    keyboard.press("ArrowDown")
    lower = chart.locator(".tip .nearest").inner_text()
    assert int(lower.split(" · ")[0]) == int(text.split(" · ")[0]) - 1
    keyboard.press("+")
    expect(chart.get_by_role("button", name="Show everything")).to_be_visible()
    assert ends(chart)[1] - ends(chart)[0] == pytest.approx(50, abs=1)
    keyboard.press("Escape")
    expect(chart.get_by_role("button", name="Show everything")).to_be_hidden()

    # The legend is one stop, and the arrow keys move within it.
    keyboard.press("Tab")
    keyboard.press("ArrowRight")
    keyboard.press("Enter")
    expect(chart).to_have_attribute("data-lines", "1")
    keyboard.press("Enter")
    keyboard.press("Tab")
    keyboard.press("Enter")
    rows = chart.locator(".values tbody tr")
    expect(rows).to_have_count(14)
    cells = rows.nth(6).inner_text().split("\t")
    assert cells[:2] == ["7 · net <i>&7", "training loss"]
    assert cells[2:] == ["7", "step 100", "7", "step 1", "30", "step 50"]
