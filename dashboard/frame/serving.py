"""How the pages reach the browser: Streamlit's own page, with a head that speeds up its start and mends what it shows.

Without it the page asks for the server at `<page>/_stcore/health`, waits a tenth of a second because nobody answers
there, asks again one level higher, and connects then. With the server's address in it, the page connects at once. With
the names of the scripts that components and most widgets need, it loads them before the first of them is drawn. The
styles of head.css hold from the first drawing on. head.js makes entries of the browser's history, outages.js keeps what
is pressed until an app that was started anew knows the page, and class_keys.js listens to the keys of class mode.
icons.woff2 holds the icons that the app uses (docs/icon_font.py): 14 kB in place of 375.

Where Streamlit's files are others than this was made for, its own page is served as it is: slower, but right.
"""

import hashlib
import html
import logging
import re
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import MappingProxyType

import streamlit as st
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route
from streamlit.logger import get_logger

from dashboard.access import start_message
from dashboard.frame.class_mode import KEY as CLASS_MODE
from dashboard.frame.compression import FOR_GOOD
from dashboard.frame.titles import APP_NAME, ENTRY_KEYS, SECTION_KEYS
from mnist_core import jobs
from mnist_core.jobs import STORE_ERRORS, explain
from mnist_core.text import in_terminal, one_line

_HERE = Path(__file__).parent
_STATIC = Path(st.__file__).parent / "static"
_MAIN_SCRIPT = re.compile(r'src="\./(static/js/[\w.-]+\.js)"')
_IMPORTED = re.compile(r'from"\./([\w.-]+\.js)"')
# What Streamlit's main script reads first, and all names in it that are set here.
_READ = (r"window\.__streamlit", "BACKEND_BASE_URL", "HOST_CONFIG", "allowedOrigins", "useExternalAuthToken")
# Streamlit's scripts that most pages need. What arrives later than the page is first drawn as a grey bar of another
# height, so that all below it moves.
_EARLY = (
    "BidiComponent",
    "Button",
    "ButtonGroup",
    "Checkbox",
    "Html",
    "Multiselect",
    "NumberInput",
    "PageLink",
    "Progress",
    "Selectbox",
    "TextInput",
)
_TITLE = "<title>Streamlit</title>"
# A font that the app does not use (.streamlit/config.toml), fetched before all else.
_UNUSED_FONT = re.compile(r'<link\s+rel="preload"\s+href="[^"]*/SourceSans[^"]*"\s+as="font"[^>]*/>\n?')
# The server's address is that of the page without its last part.
_SETTINGS = """<script>
      window.__streamlit = {
        BACKEND_BASE_URL: new URL(".", location.href).href,
        HOST_CONFIG: { allowedOrigins: [location.origin], useExternalAuthToken: false },
      }
    </script>"""
_ICONS = (_HERE / "icons.woff2").read_bytes()
# A name with a digest, so that browsers may keep the file for good. No page has such a name.
_ICONS_ADDRESS = f"icons-{hashlib.sha256(_ICONS).hexdigest()[:12]}.woff2"
_ICON_STYLES = f"""<link rel="preload" href="./{_ICONS_ADDRESS}" as="font" type="font/woff2" crossorigin>
    <style>
      @font-face {{ font-family: "Material Symbols Rounded"; src: url("./{_ICONS_ADDRESS}") format("woff2") }}
    </style>"""


def routes(names: Iterable[str], styles: Mapping[str, str] = MappingProxyType({})) -> list[BaseRoute]:
    """Routes of the root and of the pages with these names, to be given to `st.App`.

    `styles` are style sheets that a page needs from its first drawing on, by its name ("" for the root). Streamlit
    answers every other address itself, and all of them if the app has a `server.baseUrlPath`.
    """
    text = None if st.get_option("server.baseUrlPath") else quicker_page(_STATIC)
    if text is None:
        return []

    async def page(request: Request) -> Response:
        style = styles.get(request.url.path.strip("/"), "")
        styled = text.replace("</head>", f"<style>\n{style}</style></head>") if style else text
        return HTMLResponse(styled, headers={"Cache-Control": "no-cache"})

    async def icons(request: Request) -> Response:
        return Response(_ICONS, media_type="font/woff2", headers={"Cache-Control": FOR_GOOD})

    return [Route(f"/{_ICONS_ADDRESS}", icons), *(Route(f"/{name}", page) for name in ("", *names))]


def quicker_page(static: Path) -> str | None:
    """Streamlit's page from its folder of files, with the app's head; None if these files are others than expected."""
    try:
        text = (static / "index.html").read_text(encoding="utf-8")
        main = _MAIN_SCRIPT.search(text)
        script = (static / main[1]).read_text(encoding="utf-8") if main else ""
        if text.count("</head>") != 1 or not all(re.search(rf"{name}\b", script) for name in _READ):
            return None
        names = _component_scripts(static / "static/js", text)
    except (OSError, UnicodeDecodeError):
        return None
    early = [f'<link rel="modulepreload" crossorigin href="./static/js/{name}">' for name in names]
    head = "\n    ".join([*early, _SETTINGS, _ICON_STYLES, *_styles_and_script(), "</head>"])
    text = _UNUSED_FONT.sub("", text).replace(_TITLE, f"<title>{html.escape(APP_NAME)}</title>")
    return text.replace("</head>", head)


@asynccontextmanager
async def lifespan(app: st.App) -> AsyncIterator[None]:
    """Start the jobs when the server starts; interrupt their runs, so that they can be resumed, when it ends."""
    if text := start_message():
        print(text, flush=True)
    # Queued runs are trained even if nobody opens a page. The jobs wait for a store that cannot be opened yet.
    jobs.start_from_environment()
    _shorten_log()
    yield
    jobs.end()


def _styles_and_script() -> tuple[str, str]:
    """The elements with head.css, and with head.js, outages.js and class_keys.js."""
    styles, history, outages, keys = (_text_of(name) for name in ("head.css", "head.js", "outages.js", "class_keys.js"))
    scripts = (
        f'<script data-keys="{" ".join(ENTRY_KEYS)}">\n{history}</script>'
        f"<script>\n{outages}</script>"
        f'<script data-switch="{CLASS_MODE}" data-bars="{" ".join(SECTION_KEYS)}">\n{keys}</script>'
    )
    return f"<style>\n{styles}</style>", scripts


def _text_of(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


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


def _component_scripts(folder: Path, page: str) -> list[str]:
    """Names of the scripts of `_EARLY` and of what they import, without those that the page loads anyway.

    Raises OSError.
    """
    names = [path.name for kind in _EARLY for path in sorted(folder.glob(f"{kind}.*.js"))]
    for name in names:
        imported = dict.fromkeys(_IMPORTED.findall((folder / name).read_text(encoding="utf-8")))
        names += [other for other in imported if other not in page and other not in names]
    return names
