"""The address at which browsers ask what networks read in a drawing, outside Streamlit: no picture runs a page."""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from dashboard.access import person_who_asks
from dashboard.components import decode_picture
from dashboard.frame import json_answer, pace_of_strokes, question_route, store_of
from mnist_core.store import Store

# Path below the app's own, which is where its pages lie, too.
ADDRESS = "drawing-answers"
# The most networks that are asked about a drawing.
MOST_NETWORKS = 100


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
    return [question_route(ADDRESS, _parsed, _answer)]


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


def _parsed(content: object) -> Question | None:
    match content:
        case {"runs": list(runs), "image": str(image), "seq": int(seq), "ended": bool(ended)}:
            if len(runs) <= MOST_NETWORKS and all(isinstance(run, str) for run in runs):
                return Question(runs, image, seq, ended)
    return None


def _answer(request: Request, question: Question) -> Response:
    html = answers_html(store_of(person_who_asks(request.scope)), question)
    if not html:
        problem = "None of these networks is there any more. Choose others in the list."
        return json_answer(404, problem=problem, passes=False)
    return json_answer(200, html=html, pause=round(1000 * pace_of_strokes()))
