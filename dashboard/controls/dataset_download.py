"""A data set that is not on this machine: the offer to download it, and its progress."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from dashboard.controls.folder_notice import folder_notice
from dashboard.frame import data_status, errors_as_messages, retry_download
from mnist_core import environment
from mnist_core.data import DatasetStatus, dataset, dataset_status
from mnist_core.text import in_markdown

_TICK_SECONDS = 0.5
# names of the data sets that this session wanted
_ASKED = "downloads-asked"


def offer_unless_ready(name: str) -> bool:
    """Whether a data set can be read; if not, the page now says so and offers it."""
    found = _now(name)
    if found.state == "ready":
        return True
    if found.state == "downloading":
        st.fragment(_follow, run_every=_TICK_SECONDS)(name)
    else:
        _offer(name, found)
    return False


def show_notice(values: Mapping[str, Any]) -> None:
    """What the data set in a form's values calls for: that it is missing or on its way, or what a folder holds.

    Nothing if it is here and as it should be.
    """
    name = values["dataset"]
    if name == "folder":
        folder_notice(values["folder"], values["folder_size"], values["folder_colour"])
        return
    found = _now(name)
    if found.state == "downloading":
        st.fragment(_follow, run_every=_TICK_SECONDS)(name)
    elif found.state != "ready":
        known = dataset(name)
        instead = " Until it is, runs learn from **mnist-5k**, 5,000 real digits, and say so." * (name == "mnist")
        st.warning(f"{known.label} is not on this machine.{instead}")
        with st.popover("Why, and what to do", width="stretch", help="What is known about it, and the download."):
            st.markdown(in_markdown(found.message))
            _download_button(name)


def _now(name: str) -> DatasetStatus:
    found = dataset_status(name, environment.data_dir())
    # MNIST is fetched when the app starts
    asked = name == "mnist" or name in st.session_state.get(_ASKED, ())
    if found.state != "ready" and asked:
        # it has arrived this moment, or was here once and is gone
        if data_status(name).state == "ready":
            retry_download(name)
        found = data_status(name)
    return found


def _download_button(name: str) -> None:
    known = dataset(name)
    st.button(
        f"Download {known.label} ({known.download_bytes / 1e6:.0f} MB)",
        type="primary",
        key="download",
        on_click=_download,
        args=(name,),
        help="It goes on in the background.",
    )


def _offer(name: str, found: DatasetStatus) -> None:
    known = dataset(name)
    st.markdown(
        f"{known.explanation} {known.train_images:,} training and {known.test_images:,} test images. "
        f"Source: {known.source}. Licence: {known.licence}."
    )
    (st.info if found.state == "missing" and name != "mnist" else st.warning)(in_markdown(found.message))
    with st.container(horizontal=True):
        _download_button(name)
        st.button(
            "Look at mnist-5k instead",
            on_click=_show,
            args=("mnist-5k",),
            key="instead",
            help="5,000 of MNIST's digits that came with the installation.",
        )


def _download(name: str) -> None:
    asked = st.session_state.get(_ASKED, ())
    st.session_state[_ASKED] = (*asked, name)
    if data_status(name).state != "downloading":
        retry_download(name)


def _show(name: str) -> None:
    st.session_state["dataset"] = name


@errors_as_messages()
def _follow(name: str) -> None:
    found = data_status(name)
    if found.state != "downloading":
        st.rerun()
    share = min(found.received / found.total, 1.0) if found.total else 0.0
    st.progress(
        share,
        text=f"{dataset(name).label} is being downloaded: {found.received / 1e6:.1f} of {found.total / 1e6:.0f} MB.",
    )
    st.caption("Nothing else waits for it: you can go to any page meanwhile.")
