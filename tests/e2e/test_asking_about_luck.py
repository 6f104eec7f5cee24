"""In a real browser: a question of luck is asked, trained by real workers, answered with a chart, and deleted."""

import re

import pytest
from playwright.sync_api import Page, expect

from mnist_core import luck
from mnist_core.store.store import Store

pytestmark = pytest.mark.browser

_LINK = "train?view=Luck&dataset=mnist-5k&architecture=linear-10&train_images=500&validation_images=0&epochs=1"


def test_a_question_is_answered_while_one_waits(serve, page: Page):
    store = Store.open()
    url = serve(mnist=False)
    page.goto(f"{url}/{_LINK}")
    seeds = page.get_by_role("spinbutton", name="How many seeds")
    seeds.fill("30")
    seeds.press("Enter")
    figure = page.get_by_role("spinbutton", name="A figure to find")
    figure.fill("70")
    figure.press("Enter")
    # By keyboard alone.
    start = page.get_by_role("button", name="Train 30 seeds")
    expect(start).to_be_enabled()
    start.press("Enter")
    expect(page.get_by_role("heading", name=re.compile("test accuracy of 70 %"))).to_be_visible(timeout=90_000)
    expect(page.get_by_test_id("stPlotlyChart")).to_be_visible()
    page.wait_for_function("() => document.querySelectorAll('.js-plotly-plot .scatterlayer .point').length === 30")
    (group,) = luck.groups(store)
    assert (group.state, len(group.scores), group.figure) == ("finished", 30, 0.7)
    assert len(set(group.accuracies)) > 3
    reached = sum(accuracy >= 0.7 for accuracy in group.accuracies)
    headline = page.get_by_role("heading", name=re.compile("test accuracy of 70 %")).inner_text()
    assert headline.startswith({0: "None of 30", 30: "All 30"}.get(reached, f"{reached} of 30"))
    # No run came of it.
    assert store.runs() == []
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Delete it with its seeds").click()
    expect(page.get_by_test_id("stPlotlyChart")).to_have_count(0)
    assert luck.groups(store) == []
