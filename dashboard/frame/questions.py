"""Addresses at which the scripts of a page ask the server outside Streamlit: a POST of JSON that runs no page."""

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from dashboard.access import base_path
from mnist_core.errors import NotAllowedError
from mnist_core.jobs import STORE_ERRORS, explain

T = TypeVar("T")

# The most bytes of a question: a picture of a pad has some two thousand, and ids of networks come with it.
_MOST_BYTES = 100_000
# So many questions at an address are answered at a time; the others wait in turn, so that no answer takes far longer
# than another.
_AT_ONCE = 2


def question_route(
    address: str, parse: Callable[[object], T | None], answer: Callable[[Request, T], Response]
) -> Route:
    """The route at which browsers ask, to be given to `st.App`; `address` lies below the app's own, as its pages do.

    `parse` makes a question of the JSON that has come, None if it holds none, since a browser may send what it likes.
    `answer` is called in a thread, and may raise what the store raises. What cannot be answered is said as `problem`, a
    sentence, with `passes`, whether it is worth asking again.
    """
    threads = ThreadPoolExecutor(_AT_ONCE, address)

    async def reply(request: Request) -> Response:
        # A form of another site can send no JSON without asking first, which Streamlit refuses.
        is_json = request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"
        question = parse(_decoded(await _content(request))) if is_json else None
        if question is None:
            return json_answer(
                400, problem="The app does not understand what this page asks. Load it again.", passes=False
            )
        try:
            return await asyncio.get_running_loop().run_in_executor(threads, answer, request, question)
        except NotAllowedError as error:
            return json_answer(403, problem=str(error), passes=False)
        except STORE_ERRORS as error:
            return json_answer(503, problem=explain(error), passes=True)

    return Route(f"{base_path()}/{address}", reply, methods=["POST"])


def json_answer(status: int, **fields: object) -> Response:
    """An answer in JSON, which no browser keeps."""
    return JSONResponse(fields, status, headers={"Cache-Control": "no-store"})


def _decoded(content: bytes) -> object:
    try:
        return json.loads(content)
    # Nested deep enough, JSON exhausts the stack.
    except (ValueError, RecursionError):
        return None


async def _content(request: Request) -> bytes:
    """The content of a request, b"" if there is too much of it."""
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > _MOST_BYTES:
            return b""
    return bytes(content)
