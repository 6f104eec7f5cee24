"""Data: what the networks learn from, by split and class."""

import streamlit as st

from dashboard.controls import DatasetSource, dataset_download, folder_source, read_dataset
from dashboard.data import (
    SPLITS,
    STYLES,
    image_counts,
    means_and_pixels,
    show_counts,
    show_description,
    show_means,
    show_pixels,
    show_random_images,
    show_remarks,
)
from dashboard.frame import choose_option, navigation, open_store
from mnist_core.config import DATASET_CATALOGUE
from mnist_core.store import check_folder


def page() -> None:
    # Whichever page is opened first starts the jobs in the background and the download of MNIST.
    open_store()
    st.title("Data")
    st.caption("The images that the networks learn from. Look at them before you judge the networks.")
    choices = st.container(horizontal=True, vertical_alignment="bottom")
    with choices:
        source = pick_source()
    if not is_here(source):
        return
    with choices:
        name = choose_option(
            "Split",
            list(SPLITS),
            default="Training",
            key="split",
            help="The part of the data set that is shown below.",
        )
    st.html(STYLES)
    classes = read_dataset(source).classes
    show_description(source)
    show_remarks(source)
    show_random_images(source, SPLITS[name])
    table = image_counts(source)
    means, pixels = means_and_pixels(source, SPLITS[name])
    st.header("Mean image of each class", help="Each pixel is the mean of that pixel over all images of the class.")
    show_means(classes, means, table[name].tolist())
    st.header("Images of each class")
    show_counts(source)
    st.header("Pixels")
    show_pixels(source, SPLITS[name], pixels)


def pick_source() -> DatasetSource:
    """The chosen data set, which may still have to be downloaded."""
    name = st.selectbox(
        "Data set",
        list(DATASET_CATALOGUE),
        key="dataset",
        bind="query-params",
        width=240,
        help="A data set that is not on this machine yet can be downloaded.",
    )
    if name != "folder":
        return DatasetSource(name)
    path = st.text_input(
        "Image folder",
        key="folder",
        bind="query-params",
        placeholder="/home/me/pictures",
        width=420,
        help="A folder on the machine that runs the app, with train/<class>/*.png|jpg and test/<class>/*.png|jpg.",
    )
    size = st.number_input(
        "Image size (pixels)",
        8,
        128,
        28,
        1,
        key="folder_size",
        bind="query-params",
        width=180,
        help="Images are resized to this many pixels a side.",
    )
    colour = st.toggle(
        "Colour",
        key="folder_colour",
        bind="query-params",
        help="Keep the three colour channels instead of making the images grey.",
    )
    if path.strip():
        # A student may look into some folders only.
        check_folder(open_store(), DatasetSource("folder", path.strip()).config())
    return folder_source(path, size, colour)


def is_here(source: DatasetSource) -> bool:
    """Whether the data set can be read; if not, the page says what to do."""
    if source.name != "folder":
        return dataset_download.offer_unless_ready(source.name)
    if not source.folder:
        st.info("Give the path of a folder that holds train/ and test/, each with one folder a class.")
    return bool(source.folder)


navigation.enter()
page()
