"""What tests of pages share: an app in which nothing happens by itself."""

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
import streamlit as st

from dashboard.frame import store as frame_store
from mnist_core.data.download.availability import Download, dataset_status


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """No background process, no download, no cache from another test; counts the calls that wake the jobs."""
    calls = SimpleNamespace(woken=0)

    def wake() -> None:
        calls.woken += 1

    monkeypatch.setattr(frame_store.jobs, "start", lambda store: SimpleNamespace(wake=wake))
    monkeypatch.setattr(
        frame_store, "ensure_downloaded", lambda name, root: Download(dataset_status(name, root), root, ())
    )
    monkeypatch.setattr(frame_store, "_WARM_UP_SECONDS", 3600.0)
    st.cache_resource.clear()
    st.cache_data.clear()
    yield calls
    st.cache_resource.clear()
    st.cache_data.clear()
