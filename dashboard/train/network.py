"""The network that the form describes: its diagram and the table of its layers."""

import pandas as pd
import streamlit as st

from dashboard.components import data_table, table_rows
from dashboard.train.experiment import Experiment
from dashboard.train.sample_digits import sample_digits
from mnist_core.architectures import Architecture, architecture_diagram
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
            _show_network(config, network, f"layer-table{number or ''}")


def _show_network(config: RunConfig, network: Architecture, key: str) -> None:
    """The diagram, and below it every layer with its output shape and costs; `key` is that of the table."""
    digits = sample_digits() if config.dataset in ("mnist", "mnist-5k") else []
    picture = png_address(png(digits[_DIGIT])) if digits else ""
    # In Markdown, because st.html would strip the SVG.
    st.markdown(architecture_diagram(network, picture), unsafe_allow_html=True)
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
