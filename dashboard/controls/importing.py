"""Taking in a run that was given away as a zip: the upload and what came of it."""

import tempfile
from pathlib import Path

import streamlit as st

from dashboard.controls import run_table
from dashboard.frame import open_store
from mnist_core.config import read_limit
from mnist_core.errors import MnistLabError
from mnist_core.export import read_archive
from mnist_core.plots import run_label
from mnist_core.text import in_markdown

_KEY, _RESULT, _TAKEN = "import archive", "import result", "imported"


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
        good, said = result
        (st.success if good else st.error)(in_markdown(said))


def _import() -> None:
    """Runs before the page is drawn, so that the table holds the new run already."""
    uploaded = st.session_state.get(_KEY)
    if uploaded is None:
        return
    count, size = st.session_state.get(_TAKEN, (0, 0))
    runs, room = read_limit("MAX_VISITOR_IMPORTS"), read_limit("MAX_VISITOR_IMPORTED_BYTES")
    if count >= runs or size >= room:
        enough = (
            f"A visitor may import {runs} runs, or {room / 1e9:g} GB of them. More can be imported with: python -m "
            "mnist_core import FILE.zip"
        )
        st.session_state[_RESULT] = (False, enough)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.zip"
        path.write_bytes(uploaded.getbuffer())
        try:
            run = read_archive(open_store(), path, room - size)
        except MnistLabError as error:
            st.session_state[_RESULT] = (False, str(error))
            return
    size += sum(file.size for file in open_store().artifacts(run.id))
    st.session_state[_TAKEN] = (count + 1, size)
    run_table.discard_snapshot()
    st.session_state[_RESULT] = (True, f"Imported as run {run_label(run, 100)}.")
