"""Scripts and styles as gzip: compressed when first asked for, kept in memory, and sent from there.

Streamlit leaves its own scripts uncompressed (3 MB for a first visit) and compresses the app's static files anew at
every request. Which file an address means, whether it may be read, and its headers are still Streamlit's decision: it
is asked for the headers of every file, and what it does not answer with a script or a style is passed on as it is.

RFC 9110, sections 8.8.3 (an ETag for each encoding), 12.5.3 (Accept-Encoding) and 13.1.2 (If-None-Match).
"""

import gzip
import re
from asyncio import Lock
from collections import OrderedDict

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard.access import base_path

_COMPRESSED = r"/(?:app/)?static/[\w./-]+\.(?:js|css)"
# A name with a digest or a version in it, such as components-0123456789ab/curves.js or plotly-7.1.0.min.js
# (dashboard/components/assets.py): under such a name the content never changes.
_NAMED_BY_CONTENT = r"/app/static/[\w-]+-(?:[0-9a-f]{12}/[\w./-]+|\d+\.\d+\.\d+\.min\.js)"
# Lets browsers keep a file without asking again.
FOR_GOOD = "public, max-age=31536000, immutable"
_LEVEL = 6
# The most bytes that are kept, and the largest file that is compressed. Streamlit's scripts are 7 MB when compressed.
_MOST_KEPT = 32_000_000
_LARGEST_FILE = 16_000_000
_TYPES = ("text/css", "text/javascript", "application/javascript")
# Headers of a request that change what is answered; the answer here begins from the whole file as it is.
_CONDITIONS = frozenset(
    {b"accept-encoding", b"if-none-match", b"if-modified-since", b"if-match", b"if-unmodified-since"}
)


def compression_middleware() -> list[Middleware]:
    """What `st.App` is to run before Streamlit sends a file."""
    return [Middleware(CompressedFiles, base=base_path())]


class CompressedFiles:
    """Answers requests for scripts and styles with gzip, and everything else as the app does."""

    def __init__(self, app: ASGIApp, base: str = "") -> None:
        self._app = app
        self._compressed = re.compile(re.escape(base) + _COMPRESSED, re.ASCII)
        self._named_by_content = re.compile(re.escape(base) + _NAMED_BY_CONTENT, re.ASCII)
        # Contents by path and Streamlit's ETag; the one that was sent longest ago is first.
        self._kept: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        # One file at a time, so that many first visitors together do not compress the same file many times.
        self._compressing = Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        if self._named_by_content.fullmatch(scope["path"]):
            send = _kept_for_good(send)
        if self._compressed.fullmatch(scope["path"]):
            response = await self._answer(scope, receive)
            if response is not None:
                await response(scope, receive, send)
                return
            # Streamlit would send gzip even to who refuses it (";q=0").
            scope, send = _without(scope, frozenset({b"accept-encoding"})), _varying(send)
        await self._app(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive) -> Response | None:
        """The compressed file, or None if Streamlit is to answer."""
        headers = Headers(scope=scope)
        if not _accepts_gzip(headers.getlist("accept-encoding")) or "range" in headers:
            return None
        plain = _without(scope, _CONDITIONS)
        status, facts, _ = await _ask(self._app, {**plain, "method": "HEAD"}, receive)
        tag, length = facts.get("etag", ""), facts.get("content-length", "")
        # At an unknown address Streamlit answers with its page.
        is_text = facts.get("content-type", "").partition(";")[0] in _TYPES
        is_plain = status == 200 and tag and length.isdecimal() and "content-encoding" not in facts
        if not is_text or not is_plain or int(length) > _LARGEST_FILE:
            return None
        content = await self._content(plain, receive, tag)
        return None if content is None else _response(scope, headers, facts, content)

    async def _content(self, plain: Scope, receive: Receive, tag: str) -> bytes | None:
        """The compressed file with this ETag; None if it has been replaced since."""
        key = (plain["path"], tag)
        async with self._compressing:
            if key not in self._kept:
                status, facts, body = await _ask(self._app, {**plain, "method": "GET"}, receive)
                if status != 200 or facts.get("etag") != tag or len(body) != int(facts.get("content-length", -1)):
                    return None
                # The same bytes at every start, so that the time of compression is left out.
                self._kept[key] = await run_in_threadpool(gzip.compress, body, _LEVEL, mtime=0)
            content = self._kept[key]
            self._kept.move_to_end(key)
            while sum(map(len, self._kept.values())) > _MOST_KEPT:
                self._kept.popitem(last=False)
        return content


async def _ask(app: ASGIApp, scope: Scope, receive: Receive) -> tuple[int, Headers, bytes]:
    """Status, headers and body of the app's answer."""
    start: Message = {"status": 500, "headers": []}
    parts: list[bytes] = []

    async def collect(message: Message) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
        elif message["type"] == "http.response.body":
            parts.append(message.get("body", b""))

    # Without this extension a file comes as bytes, not as the name of a file.
    extensions = {name: value for name, value in scope.get("extensions", {}).items() if "pathsend" not in name}
    await app({**scope, "extensions": extensions}, receive, collect)
    return start["status"], Headers(raw=start["headers"]), b"".join(parts)


def _response(scope: Scope, asked: Headers, facts: Headers, content: bytes) -> Response:
    """The file as gzip, or 304 if the browser has it."""
    tag = f'"{facts["etag"].removeprefix("W/").strip(chr(34))}-gzip"'
    response = Response(content if scope["method"] == "GET" else b"")
    left_out = (b"content-length", b"accept-ranges")
    response.raw_headers = [(name, value) for name, value in facts.raw if name.lower() not in left_out]
    response.headers["ETag"] = tag
    response.headers.add_vary_header("Accept-Encoding")
    held_tags = [text.strip().removeprefix("W/") for text in ",".join(asked.getlist("if-none-match")).split(",")]
    if tag in held_tags or "*" in held_tags:
        response.status_code, response.body = 304, b""
        del response.headers["content-type"]
    else:
        response.headers["Content-Encoding"] = "gzip"
        response.headers["Content-Length"] = str(len(content))
    return response


def _accepts_gzip(values: list[str]) -> bool:
    """Whether an Accept-Encoding names gzip, and not with a weight of zero."""
    for part in ",".join(values).lower().split(","):
        name, _, parameters = part.partition(";")
        if name.strip() in ("gzip", "x-gzip"):
            return re.fullmatch(r"\s*q\s*=\s*0(\.0*)?\s*", parameters) is None
    return False


def _without(scope: Scope, names: frozenset[bytes]) -> Scope:
    """The request without these headers."""
    return {**scope, "headers": [(name, value) for name, value in scope["headers"] if name.lower() not in names]}


def _varying(send: Send) -> Send:
    """The same, saying to caches that the answer depends on the encodings that were asked for."""

    async def send_varying(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).add_vary_header("Accept-Encoding")
        await send(message)

    return send_varying


def _kept_for_good(send: Send) -> Send:
    """The same, with a header that lets browsers keep a file without asking again."""

    async def send_kept(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] in (200, 304):
            MutableHeaders(scope=message)["Cache-Control"] = FOR_GOOD
        await send(message)

    return send_kept
