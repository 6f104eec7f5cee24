"""In a real browser: the first network of a new lab, and a race of two networks, by mouse and by keyboard."""

import re

import pytest
from playwright.sync_api import Page, expect

from mnist_core.analysis import races
from mnist_core.store.store import Store
from tests.app_process import wait_until

pytestmark = pytest.mark.browser
# A shift of the layout counts from where something has moved without a person's doing.
_OBSERVE = """() => {
  window.shifts = 0
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifts += entry.value
  }).observe({ type: "layout-shift" })
}"""
TINY = "dataset=mnist-5k&train_images=300&validation_images=100&epochs=1"


@pytest.mark.long
def test_a_new_lab_teaches_a_network_with_one_click(serve, page: Page, curves) -> None:
    # Without MNIST it learns from the digits of the installation.
    page.goto(f"{serve(mnist=False)}/train")
    page.get_by_role("button", name="Teach a computer").click()
    wait_until(lambda: curves()["points"] > 5)
    page.evaluate(_OBSERVE)
    card = page.locator(".st-key-run-1")
    number = card.locator(".figure .number")
    # Read from ten metres on a projector: at least a twelfth of the height of the picture.
    # The number is drawn anew with each look at the run: an element that has just been replaced has no size.
    wait_until(lambda: number.evaluate("element => parseFloat(getComputedStyle(element).fontSize)") >= 1000 / 12)
    place = card.bounding_box()
    expect(card.get_by_role("link", name="See its mistakes")).to_be_visible()
    run = Store.open().find("1")
    expect(number).to_have_text(f"{run.test_accuracy:.2%}")
    wrong = round((1 - (run.test_accuracy or 0)) * 1000)
    expect(card.locator(".figure .of")).to_contain_text(f"{wrong:,} of 1,000")
    expect(card.locator(".mistakes img")).to_have_count(min(6, wrong))
    page.wait_for_timeout(1500)
    assert card.bounding_box() == place
    assert page.evaluate("window.shifts") <= 0.02

    # The three ways on, the third by keyboard.
    for name, path in (("See its mistakes", "inspect?"), ("Draw for it", "draw?")):
        assert path in (card.get_by_role("link", name=name).get_attribute("href") or "")
    card.get_by_role("button", name="Beat it").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name=re.compile("^With dropout")).focus()
    page.keyboard.press("Enter")
    wait_until(lambda: races.common_race(Store.open().runs()) is not None)
    assert {run.number for run in Store.open().runs()} == {1, 2}


@pytest.mark.long
def test_two_networks_race_and_the_race_is_found_again(serve, page: Page) -> None:
    url = serve()
    page.goto(f"{url}/train?{TINY}&architecture=softmax&architecture=mlp-10&seeds=2")
    page.get_by_role("button", name="Start 2 networks × 2 seeds").click()
    expect(page.locator(".podium .place")).to_have_count(2)
    runs = Store.open().runs()
    best = max(
        sum(run.test_accuracy or 0 for run in runs if run.config.architecture == name) / 2
        for name in ("softmax", "mlp-10")
    )
    expect(page.locator(".podium .number").first).to_have_text(f"{best:.2%}")
    # Every run stands on one chart, and its link shows the same.
    expect(page).to_have_url(re.compile("runs=1.*runs=2.*runs=3.*runs=4"))
    link = page.url
    page.get_by_role("button", name="Run it again with other seeds").click()
    wait_until(lambda: sum(run.state == "finished" for run in Store.open().runs()) == 8)
    expect(page.locator(".podium .place")).to_have_count(2)
    expect(page).to_have_url(re.compile("runs=5"))
    page.goto(link)
    expect(page.locator(".podium .number").first).to_have_text(f"{best:.2%}")
    name = races.common_race(runs)
    page.goto(f"{url}/compare?filter={name}")
    expect(page.get_by_text(re.compile("softmax")).first).to_be_visible()


def test_a_folded_form_leaves_its_room_to_the_runs_and_keeps_its_values(serve, page: Page) -> None:
    page.goto(f"{serve()}/train?epochs=7")
    expect(page.get_by_label("Epochs", exact=True)).to_have_value("7")
    page.get_by_text("Form", exact=True).click()
    expect(page).to_have_url(re.compile("form=false"))
    expect(page.get_by_label("Epochs", exact=True)).not_to_be_visible()
    page.get_by_text("Form", exact=True).click()
    expect(page.get_by_label("Epochs", exact=True)).to_have_value("7")
