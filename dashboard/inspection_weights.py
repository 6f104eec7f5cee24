"""The Weights view of the Inspect page: class templates, units and filters as images, epoch by epoch."""

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from dashboard import state
from mnist_core import trained
from mnist_core.store import Run

if TYPE_CHECKING:
    from mnist_core.explain import Weights

_TEMPLATES = "class templates"
_MOST_UNITS, _MOST_KERNELS = 100, 32
_COLUMNS = 10  # of a sprite
_LARGE = 364


@dataclass(frozen=True)
class _Learned:
    """What can be shown of a network at one epoch."""

    classes: tuple[str, ...]
    colour: bool  # whether it reads colour images
    layers: tuple["Weights", ...]
    templates: np.ndarray | None  # (classes, C, H, W)
    nonlinear: tuple[str, ...]


@st.fragment
def weights(run_id: str) -> None:
    """What the run's network has learned, as images."""
    with state.errors_as_messages():
        run = state.store().run(run_id)
        with st.container(horizontal=True, vertical_alignment="bottom"):
            place = st.container(width=320)
            epoch = _epoch(run)
        if epoch is None:
            st.info("This run has not finished an epoch yet, so there are no weights to show.")
            return
        learned = _learned(str(state.store().root), run.id, trained.chosen(state.store(), run, epoch).sha256, epoch)
        options = [_TEMPLATES] * (learned.templates is not None) + [layer.name for layer in learned.layers]
        if not options:
            st.info("No layer of this network reads pixels directly, so its weights make no images.")
            return
        kinds = {layer.name: layer for layer in learned.layers}
        chosen = place.selectbox(
            "Weights", options, key="layer", bind="query-params",
            format_func=lambda name: f"{name} · {_shape(kinds[name])}" if name in kinds else name,
            help="Which weights are shown. Layers are numbered by kind, in the order of computation.")  # fmt: skip
        if chosen == _TEMPLATES and learned.templates is not None:
            _templates(learned, learned.templates)
        elif kinds[chosen].kind == "units":
            _units(kinds[chosen].values, learned)
        elif kinds[chosen].values.shape[1] == 1 or _reads_colours(kinds[chosen], learned):
            _filters(kinds[chosen].values)
        else:
            _kernels(kinds[chosen].values)
        if learned.nonlinear and chosen != _TEMPLATES:
            st.caption(f"This network has no class templates: {' and '.join(learned.nonlinear)} between its layers "
                       "make it more than one matrix.")  # fmt: skip


def _epoch(run: Run) -> int | None:
    epochs = sorted({artifact.epoch or 0 for artifact in trained.checkpoints(state.store(), run)})
    if not epochs:
        return None
    best = trained.chosen(state.store(), run).epoch or 0
    start = epochs[-1] if run.active or best not in epochs else best
    if len(epochs) == 1:
        st.caption(f"After epoch {epochs[0]}, the only one that was kept.")
        return epochs[0]
    return st.select_slider("After epoch", epochs, start, key="epoch", bind="query-params", width=420,
                            help=f"Move it to watch the weights form. Epoch {best} is the one that answers.")  # fmt: skip


@st.cache_resource(max_entries=8, show_spinner="Loading the network …")
def _learned(root: str, run_id: str, sha256: str, epoch: int) -> _Learned:
    from mnist_core import explain  # imports torch, which no other part of this page needs

    store = state.store()
    network = trained.load(store, store.run(run_id), epoch)
    model, shape = network.model, network.shape
    return _Learned(
        network.classes, shape[0] == 3, tuple(explain.first_layer(model, shape)),
        explain.class_templates(model, shape), tuple(explain.nonlinear_layers(model, shape)),
    )  # fmt: skip


def _templates(learned: _Learned, values: np.ndarray) -> None:
    count = sum(layer.kind == "units" for layer in learned.layers)
    st.markdown(
        "Without an activation function between them, all the layers multiply out to **one matrix**: one image a "
        "class, its template. The score of a class is the sum of all pixels, each times the template: ink on **red** "
        "speaks for the class, ink on **blue** against it."
    )
    assert count >= 0
    _grid("templates", values, list(learned.classes),
          [f"The template of <b>{escape(name)}</b>." for name in learned.classes])  # fmt: skip


def _units(values: np.ndarray, learned: _Learned) -> None:
    norms = np.sqrt((values.astype(np.float64) ** 2).sum((1, 2, 3)))  # (units,)
    with st.container(horizontal=True, vertical_alignment="center"):
        order = st.segmented_control(
            "Order", ["largest first", "by number"], default="largest first", required=True, key="order",
            bind="query-params", label_visibility="collapsed",
            help="Largest first: by the length (norm) of the unit's weights; small ones have learned little.")  # fmt: skip
    places = np.argsort(-norms, kind="stable") if order == "largest first" else np.arange(len(values))
    places = places[:_MOST_UNITS]
    shown = f"the first {len(places)} of {len(values):,} units" if len(values) > len(places) else f"{len(values)} units"
    st.markdown(f"Each image holds the weights of one unit, at the pixels that they multiply ({shown}). Ink on **red** "
                "switches the unit on, ink on **blue** off.")  # fmt: skip
    _grid("units", values, [str(place + 1) for place in places],
          [f"Unit <b>{place + 1}</b>, norm {norms[place]:.2f}." for place in places], places)  # fmt: skip
