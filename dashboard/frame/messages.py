"""Errors that a person can mend, shown as messages on the page instead of tracebacks."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from mnist_core import jobs
from mnist_core.errors import MnistLabError
from mnist_core.jobs import STORE_ERRORS, explain
from mnist_core.text import in_markdown


@contextmanager
def errors_as_messages(*, kept: bool = False) -> Iterator[None]:
    """Show a MnistLabError as a message instead of letting it end the page.

    An error that also holds up the jobs is left out: the frame already shows it above every page. With `kept`, for
    functions whose results are cached, an error that may be over at the next try is let through.
    """
    try:
        yield
    except MnistLabError as error:
        if kept and error.passes:
            raise
        _show(error)


@contextmanager
def errors_as_toasts() -> Iterator[None]:
    """Show a MnistLabError of a callback for some seconds; whatever follows it within this context is left out."""
    try:
        yield
    except MnistLabError as error:
        st.toast(in_markdown(explain(error)))


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
