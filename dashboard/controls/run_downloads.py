"""Files of a run to download, a button for each, and its script to read."""

from collections.abc import Callable, Sequence
from functools import partial

import streamlit as st

from dashboard.frame import cached_by_run, errors_as_messages, open_store
from mnist_core.analysis import measures
from mnist_core.export import EXPORT_FORMATS, as_csv, curve_table, export_bytes, export_file_name, export_refusal
from mnist_core.store import Run, Store
from mnist_core.text import in_markdown


def show_files(run: Run) -> None:
    """A button and an explanation for each file; a file is made only when its button is pressed."""
    store = open_store()
    for name, form in EXPORT_FORMATS.items():
        make = partial(export_bytes, store, run, name)
        why_not = export_refusal(store, run, name)
        show_download(
            name, form.label, export_file_name(run, name), form.mime, make, why_not or form.about, bool(why_not)
        )


def show_report_and_curves(runs: Sequence[Run]) -> None:
    """The report of several runs, and their curves in one table."""
    store = open_store()
    numbers = measures.run_numbers(runs)
    show_download(
        "all-report",
        "Report (HTML)",
        "report.html",
        "text/html",
        partial(_report, store, tuple(runs)),
        f"One page about {numbers}: settings, curves, statistics, mistakes. It opens in any browser, also offline.",
    )
    show_download(
        "all-curves",
        "Curves (CSV)",
        "curves.csv",
        "text/csv",
        partial(_curves, store, tuple(runs)),
        f"Every recorded value of {numbers} in one table.",
    )


def show_download(
    name: str, label: str, file: str, mime: str, make: Callable[[], bytes], about: str, disabled: bool = False
) -> None:
    """A button that makes a file and downloads it, beside an explanation."""
    left, right = st.columns([1, 3], vertical_alignment="center", gap="medium")
    left.download_button(
        label,
        make,
        file,
        mime,
        key=f"takeaway-{name}",
        help=f"Makes {file} and downloads it.",
        on_click="ignore",
        icon=":material/download:",
        disabled=disabled,
        width="stretch",
    )
    right.caption(in_markdown(about))


def show_script(run: Run) -> None:
    """A switch that shows the run's script."""
    if st.toggle(
        "Show the script",
        key="takeaway_script",
        bind="query-params",
        help="Read the PyTorch script here before you take it away.",
    ):
        with errors_as_messages(), st.spinner("Writing the script and the fingerprints of the weights"):
            st.code(_script(run), language="python", line_numbers=True)


def _report(store: Store, runs: Sequence[Run]) -> bytes:
    # Imported late: it reads the script of plotly.
    from mnist_core.report import report_html

    return report_html(store, runs).encode()


def _curves(store: Store, runs: Sequence[Run]) -> bytes:
    return as_csv(curve_table(store, runs)).encode()


@cached_by_run(max_entries=20)
def _script(run: Run) -> str:
    return export_bytes(open_store(), run, "script").decode()
