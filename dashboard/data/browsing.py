"""Samples by class, class counts, mean images and pixel statistics of a data set, all cached."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from dashboard.components import gallery
from dashboard.controls import DatasetSource, read_dataset
from dashboard.frame import errors_as_messages, show_figure
from mnist_core import plots
from mnist_core.config import SplitName, dataset
from mnist_core.data import PixelStatistics, folder_remarks, image_statistics, split_indices
from mnist_core.plots import channels_last, png, png_address
from mnist_core.text import fitted, in_html, in_markdown, one_line

SPLITS: dict[str, SplitName] = {"Training": "train", "Validation": "validation", "Test": "test"}
# Styles of the page; to be put on it once, with st.html.
STYLES = Path(__file__).with_name("browsing.css")

# Images of each class while all classes are shown, and images of a class that is shown alone.
_IMAGES_PER_ROW, _IMAGES_OF_CLASS = 24, 48
# Longest name of a class, in letters, below its bars.
_LONGEST_LABEL = 16
_CHANNELS = {1: ("grey",), 3: ("red", "green", "blue")}


@st.cache_data(max_entries=8, show_spinner=False)
def image_counts(source: DatasetSource) -> pd.DataFrame:
    """Number of images by class (rows) and split (columns)."""
    classes = read_dataset(source).classes
    table = {
        name: image_statistics.count_classes(_labels(source, split), len(classes)) for name, split in SPLITS.items()
    }
    return pd.DataFrame(table, index=pd.Index(list(classes), name="class"))


@st.cache_data(max_entries=12, show_spinner="Counting pixels …")
def means_and_pixels(source: DatasetSource, split: SplitName) -> tuple[np.ndarray, PixelStatistics]:
    """Mean image of each class, uint8 (classes, C, H, W), black if it has no image; and statistics of all pixels."""
    images = _published(source, split)[0][split_positions(source, split)]
    means = plots.mean_images(images, _labels(source, split), len(read_dataset(source).classes))
    return means, image_statistics.pixel_statistics(images)


@st.cache_data(max_entries=12, show_spinner=False)
def split_positions(source: DatasetSource, split: SplitName) -> np.ndarray:
    """Positions of a split's images in the published training or test images, ascending: int64 (N,)."""
    arrays = read_dataset(source)
    if split == "test":
        return np.arange(len(arrays.test_labels))
    train, validation = split_indices(arrays.train_labels, len(arrays.classes), source.config())
    return train if split == "train" else validation


def random_images(
    source: DatasetSource, split: SplitName, cls: int, count: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """At most `count` random images of one class: positions in the published images, and uint8 (n, C, H, W)."""
    images, labels = _published(source, split)
    candidates = split_positions(source, split)
    candidates = candidates[labels[candidates] == cls]
    positions = np.random.default_rng([seed, cls]).permutation(candidates)[:count]
    return positions, images[positions]


@st.fragment
@errors_as_messages()
def show_random_images(source: DatasetSource, split: SplitName) -> None:
    """Random images: a row for each class, or many of one class with one of them enlarged."""
    classes = read_dataset(source).classes
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if st.session_state.get("class") not in (None, *classes):
            # The class in the session belongs to another data set.
            del st.session_state["class"]
        cls = st.selectbox(
            "Class",
            classes,
            index=None,
            format_func=one_line,
            placeholder="All classes",
            key="class",
            width=240,
            bind="query-params",
            help="Show images of one class only.",
        )
        seed = st.number_input(
            "Sample",
            0,
            9999,
            0,
            1,
            key="sample",
            bind="query-params",
            width=150,
            help="Which random images are shown. The same number always shows the same images.",
        )
    if cls is None:
        _show_every_class(source, split, seed)
    else:
        _show_class(source, split, classes.index(cls), seed)


def show_description(source: DatasetSource) -> None:
    """What the data set is, and what its splits are for."""
    published = dataset(source.name)
    _, channels, height, width = read_dataset(source).train_images.shape
    facts = (
        f"{width} × {height} pixels, {'colour' if channels == 3 else 'grey'}",
        f"{len(read_dataset(source).classes)} classes",
        f"source: {published.source}",
        f"licence: {published.licence}",
    )
    # Asterisks in the explanation are not Markdown.
    explanation = published.explanation.replace("*", r"\*")
    st.markdown(f"**{published.label}**: {explanation}  \n{' · '.join(facts)}")
    train, validation, test = (f"{len(split_positions(source, split)):,}" for split in SPLITS.values())
    st.markdown(
        f"Networks learn from **{train} training** images. **{validation} validation** images are held out of the "
        "training images to choose settings by: the same share of each class, and always the same images. "
        f"**{test} test** images are used once, at the end."
    )


def show_remarks(source: DatasetSource) -> None:
    """Files of an image folder that were left out or are blank, and how its pictures were read."""
    facts = read_dataset(source).folder
    if facts is None:
        return
    for remark in folder_remarks.folder_warnings(facts):
        st.warning(in_markdown(remark))
    if read_as := folder_remarks.reading_remarks(facts):
        st.caption(in_markdown(" ".join(read_as)))


def show_counts(source: DatasetSource) -> None:
    """The number of images of each class in each split, as bars."""
    show_figure(_bars_of_counts(source), key="counts")


def show_means(classes: Sequence[str], means: np.ndarray, counts: Sequence[int]) -> None:
    """The mean image of each class with its name; classes without images (`counts` is 0) are left out."""
    tiles = [
        f"<figure><img alt='mean of {in_html(name)}' src='{png_address(png(channels_last(means[[cls]])[0]))}'>"
        f"<figcaption>{in_html(name)}</figcaption></figure>"
        for cls, name in enumerate(classes)
        if counts[cls]
    ]
    st.html(f"<div class='means'>{''.join(tiles)}</div>")


def show_pixels(source: DatasetSource, split: SplitName, pixels: PixelStatistics) -> None:
    """Mean, standard deviation and share of black pixels as numbers, and the histogram of brightness."""
    names = " / ".join(_CHANNELS[len(pixels.mean)]) if len(pixels.mean) > 1 else ""
    channels = f" ({names})" if names else ""
    left, right = st.columns([1, 2], gap="large")
    with left:
        st.metric(
            f"Mean brightness{channels}",
            _joined(pixels.mean),
            help="Mean of all pixels, from 0 (black) to 1 (full brightness).",
        )
        st.metric(
            f"Standard deviation{channels}",
            _joined(pixels.std),
            help="How far pixels typically lie from the mean, on the same scale.",
        )
        st.metric("Pixels that are 0", f"{pixels.zero_share:.1%}", help="Share of the pixels that are fully black.")
        published = dataset(source.name)
        if published.mean:
            st.caption(
                f"With *Normalise*, runs subtract {_joined(published.mean)} and divide by {_joined(published.std)}, "
                "the usual values for this data set."
            )
        else:
            st.caption(
                "With *Normalise*, runs subtract the mean of their training pixels and divide by their standard "
                "deviation."
            )
    with right:
        show_figure(_histogram(source, split), key="histogram", theme="streamlit")


# To build a figure takes plotly a quarter of the page's time. These stay the same, and all sessions share them.
@st.cache_resource(max_entries=12, show_spinner=False)
def _bars_of_counts(source: DatasetSource) -> go.Figure:
    table = image_counts(source)
    short = table.index.map(lambda name: fitted(name, _LONGEST_LABEL))
    figure = plots.class_counts(table.set_axis(short) if short.is_unique else table)
    figure.update_traces(constraintext="outside")
    # Narrow bars have no number on them; pointing at a bar shows it.
    return figure.update_layout(height=380, uniformtext={"minsize": 11, "mode": "hide"})


@st.cache_resource(max_entries=12, show_spinner=False)
def _histogram(source: DatasetSource, split: SplitName) -> go.Figure:
    return plots.pixel_histogram(means_and_pixels(source, split)[1].histogram)


def _show_every_class(source: DatasetSource, split: SplitName, seed: int) -> None:
    rows = []
    for cls, name in enumerate(read_dataset(source).classes):
        _, images = random_images(source, split, cls, _IMAGES_PER_ROW, seed)
        rows.append(f"<div class='name'>{in_html(name)}</div>{_strip(images)}")
    st.html(f"<div class='samples' data-split='{split}'>{''.join(rows)}</div>")


def _show_class(source: DatasetSource, split: SplitName, cls: int, seed: int) -> None:
    positions, images = random_images(source, split, cls, _IMAGES_OF_CLASS, seed)
    if not len(positions):
        st.info("This split holds no image of this class.")
        return
    large, small = st.columns([1, 4], gap="medium")
    with small:
        tile = (images.shape[3], images.shape[2])
        chosen = gallery("samples", plots.sprite(channels_last(images), 12), tile, len(images), first=0) or 0
    with large:
        image = images[chosen]
        st.html(f"<img class='large' alt='the chosen image' src='{png_address(png(channels_last(image[None])[0]))}'>")
        file = "test" if split == "test" else "training"
        st.caption(
            f"Number {positions[chosen]:,} of the {file} images, counted from 0. Mean brightness "
            f"{image.mean() / 255:.3f} of 1. Click another image to enlarge it."
        )


def _joined(values: Sequence[float]) -> str:
    return " / ".join(f"{value:.4f}" for value in values)


def _published(source: DatasetSource, split: SplitName) -> tuple[np.ndarray, np.ndarray]:
    arrays = read_dataset(source)
    if split == "test":
        return arrays.test_images, arrays.test_labels
    return arrays.train_images, arrays.train_labels


def _labels(source: DatasetSource, split: SplitName) -> np.ndarray:
    return _published(source, split)[1][split_positions(source, split)]


def _strip(images: np.ndarray) -> str:
    """HTML of images side by side, cut from one picture; as many as fit into the width."""
    if not len(images):
        return "<div class='none'>no image</div>"
    url = png_address(png(_side_by_side(channels_last(images))))
    shift = "background-position-x:calc(-{} * var(--tile))"
    tiles = "".join(f"<i style='{shift.format(index)}'></i>" for index in range(len(images)))
    return f"<div class='strip' style='--count:{len(images)};--images:url({url})'>{tiles}</div>"


def _side_by_side(pictures: np.ndarray) -> np.ndarray:
    """One picture (H, N * W[, 3]) of pictures (N, H, W[, 3])."""
    return np.concatenate(list(pictures), axis=1)
