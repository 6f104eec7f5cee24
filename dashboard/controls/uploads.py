"""How much a visitor may upload: Streamlit bounds each file; here their number and bytes are bounded, too.

What is held at once is bounded for everybody, and for each student of a class also what is sent within an hour.
"""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

import streamlit as st
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit import runtime

from dashboard.access import known_people, person_of
from dashboard.controls.uploads_by_person import UploadsByPerson
from mnist_core.config import read_limit
from mnist_core.jobs import STORE_ERRORS

_ADDRESS = re.compile(r".*/_stcore/upload_file/([^/]+)/([^/]+)/?")
# Of all that is held, what may come from one address: whoever loads the page again and again leaves room for others.
_ADDRESS_SHARE = 0.5
_ADDRESS_FULL = "MNIST Lab holds too many uploads from your address; take some away, or try again later."
_UNREADABLE = "MNIST Lab cannot look up what you may upload, because its store cannot be read now; try again later."
_FULL = "MNIST Lab holds too many uploads of all visitors together; try again later."


def upload_middleware() -> list[Middleware]:
    """What `st.App` is to run before Streamlit stores an upload."""
    return [Middleware(Uploads)]


class Uploads:
    """Refuses a file that would be one too many of its visitor, or too much for the memory."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        # Files and bytes that are on their way, by visitor.
        self._files: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()
        # By visitor, from which address its uploads come: to Streamlit, a page that is loaded again is a new visitor.
        self._addresses: dict[str, str] = {}
        self._persons = UploadsByPerson()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match = _ADDRESS.fullmatch(scope["path"]) if scope["type"] == "http" else None
        if match is None or scope["method"] in ("DELETE", "OPTIONS"):
            await self._app(scope, receive, send)
            return
        visitor, file = match.groups()
        size = _announced(scope)
        address = (scope.get("client") or ("", 0))[0]
        person = person_of(scope)
        try:
            most = await run_in_threadpool(known_people().most_uploaded, person) if person else None
        except STORE_ERRORS:
            await PlainTextResponse(_UNREADABLE, 503)(scope, receive, send)
            return
        # From here to where it is counted nothing else is awaited, so that two uploads do not both take the last room.
        if most is not None and (sent := self._persons.sent(person)) + size > most:
            refusal = (
                f"You have uploaded {sent / 1e6:,.1f} MB within an hour, and each student may upload "
                f"{most / 1e6:,g} MB; try again later, or ask your teacher."
            )
            await PlainTextResponse(refusal, 429)(scope, receive, send)
            return
        if refusal := self._refusal(visitor, file, size, address):
            await PlainTextResponse(refusal, 413)(scope, receive, send)
            return
        self._remember_address(visitor, address)
        self._files[visitor] += 1
        self._bytes[visitor] += size
        if most is not None:
            self._persons.add(person, size)
        try:
            await self._app(scope, receive, send)
        finally:
            self._files[visitor] -= 1
            self._bytes[visitor] -= size

    def _remember_address(self, visitor: str, address: str) -> None:
        stored = _stored()
        self._addresses = {
            name: value for name, value in self._addresses.items() if name in stored or self._files[name] > 0
        }
        self._addresses[visitor] = address

    def _refusal(self, visitor: str, file: str, size: int, address: str) -> str:
        stored = _stored()
        of_visitor = [record for name, record in list(stored.get(visitor, {}).items()) if name != file]
        files = len(of_visitor) + self._files[visitor]
        held = sum(len(record.data) for record in of_visitor) + self._bytes[visitor]
        most_files, most_bytes = read_limit("MAX_VISITOR_FILES"), read_limit("MAX_VISITOR_BYTES")
        if files >= most_files or held + size > most_bytes:
            return (
                f"MNIST Lab keeps at most {most_files} uploads and {most_bytes / 1e6:g} MB of a visitor at once; take "
                "one away, or load the page again."
            )
        by_visitor = self._bytes.copy()
        for name, records in list(stored.items()):
            by_visitor[name] += sum(len(record.data) for record in list(records.values()))
        of_address = sum(count for name, count in by_visitor.items() if self._addresses.get(name) == address)
        most_together = read_limit("MAX_UPLOADED_BYTES")
        if of_address + size > most_together * _ADDRESS_SHARE:
            return _ADDRESS_FULL
        return _FULL if by_visitor.total() + size > most_together else ""


def _announced(scope: Scope) -> int:
    """Bytes that a request may bring: what it says, or, if it says nothing, what Streamlit would take at most."""
    largest = st.get_option("server.maxUploadSize") * 2**20
    text = Headers(scope=scope).get("content-length", "")
    return min(int(text), largest) if text.isascii() and text.isdigit() and len(text) < 20 else largest


def _stored() -> Mapping[str, Mapping[str, Any]]:
    """Uploads that Streamlit holds, by visitor and file; it lets go of them when the visitor leaves."""
    return runtime.get_instance().uploaded_file_mgr.file_storage if runtime.exists() else {}  # pyright: ignore
