"""The limit of uploads holds for one address together, however many visitors it claims to be."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from starlette.types import Message, Receive, Scope, Send

from dashboard.controls import uploads


def test_a_page_that_is_loaded_again_begins_no_new_count_and_another_address_has_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MNIST_LAB_MAX_UPLOADED_BYTES", "1000")
    stored: dict[str, dict[str, SimpleNamespace]] = {}
    monkeypatch.setattr(uploads, "_stored", lambda: stored)

    async def keep(scope: Scope, receive: Receive, send: Send) -> None:
        stored[scope["path"].split("/")[-2]] = {"file": SimpleNamespace(data=b"x" * 200)}

    guard = uploads.Uploads(keep)

    def upload(visitor: str, address: str) -> bool:
        """Whether an upload of 200 bytes is accepted."""
        answers: list[Message] = []

        async def send(message: Message) -> None:
            answers.append(message)

        async def receive() -> Message:
            return {"type": "http.request"}

        scope = {
            "type": "http",
            "method": "PUT",
            "path": f"/_stcore/upload_file/{visitor}/file",
            "headers": [(b"content-length", b"200")],
            "client": (address, 5000),
        }
        # A new thread, because tests with a browser leave an event loop running in this one.
        with ThreadPoolExecutor(1) as pool:
            pool.submit(asyncio.run, guard(scope, receive, send)).result()
        return not answers

    assert [upload(f"visitor {number}", "192.0.2.1") for number in range(4)] == [True, True, False, False]
    assert [upload(f"other {number}", "192.0.2.2") for number in range(3)] == [True, True, False]
    del stored["visitor 0"]
    assert upload("visitor 9", "192.0.2.1")
