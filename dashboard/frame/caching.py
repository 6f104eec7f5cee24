"""The cache of what pages read and compute of runs: shared by all sessions, and kept until one of the runs changes."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import streamlit as st

from mnist_core.analysis import Predictions
from mnist_core.store import Run

P = ParamSpec("P")
T = TypeVar("T")


def cached_by_run(max_entries: int, show_spinner: bool | str = False) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """A decorator that keeps the results of a function of runs, up to `max_entries` of them.

    Runs, also those in lists and in `Predictions`, count by `Run.version` and name; all other arguments by their value,
    except those whose name begins with an underscore, which do not count. All sessions share a result, so it must not
    be changed in place.
    """
    return st.cache_resource(
        max_entries=max_entries,
        show_spinner=show_spinner,
        hash_funcs={Run: _key, Predictions: lambda predictions: (predictions.split, [*map(_key, predictions.runs)])},
    )


def _key(run: Run) -> tuple[object, ...]:
    return run.version, run.name
