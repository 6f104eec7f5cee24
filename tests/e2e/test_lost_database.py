"""The database is taken away while the app runs: every page says so, and works again once it is back."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from mnist_core.config.run_config import RunConfig
from mnist_core.store import concurrency
from mnist_core.store.store import Store

pytestmark = pytest.mark.browser
LEAKS = re.compile(r"Traceback|sqlalche|SELECT|sqlite3\.|Error:")


@pytest.mark.long
def test_a_database_that_is_taken_away_and_brought_back(
    own_lab: Path, tmp_path: Path, serve: Callable[..., str], browser: Browser
):
    store = Store.open()
    concurrency.set_runs_at_once(store, 0)
    run = store.enqueue(RunConfig(), "waits")
    store.engine.dispose()
    url = serve()
    tab = browser.new_page()
    tab.goto(f"{url}/train?runs={run.number}")
    stop = tab.get_by_test_id("stMain").get_by_role("button", name="Stop", exact=True)
    stop.wait_for()
    path, elsewhere = own_lab / "runs.db", tmp_path / "elsewhere"
    elsewhere.mkdir()
    for file in own_lab.glob("runs.db*"):
        file.rename(elsewhere / file.name)
    alert = tab.get_by_role("alert").filter(has_text=str(path))
    # The part of the page that follows runs notices it without a click.
    expect(alert.first).to_be_visible()
    for page in ("compare", "sweeps", "train"):
        tab.goto(f"{url}/{page}")
        expect(alert.first).to_be_visible()
        assert not LEAKS.search(tab.locator("body").inner_text())
    assert not path.exists()
    for file in sorted(elsewhere.iterdir(), reverse=True):
        file.rename(own_lab / file.name)
    tab.goto(f"{url}/train?runs={run.number}")
    stop.click()
    tab.get_by_text("stopped", exact=False).first.wait_for()
    expect(tab.get_by_role("alert").filter(has_text=str(path))).to_have_count(0)
    log = (own_lab / "app.log").read_text()
    assert not any(leak in log for leak in ("[SQL", "[parameters", "https://sqlalche", "Background on"))
    # Errors in fragments and callbacks are in the log too: one line each, with the kind of the error.
    assert "Traceback" not in log
    assert re.search(rf"^.*StorageError: .*{re.escape(str(path))}.*$", log, re.MULTILINE)
    tab.close()
