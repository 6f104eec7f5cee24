"""The app bounds what a visitor may upload; tried with the real app and a real browser."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Request, expect

from mnist_core.config.limits import MAX_VISITOR_BYTES, MAX_VISITOR_FILES
from mnist_core.config.run_config import RunConfig
from mnist_core.store.store import Store

_SEND = """async ({address, token, sizes, discard}) => {
  const answers = []
  for (const [place, size] of sizes.entries()) {
    const form = new FormData()
    form.append("file", new Blob([new Uint8Array(size)]), "digit.png")
    const url = address.replace(/[^/]+$/, `file-${place}-${size}`)
    const answer = await fetch(url, {method: "PUT", body: form, headers: {"X-Xsrftoken": token}})
    answers.push([answer.status, await answer.text()])
    if (discard) await fetch(url, {method: "DELETE", headers: {"X-Xsrftoken": token}})
  }
  return answers
}"""


@pytest.mark.long
@pytest.mark.browser
def test_a_visitor_holds_so_many_uploads_and_bytes_at_once_and_may_go_on_after_taking_some_away(
    own_lab: Path, serve: Callable[[], str], browser: Browser
):
    store = Store.open(own_lab)
    store.finish(store.enqueue(RunConfig(), claimed=True), "finished", test_accuracy=0.9)
    tab = browser.new_page()
    sent: list[Request] = []
    tab.on("request", lambda request: sent.append(request) if "upload_file" in request.url else None)
    tab.goto(f"{serve()}/compare?table=true")
    tab.get_by_role("grid", name="1 run").wait_for()
    tab.get_by_role("button", name="Import").click()
    chooser = tab.locator("input[type=file]").first
    # Each of these replaces the file before, which the browser then deletes on the server.
    for number in range(3):
        # A file that is chosen while the page still answers to the one before may be lost.
        expect(tab.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
        with tab.expect_response(lambda response: "upload_file" in response.url and response.request.method == "PUT"):
            name = f"run-{number}.zip"
            chooser.set_input_files({"name": name, "mimeType": "application/zip", "buffer": bytes(number + 1)})
        tab.get_by_role("alert").filter(has_text=name).wait_for()
    put = next(request for request in sent if request.method == "PUT")
    how = {"address": put.url, "token": put.headers["x-xsrftoken"]}

    # One file is uploaded already.
    many = [10] * (MAX_VISITOR_FILES + 5)
    answers = tab.evaluate(_SEND, how | {"sizes": many, "discard": False})
    assert [status for status, _ in answers] == [204] * (MAX_VISITOR_FILES - 1) + [413] * 6
    assert "20 uploads" in answers[-1][1]
    taken = tab.evaluate(_SEND, how | {"sizes": many[: MAX_VISITOR_FILES - 1], "discard": True})
    assert {status for status, _ in taken} == {204}

    large = tab.evaluate(_SEND, how | {"sizes": [4_900_000] * 12, "discard": False})
    assert [status for status, _ in large] == [204] * 10 + [413] * 2
    assert MAX_VISITOR_BYTES == 50_000_000
    assert "50 MB" in large[-1][1]
    tab.close()
