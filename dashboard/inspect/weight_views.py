"""The Weights view of the Inspect page: class templates, units and filters as images, epoch by epoch."""

import base64
from collections.abc import Sequence

import numpy as np
import streamlit as st

from dashboard.components import gallery
from dashboard.controls import (
    CLASS_TEMPLATES,
    LearnedWeights,
    bold_class,
    coloured_weights,
    image_tag,
    load_learned_weights,
    whole_pixel_width,
)
from dashboard.frame import check_link_value, errors_as_messages, open_store
from mnist_core.analysis import trained
from mnist_core.plots import sprite, weight_scale
from mnist_core.store import Run

_MOST, _MOST_KERNELS = 100, 32
# of a sprite
_COLUMNS = 10
# so many images or fewer are shown larger
_FEW = 12
# pixels on the screen
_LARGE, _MIDDLE, _SMALL, _KERNEL = 364, 112, 84, 45
# pixels for all columns of kernels
_KERNELS_WIDE = 800

# in the session: what is large
_SHOWN = "weights:shown"
_SPEAKS = "ink on **red** speaks for the class, ink on **blue** against it"
_SWITCHES = "ink on **red** switches the unit on, ink on **blue** off"
_FINDS = "bright on **red**, dark on **blue**"


@st.fragment
def show_weights(run_id: str) -> None:
    """What the run's network has learned, as images."""
    with errors_as_messages():
        run = open_store().run(run_id)
        controls = st.container(horizontal=True, vertical_alignment="bottom", gap="large")
        layer_place, epoch_place = controls.container(width=320), controls.container(width=420)
        with epoch_place:
            epoch = _epoch(run)
        if epoch is None:
            later = " They appear here after its first one." if run.active else ""
            st.info(f"This run has kept no weights: it has not finished an epoch.{later}")
            return
        found = load_learned_weights(run, epoch)
        if not found.names:
            st.info("No layer of this network reads pixels, so its weights make no images.")
            return
        name = layer_place.selectbox(
            "Weights",
            found.names,
            key="layer",
            bind="query-params",
            help="Which weights to show. Layers are numbered by kind, in the order of computation.",
        )
        if name == CLASS_TEMPLATES:
            _templates(found)
        elif found.layer(name).kind == "units":
            _units(found, name)
        elif found.reads_image(name) or found.values(name).shape[1] == 1:
            _filters(found, name)
        else:
            _kernels(found, name)
        if found.nonlinear:
            make = "make" if len(found.nonlinear) > 1 else "makes"
            st.caption(
                f"This network has no class templates: {_listed(found.nonlinear)} {make} it more than one matrix."
            )


def _epoch(run: Run) -> int | None:
    """The epoch that is chosen among those that were kept; at first the one that answers, or else the latest.

    Streamlit's own binding to the URL would lose it when a run that is training keeps another epoch.
    """
    epochs = sorted({artifact.epoch or 0 for artifact in trained.checkpoints(open_store(), run)})
    if not epochs:
        return None
    answers = trained.chosen_checkpoint(open_store(), run).epoch
    if len(epochs) == 1:
        st.caption(f"The weights after epoch {epochs[0]}, the only one that was kept.")
        return epochs[0]
    key, first = f"epoch-{run.number}", f"epoch-{run.number}:first"
    start = epochs[-1] if run.active or answers not in epochs else answers
    check_link_value("epoch", "After epoch", [str(epoch) for epoch in epochs].__contains__)
    asked = st.query_params.get("epoch", "")
    if key not in st.session_state and asked in map(str, epochs):
        st.session_state[key] = int(asked)
    elif st.session_state.get(key) not in epochs or st.session_state[key] == st.session_state.get(first):
        # not moved by hand: follows the training
        st.session_state[key] = start
    st.session_state[first] = start
    help = f"Move it to watch the weights form. The answers are those of epoch {answers}."
    epoch = st.select_slider("After epoch", epochs, key=key, help=help)
    if epoch != start:
        st.query_params["epoch"] = str(epoch)
    elif asked:
        del st.query_params["epoch"]
    return epoch


def _templates(found: LearnedWeights) -> None:
    st.markdown(
        "This network is linear: all its layers multiply out to **one matrix**, which holds one image a class, its "
        f"template. A class's score is the sum of all pixels, each times the template{_meaning(found, _SPEAKS)}."
    )
    captions = list(found.classes)
    _grid(found, CLASS_TEMPLATES, range(len(captions)), captions, "What speaks for {}", _MIDDLE)


def _units(found: LearnedWeights, name: str) -> None:
    values = found.values(name)
    # (units,)
    norms = np.linalg.norm(values.reshape(len(values), -1), axis=1)
    help = "Sort by the length (norm) of a unit's weights; off: by number."
    largest = st.toggle("Largest first", True, key="largest", bind="query-params", help=help)
    places = (np.argsort(-norms, kind="stable") if largest else np.arange(len(norms)))[:_MOST]
    said = f"{_some(len(norms), 'unit')}: the weights of each, at the pixels that they multiply"
    st.markdown(f"{said}{_meaning(found, _SWITCHES)}.")
    captions = [f"{place + 1}" for place in places]
    _grid(found, name, places, captions, "Unit {}", _SMALL if len(norms) > _FEW else _MIDDLE)


def _filters(found: LearnedWeights, name: str) -> None:
    count, _, height, width = found.values(name).shape
    said = (
        f"{_some(count, 'filter')} of {width} × {height} pixels. Each slides over its input and answers where it finds"
    )
    st.markdown(f"{said} its pattern{_meaning(found, _FINDS)}.")
    captions = [f"{place + 1}" for place in range(min(count, _MOST))]
    _grid(found, name, range(len(captions)), captions, "Filter {}", _SMALL)


def _kernels(found: LearnedWeights, name: str) -> None:
    """Filters that read many channels: a row a filter, a column a channel."""
    # (out, in, H, W, 3)
    images, limit = coloured_weights(found, name)
    count, channels = images.shape[:2]
    rows, columns = min(count, _MOST_KERNELS), min(channels, _MOST_KERNELS)
    size = "{} × {}".format(*images.shape[3:1:-1])
    st.markdown(
        f"Each row is a filter ({_part(rows, count)}), each column a channel of the layer before "
        f"({_part(columns, channels)}). A filter adds up what its {channels:,} kernels of {size} find."
    )
    _legend(limit)
    kernels = images[:rows, :columns].reshape(rows * columns, *images.shape[2:])
    wanted = min(_KERNELS_WIDE / columns, _KERNEL)
    scale = max(1, round(wanted / kernels.shape[2]))
    file = base64.b64encode(sprite(kernels, columns, scale, gap=3)).decode()
    st.html(f"<div class='kernels'><img src='data:image/png;base64,{file}' alt='Kernels of {name}'></div>")


def _grid(
    found: LearnedWeights, name: str, places: Sequence[int] | np.ndarray, captions: list[str], title: str, size: int
) -> None:
    """The images at these places, and one of them large."""
    images, limit = coloured_weights(found, name)
    # (N, H, W, 3)
    images = images[:, 0] if images.ndim == 5 else images
    _legend(limit, images=found.channels == 3)
    side, grid = st.columns([2, 3], gap="large")
    height, width = images.shape[1:3]
    with grid:
        shown = images[np.asarray(places)]
        tiles = sprite(shown, _COLUMNS)
        chosen = gallery(
            "weights", tiles, (width, height), len(shown), captions, size_px=whole_pixel_width(size, width)
        )
    with side, st.container(key="stays-in-view"):
        at = _remembered((found.key[0], name), chosen, [int(place) for place in places])
        st.markdown(title.format(bold_class(captions[at])))
        st.html(f"<div class='inspected'><figure>{image_tag(shown[at], _LARGE, captions[at])}</figure></div>")


def _remembered(what: tuple[str, str], chosen: int | None, places: list[int]) -> int:
    """Which of the images shown is large: the chosen one, or at another epoch the same unit as before."""
    before = st.session_state.get(_SHOWN)
    if chosen is None:
        place = before[1] if before and before[0] == what else None
        return places.index(place) if place in places else 0
    st.session_state[_SHOWN] = what, places[chosen]
    return chosen


def _meaning(found: LearnedWeights, colours: str) -> str:
    """What the colours of the map mean; colour images are not drawn in it."""
    return "" if found.channels == 3 else f": {colours}"


def _legend(limit: float, images: bool = False) -> None:
    if images:
        st.caption(
            f"Each colour shows the weights on that channel: mid-grey is zero, black −{limit:.3g}, full "
            f"brightness +{limit:.3g}; one scale for all."
        )
        return
    file = base64.b64encode(weight_scale()).decode()
    st.html(
        f"<div class='scale'><img src='data:image/png;base64,{file}' alt='Scale of the weights'>"
        f"<span>−{limit:.3g}</span><span>0</span><span>+{limit:.3g}</span></div>"
    )


def _some(count: int, what: str) -> str:
    if count > _MOST:
        return f"{_MOST} of {count:,} {what}s"
    return f"{count} {what}s"


def _part(shown: int, count: int) -> str:
    return f"the first {shown} of {count:,}" if shown < count else f"all {count:,}"


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]
