"""How the pages reach the browser: Streamlit's own page, and in it what the browser would otherwise have to find out.

On its own the page asks `<page>/_stcore/health` where the server is, waits a tenth of a second because nobody answers
there, asks again a level higher, and opens the connection then. Told where the server is, it connects at once. Told
which scripts every component of ours needs, it has them by the time that the first one is to be drawn.
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
# What Streamlit's page reads first (`window.__streamlit`). The server lies where the page's own scripts lie: beside it.
_KNOWN = """<script>
      window.__streamlit = {
        BACKEND_BASE_URL: new URL(".", location.href).href,
        HOST_CONFIG: { allowedOrigins: [location.origin], useExternalAuthToken: false },
      }
    </script>
  </head>"""


def routes(names: Iterable[str]) -> list[BaseRoute]:
    """The addresses of the root and of the pages with these names, to be given to `st.App`.

    Any other address, and all of them where the app has `server.baseUrlPath`, are answered by Streamlit as ever.
    """
    if st.get_option("server.baseUrlPath"):
        return []
    return [Route(f"/{name}", _page) for name in ("", *names)]


@asynccontextmanager
async def lifespan(app: st.App) -> AsyncIterator[None]:
    """From the server's start, which begins the jobs, to its end, which interrupts runs so that they can be resumed."""
    if url := access.network_url():
        print(f"  Other machines: {url} (a name instead of this address: see MNIST_LAB_HOSTS in README.md)", flush=True)
    # Whether or not anybody opens a page, and also where the store cannot be opened yet.
    jobs.start_from_environment()
    _shorten_log()
    yield
    jobs.end()


def _shorten_log() -> None:
    """From here on an error that a person can mend is one line of the terminal, without values or lines of code.

    Streamlit writes the traceback of whatever a fragment or a callback raises before `on_script_error` is asked. A bug
    keeps its traceback.
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
    return text.replace("</head>", "\n    ".join([*early, _KNOWN]), 1)


def _component_scripts(page: str) -> list[str]:
    """Names of Streamlit's scripts that draw components, but for those that the page asks for anyway."""
    folder = _STATIC / "static/js"
    names = [path.name for path in folder.glob("BidiComponent.*.js")]
    for name in names:
        imported = dict.fromkeys(_IMPORTED.findall((folder / name).read_text(encoding="utf-8")))
        names += [other for other in imported if other not in page and other not in names]
    return names
