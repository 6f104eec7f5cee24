"""The Draw page in a real browser: the drawing stays, and answers come again once the app does."""

import re
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from mnist_core.config.run_config import RunConfig
from mnist_core.store.store import Store
from tests.app_process import app_process, free_port
from tests.blank_files import write_blank_files
from tests.labs import trained_run

pytestmark = pytest.mark.browser
TINY = RunConfig(dataset="mnist-5k", architecture="softmax", train_images=1000, epochs=2)


def prepare(store: Store) -> None:
    trained_run(store, TINY)
    trained_run(store, TINY.replace(architecture="mlp-10"))


def stroke(page: Page, across: float) -> None:
    """A vertical line at this share of the pad's width."""
    box = page.locator(".pad canvas").bounding_box()
    assert box is not None
    x = box["x"] + across * box["width"]
    page.mouse.move(x, box["y"] + 0.2 * box["height"])
    page.mouse.down()
    page.mouse.move(x, box["y"] + 0.8 * box["height"], steps=8)
    page.mouse.up()


def expect_answers(page: Page, *numbers: int) -> None:
    """The answers of these runs to the newest picture of the pad."""
    pad = page.locator(".pad")
    expect(pad).to_have_attribute("data-seq", re.compile(r"\d"))
    seq = pad.get_attribute("data-seq")
    expect(page.locator(f".answers[data-seq='{seq}'][data-ended=true] .card[data-answer]")).to_have_count(len(numbers))
    for number in numbers:
        expect(page.locator(f".answers [data-run='{number}']")).to_have_count(1)


def test_the_drawing_stays_with_its_history_while_other_networks_and_pages_are_chosen(
    store: Store, serve, page: Page
) -> None:
    page.goto(f"{serve()}/draw?runs=1")
    expect(page.locator(".answers .card")).to_have_count(1)
    expect(page.locator(".answers .card[data-answer]")).to_have_count(0)
    stroke(page, 0.4)
    stroke(page, 0.6)
    expect_answers(page, 1)
    first = page.locator(".answers img").get_attribute("src")

    page.get_by_role("link", name="Data").click()
    expect(page.get_by_role("heading", name="Data", level=1)).to_be_visible()
    page.get_by_role("link", name="Draw").click()
    expect_answers(page, 1)
    assert page.locator(".answers img").get_attribute("src") == first
    expect(page.locator(".pad")).to_have_attribute("data-strokes", "2")

    page.get_by_role("combobox", name="Networks that answer").fill("mlp-10")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    expect_answers(page, 1, 2)

    for name, strokes in (("Undo the last stroke", 1), ("Redo what was undone", 2), ("Clear the drawing", 0)):
        page.get_by_role("button", name=name).click()
        expect(page.locator(".pad")).to_have_attribute("data-strokes", str(strokes))
        expect_answers(page, *(1, 2)[: 2 * bool(strokes)])
    # A page that is loaded anew begins with an empty pad.
    stroke(page, 0.5)
    expect_answers(page, 1, 2)
    page.reload()
    expect(page.locator(".answers .card")).to_have_count(2)
    expect(page.locator(".pad")).to_have_attribute("data-strokes", "0")


def test_what_is_drawn_while_the_app_is_away_is_answered_once_it_is_back(
    store: Store, own_lab: Path, tmp_path: Path, page: Page
) -> None:
    write_blank_files("mnist", tmp_path / "data")
    port, note = free_port(), page.locator(".drawing-answers .note")
    with ExitStack() as running:
        app = running.enter_context(app_process(own_lab, port))
        page.goto(f"http://127.0.0.1:{port}/draw?runs=1")
        expect(page.locator(".answers .card")).to_have_count(1)
        stroke(page, 0.4)
        expect_answers(page, 1)
        expect(note).to_be_hidden()
        app.kill()
        app.wait()
        stroke(page, 0.6)
        expect(note).to_be_visible()
        # What is still shown answers an earlier drawing, and looks so.
        expect(page.locator(".drawing-answers .place")).to_have_css("opacity", "0.4")
        running.enter_context(app_process(own_lab, port))
        expect(note).to_be_hidden()
        expect(page.locator(".drawing-answers .place")).to_have_css("opacity", "1")
        expect_answers(page, 1)
        expect(page.locator(".pad")).to_have_attribute("data-strokes", "2")
