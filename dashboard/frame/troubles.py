"""Messages above every page about what keeps runs from being trained, for as long as it lasts."""

import hashlib

import streamlit as st
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route

from dashboard.access import base_path
from dashboard.components import watch_address
from dashboard.frame.sent_view import newest_view
from mnist_core import jobs
from mnist_core.jobs import Trouble
from mnist_core.text import in_markdown, in_terminal

# Path below the app's own at which browsers ask whether the messages have changed.
_PATH = "troubles"


def show_troubles() -> list[Trouble]:
    """Show what is wrong now; returns it for `rerun_when_changed`."""
    troubles = jobs.current_troubles()
    for trouble in troubles:
        st.error(in_markdown(trouble.text[:1].upper() + trouble.text[1:]))
        if trouble.lines:
            st.code(in_terminal(trouble.lines), language=None, wrap_lines=True)
    return troubles


def rerun_when_changed(shown: list[Trouble]) -> None:
    """Run the page again once the troubles differ from `shown`, which may have held it up, or a view was sent."""
    watch_address("troubles", _PATH, _digest(shown))


def routes() -> list[BaseRoute]:
    """The route at which browsers ask, to be given to `st.App`. It answers with a digest and reveals nothing else."""
    return [Route(f"{base_path()}/{_PATH}", _answer)]


async def _answer(request: Request) -> JSONResponse:
    return JSONResponse({"digest": _digest(jobs.current_troubles())}, headers={"Cache-Control": "no-store"})


def _digest(troubles: list[Trouble]) -> str:
    return hashlib.sha256(repr((troubles, newest_view())).encode()).hexdigest()[:16]
