"""In a real browser: the rail of Compare hides, pins and edits runs, by mouse and by keyboard."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from mnist_core.config.run_config import RunConfig
from mnist_core.store.store import Store
from tests.app_process import running_app
from tests.labs import trained_run

pytestmark = pytest.mark.browser
TINY = RunConfig(dataset="mnist-5k", train_images=300, validation_images=100, architecture="softmax", epochs=1)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Store]]:
    """The app with two seeds of one network, and another network."""
    folder = tmp_path_factory.mktemp("rail") / "results"
    store = Store.open(folder)
    for config, name in (
        (TINY, "plain"),
        (TINY.replace(seed=1), "plain, seed 1"),
        (TINY.replace(architecture="flatten linear(2) relu linear(10)"), "narrow"),
    ):
        trained_run(store, config, name)
    with running_app(folder) as address:
        yield address, store


def test_runs_are_hidden_pinned_and_edited_where_they_stand(lab: tuple[str, Store], page: Page):
    url, store = lab
    page.goto(f"{url}/compare")
    rows = page.get_by_role("grid", name="Results of the chosen runs").get_by_role("row")
    # The newest runs are compared, the head is a row, too.
    expect(rows).to_have_count(4)
    page.get_by_role("button", name="Hide 2 · plain, seed 1").click()
    expect(rows).to_have_count(3)
    expect(page).to_have_url(re.compile("hidden=2"))
    page.get_by_role("button", name="Pin 1 · plain as baseline").press("Enter")
    expect(page).to_have_url(re.compile("baseline=1"))
    expect(page.get_by_role("columnheader").filter(has_text="Minus #1")).to_be_visible()
    # The focus stays at the button that was pressed.
    expect(page.get_by_role("button", name="Pin 1 · plain as baseline")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).not_to_have_url(re.compile("baseline"))
    expect(page.get_by_role("columnheader").filter(has_text="Minus #1")).to_have_count(0)
    page.get_by_role("button", name="Show all").click()
    expect(rows).to_have_count(4)

    page.get_by_role("button", name="Edit 3 · narrow").click()
    page.get_by_role("textbox", name="Name", exact=True).fill("narrow indeed")
    page.get_by_label("Tags, with commas between").fill("small, <b>bold</b>")
    page.get_by_label("Note", exact=True).fill("Two numbers in the middle.")
    page.get_by_role("textbox", name="Name", exact=True).press("Enter")
    expect(page.get_by_role("button", name="Edit 3 · narrow indeed")).to_be_visible()
    expect(page.get_by_text("Two numbers in the middle.")).to_be_visible()
    run = store.find("3")
    assert (run.name, set(run.tags)) == ("narrow indeed", {"small", "<b>bold</b>"})
    assert run.comment == "Two numbers in the middle."


def test_seeds_are_one_row_that_opens_and_the_sections_stay_in_view(lab: tuple[str, Store], page: Page):
    url, _ = lab
    page.set_viewport_size({"width": 1280, "height": 720})
    page.goto(f"{url}/compare?runs=1&runs=2&runs=3")
    group = page.locator(".run-rail .group summary")
    expect(group).to_contain_text("2 seeds")
    expect(page.get_by_role("button", name="Pin 2 · plain, seed 1")).to_be_visible()
    group.press("Enter")
    expect(page.get_by_role("button", name="Pin 2 · plain, seed 1")).not_to_be_visible()
    sentence = page.locator(".st-key-sentence p").first
    expect(sentence).to_be_in_viewport()
    page.get_by_role("heading", name="Training, validation and test").scroll_into_view_if_needed()
    page.mouse.move(900, 400)
    page.mouse.wheel(0, 2000)
    expect(page.get_by_role("heading", name="Compare", exact=True)).not_to_be_in_viewport()
    expect(page.get_by_role("radio", name="Take away", exact=True)).to_be_in_viewport()
    expect(page.get_by_role("button", name="Pin 3")).to_be_in_viewport()
