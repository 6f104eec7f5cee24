"""The components in a real browser: the chart grows without starting again, one can draw, one can choose."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, FloatRect, Locator, Page, expect

from tests.e2e.messages import frames_of, sizes_of_charts

pytestmark = pytest.mark.browser
ROOT = Path(__file__).resolve().parents[2]
Show = Callable[[str], object]


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A new page; its scripts must not report an error."""
    errors: list[str] = []
    opened = browser.new_page(viewport={"width": 1400, "height": 900}, color_scheme="light")
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    yield opened
    opened.close()
    assert not errors


@pytest.fixture
def show(page: Page, script_url: Callable[[str], str]) -> Show:
    """Open the page of a script."""
    return lambda name: page.goto(script_url(name))


def state(page: Page) -> dict[str, str]:
    """What the chart says about itself."""
    return page.locator(".curve-chart").evaluate("chart => ({...chart.dataset})")


# Finds the chart of curves in the shadow of its component.
CHART = """(() => {
  const inside = (root) => root.querySelector(".curve-chart")
    ?? [...root.querySelectorAll("*")].map((element) => element.shadowRoot && inside(element.shadowRoot)).find(Boolean)
  return inside(document)
})()"""


def wait_for_points(page: Page, more_than: int = 0) -> None:
    page.wait_for_function(
        f"""least => {{
            const {{ status, points }} = {CHART}?.dataset ?? {{}}
            return status === "ready" && points > least
        }}""",
        arg=more_than,
    )


def zoom_of(page: Page) -> list[list[float]]:
    """The ends of the horizontal and the vertical axis of the first panel, and of the horizontal one of the second."""
    axes = page.locator(".curve-chart .plot").evaluate_all(
        "plots => plots.map(({ dataset }) => [dataset.x, dataset.y])"
    )
    return [json.loads(text) for text in (*axes[0], axes[1][0])]


def box_of(part: Locator) -> FloatRect:
    """Where a part of the page lies once it lies still: on a busy machine fonts and styles come late and move it."""
    box = None
    for _ in range(100):
        before, box = box, part.bounding_box()
        if box is not None and box == before:
            return box
        part.page.wait_for_timeout(200)
    raise AssertionError(f"it does not lie still: {box}")


def drag(page: Page, box: FloatRect, *places: tuple[float, float], pause: int = 0) -> None:
    """Press at the first place (fractions of the box), move over the others, let go."""
    points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in places]
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point, steps=6)
        page.wait_for_timeout(pause)
    page.mouse.up()


def test_the_chart_grows_in_place_with_little_traffic(page: Page, show: Show) -> None:
    received = frames_of(page)
    show("chart")
    wait_for_points(page, 600)
    page.evaluate(f"""() => {{
        window.first = {CHART}.querySelector(".plot")
        window.removed = 0
        const count = (changes) => changes.forEach((change) => change.removedNodes.forEach((node) => {{
            if (node === first || node.contains?.(first)) removed += 1 }}))
        for (const root of [document.body, first.getRootNode()])
            new MutationObserver(count).observe(root, {{ childList: true, subtree: true }})
        window.shifts = 0
        new PerformanceObserver((list) => list.getEntries().forEach(({{ value }}) => (shifts += value)))
            .observe({{ type: "layout-shift" }})
    }}""")
    # Past the first updates, which carry the history.
    for _ in range(3):
        wait_for_points(page, int(state(page)["points"]))
    history = max(sizes_of_charts(received))
    received.clear()
    before = state(page)
    page.evaluate("shifts = 0")
    for _ in range(8):
        wait_for_points(page, int(state(page)["points"]))
    after, updates = state(page), sizes_of_charts(received)
    assert int(after["points"]) >= int(before["points"]) + 8
    assert after["points"] == after["lastStep"], "no measurement is lost or doubled"
    assert page.evaluate(f"removed === 0 && first === {CHART}.querySelector('.plot') && first.isConnected")
    assert page.evaluate("shifts") < 0.001, "nothing moves while points come in"
    # By updates, not by seconds: a busy machine makes fewer of both.
    assert len(updates) >= 7
    assert int(after["redraws"]) - int(before["redraws"]) <= len(updates) + 2, "one redraw an update"
    assert median(updates) < history / 8

    # A chart that was taken away and brought back has missed nothing.
    page.get_by_text("Put the chart away").click()
    expect(page.locator(".curve-chart")).to_have_count(0)
    page.get_by_text("Put the chart away").click()
    wait_for_points(page, 600)
    now = state(page)
    assert int(now["points"]) > int(after["points"])
    assert now["points"] == now["lastStep"]


def test_zoom_outlives_updates_smoothing_and_logarithms(page: Page, show: Show) -> None:
    show("chart")
    wait_for_points(page)
    box = box_of(page.locator(".curve-chart .plot").first)
    whole = zoom_of(page)
    # Updates arrive while the pointer is down.
    drag(page, box, (0.4, 0.3), (0.5, 0.5), (0.55, 0.6), pause=350)
    whole_button = page.get_by_role("button", name="Show everything")
    expect(whole_button).to_be_visible()
    zoomed = zoom_of(page)
    assert whole[0][0] < zoomed[0][0] < zoomed[0][1] < whole[0][1]
    assert zoomed[2] == zoomed[0], "both panels show the same steps"
    wait_for_points(page, int(state(page)["points"]) + 5)
    assert zoom_of(page) == zoomed
    page.get_by_role("slider").press("ArrowRight")
    expect(page.get_by_text("0.51")).to_be_visible()
    wait_for_points(page, int(state(page)["points"]) + 5)
    assert zoom_of(page) == zoomed
    for toggle in ("Log x", "Log y"):
        page.get_by_text(toggle).click()
    expect(page.locator(".plot[data-log=true]").first).to_be_visible()
    wait_for_points(page, int(state(page)["points"]) + 5)
    assert zoom_of(page) == zoomed
    page.mouse.dblclick(box["x"] + 0.4 * box["width"], box["y"] + 0.5 * box["height"])
    expect(whole_button).to_be_hidden()
    assert zoom_of(page)[0][0] < 1


def test_more_points_arrive_of_the_part_that_is_looked_at(page: Page, show: Show) -> None:
    show("chart")
    wait_for_points(page)
    raw = "plot => plot.lines.find(({ role }) => role === 'raw').x.filter((x) => x >= 200 && x <= 300).length"
    plot = page.locator(".curve-chart .plot").first
    before = plot.evaluate(raw)
    box = box_of(plot)
    low, high = zoom_of(page)[0]
    left, right = plot.evaluate("plot => [plot.scales.box.left, plot.scales.box.right]")
    ends = [(left + (step - low) / (high - low) * (right - left)) / box["width"] for step in (190, 310)]
    drag(page, box, (ends[0], 0.5), (ends[1], 0.5))
    page.wait_for_function(f"() => {{ const raw = {raw}; return raw({CHART}.querySelector('.plot')) === 101 }}")
    assert before < 101


def test_zoom_and_the_isolated_line_outlive_a_chart_that_is_mounted_anew(page: Page, show: Show) -> None:
    """Streamlit takes a component away and brings it back when a fragment is due as the page's run ends."""
    show("chart")
    wait_for_points(page)
    drag(page, box_of(page.locator(".curve-chart .plot").first), (0.4, 0.3), (0.5, 0.5), (0.55, 0.6))
    expect(page.get_by_role("button", name="Show everything")).to_be_visible()
    name = page.locator(".curve-chart .legend button").first
    name.press("Enter")
    expect(name).to_be_focused()
    expect(name).to_have_attribute("aria-pressed", "true")
    zoomed = zoom_of(page)
    for count in (0, 1):
        page.get_by_text("Put the chart away").click()
        expect(page.locator(".curve-chart")).to_have_count(count)
    wait_for_points(page)
    assert zoom_of(page) == zoomed
    expect(page.locator(".curve-chart .legend button").first).to_have_attribute("aria-pressed", "true")


def test_the_chart_follows_theme_and_width(page: Page, show: Show) -> None:
    show("chart")
    wait_for_points(page)
    plots = page.locator(".curve-chart .plot")
    ink = "plot => plot.scales.style.text"
    assert plots.first.evaluate(ink) == "#1b2430"
    first, second = (box_of(plots.nth(index)) for index in (0, 1))
    assert first["y"] == second["y"], "side by side"
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"() => ({ink})({CHART}.querySelector('.plot')) === '#e6eaf0'")
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_function(f"() => {CHART}.querySelector('.plot').clientWidth < 390")
    first, second = (box_of(plots.nth(index)) for index in (0, 1))
    assert first["y"] + first["height"] < second["y"] + 1, "one above the other"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    fonts = plots.first.evaluate("plot => [plot.scales.style.tick, plot.scales.style.title]")
    assert min(int(font.split("px")[0]) for font in fonts) >= 14
    titles = [plots.nth(index).evaluate("plot => Object.values(plot.scales.titles)") for index in (0, 1)]
    assert [[title.split(" ")[0] for title in pair] for pair in titles] == [["Step", "Loss"], ["Step", "Accuracy"]]
    plots.first.hover()
    expect(page.locator(".tip .nearest").first).to_contain_text("CNN <b>& co</b>")


def test_a_missing_script_is_said(browser: Browser, script_url: Callable[[str], str]) -> None:
    page = browser.new_page()
    page.route("**/curves.js", lambda route: route.abort())
    page.goto(script_url("chart"))
    expect(page.get_by_text("The chart did not load")).to_be_visible()
    page.unroute("**/curves.js")
    page.reload()
    wait_for_points(page, 600)
    page.close()


def test_messages_are_joined_also_where_one_is_lost(page: Page) -> None:
    script = ROOT / "dashboard" / "components" / "curve_chart" / "curve_points.js"
    module = "data:text/javascript," + quote(script.read_text())
    joined = page.evaluate(f"""async () => {{
        const {{ accept, emptyChart }} = await import(`{module}`)
        const pack = (numbers) => btoa(String.fromCharCode(...new Uint8Array(new Float32Array(numbers).buffer)))
        const part = (keep, keep_y, x, y) => ({{ keep, keep_y, x: pack(x), y: pack(y) }})
        const none = part([], 0, [], [])
        const chart = emptyChart()
        const both = {{ lines: [{{ id: "a" }}, {{ id: "b" }}] }}
        const answers = [
            accept(chart, {{ from: 0, to: 3, shape: both, parts: [part([], 0, [10, 20, 30], [1, 2, 3]), none] }}),
            accept(chart, {{ from: 2, to: 5, shape: null, parts: [part([[0, 2]], 1, [40], [8, 9]), null] }}),
            accept(chart, {{ from: 7, to: 8, shape: null, parts: [part([[0, 3]], 3, [80], [0]), null] }}),
            accept(chart, {{ from: 4, to: 7, shape: null, parts: [part([[0, 2], [0, 1, 1, 1]], 2, [70], [7]), none] }}),
            accept(chart, {{ from: 4, to: 7, shape: null, parts: [part([[0, 2], [0, 1, 1, 1]], 2, [70], [7]), none] }}),
            accept(chart, {{ from: 7, to: 9, shape: {{ lines: [{{ id: "a" }}] }}, parts: [null] }}),
            accept(chart, {{ from: 1, to: 2, shape: null, parts: [none] }}),
        ]
        const lines = [...chart.lines].map(([id, {{ x, y }}]) => [id, [...x], [...y]])
        return {{ answers, lines, to: chart.to }}
    }}""")
    assert joined["answers"] == [True, True, False, True, True, True, False]
    assert (joined["lines"], joined["to"]) == ([["a", [10, 40, 70], [1, 9, 7]]], 9)


def drawn(page: Page, check: str) -> dict[str, str]:
    """Python's view of the pad, as soon as it satisfies a JavaScript condition on `got`."""
    page.wait_for_function(f"() => {{ const got = document.querySelector('#got')?.dataset; return got && ({check}) }}")
    return page.locator("#got").evaluate("got => ({...got.dataset})")


def test_what_is_drawn_reaches_python_during_and_after_the_stroke(page: Page, show: Show) -> None:
    show("pad")
    canvas = page.locator(".pad canvas")
    expect(canvas).to_be_visible()
    box = box_of(canvas)
    expect(page.get_by_role("button", name="Clear the drawing")).to_be_disabled()
    page.mouse.move(box["x"] + 0.25 * box["width"], box["y"] + 0.2 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.25 * box["width"], box["y"] + 0.8 * box["height"], steps=10)
    during = drawn(page, "got.ended === 'False' && got.ink.startsWith('[255')")
    page.mouse.up()
    left = drawn(page, "got.ended === 'True' && got.seq > 0")
    assert (int(left["seq"]) > int(during["seq"]), left["ink"]) == (True, "[255, 0, 0, 0]")

    drag(page, box, (0.2, 0.25), (0.8, 0.25))
    assert drawn(page, "got.ink === '[255, 0, 255, 0]' && got.ended === 'True'")
    page.get_by_role("button", name="Undo the last stroke").click()
    assert drawn(page, "got.ink === '[255, 0, 0, 0]'")
    page.get_by_text("other").click()
    expect(page.get_by_text("elsewhere")).to_be_visible()
    page.go_back()
    expect(canvas).to_be_visible()
    assert drawn(page, "got.ink === '[255, 0, 0, 0]'")
    assert canvas.evaluate("c => c.getContext('2d').getImageData(c.width / 4, c.height / 2, 1, 1).data[0]") == 255
    page.get_by_role("button", name="Clear the drawing").press("Enter")
    assert drawn(page, "got.ink === '[]'")
    expect(page.locator(".pad .hint")).to_be_visible()


def focused(page: Page) -> str:
    """Tag and class of the element that has the keyboard, also inside a component."""
    return page.evaluate("""() => {
        let element = document.activeElement
        while (element.shadowRoot?.activeElement) element = element.shadowRoot.activeElement
        return `${element.tagName} ${element.className}`.trim()
    }""")


def test_the_keyboard_takes_strokes_back_but_not_what_is_typed(page: Page, show: Show) -> None:
    show("pad")
    canvas = page.locator(".pad canvas")
    note = page.get_by_label("Note")
    expect(canvas).to_be_visible()
    # Before the stroke, the focus was elsewhere.
    note.click()
    box = box_of(canvas)

    def draw_two_strokes() -> None:
        drag(page, box, (0.25, 0.2), (0.25, 0.8))
        drag(page, box, (0.2, 0.25), (0.8, 0.25))
        assert drawn(page, "got.ink === '[255, 0, 255, 0]' && got.ended === 'True'")

    for shortcut in ("Control+z", "Meta+z"):
        draw_two_strokes()
        page.keyboard.press(shortcut)
        assert drawn(page, "got.ink === '[255, 0, 0, 0]'")
        page.keyboard.press(shortcut)
        assert drawn(page, "got.ink === '[]'")

    draw_two_strokes()
    note.click()
    page.keyboard.type("seven")
    page.keyboard.press("Control+z")
    expect(note).not_to_have_value("seven")
    expect(page.locator(".pad")).to_have_attribute("data-strokes", "2")
    page.keyboard.press("Tab")
    assert focused(page) == "CANVAS"
    page.keyboard.press("Control+z")
    assert drawn(page, "got.ink === '[255, 0, 0, 0]'")
    page.keyboard.press("Control+Shift+z")
    expect(page.locator(".pad")).to_have_attribute("data-strokes", "2")

    for _ in range(2):
        page.get_by_role("button", name="Undo the last stroke").press("Enter")
    assert drawn(page, "got.ink === '[]'")
    assert focused(page) == "CANVAS", "a button that is no longer of use leaves the keyboard on the pad"


def test_what_is_erased_or_cleared_is_undone_and_redone_by_mouse_and_by_key(page: Page, show: Show) -> None:
    show("pad")
    canvas, eraser = page.locator(".pad canvas"), page.get_by_role("button", name="Eraser")
    redo_button = page.get_by_role("button", name="Redo what was undone")
    expect(canvas).to_be_visible()
    expect(eraser).to_be_disabled()
    box = box_of(canvas)
    assert box["width"] == box["height"] >= 600, "as large as this window's height allows"
    drag(page, box, (0.25, 0.2), (0.25, 0.8))
    drag(page, box, (0.2, 0.25), (0.8, 0.25))
    assert drawn(page, "got.ink === '[255, 0, 255, 0]' && got.ended === 'True'")
    expect(redo_button).to_be_disabled()

    # By key, the eraser takes the vertical stroke away; it is not on for what is typed.
    page.get_by_label("Note").press("e")
    expect(eraser).to_have_attribute("aria-pressed", "false")
    canvas.press("e")
    expect(eraser).to_have_attribute("aria-pressed", "true")
    drag(page, box, (0.25, 0.4), (0.25, 0.8))
    assert drawn(page, "got.ink === '[0, 0, 255, 0]' && got.ended === 'True'")
    eraser.click()
    expect(eraser).to_have_attribute("aria-pressed", "false")
    # The right button erases with the pen chosen.
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.25 * box["height"])
    page.mouse.down(button="right")
    page.mouse.up(button="right")
    assert drawn(page, "got.ink === '[0, 0, 0, 0]' && got.ended === 'True'")

    # Elsewhere Delete is none of the pad's keys.
    page.get_by_role("link", name="other").press("Delete")
    expect(page.locator(".pad")).to_have_attribute("data-strokes", "4")
    canvas.press("Delete")
    assert drawn(page, "got.ink === '[]'")
    for ink in ("[0, 0, 0, 0]", "[0, 0, 255, 0]", "[255, 0, 255, 0]"):
        page.keyboard.press("Control+z")
        assert drawn(page, f"got.ink === '{ink}'")
    redo_button.click()
    assert drawn(page, "got.ink === '[0, 0, 255, 0]'")
    page.keyboard.press("Control+y")
    assert drawn(page, "got.ink === '[0, 0, 0, 0]'")
    redo_button.press("Enter")
    assert drawn(page, "got.ink === '[]'")
    assert focused(page) == "CANVAS", "a button that is no longer of use leaves the keyboard on the pad"
    # A new stroke is where redo ends.
    page.keyboard.press("Control+z")
    drag(page, box, (0.7, 0.75), (0.8, 0.75))
    expect(redo_button).to_be_disabled()


def test_a_finger_draws_on_a_phone_and_the_answer_is_quick(browser: Browser, script_url: Callable[[str], str]) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(script_url("pad"))
    canvas = page.locator(".pad canvas")
    expect(canvas).to_be_visible()
    assert canvas.evaluate("c => getComputedStyle(c).touchAction") == "none"
    box = box_of(canvas)
    assert 0 <= box["x"] <= 390 - box["width"]
    touch = context.new_cdp_session(page)

    def at(x: float, y: float) -> list[dict[str, float]]:
        return [{"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"]}]

    times = []
    for stroke in range(5):
        touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": at(0.75, 0.2)})
        for step in range(1, 7):
            touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": at(0.75, 0.2 + 0.1 * step)})
        touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        up = time.monotonic()
        seq = page.locator(".pad").get_attribute("data-seq")
        assert drawn(page, f"got.seq === '{seq}' && got.ended === 'True'")["ink"] == "[0, 255, 0, 0]"
        times.append(time.monotonic() - up)
        assert page.locator(".pad").get_attribute("data-strokes") == str(stroke + 1)
    assert median(times) < 1.0, times
    context.close()


def test_an_image_is_chosen_by_click_and_by_keys(page: Page, show: Show) -> None:
    show("gallery")
    tiles = page.locator(".gallery .tile")
    expect(tiles).to_have_count(100)
    expect(page.locator("#got")).to_have_text("chosen: None")
    tiles.nth(4).click()
    expect(page.locator("#got")).to_have_text("chosen: 4")
    expect(tiles.nth(4)).to_have_attribute("aria-selected", "true")
    tops = tiles.evaluate_all("tiles => tiles.map((tile) => tile.offsetTop)")
    row = next(index for index, top in enumerate(tops) if top > tops[4])
    for key in ("ArrowDown", "ArrowRight", "ArrowUp", "ArrowLeft", "ArrowDown", "Enter"):
        page.keyboard.press(key)
    expect(page.locator("#got")).to_have_text(f"chosen: {4 + row}")
    expect(tiles.nth(4)).to_have_attribute("aria-selected", "false")
    for key in ("End", " "):
        page.keyboard.press(key)
    expect(page.locator("#got")).to_have_text("chosen: 99")
    page.keyboard.press("Enter")
    expect(page.locator("#got")).to_have_text("chosen: None")
    assert tiles.nth(3).get_attribute("aria-label") == "image 4, 3 → 9, wrong"
    assert [tiles.nth(index).inner_text()[0] for index in (3, 4)] == ["✗", "✓"]
    image = tiles.nth(11).locator(".image")
    assert image.evaluate("i => getComputedStyle(i).imageRendering") == "pixelated"
    assert image.evaluate("i => [i.clientWidth, i.style.backgroundPosition]") == [64, "-64px -64px"]
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
