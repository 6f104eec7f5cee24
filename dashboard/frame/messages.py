"""Errors that a person can mend, shown as messages on the page instead of tracebacks."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from mnist_core import jobs
from mnist_core.errors import MnistLabError
from mnist_core.jobs import STORE_ERRORS, explain
from mnist_core.text import in_markdown


@contextmanager
def errors_as_messages() -> Iterator[None]:
    """Show a MnistLabError as a message instead of letting it end the page.

    An error that also holds up the jobs is left out: the frame already shows it above every page.
    """
    try:
        yield
    except MnistLabError as error:
        _show(error)


def show_uncaught_error(error: Exception) -> bool:
    """Show an error that a fragment or a callback raised; False for a bug. To be given to `st.App`."""
    if isinstance(error, STORE_ERRORS):
        _show(error)
        return True
    return False


def _show(error: Exception) -> None:
    text = explain(error)
    if all(text != trouble.cause for trouble in jobs.current_troubles()):
        st.error(in_markdown(text))
