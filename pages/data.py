"""Data: what the networks learn from, by split and class."""

import streamlit as st

from dashboard import browsing, getting_data, navigation, state
from dashboard.browsing import SPLITS, Source
from mnist_core import plots
from mnist_core.data.catalogue import CATALOGUE, dataset


def page() -> None:
    state.store()  # starts the background jobs and the download of MNIST, whichever page is opened first
    st.title("Data")
    st.caption("What the networks learn from: look at it before you judge what they make of it.")
    source = pick_source()
    if source is None:
        return
    st.html(browsing.STYLES)
    classes = browsing.read(source).classes
    table = browsing.counts(source)
    describe(source, {name: int(table[name].sum()) for name in SPLITS})
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.segmented_control(
            "Split", list(SPLITS), default="Training", required=True, key="split", bind="query-params",
            help="The part of the data set that the images, means and pixels below come from.")  # fmt: skip
        if st.session_state.get("class") not in (None, *classes):
            del st.session_state["class"]  # it was a class of another data set
        cls = st.selectbox("Class", classes, index=None, placeholder="All classes", key="class", width=240,
                           bind="query-params", help="Show images of one class only.")  # fmt: skip
        seed = st.number_input("Sample", 0, 9999, 0, 1, key="sample", bind="query-params", width=150,
                               help="Which random images are shown; the same number shows the same ones.")  # fmt: skip
    split = SPLITS[name]
    if cls is None:
        browsing.show_samples_by_class(source, split, seed)
    else:
        browsing.show_class(source, split, classes.index(cls), seed)
    means, pixels = browsing.summary(source, split)
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Images of each class")
        st.plotly_chart(plots.class_counts(table), key="counts", config={"displayModeBar": False})
    with right:
        st.subheader("Mean image of each class", help="Every pixel is the mean of that pixel in all of its images.")
        browsing.show_means(classes, means, table[name].tolist())
    st.subheader("Pixels")
    browsing.show_pixels(source, pixels)


def pick_source() -> Source | None:
    """The data set chosen, or None while it cannot be shown; the page then says why."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox(
            "Data set", list(CATALOGUE), key="dataset", bind="query-params", width=300,
            help="One that is not on this machine yet can be downloaded.")  # fmt: skip
        if name == "folder":
            return pick_folder()
    return Source(name) if getting_data.on_disk(name) else None


def pick_folder() -> Source | None:
    path = st.text_input(
        "Image folder", key="folder", bind="query-params", placeholder="/home/me/pictures", width=420,
        help="A directory on the machine that runs the app, with train/<class>/*.png|jpg and "
        "test/<class>/*.png|jpg.")  # fmt: skip
    size = st.number_input("Image size (pixels)", 8, 128, 28, 1, key="folder_size", bind="query-params", width=180,
                           help="Images are resized to this many pixels a side.")  # fmt: skip
    colour = st.toggle("Colour", key="folder_colour", bind="query-params",
                       help="Keep the three colour channels instead of making the images grey.")  # fmt: skip
    if path.strip():
        return browsing.folder_source(path, size, colour)
    st.info("Give the path of a directory that holds train/ and test/, each with one directory a class.")
    return None


def describe(source: Source, images: dict[str, int]) -> None:
    """What the data set is, and what its splits are."""
    known = dataset(source.name)
    _, channels, height, width = browsing.read(source).train_images.shape
    facts = (f"{width} × {height} pixels, {'colour' if channels == 3 else 'grey'}",
             f"{len(browsing.read(source).classes)} classes",
             f"source: {known.source}", f"licence: {known.licence}")  # fmt: skip
    st.markdown(f"**{known.label}**: {known.explanation}  \n{' · '.join(facts)}")
    st.markdown(
        f"**{images['Training']:,} training** images are learned from. **{images['Validation']:,} validation** images "
        "are held out of the published training images, each class in proportion and always the same ones, to choose "
        f"settings by. **{images['Test']:,} test** images are looked at once, at the end."
    )


navigation.enter()
page()
