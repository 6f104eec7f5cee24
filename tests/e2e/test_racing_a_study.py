"""In a real browser: a class predicts, trains a study live, and sees what was measured."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from mnist_core.studies.catalogue import all_studies
from tests.app_process import ROOT, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.mnist]


@pytest.mark.long
def test_a_study_is_predicted_trained_live_and_compared(
    serve, page: Page, mnist_dir: Path, curves: Callable[[], dict[str, Any]]
):
    question = all_studies()["mlp-course"].question
    right = question.options[question.answer]
    wrong = next(option for option in question.options if option != right)
    url = serve(ROOT / "app.py", {"MNIST_LAB_DATA": str(mnist_dir)})
    page.goto(f"{url}/studies?study=mlp-course&experiment=two-layer-linear&share=one")
    # The number of parameters that the course reports.
    expect(page.get_by_text("39,760").first).to_be_visible()
    expect(page.get_by_role("heading", name="Results")).not_to_be_visible()
    page.get_by_role("button", name="Train it live").click()
    expect(page.locator(".board")).to_be_visible()
    # The curves would give the answer away.
    expect(page.locator(".live-chart")).to_have_count(0)
    page.get_by_role("button", name=wrong, exact=True).click()
    verdict = re.compile(f"{re.escape(wrong)}.*{re.escape(right)}")
    expect(page.locator(".st-key-question").get_by_test_id("stAlert")).to_have_text(verdict)
    accuracy = re.compile(r"✓ .* 9\d\.\d\d%")
    expect(page.locator(".board span", has_text=accuracy)).to_be_visible()
    # The chart gets its last points with the message after the board's: 938 steps are 60,000 images in batches of 64.
    wait_until(lambda: curves()["step"] == 938)
    assert curves()["points"] > 10
    expect(page.get_by_role("grid", name="Reported and measured figures")).to_be_visible()
    # A second message would say that the figures are not those of this run.
    expect(page.get_by_test_id("stAlert")).to_have_count(1)
    page.get_by_text("Weights", exact=True).click()
    expect(page.locator(".weights figure")).to_have_count(16)
    for part in ("study=mlp-course", "experiment=two-layer-linear", "share=one", "results=Weights"):
        expect(page).to_have_url(re.compile(part))
