"""The Weights view of the Inspect page: class templates, units and filters as images, epoch by epoch."""

from collections.abc import Sequence

import numpy as np
import streamlit as st

from dashboard.components import explained, gallery
from dashboard.controls import (
    CLASS_TEMPLATES,
    LearnedWeights,
    bold_class,
    coloured_weights,
    image_tag,
    load_learned_weights,
    weight_scale_html,
    whole_pixel_width,
)
from dashboard.frame import check_link_value, errors_as_messages, open_store
from mnist_core.analysis import trained
from mnist_core.plots import png_address, sprite
from mnist_core.store import Run

# The most images of a gallery, and the most rows and columns of kernels.
_MAX_IMAGES, _MAX_KERNELS = 100, 32
# Columns of the sprite that is sent; the browser lays the images out by itself.
_SPRITE_COLUMNS = 10
# Up to this number, images are shown in the middle size.
_FEW = 12
# Widths of images in pixels of the screen.
_LARGE, _MIDDLE, _SMALL, _KERNEL = 364, 112, 84, 45
# Width of all columns of kernels together, in pixels of the screen.
_KERNELS_WIDTH = 800

# Key of the session: the run, the kind of weights and the index of the large image.
_LARGE_IMAGE = "weights:shown"
# What red and blue mean, at the end of a sentence.
_SPEAKS = "ink on **red** speaks for the class, ink on **blue** against it"
_SWITCHES = "ink on **red** switches the unit on, ink on **blue** off"
_FINDS = "bright on **red**, dark on **blue**"


@st.fragment
def show_weights(run_id: str) -> None:
    """What the run's network has learned, as images."""
    with errors_as_messages():
        run = open_store().run(run_id)
        controls = st.container(horizontal=True, vertical_alignment="bottom", gap="large")
        layer_control, epoch_control = controls.container(width=320), controls.container(width=420)
        with epoch_control:
            epoch = _epoch(run)
        if epoch is None:
            later = " They appear here after its first epoch." if run.active else ""
            st.info(f"This run has kept no weights: it has not finished an epoch.{later}")
            return
        learned = load_learned_weights(run, epoch)
        if not learned.names:
            st.info("No layer of this network reads pixels, so its weights make no images.")
            return
        name = layer_control.selectbox(
            "Weights",
            learned.names,
            key="layer",
            bind="query-params",
            help="Which weights to show. Layers are numbered by kind, in the order of computation.",
        )
        if name == CLASS_TEMPLATES:
            _templates(learned)
        elif learned.layer(name).kind == "units":
            _units(learned, name)
        elif learned.reads_image(name) or learned.values(name).shape[1] == 1:
            _filters(learned, name)
        else:
            _kernels(learned, name)
        if learned.nonlinear:
            make = "make" if len(learned.nonlinear) > 1 else "makes"
            st.caption(
                f"This network has no class templates: {_listed(learned.nonlinear)} {make} it more than one matrix."
            )


def _epoch(run: Run) -> int | None:
    """The chosen epoch among those whose weights were kept; at first the one that predicts, or else the latest.

    Streamlit's own binding to the URL would lose the choice when a run that is training keeps another epoch.
    """
    epochs = sorted({artifact.epoch or 0 for artifact in trained.checkpoints(open_store(), run)})
    if not epochs:
        return None
    predicting = trained.chosen_checkpoint(open_store(), run).epoch
    if len(epochs) == 1:
        st.caption(f"The weights after epoch {epochs[0]}, the only ones that were kept.")
        return epochs[0]
    key, first = f"epoch-{run.number}", f"epoch-{run.number}:first"
    start = epochs[-1] if run.active or predicting not in epochs else predicting
    check_link_value("epoch", "After epoch", [str(epoch) for epoch in epochs].__contains__)
    linked = st.query_params.get("epoch", "")
    if key not in st.session_state and linked in map(str, epochs):
        st.session_state[key] = int(linked)
    elif st.session_state.get(key) not in epochs or st.session_state[key] == st.session_state.get(first):
        # A person has not moved the slider, so it follows the training.
        st.session_state[key] = start
    st.session_state[first] = start
    help = f"Move it to watch the weights form. The network answers with those of epoch {predicting}."
    epoch = st.select_slider("After epoch", epochs, key=key, help=explained(help, "Checkpoint"))
    if epoch != start:
        st.query_params["epoch"] = str(epoch)
    elif linked:
        del st.query_params["epoch"]
    return epoch


def _templates(learned: LearnedWeights) -> None:
    st.markdown(
        "This network is linear: all its layers together act as **one matrix**. The matrix holds one image for each "
        "class, its template. The score of a class is the sum of all pixels, each multiplied by the template's value "
        f"there, plus a constant of the class{_meaning(learned, _SPEAKS)}."
    )
    captions = list(learned.classes)
    _grid(learned, CLASS_TEMPLATES, range(len(captions)), captions, "What speaks for {}", _MIDDLE)


def _units(learned: LearnedWeights, name: str) -> None:
    values = learned.values(name)
    # (units,)
    norms = np.linalg.norm(values.reshape(len(values), -1), axis=1)
    help = "On: units with the largest weights come first (by their norm). Off: sorted by number."
    largest = st.toggle("Largest first", True, key="largest", bind="query-params", help=help)
    units = (np.argsort(-norms, kind="stable") if largest else np.arange(len(norms)))[:_MAX_IMAGES]
    text = f"{_some(len(norms), 'unit')}: the weights of each, drawn at the pixels that they multiply"
    st.markdown(f"{text}{_meaning(learned, _SWITCHES)}.")
    captions = [f"{unit + 1}" for unit in units]
    _grid(learned, name, units, captions, "Unit {}", _SMALL if len(norms) > _FEW else _MIDDLE)


def _filters(learned: LearnedWeights, name: str) -> None:
    count, _, height, width = learned.values(name).shape
    text = f"{_some(count, 'filter')} of {width} × {height} pixels. Each slides over its input and responds"
    st.markdown(f"{text} where it finds its pattern{_meaning(learned, _FINDS)}.")
    captions = [f"{number}" for number in range(1, min(count, _MAX_IMAGES) + 1)]
    _grid(learned, name, range(len(captions)), captions, "Filter {}", _SMALL)


def _kernels(learned: LearnedWeights, name: str) -> None:
    """Filters that read many channels: one row for each filter, one column for each channel."""
    # (out, in, H, W, 3)
    images, limit = coloured_weights(learned, name)
    count, channels = images.shape[:2]
    rows, columns = min(count, _MAX_KERNELS), min(channels, _MAX_KERNELS)
    size = "{} × {}".format(*images.shape[3:1:-1])
    st.markdown(
        f"Each row is a filter ({_part(rows, count)}), each column a channel of the layer before "
        f"({_part(columns, channels)}). A filter adds up the responses of its {channels:,} kernels of {size} pixels."
    )
    _legend(limit)
    kernels = images[:rows, :columns].reshape(rows * columns, *images.shape[2:])
    wanted = min(_KERNELS_WIDTH / columns, _KERNEL)
    scale = max(1, round(wanted / kernels.shape[2]))
    address = png_address(sprite(kernels, columns, scale, gap=3))
    st.html(f"<div class='kernels'><img src='{address}' alt='Kernels of {name}'></div>")


def _grid(
    learned: LearnedWeights, name: str, indices: Sequence[int] | np.ndarray, captions: list[str], title: str, size: int
) -> None:
    """The images of these units, filters or classes, and one of them large."""
    images, limit = coloured_weights(learned, name)
    # (N, H, W, 3)
    images = images[:, 0] if images.ndim == 5 else images
    _legend(limit, images=learned.channels == 3)
    side, grid = st.columns([2, 3], gap="large")
    height, width = images.shape[1:3]
    with grid:
        shown = images[np.asarray(indices)]
        tiles = sprite(shown, _SPRITE_COLUMNS)
        chosen = gallery(
            "weights", tiles, (width, height), len(shown), captions, size_px=whole_pixel_width(size, width)
        )
    with side, st.container(key="stays-in-view"):
        large = _large_image((learned.key[0], name), chosen, [int(index) for index in indices])
        st.markdown(title.format(bold_class(captions[large])))
        st.html(f"<div class='inspected'><figure>{image_tag(shown[large], _LARGE, captions[large])}</figure></div>")


def _large_image(weights: tuple[str, str], chosen: int | None, indices: list[int]) -> int:
    """Which of the images shown is large: the chosen one, or at another epoch the same unit as before."""
    before = st.session_state.get(_LARGE_IMAGE)
    if chosen is None:
        index = before[1] if before and before[0] == weights else None
        return indices.index(index) if index in indices else 0
    st.session_state[_LARGE_IMAGE] = weights, indices[chosen]
    return chosen


def _meaning(learned: LearnedWeights, colours: str) -> str:
    """What red and blue mean; nothing for colour images, which are not drawn in red and blue."""
    return "" if learned.channels == 3 else f": {colours}"


def _legend(limit: float, images: bool = False) -> None:
    if images:
        st.caption(
            f"Each colour shows the weights on that channel: mid-grey is zero, black −{limit:.3g}, full "
            f"brightness +{limit:.3g}. All images share this scale."
        )
        return
    st.html(weight_scale_html(limit))


def _some(count: int, noun: str) -> str:
    if count > _MAX_IMAGES:
        return f"{_MAX_IMAGES} of {count:,} {noun}s"
    return f"{count} {noun}s"


def _part(shown: int, count: int) -> str:
    return f"the first {shown} of {count:,}" if shown < count else f"all {count:,}"


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]
