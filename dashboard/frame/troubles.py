"""What keeps runs from being trained, above every page for as long as it lasts."""

import hashlib

import streamlit as st
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route

from dashboard.components import watch_address
from mnist_core import jobs
from mnist_core.jobs import Trouble
from mnist_core.text import in_markdown, in_terminal

# Of the address that tells browsers whether anything has changed.
_ADDRESS = "troubles"


def banner() -> list[Trouble]:
    """Say what is wrong now; returns it for `follow`."""
    troubles = jobs.current_troubles()
    for trouble in troubles:
        st.error(in_markdown(trouble.text[:1].upper() + trouble.text[1:]))
        if trouble.lines:
            st.code(in_terminal(trouble.lines), language=None, wrap_lines=True)
    return troubles


def follow(shown: list[Trouble]) -> None:
    """Draw the page anew, which may itself have been held up, once something else is wrong than was shown."""
    watch_address("troubles", _ADDRESS, _digest(shown))


def routes() -> list[BaseRoute]:
    """The address at which browsers ask, to be given to `st.App`. It tells no more than that something has changed."""
    return [Route(f"/{_ADDRESS}", _answer)]


async def _answer(request: Request) -> JSONResponse:
    return JSONResponse({"digest": _digest(jobs.current_troubles())}, headers={"Cache-Control": "no-store"})


def _digest(troubles: list[Trouble]) -> str:
    return hashlib.sha256(repr(troubles).encode()).hexdigest()[:16]
