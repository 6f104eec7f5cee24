"""The components' scripts and styles, and how they reach the browser.

Streamlit repeats a component's script in every message to the browser. Small components are sent that way. What gets
two messages a second, and plotly.js (4.8 MB), are loaded once from the app's static folder instead.
"""

import hashlib
import os
import re
import tempfile
from importlib import metadata, resources
from pathlib import Path

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from dashboard.access import base_path
from mnist_core.errors import MnistLabError

_HERE = Path(__file__).parent
_SUFFIXES = (".css", ".html", ".js")
# The names that a script declares for the whole of it.
_DECLARED = re.compile(r"^(?:export )?(?:async )?(?:const|let|function|class) (\w+)", re.MULTILINE)
# Contents by their paths below this folder, such as "pad/pad.js".
_FILES = {
    path.relative_to(_HERE).as_posix(): path.read_bytes()
    for path in sorted(_HERE.rglob("*"))
    if path.suffix in _SUFFIXES
}


class AssetError(MnistLabError):
    """A file that the browser needs cannot be served."""


def text(name: str) -> str:
    """The content of a .css, .html or .js file below this folder, such as "pad/pad.js"."""
    return _FILES[name].decode()


def joined(*names: str) -> str:
    """Several scripts as one for a message, without their imports of one another; only the last one exports.

    This is a tenth of a second faster than loading the scripts one after another. Raises ValueError if two of them
    declare the same name, which a browser refuses.
    """
    declared = [name for part in names for name in _DECLARED.findall(text(part))]
    if twice := {name for name in declared if declared.count(name) > 1}:
        raise ValueError(f"Declared twice in {', '.join(names)}: {', '.join(sorted(twice))}.")
    *parts, last = (re.sub(r"^import .* from \"\.\.?/.*\"$", "", text(name), flags=re.MULTILINE) for name in names)
    return "\n".join([*(re.sub(r"^export ", "", part, flags=re.MULTILINE) for part in parts), last])


# The script of the chart of curves in one file, which loads sooner than seven.
CURVE_CHART = "curves.js"
_FILES[CURVE_CHART] = joined(
    "kept.js",
    "page_run.js",
    "renewal/renewed.js",
    *(f"curve_chart/curve_{part}.js" for part in ("axes", "points", "drawing", "cross", "chart")),
).encode()
_DIGEST = hashlib.sha256(repr(_FILES).encode()).hexdigest()[:12]


def loader(name: str, remedy: str, scripts: str = "data.scripts") -> str:
    """A component's script that loads the script `name` from the folder of `publish_scripts` and calls it.

    `scripts`: the expression in the component's script that gives the folder's URL. If loading fails, the page shows a
    message that ends with `remedy`.
    """
    return f"""
export default async function (component) {{
  const {{ data, parentElement }} = component
  const address = new URL(`${{{scripts}}}/{name}`, location.origin).href
  const loaded = await import(address).catch(() => null)
  // The parent may be a shadow root, which knows no ":scope".
  parentElement.querySelector(".not-loaded")?.remove()
  if (loaded) return loaded.default(component)
  const note = parentElement.appendChild(document.createElement("p"))
  note.className = "not-loaded"
  note.textContent = `The chart did not load (${{address}}). {remedy}`
}}
"""


def publish_scripts() -> str:
    """URL of a folder with the components' scripts and styles; its name changes with their content.

    Raises AssetError if they cannot be served.
    """
    folder = _static_folder() / f"components-{_DIGEST}"
    for name, content in _FILES.items():
        if not (folder / name).exists():
            _write(folder / name, content)
    return _url(folder.name)


def publish_plotly() -> str:
    """URL of plotly.js as the installed plotly package carries it; raises AssetError if it cannot be served."""
    target = _static_folder() / f"plotly-{metadata.version('plotly')}.min.js"
    if not target.exists():
        _write(target, resources.files("plotly").joinpath("package_data", "plotly.min.js").read_bytes())
    return _url(target.name)


def _static_folder() -> Path:
    """The folder that Streamlit serves under app/static: `static/` beside the app's main script."""
    if not st.get_option("server.enableStaticServing"):
        raise AssetError(
            "The chart needs Streamlit's static files, and they are switched off. Start the app from its own folder, "
            "where .streamlit/config.toml says enableStaticServing = true."
        )
    context = get_script_run_ctx()
    assert context is not None, "called outside of a Streamlit script"
    return Path(context.main_script_path).resolve().parent / "static"


def _write(target: Path, content: bytes) -> None:
    """Write a file in one step: another session or server may be reading or writing the same one."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=".writing-")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(temporary, 0o644)
        os.replace(temporary, target)
    except OSError as error:
        raise AssetError(
            f"The chart's files cannot be written to {target.parent} ({error.strerror}). "
            "Make that folder writable for the person who runs the app."
        ) from error


def _url(name: str) -> str:
    return f"{base_path()}/app/static/{name}"
