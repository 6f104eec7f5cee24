"""What is worth knowing of an image folder before a run learns from it, beside the form that names it."""

import streamlit as st

from dashboard.controls.dataset_source import folder_source, read_dataset
from mnist_core.data import folder_remarks, list_folder
from mnist_core.errors import DataError
from mnist_core.text import in_markdown

# images: about a second, once
_READ_AT_ONCE = 3_000


def folder_notice(folder: str, size: int, colour: bool) -> None:
    """Files that are left out, and images that come out in one colour or cannot be read.

    Images of a large folder are not read for this: the Data page and the run itself tell of them.
    """
    try:
        listing = list_folder(folder.strip())
    except DataError:
        # the form says so already
        return
    found = folder_remarks.left_out_remarks(listing)
    images = sum(len(paths) for of_classes in listing.files.values() for paths in of_classes)
    if images <= _READ_AT_ONCE:
        source = folder_source(folder, size, colour)
        try:
            facts = read_dataset(source).folder
            found = found if facts is None else folder_remarks.folder_warnings(facts)
        except DataError as error:
            found.append(str(error))
    else:
        st.caption(f"Whether any of these {images:,} images is blank is looked at when the run begins.")
    for remark in found:
        st.warning(in_markdown(remark))
