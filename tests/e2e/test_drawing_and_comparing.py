"""In a real browser: draw a digit and read the right answer from a trained network; compare two runs."""

import math
import re

import pytest
from playwright.sync_api import Page, expect

from mnist_core.config.run_config import RunConfig
from mnist_core.store.store import Store
from tests.labs import trained_run

pytestmark = pytest.mark.browser
GOOD = RunConfig(dataset="mnist-5k", architecture="mlp-300", epochs=5, shift=2, rotate=10, learning_rate=0.002)
ROUND = [(0.5 + 0.2 * math.sin(turn / 4), 0.5 - 0.32 * math.cos(turn / 4)) for turn in range(27)]
DIGITS = {"0": ROUND, "7": [(0.28, 0.2), (0.72, 0.2), (0.58, 0.5), (0.45, 0.82)]}


def draw(page: Page, points: list[tuple[float, float]]) -> None:
    box = page.locator("canvas").first.bounding_box()
    assert box is not None
    places = [(box["x"] + across * box["width"], box["y"] + down * box["height"]) for across, down in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for point in places[1:]:
        page.mouse.move(*point, steps=4)
    page.mouse.up()


def test_drawn_digits_are_read_rightly_by_a_trained_network(serve, page: Page):
    run = trained_run(Store.open(), GOOD)
    assert run.test_accuracy is not None
    assert run.test_accuracy > 0.92
    url = serve()
    for digit, points in DIGITS.items():
        page.goto(f"{url}/draw")
        expect(page.locator(f"[data-run='{run.number}']")).to_be_visible()
        draw(page, points)
        expect(page.locator(f"[data-run='{run.number}']")).to_have_attribute("data-answer", digit)


@pytest.mark.long
def test_two_runs_are_compared_side_by_side(serve, page: Page):
    store = Store.open()
    first = trained_run(store, GOOD.replace(epochs=2), name="with shifts")
    second = trained_run(store, GOOD.replace(epochs=2, shift=0, rotate=0, architecture="softmax"), name="plain softmax")
    page.goto(f"{serve()}/compare?runs={first.number}&runs={second.number}")
    for run, name in ((first, "with shifts"), (second, "plain softmax")):
        assert run.test_accuracy is not None
        expect(page.get_by_role("button", name=f"Hide {run.number} · {name}")).to_be_visible()
        row = page.get_by_role("grid", name="Results of the chosen runs").get_by_role("row").filter(has_text=name)
        expect(row.get_by_role("gridcell", name=f"{run.test_accuracy:.2%}", exact=True).first).to_be_visible()
    # Besides the architecture, shift and rotate differ.
    expect(page.get_by_text("2 confounds")).to_be_visible()
    page.get_by_role("radio", name="Curves").click()
    expect(page.locator(".curve-chart[data-status=ready]")).to_be_visible()
    expect(page).to_have_url(re.compile(rf"runs={first.number}&runs={second.number}"))
    expect(page).to_have_url(re.compile("look=Curves"))
