"""How the pages reach the browser: Streamlit's own page, with two facts added that speed up its start.

Without them the page asks for the server at `<page>/_stcore/health`, waits a tenth of a second because nobody answers
there, asks again one level higher, and connects then. With the server's address in it, the page connects at once. With
the names of the scripts that all components need, it loads them before the first component is drawn.
"""

import logging
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path

import streamlit as st
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import BaseRoute, Route
from streamlit.logger import get_logger

from dashboard.frame import access
from mnist_core import jobs
from mnist_core.jobs import STORE_ERRORS, explain
from mnist_core.text import in_terminal, one_line

_STATIC = Path(st.__file__).parent / "static"
_IMPORTED = re.compile(r'from"\./([\w.-]+\.js)"')
# Streamlit's page reads `window.__streamlit` first. The server's address is that of the page without its last part.
_SETTINGS = """<script>
      window.__streamlit = {
        BACKEND_BASE_URL: new URL(".", location.href).href,
        HOST_CONFIG: { allowedOrigins: [location.origin], useExternalAuthToken: false },
      }
    </script>
  </head>"""


def routes(names: Iterable[str]) -> list[BaseRoute]:
    """Routes of the root and of the pages with these names, to be given to `st.App`.

    Streamlit answers every other address itself, and all of them if the app has a `server.baseUrlPath`.
    """
    if st.get_option("server.baseUrlPath"):
        return []
    return [Route(f"/{name}", _page) for name in ("", *names)]


@asynccontextmanager
async def lifespan(app: st.App) -> AsyncIterator[None]:
    """Start the jobs when the server starts; interrupt their runs, so that they can be resumed, when it ends."""
    if url := access.network_url():
        print(f"  Other machines: {url} (a name instead of this address: see MNIST_LAB_HOSTS in README.md)", flush=True)
    # Queued runs are trained even if nobody opens a page. The jobs wait for a store that cannot be opened yet.
    jobs.start_from_environment()
    _shorten_log()
    yield
    jobs.end()


def _shorten_log() -> None:
    """From now on log an error that a person can mend in one line, without values or lines of code.

    Streamlit logs the traceback of an error in a fragment or a callback before it asks `on_script_error`. Bugs keep
    their traceback.
    """
    get_logger("streamlit.error_util").addFilter(_in_one_line)


def _in_one_line(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, STORE_ERRORS):
        record.msg, record.args = in_terminal(one_line(f"{type(error).__name__}: {explain(error)}")), ()
        record.exc_info = record.exc_text = None
    return True


async def _page(request: Request) -> HTMLResponse:
    return HTMLResponse(_html(), headers={"Cache-Control": "no-cache"})


@cache
def _html() -> str:
    text = (_STATIC / "index.html").read_text(encoding="utf-8")
    early = [f'<link rel="modulepreload" crossorigin href="./static/js/{name}">' for name in _component_scripts(text)]
    return text.replace("</head>", "\n    ".join([*early, _SETTINGS]), 1)


def _component_scripts(page: str) -> list[str]:
    """Names of Streamlit's scripts that draw components, without those that the page loads anyway."""
    folder = _STATIC / "static/js"
    names = [path.name for path in folder.glob("BidiComponent.*.js")]
    for name in names:
        imported = dict.fromkeys(_IMPORTED.findall((folder / name).read_text(encoding="utf-8")))
        names += [other for other in imported if other not in page and other not in names]
    return names
