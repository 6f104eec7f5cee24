"""The network on the Train page: its diagram and the table of its layers."""

import pandas as pd
import streamlit as st

from dashboard.components import data_table, rows_of
from mnist_core.architectures import Architecture, diagram


def show_network(network: Architecture) -> None:
    """A diagram of the layers, and a table of what each gives on, holds and computes."""
    # Not `st.html`, which removes SVG.
    st.markdown(diagram(network), unsafe_allow_html=True)
    rows = [
        {
            "Layer": "    " * layer.depth + layer.call,
            "Output shape": " × ".join(map(str, layer.output_shape)),
            "Parameters": layer.parameters,
            "Multiply-accumulates": layer.macs,
        }
        for layer in network.layers
    ]
    shape = " × ".join(map(str, network.input_shape))
    table = pd.DataFrame([{"Layer": "image", "Output shape": shape, "Parameters": 0, "Multiply-accumulates": 0}, *rows])
    numbers = {
        name: st.column_config.NumberColumn(format="localized", help=help)
        for name, help in {
            "Parameters": "Numbers that training adjusts.",
            "Multiply-accumulates": "Multiplications for one image, the usual measure of work.",
        }.items()
    }
    layer = {"Layer": st.column_config.TextColumn(width="large", help="As in the text; a block's layers are indented.")}
    data_table("layer-table", rows_of(table, layer | numbers), "Layers, from the image to the scores")
