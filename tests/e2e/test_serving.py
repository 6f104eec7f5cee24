"""How the app is served: where the browser finds the server, and what happens to runs when the server ends."""

import signal
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from mnist_core.config.run_config import RunConfig
from mnist_core.store.store import Store
from tests.app_process import app_process, free_port, wait_until

pytestmark = pytest.mark.browser

_QUESTIONS = """() => performance.getEntriesByType("resource").map((one) => new URL(one.name).pathname)
  .filter((path) => path.includes("_stcore"))"""


def test_a_page_says_where_the_server_is_and_any_other_address_is_streamlits(
    serve: Callable[[], str], browser: Browser
):
    url = serve()
    tab = browser.new_page()
    for page in ("", "compare", "studies"):
        tab.goto(f"{url}/{page}")
        tab.get_by_role("heading", level=1).first.wait_for()
        assert not [path for path in tab.evaluate(_QUESTIONS) if not path.startswith("/_stcore/")], page
    tab.close()
    with urllib.request.urlopen(f"{url}/nowhere") as other:
        assert "window.__streamlit" not in other.read().decode()


def test_the_root_leads_to_train_with_all_that_its_link_says(own_lab: Path, serve: Callable[[], str], browser: Browser):
    store = Store.open(own_lab)
    for _ in range(3):
        store.finish(store.enqueue(RunConfig(), claimed=True), "finished", test_accuracy=0.9)
    tab = browser.new_page()
    tab.goto(f"{serve()}/?runs=3&runs=1&x=epoch")
    tab.wait_for_url("**/train?runs=3&runs=1&x=epoch")
    tab.get_by_text("3 · mlp-300").first.wait_for()
    tab.close()


@pytest.mark.long
def test_an_open_page_finds_a_server_that_was_started_again(own_lab: Path, browser: Browser):
    store, port, tab = Store.open(own_lab), free_port(), browser.new_page()
    store.finish(store.enqueue(RunConfig(), claimed=True), "finished", test_accuracy=0.9)
    with app_process(own_lab, port):
        tab.goto(f"http://127.0.0.1:{port}/compare?table=true")
        tab.get_by_role("grid", name="1 run").wait_for()
        tab.get_by_test_id("stAlert").first.wait_for()
        # The browser must have fetched all scripts before the server ends.
        tab.get_by_role("textbox", name="Filter").wait_for()
        tab.wait_for_load_state("networkidle")
    with app_process(own_lab, port):
        tab.get_by_role("textbox", name="Filter").fill("no such run")
        tab.keyboard.press("Enter")
        tab.get_by_role("grid", name="0 of 1 run").wait_for()
    tab.close()


@pytest.mark.long
@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT], ids=lambda sent: sent.name)
def test_a_server_that_is_ended_leaves_its_runs_resumable(
    own_lab: Path, browser: Browser, mnist_dir: Path, monkeypatch: pytest.MonkeyPatch, sent: signal.Signals
):
    monkeypatch.setenv("MNIST_LAB_DATA", str(mnist_dir))
    store, tab = Store.open(own_lab), browser.new_page()
    run = store.enqueue(RunConfig(architecture="mlp-300", epochs=100))
    port = free_port()
    with app_process(own_lab, port) as process:
        tab.goto(f"http://127.0.0.1:{port}/compare")
        wait_until(lambda: store.run(run.id).epoch > 0)
        process.send_signal(sent)
        process.wait(120)
    ended = store.run(run.id)
    assert ended.state == "interrupted"
    assert ended.epoch > 0
    wait_until(lambda: not _lives(ended.pid or 0))
    tab.close()


def _lives(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().split(")")[-1].split()[0] != "Z"
