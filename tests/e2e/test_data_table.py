"""The table in a real browser: rows in view, sorting, ticks by mouse and keyboard, hidden columns, the file."""

import csv
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, WebSocket, expect

pytestmark = pytest.mark.browser
ROOT = Path(__file__).resolve().parents[2]
ROWS = 3_000


@pytest.fixture
def messages() -> list[int]:
    """Bytes of each message to the browser."""
    return []


@pytest.fixture
def page(browser: Browser, script_url: Callable[[str], str], messages: list[int]) -> Iterator[Page]:
    """The table of `scripts/data_table.py`, drawn; the page may not report any error."""
    errors: list[str] = []
    page = browser.new_page(viewport={"width": 1200, "height": 900}, timezone_id="UTC")
    page.on("pageerror", lambda error: errors.append(str(error)))

    def count(socket: WebSocket) -> None:
        socket.on("framereceived", lambda payload: messages.append(len(payload)))

    page.on("websocket", count)
    page.goto(script_url("data_table"))
    expect(page.get_by_role("row").nth(5)).to_be_visible()
    # The first rows arrive ahead of the others.
    expect(page.get_by_role("grid")).to_have_attribute("aria-rowcount", str(ROWS + 1))
    yield page
    page.close()
    assert not errors


def numbers(page: Page) -> list[int]:
    """The ids of the rows that are drawn, in their order."""
    return page.locator(".row").evaluate_all("rows => rows.map(row => Number(row.dataset.id))")


def cells(page: Page, row: int) -> list[str]:
    return page.locator(f".row[data-id='{row}']").get_by_role("gridcell").all_inner_texts()


def head(page: Page, name: str) -> Locator:
    return page.get_by_role("columnheader").get_by_role("button", name=re.compile(rf"^{name}"))


def scroll(page: Page, to: int) -> None:
    page.get_by_role("grid").evaluate("(grid, top) => { grid.scrollTop = top }", to)


def box(page: Page, row: int) -> Locator:
    return page.get_by_role("checkbox", name=f"Choose row {row}", exact=True)


def chosen(page: Page, *rows: int) -> None:
    expect(page.get_by_text(f"Chosen: {list(rows)}", exact=True)).to_be_visible()


def test_only_the_rows_in_view_are_drawn_and_every_row_can_be_reached(page: Page):
    expect(page.get_by_role("grid", name="3,000 rows")).to_be_visible()
    assert numbers(page)[:3] == [1, 2, 3]
    assert len(numbers(page)) < 40
    scroll(page, 10**9)
    expect(page.locator(f".row[data-id='{ROWS}']")).to_be_in_viewport()
    assert len(numbers(page)) < 40
    cut = "cells => cells.filter(one => one.scrollWidth > one.clientWidth).length"
    assert page.locator(".row .right").evaluate_all(cut) == 0, "every digit is seen"


def test_values_are_written_as_their_columns_say_and_names_stay_text(page: Page):
    assert cells(page, 2) == [
        "",
        "2",
        "<b>run</b> 2, 2",
        "evena,b",
        "finished",
        "rate=-2",
        "2",
        "40%",
        "7.40%",
        "79,512",
        "0.01",
        "14 Nov 2023, 22:15",
    ]
    assert [cells(page, 5)[column] for column in (3, 4, 7, 8)] == ["", "finished", "", "–"]
    bar = page.locator(".row[data-id='2'] .bar")
    assert bar.evaluate("bar => bar.style.getPropertyValue('--share')") == "50%"
    assert page.locator(".row b").count() == 0


def test_a_click_on_a_head_sorts_and_the_third_brings_the_order_back(page: Page):
    head(page, "Test").click()
    assert numbers(page)[0] == 1000
    assert head(page, "Test").locator("..").get_attribute("aria-sort") == "ascending"
    head(page, "Test").click()
    assert numbers(page)[:3] == [27, 1027, 2027]
    scroll(page, 10**9)
    # Rows without a value come last in both directions.
    expect(page.locator(".row[data-id='5']")).to_be_in_viewport()
    head(page, "Test").click()
    scroll(page, 0)
    expect(page.locator(".row").first).to_have_attribute("data-id", "1")
    head(page, "Name").click()
    # "run 0, 7" before "run 0, 14"
    assert numbers(page)[:2] == [7, 14]


def test_texts_are_sorted_by_the_numbers_in_them_and_empty_lists_stand_last(page: Page):
    page.get_by_text("Only the last ten").click()
    expect(page.locator(".row").first).to_have_attribute("data-id", "2991")
    head(page, "Setting").click()
    assert list(dict.fromkeys(cells(page, row)[5] for row in numbers(page))) == [
        "=1+1",
        "mlp-100",
        "mlp-300",
        "rate=-2",
        "rate=0.05",
        "rate=0.5",
        "width=20",
        "width=100",
    ]
    # A range can also be chosen from its end to its beginning.
    for _ in range(2):
        head(page, "Tags").click()
        assert [row % 2 for row in numbers(page)] == [0] * 5 + [1] * 5


def test_ticks_are_kept_with_those_of_rows_that_are_not_shown(page: Page):
    box(page, 3).check()
    chosen(page, 2999, 3)
    box(page, 6).click(modifiers=["Shift"])
    chosen(page, 2999, 3, 4, 5, 6)
    box(page, 4).uncheck()
    chosen(page, 2999, 3, 5, 6)
    page.get_by_text("Only the last ten").click()
    expect(page.locator(".row").first).to_have_attribute("data-id", "2991")
    expect(box(page, 2999)).to_be_checked()
    page.get_by_role("checkbox", name="Choose all of these rows").check()
    chosen(page, 2999, 3, 5, 6, *range(2991, 2999), 3000)
    page.get_by_role("checkbox", name="Choose all of these rows").uncheck()
    chosen(page, 3, 5, 6)
    page.get_by_role("button", name="Forget").click()
    chosen(page)
    page.get_by_text("Only the last ten").click()
    expect(box(page, 3)).not_to_be_checked()
    # The same list of ticks as before.
    box(page, 3).check()
    chosen(page, 3)


def test_quick_ticks_are_not_lost(page: Page):
    for row in (1, 2, 3, 4):
        box(page, row).check()
    chosen(page, 2999, 1, 2, 3, 4)
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)
    assert [box(page, row).is_checked() for row in range(1, 6)] == [True] * 4 + [False]


def test_the_keyboard_walks_and_ticks(page: Page):
    grid = page.get_by_role("grid")
    grid.focus()
    for key in ("ArrowDown", "ArrowDown", " "):
        grid.press(key)
    chosen(page, 2999, 2)
    assert grid.get_attribute("aria-activedescendant") == "row-2"
    grid.press("End")
    expect(page.locator(f".row[data-id='{ROWS}']")).to_be_in_viewport()
    grid.press(" ")
    chosen(page, 2999, 2, 3000)
    grid.press("Home")
    grid.press("PageDown")
    expect(page.locator(".row.current")).to_be_in_viewport()
    assert int(page.locator(".row.current").get_attribute("data-at") or 0) == 6
    grid.press("Shift+ ")
    chosen(page, 2999, 2, 3000, *range(7, 2999))
    grid.press("Control+a")
    expect(page.get_by_role("checkbox", name="Choose all of these rows")).to_be_checked()
    chosen(page, 2999, 2, 3000, *range(7, 2999), 1, 3, 4, 5, 6)
    box(page, 9).click()
    # The arrow keys continue from the clicked row.
    for key in ("ArrowDown", "ArrowDown", " "):
        page.keyboard.press(key)
    expect(box(page, 10)).to_be_checked()
    expect(box(page, 11)).not_to_be_checked()


def test_tab_passes_the_table_in_a_few_steps_and_enter_opens_a_link(page: Page):
    page.get_by_role("button", name="CSV").focus()
    page.keyboard.press("Tab")
    expect(page.get_by_role("grid")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("checkbox", name="Choose all of these rows")).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(head(page, "#")).to_be_focused()
    for _ in range(2):
        page.keyboard.press("Enter")
    assert numbers(page)[0] == ROWS
    page.keyboard.press("End")
    expect(head(page, "Made")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Forget")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    for _ in range(2):
        page.keyboard.press("ArrowDown")
    with page.context.expect_page() as opened:
        page.keyboard.press("Enter")
    assert opened.value.url.endswith(f"/?run={ROWS}")


def test_a_press_and_the_focus_outlive_updates(page: Page):
    page.get_by_text("Train", exact=True).click()
    rate = page.locator(".row[data-id='1'] .cell").nth(10)

    for target in (box(page, 2), head(page, "Rate")):
        target.hover()
        page.mouse.down()
        for _ in range(3):
            expect(rate).not_to_have_text(rate.inner_text())
        page.mouse.up()
    chosen(page, 2999, 2)
    expect(head(page, "Rate").locator("..")).to_have_attribute("aria-sort", "ascending")
    expect(head(page, "Rate")).to_be_focused()


def test_a_column_can_be_hidden_and_the_file_holds_what_is_shown(page: Page, tmp_path: Path):
    page.get_by_text("Columns", exact=True).click()
    page.get_by_role("checkbox", name="Rate").uncheck()
    page.get_by_role("checkbox", name="State").uncheck()
    page.get_by_role("heading", name="3,000").or_(page.locator(".caption")).click()
    # A click elsewhere closes the menu.
    expect(page.get_by_role("checkbox", name="Rate")).not_to_be_visible()
    expect(head(page, "Rate")).to_have_count(0)
    page.get_by_text("Only the last ten").click()
    expect(page.locator(".row").first).to_have_attribute("data-id", "2991")
    head(page, "#").click()
    head(page, "#").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    download.value.save_as(tmp_path / "rows.csv")
    assert download.value.suggested_filename == "many.csv"
    with (tmp_path / "rows.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["Run"]) for row in rows] == list(range(3000, 2990, -1))
    assert rows[9]["Setting"] == "'=1+1", "no spreadsheet is to reckon with what a person typed"
    assert rows[0] == {
        "Run": "3000",
        "Name": "<b>run</b> 4, 3000",
        "Tags": "even a,b",
        "Setting": "rate=0.5",
        "Page": "3000",
        "Progress": "40",
        "Test": "0",
        "Parameters": "82510",
        "Made": "2023-11-17T00:13:20.000Z",
    }


def test_the_menu_of_columns_keeps_its_place_and_the_last_column(page: Page):
    page.get_by_text("Columns", exact=True).click()
    boxes = page.locator(".choices input")
    places = []
    for number in range(boxes.count()):
        boxes.nth(number).click()
        places.append(page.locator(".choices").bounding_box())
    assert all(position == places[0] for position in places)
    assert [boxes.nth(number).is_checked() for number in range(boxes.count())] == [False] * 10 + [True]
    expect(page.locator(".head button")).to_have_text(["Made"])
    page.keyboard.press("Escape")
    expect(page.locator(".choices")).not_to_be_visible()
    expect(page.locator("summary", has_text="Columns")).to_be_focused()


def test_the_keyboard_walks_into_the_menu_of_columns_and_out_of_it(page: Page):
    menu = page.locator("summary", has_text="Columns")
    file = page.get_by_role("button", name="CSV")
    boxes = page.locator(".choices input")
    menu.focus()
    page.keyboard.press("Tab")
    expect(file).to_be_focused()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    for number in range(boxes.count()):
        page.keyboard.press("Tab")
        expect(boxes.nth(number)).to_be_focused()
    page.keyboard.press(" ")
    expect(boxes.last).not_to_be_checked()
    page.keyboard.press("Tab")
    expect(file).to_be_focused()
    expect(page.locator(".choices")).not_to_be_visible()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    assert not menu.evaluate("menu => menu.getRootNode().activeElement"), "the keyboard has left the table"


def test_a_table_that_is_mounted_anew_is_as_it_was_left(page: Page):
    """Streamlit takes a component away and brings it back when a fragment is due as the page's run ends."""
    page.get_by_text("Columns", exact=True).click()
    page.get_by_role("checkbox", name="State").uncheck()
    page.keyboard.press("Escape")
    head(page, "Parameters").click()
    scroll(page, 720)
    order = page.locator(".row").evaluate_all("rows => rows.map((row) => row.dataset.id)")
    for count in (0, 1):
        page.get_by_text("Put the table away").click()
        expect(page.get_by_role("grid")).to_have_count(count)
    expect(head(page, "Parameters").locator("..")).to_have_attribute("aria-sort", "ascending")
    expect(head(page, "State")).to_have_count(0)
    expect(page.locator(f".row[data-id='{order[-1]}']")).to_be_attached()
    assert page.get_by_role("grid").evaluate("grid => grid.scrollTop") == 720


def test_newer_values_appear_where_one_looks(page: Page):
    scroll(page, 36)
    page.get_by_text("Train", exact=True).click()
    expect(page.locator(".row[data-id='1']")).to_contain_text("12.35%")
    assert page.get_by_role("grid").evaluate("grid => grid.scrollTop") == 36


def test_a_new_row_moves_nothing_that_one_looks_at(page: Page):
    head(page, "Parameters").click()
    scroll(page, 1000)
    page.get_by_text("One row more").click()
    expect(page.get_by_role("grid")).to_have_attribute("aria-rowcount", str(ROWS + 2))
    assert page.get_by_role("grid").evaluate("grid => grid.scrollTop") == 1000
    assert head(page, "Parameters").locator("..").get_attribute("aria-sort") == "ascending"


def test_a_new_row_moves_neither_the_keyboard_nor_the_start_of_a_range(page: Page):
    page.get_by_role("grid").focus()
    for _ in range(4):
        page.keyboard.press("ArrowDown")
    page.keyboard.press(" ")
    page.get_by_text("One row more").click()
    expect(page.locator(".row").first).to_have_attribute("data-id", str(ROWS + 1))
    expect(page.locator(".row.current")).to_have_attribute("data-id", "4")
    box(page, 2).click(modifiers=["Shift"])
    chosen(page, 2999, 4, 2, 3)


def test_a_filter_keeps_its_place_when_a_row_is_added_and_another_filter_starts_above(page: Page):
    page.get_by_text("Only the last ten").click()
    expect(page.locator(".row").first).to_have_attribute("data-id", "2991")
    scroll(page, 90)
    page.get_by_text("One row more").click()
    # Two changes at once would arrive as one, and the table could not tell that the filter has changed.
    expect(page.get_by_text(f"{ROWS + 1} rows in all")).to_be_visible()
    grid = page.get_by_role("grid")
    expect(page.locator(".row").first).to_have_attribute("data-id", "2991")
    assert grid.evaluate("grid => grid.scrollTop") == 90
    page.get_by_text("Only the last ten").click()
    expect(grid).to_have_attribute("aria-rowcount", str(ROWS + 2))
    assert grid.evaluate("grid => grid.scrollTop") == 0


def test_a_large_content_is_sent_once_and_found_again(page: Page, messages: list[int]):
    assert max(messages) > 100_000
    messages.clear()
    box(page, 3).check()
    chosen(page, 2999, 3)
    page.get_by_text("Put the table away").click()
    expect(page.get_by_role("grid")).to_have_count(0)
    page.get_by_text("Put the table away").click()
    expect(box(page, 3)).to_be_checked()
    assert max(messages) < 40_000


def test_a_marked_head_explains_its_term_to_pointer_and_keyboard(page: Page):
    term = page.get_by_role("tooltip")
    link = term.get_by_role("link")
    expect(term).to_be_hidden()
    head(page, "Parameters").hover()
    expect(link).to_have_attribute("href", re.compile(r"^glossary\?term="))
    page.mouse.move(5, 5)
    expect(term).to_be_hidden()
    head(page, "#").focus()
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    while not head(page, "Parameters").evaluate("one => one === one.getRootNode().activeElement"):
        page.keyboard.press("ArrowLeft")
    expect(term).to_be_visible()
    page.keyboard.press("Tab")
    expect(link).to_be_focused()
    page.keyboard.press("Escape")
    expect(term).to_be_hidden()
