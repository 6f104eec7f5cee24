"""What every page starts from: the store, the background jobs, runs picked by number, and errors as messages."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import streamlit as st

from mnist_core import environment, jobs
from mnist_core.data.availability import Download, Status, ensure
from mnist_core.errors import MnistLabError
from mnist_core.plots.style import run_label
from mnist_core.store import Run, Store

LOGO = str(Path(__file__).with_name("logo.svg"))
_WARM_UP_SECONDS = 4.0


@st.cache_resource(show_spinner=False)
def store() -> Store:
    """The store that the environment names; opening it starts the background jobs and the download of MNIST."""
    opened = Store.open()
    opened.purge(deleted_before=opened.clock() - 24 * 3600)  # deleted runs can be brought back for a day
    jobs.start(opened)
    _download("mnist")
    warm_up = threading.Timer(_WARM_UP_SECONDS, _import_torch)
    warm_up.daemon = True
    warm_up.start()
    return opened


def background() -> jobs.Jobs:
    """The thread that trains queued runs."""
    return jobs.start(store())


def data_status(name: str) -> Status:
    """Whether a data set is here; the first question about a missing one starts its download."""
    return _download(name).status


def retry_download(name: str) -> None:
    """Try once more to download a data set."""
    _download.clear(name)
    _download(name)


@st.cache_resource(show_spinner=False)
def _download(name: str) -> Download:
    return ensure(name, environment.data_dir())


@contextmanager
def errors_as_messages() -> Iterator[None]:
    """Show an error that a person can mend as a message instead of letting it end the page."""
    try:
        yield
    except MnistLabError as error:
        st.error(str(error))


def pick_run(key: str, label: str, help: str, runs: Sequence[Run]) -> Run | None:
    """A select box of runs whose choice is a query parameter `key`; None where there is no run."""
    by_number = {run.number: run for run in runs}
    number = st.selectbox(label, list(by_number), format_func=lambda number: _option(by_number, number), key=key,
                          help=help, bind="query-params")
    return by_number.get(number) if number is not None else None


def pick_runs(key: str, label: str, help: str, runs: Sequence[Run], default: Sequence[int] = ()) -> list[Run]:
    """A list of runs to choose from, whose choice is a repeated query parameter `key`; in the order chosen."""
    by_number = {run.number: run for run in runs}
    if key not in st.session_state and not st.query_params.get_all(key):
        st.session_state[key] = [number for number in default if number in by_number]
    elif key in st.session_state:  # a run that was deleted meanwhile is no longer an option
        st.session_state[key] = [number for number in st.session_state[key] if number in by_number]
    numbers = st.multiselect(label, list(by_number), format_func=lambda number: _option(by_number, number), key=key,
                             help=help, bind="query-params", placeholder="Choose runs")
    return [by_number[number] for number in numbers]


def _option(by_number: dict[int, Run], number: int) -> str:
    return run_label(by_number[number]) if number in by_number else str(number)


def _import_torch() -> None:
    """Import what drawing and inspecting need before they are opened: torch alone takes two seconds."""
    import mnist_core.architectures.building
    import mnist_core.checkpoints
    import mnist_core.explain  # noqa: F401
