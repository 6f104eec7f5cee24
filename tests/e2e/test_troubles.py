"""While something keeps the queue from going on, every page says so, and the server keeps running."""

import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from mnist_core.config.run_config import RunConfig
from mnist_core.store.store import Store
from tests.app_process import wait_until
from tests.e2e.messages import frames_of, requests_of

pytestmark = pytest.mark.browser


@pytest.mark.long
def test_a_store_that_cannot_be_opened_is_told_on_every_page_until_it_can(
    tmp_path: Path, serve: Callable[..., str], browser: Browser, monkeypatch: pytest.MonkeyPatch
):
    folder = tmp_path / "not yet"
    database = f"sqlite:///{folder / 'runs.db'}"
    url = serve(env={"MNIST_LAB_DATABASE": database})
    tab = browser.new_page()
    frames = frames_of(tab)
    for page in ("compare", "train"):
        tab.goto(f"{url}/{page}")
        alert = tab.get_by_role("alert").filter(has_text=str(folder))
        expect(alert).to_be_visible()
        assert not any(word in alert.inner_text() for word in ("sqlalche", "SELECT", "Traceback"))
    expect(tab.get_by_role("alert")).to_have_count(1)
    folder.mkdir()
    tab.get_by_role("button", name="Teach a computer").wait_for()
    expect(tab.get_by_role("alert").filter(has_text=str(folder))).to_have_count(0)
    # One question every three seconds, as before the message came and went, and no run of the page for it.
    tab.wait_for_timeout(1000)
    asked, received = requests_of(tab, "/troubles"), len(frames)
    tab.wait_for_timeout(10_000)
    assert 2 <= len(asked) <= 4
    assert len(frames) == received > 0
    monkeypatch.setenv("MNIST_LAB_DATABASE", database)
    store = Store.open()
    run = store.enqueue(RunConfig(dataset="mnist-5k", architecture="mlp-100", epochs=1))
    wait_until(lambda: store.run(run.id).state == "finished")
    with urllib.request.urlopen(f"{url}/_stcore/health") as answer:
        assert answer.status == 200
    tab.close()
