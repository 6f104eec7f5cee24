"""The address at which a page of Train asks how its runs are getting on, outside Streamlit: no look runs a page."""

import secrets
from typing import Protocol
from weakref import WeakValueDictionary

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from dashboard.access import person_who_asks
from dashboard.frame import json_answer, question_route

# Path below the app's own, which is where its pages lie, too.
ADDRESS = "followed-runs"


class View(Protocol):
    """What one page follows."""

    # Id of the person whose page it is; None without access control.
    person: str | None

    def renewed(self) -> dict[str, object]:
        """The answer for a `renewal`: what is new, or that the page has to run. May raise what the store raises."""
        ...


# By token. A view is held by the session of its page alone, and gone with it.
_VIEWS: WeakValueDictionary[str, View] = WeakValueDictionary()


def register(view: View) -> str:
    """The token by which the page of this view asks for it, as long as the view is there."""
    token = secrets.token_urlsafe(18)
    _VIEWS[token] = view
    return token


def routes() -> list[BaseRoute]:
    """The route at which pages ask, to be given to `st.App`."""
    return [question_route(ADDRESS, _parsed, _answer)]


def _parsed(content: object) -> str | None:
    """The token of a view."""
    match content:
        case {"view": str(token)}:
            return token
    return None


def _answer(request: Request, token: str) -> Response:
    person = person_who_asks(request.scope)
    view = _VIEWS.get(token)
    # A page of another person, of a server before this one, or of another one behind the same address.
    if view is None or view.person != (None if person is None else person.id):
        return json_answer(404, problem="This page is not open here. Load it again.", passes=False)
    return json_answer(200, **view.renewed())
