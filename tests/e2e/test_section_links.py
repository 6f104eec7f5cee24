"""In a real browser: what is chosen in any section of Compare is part of the address, and shows again elsewhere."""

import json
import re
import time
from collections.abc import Callable, Iterator
from difflib import unified_diff
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from mnist_core.config.run_config import RunConfig
from mnist_core.store.store import Store
from tests.app_process import running_app
from tests.labs import trained_run

pytestmark = pytest.mark.browser
TINY = RunConfig(
    dataset="mnist-5k", train_images=300, validation_images=200, architecture="softmax", epochs=2, checkpoint_every=1
)
WIDER = TINY.replace(architecture="flatten linear(20) relu linear(10)", learning_rate=0.01)
DEEPER = TINY.replace(architecture="flatten linear(20) relu linear(20) relu linear(10)", seed=3)

_CHARTS = """() => [...document.querySelectorAll(".js-plotly-plot")].map((chart) => (chart._fullData ?? []).map(
  ({ type, name, y, z, selectedpoints }) => [
    type, name, [...(y ?? [])].slice(-3), [...(z ?? [])].flat().slice(-3), selectedpoints,
  ]
))"""

Action = Callable[[Page], None]


def radio(name: str) -> Action:
    def act(page: Page) -> None:
        # Not check(): it wants the new state at once, and a busy browser shows it a moment later.
        page.get_by_role("radio", name=name, exact=True).click()
        expect(page.get_by_role("radio", name=name, exact=True)).to_be_checked()

    return act


def switch(name: str) -> Action:
    def act(page: Page) -> None:
        page.get_by_text(name, exact=True).click()
        expect(page.get_by_role("switch", name=name)).to_be_checked()

    return act


def pick(name: str, option: str) -> Action:
    def act(page: Page) -> None:
        box = page.get_by_role("combobox", name=name, exact=True)
        box.click()
        # A long list contains only the entries in view.
        box.press_sequentially(option)
        page.get_by_role("option", name=option).first.click()

    return act


def press(name: str, key: str, role: Any = "slider") -> Action:
    return lambda page: page.get_by_role(role, name=name).press(key)


def write(name: str, text: str, finish: str) -> Action:
    def act(page: Page) -> None:
        page.get_by_label(name, exact=True).fill(text)
        page.get_by_label(name, exact=True).press(finish)

    return act


def second_image(page: Page) -> None:
    # The gallery is about to change, so a click on one of its present images would mean nothing.
    settled_view(page)
    page.locator(".gallery .tile").nth(1).click()
    expect(page.locator(".gallery .tile").nth(1)).to_have_attribute("aria-selected", "true")


# Steps in each section, each with a part of the address that follows from it.
STEPS: dict[str, list[tuple[Action, str]]] = {
    "Results": [
        (pick("Under study", "Learning rate"), "results_factor=Learning"),
        (switch("Change one thing"), "change=true"),
        (pick("Setting", "Batch size"), "change_field="),
    ],
    "Is it real?": [
        (pick("Two runs, by their numbers", "and"), ""),
        (radio("These architectures"), "verdict_about="),
        (radio("standard error"), "verdict_band="),
    ],
    "Disagreements": [
        (radio("how many are right"), "disagreements_rows="),
        (pick("Images that this many runs get right", "2 of 4"), "disagreements_count=2"),
        (pick("Order of the images", "least agreement"), "disagreements_order="),
        (second_image, "disagreements_image="),
    ],
    "Classes": [
        (pick("First run", "2 ·"), "classes_a=2"),
        (pick("Second run", "4 ·"), "classes_b=4"),
        (radio("both"), "classes_by=both"),
    ],
    "Cost": [
        (radio("file"), "cost=file"),
        (radio("validation"), "cost_split=validation"),
        (switch("Seeds as one point"), "cost_seeds=true"),
    ],
    "Calibration": [
        (radio("20"), "calibration_bins=20"),
        (press("Answer the surest (%)", "ArrowLeft"), "calibration_coverage=94"),
    ],
    "Robustness": [(write("Example image", "7", "Enter"), "robustness_example=7")],
    "Labels": [
        (write("Labels at most", "7", "Enter"), "labels_most=7"),
        (press("Runs that call it", "ArrowRight"), "labels_agree=5"),
        (press("Together at least", "ArrowRight"), "labels_confidence=1"),
        (lambda page: page.get_by_text("A list of known doubtful images").click(), ""),
        (write("Numbers of test images, from 0", "1, 2, 3", "Control+Enter"), "labels_list="),
        (radio("in the list"), "labels_show="),
        (radio("those in the list"), "labels_out="),
    ],
    "Take away": [
        (pick("Run", "2 ·"), "takeaway_run=2"),
        (switch("Show the script"), "takeaway_script=true"),
    ],
}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The app with four runs, of which the first and the third differ in the seed only."""
    folder = tmp_path_factory.mktemp("links") / "results"
    store = Store.open(folder)
    for config in (TINY, WIDER, TINY.replace(seed=1), DEEPER):
        trained_run(store, config)
    with running_app(folder) as address:
        yield address


def settled_view(page: Page) -> dict[str, Any]:
    """What a person sees of the view once nothing changes any more."""
    expect(page.get_by_role("radio", name="Take away", exact=True)).to_be_attached()
    before: list[dict[str, Any]] = []
    for _ in range(800):
        page.wait_for_timeout(150)
        running = page.get_by_test_id("stApp").get_attribute("data-test-script-state") != "notRunning"
        seen = {"page": page.get_by_test_id("stMain").aria_snapshot(), "charts": json.dumps(page.evaluate(_CHARTS))}
        if not running and before[-2:] == [seen, seen]:
            return seen
        before.append(seen)
    raise AssertionError("the page did not come to rest within two minutes")


def wait_for_address(page: Page, part: str) -> None:
    until = time.monotonic() + 120
    while part not in page.url:
        assert time.monotonic() < until, f"{part} is not in {page.url}"
        page.wait_for_timeout(100)
    # The address comes first, and a run that still draws may replace the button that is pressed next.
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")


@pytest.mark.long
@pytest.mark.parametrize("look", STEPS)
def test_the_choices_of_a_section_are_in_its_link(url: str, page: Page, browser: Browser, look: str) -> None:
    page.goto(f"{url}/compare?runs=1&runs=2&runs=3&runs=4&look={look}")
    settled_view(page)
    for act, part in STEPS[look]:
        act(page)
        wait_for_address(page, part)
    seen = settled_view(page)
    other = browser.new_context(viewport={"width": 1400, "height": 1000})
    try:
        copy = other.new_page()
        copy.goto(page.url)
        again = settled_view(copy)
        chosen, linked = (snapshot["page"].splitlines() for snapshot in (seen, again))
        assert list(unified_diff(chosen, linked, "as chosen", "as linked", lineterm="", n=1)) == []
        assert again["charts"] == seen["charts"]
        assert copy.url == page.url
    finally:
        other.close()


@pytest.mark.long
def test_a_list_of_images_from_a_file_is_part_of_the_link(url: str, page: Page):
    page.goto(f"{url}/compare?runs=1&runs=2&look=Labels")
    page.get_by_text("A list of known doubtful images").click()
    file: Any = {"name": "known.csv", "mimeType": "text/csv", "buffer": b"index,label\n5,1\n7,2\n"}
    page.get_by_test_id("stExpander").locator("input[type=file]").set_input_files(file)
    expect(page.get_by_role("textbox", name="Numbers of test images, from 0")).to_have_value("5,7")
    expect(page.get_by_test_id("stExpander").get_by_text(re.compile(r"^2 "))).to_be_visible()
    wait_for_address(page, "labels_list=5%2C7")
