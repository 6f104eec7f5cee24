"""Files that are sent compressed: the right bytes and headers, and Streamlit's own answer wherever it is needed."""

import asyncio
import gzip
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
import streamlit as st
from starlette.applications import Starlette
from starlette.datastructures import Headers
from streamlit.web.server.starlette.starlette_app import create_streamlit_middleware
from streamlit.web.server.starlette.starlette_routes import create_app_static_serving_routes
from streamlit.web.server.starlette.starlette_static_routes import create_streamlit_static_assets_routes

from dashboard.frame import compression, serving
from dashboard.frame.compression import CompressedFiles

T = TypeVar("T")
STATIC = Path(st.__file__).parent / "static" / "static"
OURS = "/app/static/components-0123456789ab/curves.js"
SCRIPT = b"export default 1 // " + b"curves " * 500


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Headers
    body: bytes


Ask = Callable[..., Answer]


@pytest.fixture
def app(tmp_path: Path) -> CompressedFiles:
    """Streamlit's own answers to requests for files, with the app's static folder, compressed."""
    folder = tmp_path / "static" / "components-0123456789ab"
    folder.mkdir(parents=True)
    (folder / "curves.js").write_bytes(SCRIPT)
    (folder / "picture.png").write_bytes(b"\x89PNG")
    (tmp_path / "static" / "notes.js").write_bytes(SCRIPT)
    (tmp_path / "secret.js").write_bytes(b"secret")
    routes = [*create_app_static_serving_routes(str(tmp_path / "app.py"), None)]
    routes += create_streamlit_static_assets_routes(None)
    return CompressedFiles(Starlette(routes=routes, middleware=create_streamlit_middleware()))


@pytest.fixture
def ask(app: CompressedFiles) -> Ask:
    return lambda path, method="GET", **headers: awaited(answer_of(app, path, method, headers))


def awaited(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine. It runs in its own thread, as a browser of other tests may have its loop here."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


async def answer_of(app: CompressedFiles, path: str, method: str, headers: dict[str, str]) -> Answer:
    """The answer to one request; `accept_encoding` is the header Accept-Encoding, and so on."""
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b""}
    scope |= {"headers": [(b"host", b"localhost"), *raw], "scheme": "http", "server": ("localhost", 80)}
    messages: list[Any] = []

    async def receive() -> Any:
        await asyncio.sleep(60)

    async def send(message: Any) -> None:
        messages.append(message)

    await app({**scope, "root_path": "", "extensions": {}}, receive, send)
    body = b"".join(message.get("body", b"") for message in messages[1:])
    return Answer(messages[0]["status"], Headers(raw=messages[0]["headers"]), body)


def largest(suffix: str) -> Path:
    return max((STATIC / suffix).glob(f"*.{suffix}"), key=lambda path: path.stat().st_size)


@pytest.mark.parametrize("suffix", ["js", "css"])
def test_streamlits_files_come_compressed_and_whole(ask: Ask, suffix: str):
    file = largest(suffix)
    path = f"/static/{suffix}/{file.name}"
    plain, packed = ask(path), ask(path, accept_encoding="br;q=1, gzip;q=0.8")
    assert plain.body == file.read_bytes() == gzip.decompress(packed.body)
    assert len(packed.body) < 0.4 * len(plain.body)
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.headers["content-length"] == str(len(packed.body))
    assert packed.headers["content-type"] == plain.headers["content-type"]
    assert packed.headers["cache-control"] == plain.headers["cache-control"]
    assert "content-encoding" not in plain.headers
    assert packed.headers["etag"] != plain.headers["etag"]
    for answer in (plain, packed):
        assert "accept-encoding" in answer.headers["vary"].lower()
    head = ask(path, "HEAD", accept_encoding="gzip")
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", str(len(packed.body)))


def test_a_file_that_the_browser_has_is_not_sent_again(ask: Ask):
    first = ask(OURS, accept_encoding="gzip")
    for known in (first.headers["etag"], f'"other", W/{first.headers["etag"]}', "*"):
        again = ask(OURS, accept_encoding="gzip", if_none_match=known)
        assert (again.status, again.body) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
        assert "content-encoding" not in again.headers
    assert ask(OURS, accept_encoding="gzip", if_none_match='"other"').body == first.body


def test_a_file_that_is_replaced_comes_new(ask: Ask, tmp_path: Path):
    before = ask("/app/static/notes.js", accept_encoding="gzip")
    (tmp_path / "static" / "notes.js").write_bytes(b"// longer " + SCRIPT)
    after = ask("/app/static/notes.js", accept_encoding="gzip", if_none_match=before.headers["etag"])
    assert gzip.decompress(before.body) == SCRIPT
    assert gzip.decompress(after.body) == b"// longer " + SCRIPT


def test_only_names_that_say_the_content_are_kept_for_good(ask: Ask):
    for path in (OURS, OURS.replace("curves.js", "picture.png")):
        for encoding in ("gzip", "identity"):
            assert "immutable" in ask(path, accept_encoding=encoding).headers["cache-control"]
    assert "immutable" not in ask("/app/static/notes.js", accept_encoding="gzip").headers.get("cache-control", "")
    missing = ask("/app/static/components-0123456789ab/none.js", accept_encoding="gzip")
    assert missing.status == 404
    assert "immutable" not in missing.headers.get("cache-control", "")


@pytest.mark.parametrize("encoding", ["", "identity", "br", "gzip;q=0", "gzip; q=0.000", "gzipped"])
def test_who_does_not_take_gzip_does_not_get_it(ask: Ask, encoding: str):
    answer = ask(OURS, accept_encoding=encoding)
    assert (answer.status, answer.body) == (200, SCRIPT)
    assert "content-encoding" not in answer.headers


def test_a_part_of_a_file_is_a_part_of_the_plain_file(ask: Ask):
    part = ask(OURS, accept_encoding="gzip", range="bytes=2-9")
    assert (part.status, part.body) == (206, SCRIPT[2:10])
    assert "content-encoding" not in part.headers


@pytest.mark.parametrize(
    "path",
    [
        "/app/static/../secret.js",
        "/app/static/components-0123456789ab/../../secret.js",
        "/app/static/..\\secret.js",
        "/app/static//etc/x.js",
        "/static/js/../../index.html",
        "/static/js/no-such-script.js",
        "//static/js/x.js",
    ],
)
def test_any_other_address_is_answered_by_streamlit(app: CompressedFiles, ask: Ask, path: str):
    answer = ask(path, accept_encoding="gzip")
    # Streamlit's page stands for an address that it does not know.
    is_page = answer.headers.get("content-type", "").startswith("text/html")
    assert answer.status in (400, 404) or is_page
    assert b"secret" not in answer.body
    assert not app._kept


def test_what_is_kept_is_bounded(app: CompressedFiles, ask: Ask, monkeypatch: pytest.MonkeyPatch):
    sizes = [len(ask(path, accept_encoding="gzip").body) for path in (OURS, "/app/static/notes.js")]
    monkeypatch.setattr(compression, "_MOST_KEPT", sum(sizes) - 1)
    assert gzip.decompress(ask(OURS, accept_encoding="gzip").body) == SCRIPT
    assert [path for path, _ in app._kept] == [OURS]
    monkeypatch.setattr(compression, "_LARGEST_FILE", len(SCRIPT) - 1)
    assert ask("/app/static/notes.js", accept_encoding="gzip").body == SCRIPT


def test_many_first_visits_together_compress_a_file_once(app: CompressedFiles, monkeypatch: pytest.MonkeyPatch):
    compressed: list[bytes] = []
    compress = gzip.compress

    def count(body: bytes, level: int, mtime: int) -> bytes:
        compressed.append(body)
        return compress(body, level, mtime=mtime)

    monkeypatch.setattr(gzip, "compress", count)

    async def visit() -> list[Answer]:
        return await asyncio.gather(*(answer_of(app, OURS, "GET", {"accept_encoding": "gzip"}) for _ in range(5)))

    answers = awaited(visit())
    assert {replace(answer, headers=Headers({})).body for answer in answers} == {answers[0].body}
    assert compressed == [SCRIPT]


def test_the_icons_of_the_app_have_an_address_of_their_own():
    icons, *pages = serving.routes(["train"])
    assert len(pages) == 2
    assert icons.path in serving.quicker_page(STATIC.parent).replace("./icons", "/icons")  # pyright: ignore
