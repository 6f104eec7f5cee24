"""One legend for several charts: the runs with their lines, in as many columns as fit."""

from collections.abc import Sequence

import streamlit as st

from dashboard.controls import run_columns
from mnist_core.plots import run_label
from mnist_core.store import Run
from mnist_core.text import in_html


def show_legend(runs: Sequence[Run]) -> None:
    """Show the runs with their lines, in this order; nothing if there are none."""
    entries = "".join(
        f"<span style='white-space:nowrap;margin-right:1.6em'><img alt='' src=\"{line}\" "
        f"style='vertical-align:middle'> {in_html(run_label(run, 30))}</span> "
        for run, line in zip(runs, run_columns.line_images(runs), strict=True)
    )
    if entries:
        st.html(f"<div style='font-size:1.05rem;line-height:2'>{entries}</div>")
