"""The address at which browsers ask what networks read in a drawing, outside Streamlit: no picture runs a page."""

import asyncio
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from dashboard.access import base_path, person_who_asks
from dashboard.components import decode_picture
from dashboard.frame import pace_of_strokes, store_of
from mnist_core.errors import NotAllowedError
from mnist_core.jobs import STORE_ERRORS, explain
from mnist_core.store import Store

# Path below the app's own, which is where its pages lie, too.
ADDRESS = "drawing-answers"
# A picture of the pad has some two thousand bytes, and the ids of the networks come with it.
_MOST_BYTES = 100_000
# The most networks that are asked about a drawing.
MOST_NETWORKS = 100
# So many questions are answered at a time; the others wait in turn, so that no answer takes far longer than another.
_AT_ONCE = 2


@dataclass(frozen=True)
class Question:
    """What these runs read in a picture: a PNG in base64, "" for an empty pad."""

    runs: Sequence[str]
    image: str
    # Number of the picture, and whether the pen is up.
    seq: int
    ended: bool


def routes() -> list[BaseRoute]:
    """The route at which browsers ask, to be given to `st.App`."""
    threads = ThreadPoolExecutor(_AT_ONCE, "drawing-answers")

    async def answer(request: Request) -> Response:
        # A form of another site can send no JSON without asking first, which Streamlit refuses.
        is_json = request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"
        question = parse_question(await _content(request)) if is_json else None
        if question is None:
            return _said(400, problem="This is no question about a drawing. Load the page again.", passes=False)
        try:
            html = await asyncio.get_running_loop().run_in_executor(threads, _answers, request, question)
        except NotAllowedError as error:
            return _said(403, problem=str(error), passes=False)
        except STORE_ERRORS as error:
            return _said(503, problem=explain(error), passes=True)
        if not html:
            return _said(
                404, problem="None of these networks is there any more. Choose others in the list.", passes=False
            )
        return _said(200, html=html, pause=round(1000 * pace_of_strokes()))

    return [Route(f"{base_path()}/{ADDRESS}", answer, methods=["POST"])]


def parse_question(content: bytes) -> Question | None:
    """The question in a request's content; None if it holds none, since a browser may send what it likes."""
    try:
        match json.loads(content):
            case {"runs": list(runs), "image": str(image), "seq": int(seq), "ended": bool(ended)}:
                if len(runs) <= MOST_NETWORKS and all(isinstance(run, str) for run in runs):
                    return Question(runs, image, seq, ended)
    # Nested deep enough, JSON exhausts the stack.
    except (ValueError, RecursionError):
        pass
    return None


def answers_html(store: Store, question: Question) -> str:
    """What those of the runs that are there read in the picture, for use with CARD_STYLES; "" if none is there.

    Raises StorageError.
    """
    # The server imports this file before it answers at all, so what takes half a second to import waits.
    from dashboard.draw.drawing_predictions import predict_drawing
    from dashboard.draw.prediction_cards import predictions_html

    # Read again each time: a run that trains has a newer network after every epoch.
    runs = store.runs(ids=question.runs)
    picture = decode_picture(question.image)
    predictions = [predict_drawing(store, run, picture) for run in runs]
    return predictions_html(predictions, question.seq, question.ended) if predictions else ""


def _answers(request: Request, question: Question) -> str:
    return answers_html(store_of(person_who_asks(request.scope)), question)


async def _content(request: Request) -> bytes:
    """The content of a request, b"" if there is too much of it."""
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > _MOST_BYTES:
            return b""
    return bytes(content)


def _said(status: int, **fields: object) -> Response:
    return JSONResponse(fields, status, headers={"Cache-Control": "no-store"})
