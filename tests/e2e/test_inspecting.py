"""In a real browser: a click on a cell of the confusion matrix shows its images, a click on an image enlarges it."""

import re

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Page, expect

from mnist_core.config.run_config import RunConfig
from mnist_core.store.store import Store
from tests.labs import trained_run

pytestmark = pytest.mark.browser


@pytest.mark.long
def test_a_cell_of_the_confusion_matrix_shows_its_images(serve, page: Page):
    store = Store.open()
    run = trained_run(store, RunConfig(dataset="mnist-5k", architecture="softmax", train_images=500, epochs=2))
    table = pd.read_parquet(store.folder(run.id) / "predictions.parquet")
    table = table.loc[table["split"] == "test", :]
    predicted = table[[f"p{label}" for label in range(10)]].to_numpy().argmax(axis=1)
    counts = np.zeros((10, 10), dtype=int)
    np.add.at(counts, (table["label"].to_numpy(), predicted), 1)
    wrong = counts * (1 - np.eye(10, dtype=int))
    true, answer = (int(label) for label in np.argwhere((wrong > 1) & (wrong < wrong.max()))[-1])

    page.goto(f"{serve()}/inspect?run={run.number}&view=Confusion")
    matrix = page.locator(".js-plotly-plot .nsewdrag").first
    expect(matrix).to_be_visible()
    expect(page.locator(".tile")).to_have_count(int(wrong.max()))
    box = matrix.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + (answer + 0.5) * box["width"] / 10, box["y"] + (true + 0.5) * box["height"] / 10)
    expect(page.locator(".tile")).to_have_count(int(wrong[true, answer]))
    expect(page).to_have_url(re.compile(rf"cell={true}-{answer}"))

    page.locator(".tile").nth(1).click()
    expect(page.locator(".tile").nth(1)).to_have_attribute("aria-selected", "true")
    indices = table["index"].to_numpy()[(table["label"].to_numpy() == true) & (predicted == answer)]
    expect(page.locator(".inspected figcaption")).to_have_text(re.compile("|".join(rf"\b{at}$" for at in indices)))
    expect(page).to_have_url(re.compile("|".join(f"image={at}(&|$)" for at in indices)))
    expect(page.locator(".inspected .class-bars > div")).to_have_count(10)
