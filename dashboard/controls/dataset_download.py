"""A data set that is not on this machine: the offer to download it, and the progress of the download."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from dashboard.controls.folder_notice import folder_notice
from dashboard.frame import data_status, errors_as_messages, retry_download
from mnist_core import environment
from mnist_core.config import dataset
from mnist_core.data import DatasetStatus, dataset_status
from mnist_core.text import in_markdown

_TICK_SECONDS = 0.5
# Key of the session: names of the data sets whose download was asked for.
_REQUESTED = "downloads-asked"


def offer_unless_ready(name: str) -> bool:
    """Whether a data set can be read; if not, the page shows its download or offers it."""
    status_now = _current_status(name)
    if status_now.state == "ready":
        return True
    if status_now.state == "downloading":
        st.fragment(_follow, run_every=_TICK_SECONDS)(name)
    else:
        _offer(name, status_now)
    return False


def show_notice(values: Mapping[str, Any]) -> None:
    """A notice about the data set in a form's values: that it is missing or on its way, or what is odd in a folder.

    Shows nothing if the data set is here and in order.
    """
    name = values["dataset"]
    if name == "folder":
        folder_notice(values["folder"], values["folder_size"], values["folder_colour"])
        return
    status_now = _current_status(name)
    if status_now.state == "downloading":
        st.fragment(_follow, run_every=_TICK_SECONDS)(name)
    elif status_now.state != "ready":
        instead = " Until it is, runs learn from **mnist-5k**, 5,000 real digits, and say so." * (name == "mnist")
        st.warning(f"{dataset(name).label} is not on this machine.{instead}")
        with st.popover("Why, and what to do", width="stretch", help="The reason, and a button for the download."):
            st.markdown(in_markdown(status_now.message))
            _download_button(name)


def _current_status(name: str) -> DatasetStatus:
    on_disk = dataset_status(name, environment.data_dir())
    # MNIST is downloaded when the app starts, without being asked for.
    is_requested = name == "mnist" or name in st.session_state.get(_REQUESTED, ())
    if on_disk.state == "ready" or not is_requested:
        return on_disk
    # A download that succeeded has just arrived, or its files have been removed since.
    if data_status(name).state == "ready":
        retry_download(name)
    return data_status(name)


def _download_button(name: str) -> None:
    entry = dataset(name)
    st.button(
        f"Download {entry.label} ({entry.download_bytes / 1e6:.0f} MB)",
        type="primary",
        key="download",
        on_click=_download,
        args=(name,),
        help="It goes on in the background.",
    )


def _offer(name: str, status_now: DatasetStatus) -> None:
    entry = dataset(name)
    st.markdown(
        f"{entry.explanation} {entry.train_images:,} training and {entry.test_images:,} test images. "
        f"Source: {entry.source}. Licence: {entry.licence}."
    )
    (st.info if status_now.state == "missing" and name != "mnist" else st.warning)(in_markdown(status_now.message))
    with st.container(horizontal=True):
        _download_button(name)
        st.button(
            "Look at mnist-5k instead",
            on_click=_choose_dataset,
            args=("mnist-5k",),
            key="instead",
            help="5,000 of MNIST's digits; they are part of the installation.",
        )


def _download(name: str) -> None:
    st.session_state[_REQUESTED] = (*st.session_state.get(_REQUESTED, ()), name)
    if data_status(name).state != "downloading":
        retry_download(name)


def _choose_dataset(name: str) -> None:
    st.session_state["dataset"] = name


@errors_as_messages()
def _follow(name: str) -> None:
    status_now = data_status(name)
    if status_now.state != "downloading":
        st.rerun()
    received, total = status_now.received, status_now.total
    st.progress(
        min(received / total, 1.0) if total else 0.0,
        text=f"{dataset(name).label} is being downloaded: {received / 1e6:.1f} of {total / 1e6:.0f} MB.",
    )
    st.caption("Nothing else waits for it: you can go to any other page in the meantime.")
