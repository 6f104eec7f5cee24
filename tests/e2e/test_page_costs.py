"""The benchmarks of what a page costs and of the first minute work, with few repetitions and little data."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from benchmarks import first_minute, page_cost
from benchmarks.page_weight import PAGES


@pytest.mark.long
def test_each_page_tick_and_picture_costs_something():
    costs = page_cost.measure(loads=1, ticks=2, pictures=2)
    assert PAGES.keys() < costs.keys()
    # A page costs some milliseconds, and never seconds, of a core; one that was not drawn costs next to nothing.
    assert all(0.5 < value < 2000 for name, values in costs.items() if "no page" not in name for value in values)
    assert len(costs["picture of a stroke"]) == 2
    lines = page_cost.table({"Train": [3.0, 1.0, 2.5]}).splitlines()
    assert lines[1].split() == ["Train", "2.5", "1.0", "3.0", "3"]


@pytest.mark.browser
@pytest.mark.long
def test_the_first_minute_is_measured(browser: Browser, tmp_path: Path):
    measured = first_minute.measure(browser, {"MNIST_LAB_DATA": str(tmp_path)})
    assert 0 < measured.answers < measured.page < measured.result
    assert measured.dataset == "mnist-5k"
    assert (measured.accuracy or 0) > 0.5
