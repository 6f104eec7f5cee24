"""Data: what the networks learn from, by split and class."""

import streamlit as st

from dashboard.controls import Source, folder_source, getting_data, read
from dashboard.data import (
    SPLITS,
    STYLES,
    class_counts,
    means_and_pixels,
    show_counts,
    show_description,
    show_means,
    show_pixels,
    show_remarks,
    show_samples,
)
from dashboard.frame import choose_option, navigation, open_store
from mnist_core.data import CATALOGUE


def page() -> None:
    # starts the background jobs and the download of MNIST, whichever page is opened first
    open_store()
    st.title("Data")
    st.caption("What the networks learn from: look at it before you judge what they make of it.")
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
            help="The part of the data set that the images, means and pixels below come from.",
        )
    st.html(STYLES)
    classes = read(source).classes
    show_description(source)
    show_remarks(source)
    show_samples(source, SPLITS[name])
    table = class_counts(source)
    means, pixels = means_and_pixels(source, SPLITS[name])
    st.subheader("Mean image of each class", help="Every pixel is the mean of that pixel in all of its images.")
    show_means(classes, means, table[name].tolist())
    st.subheader("Images of each class")
    show_counts(table)
    st.subheader("Pixels")
    show_pixels(source, pixels)


def pick_source() -> Source:
    """The data set chosen, whether it is here or not."""
    name = st.selectbox(
        "Data set",
        list(CATALOGUE),
        key="dataset",
        bind="query-params",
        width=240,
        help="One that is not on this machine yet can be downloaded.",
    )
    if name != "folder":
        return Source(name)
    path = st.text_input(
        "Image folder",
        key="folder",
        bind="query-params",
        placeholder="/home/me/pictures",
        width=420,
        help="A directory on the machine that runs the app, with train/<class>/*.png|jpg and test/<class>/*.png|jpg.",
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
    return folder_source(path, size, colour)


def is_here(source: Source) -> bool:
    """Whether the data set can be read; if not, the page now says what to do."""
    if source.name != "folder":
        return getting_data.on_disk(source.name)
    if not source.folder:
        st.info("Give the path of a directory that holds train/ and test/, each with one directory a class.")
    return bool(source.folder)


navigation.enter()
page()
