"""In a real browser: pages whose widgets have the same names keep their own choices and addresses."""

import re

import pytest
from playwright.sync_api import Page, expect

from mnist_core.config.run_config import RunConfig
from mnist_core.store.store import Store
from tests.labs import trained_run

pytestmark = pytest.mark.browser


def chosen(page: Page, name: str):
    """The option of the choice named View that is marked as chosen."""
    return page.get_by_role("radiogroup", name="View").get_by_role("radio", name=name, exact=True, checked=True)


@pytest.mark.long
def test_train_and_inspect_keep_their_own_views(serve, page: Page):
    store = Store.open()
    trained_run(store, RunConfig(dataset="mnist-5k", architecture="softmax", train_images=100, epochs=1))
    page.goto(f"{serve()}/inspect?view=Mistakes")
    expect(chosen(page, "Mistakes")).to_be_visible()
    page.get_by_role("link", name="Train", exact=True).click()
    expect(page.get_by_role("heading", name="Train", exact=True)).to_be_visible()
    expect(chosen(page, "Training")).to_be_visible()
    expect(page).not_to_have_url(re.compile("Mistakes|run=1&"))
    # A start sets the view of Train, which must not carry over to Inspect.
    page.get_by_role("radio", name="Network", exact=True).click()
    page.get_by_role("button", name="Start training").click()
    expect(chosen(page, "Training")).to_be_visible()
    page.get_by_role("link", name="Inspect", exact=True).click()
    expect(page.get_by_role("heading", name="Inspect", exact=True)).to_be_visible()
    expect(page.get_by_role("radiogroup", name="View").get_by_role("radio", checked=True)).to_have_count(1)
    expect(page).not_to_have_url(re.compile("view=Training"))
    page.get_by_role("link", name="Train", exact=True).click()
    expect(chosen(page, "Training")).to_be_visible()
    expect(page).not_to_have_url(re.compile("Mistakes|Samples"))
