"""Taking in a run that was given away as a zip: the upload and what came of it."""

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from dashboard.controls import run_snapshot
from dashboard.frame import open_store
from mnist_core.config import read_limit
from mnist_core.errors import MnistLabError
from mnist_core.export import read_archive
from mnist_core.plots import run_label
from mnist_core.text import cut_middle, in_markdown

_KEY, _RESULT = "import archive", "import result"
# The limits of a visitor hold for what was imported from its address within this time.
_WINDOW_SECONDS = 3600.0


@dataclass(frozen=True)
class _Imported:
    """One import: when it was made (seconds of a clock that is never set back), and the bytes of its files."""

    moment: float
    size: int


def show_import() -> None:
    """An upload for the zip of a run; says which run it became, or why it was refused."""
    st.file_uploader(
        "Import a run",
        type="zip",
        key=_KEY,
        on_change=_import,
        help="The zip of a run from Take away, here or on another machine. Everything in it is checked before anything "
        "is stored. Larger files: python -m mnist_core import FILE.zip",
    )
    if result := st.session_state.pop(_RESULT, None):
        is_imported, message = result
        (st.success if is_imported else st.error)(in_markdown(message))


def _import() -> None:
    """Runs before the page is drawn, so that the table holds the new run already."""
    uploaded = st.session_state.get(_KEY)
    if uploaded is None:
        return
    imports = _recent_imports()
    size = sum(entry.size for entry in imports)
    most_runs, most_bytes = read_limit("MAX_VISITOR_IMPORTS"), read_limit("MAX_VISITOR_IMPORTED_BYTES")
    if len(imports) >= most_runs or size >= most_bytes:
        enough = (
            f"A visitor may import {most_runs} runs, or {most_bytes / 1e9:g} GB of them, within an hour. More can be "
            "imported with: python -m mnist_core import FILE.zip"
        )
        st.session_state[_RESULT] = (False, enough)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.zip"
        path.write_bytes(uploaded.getbuffer())
        try:
            run = read_archive(open_store(), path, most_bytes - size)
        except MnistLabError as error:
            # Files may come one after another: the name says whose answer it is.
            st.session_state[_RESULT] = (False, f"{cut_middle(uploaded.name, 60)}: {error}")
            return
    imports.append(_Imported(time.monotonic(), sum(file.size for file in open_store().artifacts(run.id))))
    run_snapshot.discard_snapshot()
    st.session_state[_RESULT] = (True, f"Imported as run {run_label(run, 100)}.")


def _recent_imports() -> list[_Imported]:
    """What the visitor has imported within the window; a page that is loaded again begins no new count."""
    address = st.context.ip_address
    visitor = open_store().owner or (address if isinstance(address, str) else "")
    imports = _imports_by_visitor()
    imports[visitor] = [
        entry for entry in imports.get(visitor, []) if time.monotonic() - entry.moment < _WINDOW_SECONDS
    ]
    return imports[visitor]


@st.cache_resource(show_spinner=False)
def _imports_by_visitor() -> dict[str, list[_Imported]]:
    """Imports of all since the server's start, by student or else by address; "" stands for this machine."""
    return {}
