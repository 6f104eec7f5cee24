"""The store that all sessions share, and what its opening starts: the background jobs, MNIST's download, torch."""

import gc
import threading
from contextlib import suppress
from functools import lru_cache

import streamlit as st

from dashboard.access import current_person
from mnist_core import environment, jobs
from mnist_core.data import DatasetStatus, Download, ensure_downloaded
from mnist_core.errors import StorageError
from mnist_core.store import UNDO_SECONDS, Person, Store, StudentStore

_WARM_UP_SECONDS = 4.0


@st.cache_resource(show_spinner=False)
def lab_store() -> Store:
    """The whole store that the environment names; opening it starts the background jobs and MNIST's download."""
    store = Store.open()
    # A store that may only be read cannot be purged, but it can be looked at.
    with suppress(StorageError):
        store.purge(deleted_before=store.clock() - UNDO_SECONDS)
    jobs.start(store)
    _download("mnist")
    warm_up = threading.Timer(_WARM_UP_SECONDS, _warm_up)
    warm_up.daemon = True
    warm_up.start()
    return store


def open_store() -> Store:
    """The store as whoever has this page may use it: a student sees and changes less than the teacher.

    Without access control everyone is as the teacher.
    """
    return store_of(current_person())


def store_of(person: Person | None) -> Store:
    """The store as this person may use it; the whole of it for None, which is everybody without access control."""
    return lab_store() if person is None or person.is_teacher else _store_of_student(lab_store(), person.id)


@lru_cache(maxsize=200)
def _store_of_student(store: Store, person_id: str) -> Store:
    # A page asks for it a dozen times.
    return StudentStore(store, person_id)


def background_jobs() -> jobs.Jobs:
    """The thread that trains queued runs."""
    return jobs.start(lab_store())


def data_status(name: str) -> DatasetStatus:
    """Whether a data set is on this machine; the first call for a missing one starts its download."""
    return _download(name).status


def retry_download(name: str) -> None:
    """Try once more to download a data set."""
    _download.clear(name)
    _download(name)


@st.cache_resource(show_spinner=False)
def _download(name: str) -> Download:
    return ensure_downloaded(name, environment.data_dir())


def _warm_up() -> None:
    """Import what drawing and inspecting need before they are opened, torch alone takes two seconds; then keep all that
    is imported out of Python's search for garbage.
    """
    from mnist_core.analysis import explain  # noqa: F401
    from mnist_core.architectures import building  # noqa: F401
    from mnist_core.training import checkpoints  # noqa: F401

    # What is imported stays. To look through all of it held up all pages of a class for half a second now and then.
    gc.collect()
    gc.freeze()
