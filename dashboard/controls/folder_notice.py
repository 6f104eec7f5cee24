"""Warnings about an image folder, beside the form that names it, before a run learns from it."""

import streamlit as st

from dashboard.controls.dataset_source import DatasetSource, folder_source, read_dataset
from dashboard.frame import open_store
from mnist_core.data import folder_remarks, list_folder
from mnist_core.errors import ConfigError, DataError
from mnist_core.store import check_folder
from mnist_core.text import in_markdown

# Folders with up to this number of images are read at once, which takes about a second.
_MAX_READ = 3_000


def folder_notice(folder: str, size: int, colour: bool) -> None:
    """Warn of files that are left out, and of images that are blank or cannot be read.

    Images of a large folder are not read for this; the Data page and the run itself report on them.
    """
    try:
        check_folder(open_store(), DatasetSource("folder", folder, size, colour).config())
        listing = list_folder(folder.strip())
    except (ConfigError, DataError):
        # The form already shows this error.
        return
    warnings = folder_remarks.left_out_remarks(listing)
    images = sum(len(paths) for of_classes in listing.files.values() for paths in of_classes)
    if images <= _MAX_READ:
        source = folder_source(folder, size, colour)
        try:
            facts = read_dataset(source).folder
            warnings = warnings if facts is None else folder_remarks.folder_warnings(facts)
        except DataError as error:
            warnings.append(str(error))
    else:
        st.caption(f"The {images:,} images are checked when the run begins; blank ones are reported then.")
    for warning in warnings:
        st.warning(in_markdown(warning))
