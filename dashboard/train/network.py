"""The network that the form describes: its diagram, on which it can be changed, and the table of its layers."""

import pandas as pd
import streamlit as st

from dashboard.components import data_table, network_diagram, table_rows
from dashboard.controls import network_choice
from dashboard.frame import errors_as_toasts
from dashboard.train.experiment import Experiment
from dashboard.train.sample_digits import sample_digits
from mnist_core.architectures import (
    Architecture,
    LayerChange,
    change_layer,
    describe_architecture,
    sized_diagram,
)
from mnist_core.config import RunConfig
from mnist_core.plots import png, png_address

# The digit in the diagram's input.
_DIGIT = 9
# Key of the session: what the form described last without a mistake.
_LAST = "network:last"


def show_networks(described: Experiment) -> None:
    """The networks of the form; while it has a mistake, the last ones that were valid, faded."""
    if described:
        st.session_state[_LAST] = described
    shown: Experiment = st.session_state.get(_LAST, [])
    with st.container(key="network-now" if described else "network-before"):
        for number, (config, network) in enumerate(shown):
            _show_diagram(number, config, network, is_editable=bool(described))
            _show_layers(network, f"layer-table{number or ''}")


def _show_diagram(number: int, config: RunConfig, network: Architecture, is_editable: bool) -> None:
    """The diagram of a network, whose layers can be changed on it; `number` is its place among the chosen ones."""
    digits = sample_digits() if config.dataset in ("mnist", "mnist-5k") else []
    picture = png_address(png(digits[_DIGIT])) if digits else ""
    network_diagram(
        f"diagram-{number}",
        sized_diagram(network, picture, buttons=is_editable),
        network.text,
        f"{network.text}: {network.parameters:,} parameters",
        lambda change, line: _change(number, network, change, line),
    )


def _change(number: int, network: Architecture, change: LayerChange, line: str) -> None:
    """Callback: change a layer of the network at this place of the form; `line` is what the person saw.

    `network` is what the page has drawn, for the images' shape.
    """
    networks = network_choice.chosen_networks()
    if number >= len(networks):
        return
    shape, classes = network.input_shape, network.layers[-1].output_shape[-1]
    with errors_as_toasts():
        seen, now = (describe_architecture(text, shape, classes) for text in (line, networks[number]))
        # A second click may come before the first has changed the diagram. A width still means the same layer then; a
        # layer's place in the row does not.
        if [layer.name for layer in seen.layers] != [layer.name for layer in now.layers]:
            return
        changed = change_layer(networks[number], shape, classes, change)
        if not network_choice.replace_network(number, changed):
            st.toast("That network is among the chosen ones already.")


def _show_layers(network: Architecture, key: str) -> None:
    """Every layer with its output shape and costs; `key` is that of the table."""
    columns = {
        "Layer": st.column_config.TextColumn(width="large", help="As in the text; a block's layers are indented."),
        "Parameters": st.column_config.NumberColumn(format="localized", help="Numbers that training adjusts."),
        "Multiply-accumulates": st.column_config.NumberColumn(
            format="localized", help="Multiplications for one image, the usual measure of work."
        ),
    }
    data_table(key, table_rows(_layers(network), columns), "Layers, from the image to the scores")


def _layers(network: Architecture) -> pd.DataFrame:
    """One row a layer, and a first one for the image."""
    image = {
        "Layer": "image",
        "Output shape": _shape(network.input_shape),
        "Parameters": 0,
        "Multiply-accumulates": 0,
    }
    layers = [
        {
            "Layer": "    " * layer.depth + layer.call,
            "Output shape": _shape(layer.output_shape),
            "Parameters": layer.parameters,
            "Multiply-accumulates": layer.macs,
        }
        for layer in network.layers
    ]
    return pd.DataFrame([image, *layers])


def _shape(sizes: tuple[int, ...]) -> str:
    return " × ".join(map(str, sizes))
