"""The networks of an experiment: a diagram of one of them, and a list to choose from if there are several."""

import pandas as pd
import streamlit as st

from dashboard.components import data_table, table_rows
from dashboard.frame import errors_as_messages
from dashboard.studies.chosen_experiment import ChosenExperiment
from mnist_core.architectures import Architecture, architecture_diagram, describe_architecture
from mnist_core.config import RunConfig, list_config_fields
from mnist_core.data import input_shape_and_classes

# Pixels; a longer list scrolls.
_LIST_HEIGHT = 320


def show_networks(chosen: ChosenExperiment) -> None:
    """The networks with their parameters, and how they are trained."""
    st.header("The networks")
    with errors_as_messages():
        networks = _distinct_networks(chosen)
        if len(networks) > 1:
            left, right = st.columns([2, 3], gap="large")
            with left:
                help = "The network in the diagram."
                label = st.selectbox("Network", [label for label, _ in networks.values()], key="network", help=help)
                _table(networks)
            with right:
                _draw(dict(networks.values())[label])
        else:
            _draw(next(iter(networks.values()))[1])
    st.markdown(shared_settings(chosen))


def shared_settings(chosen: ChosenExperiment) -> str:
    """Sentences on how the networks are trained: the settings that they share, then the values of those that differ."""
    configs = [variant.config for variant in chosen.experiment.variants]
    silent = _without_effect(configs[0])
    parts, differing = [], []
    for field in list_config_fields():
        values = list(dict.fromkeys(getattr(config, field.name) for config in configs))
        if len(values) > 1 and field.name != "architecture":
            differing.append(f"**{field.label.lower()}** {', '.join(f'{value:g}' for value in values)}")
        elif field.name in _SETTING_TEXTS and field.name not in silent and field.matters(configs[0].model_dump()):
            parts.append(_SETTING_TEXTS[field.name](values[0]))
    text = f"Trained with {', '.join(part for part in parts if part)}."
    return text + (f" What differs: {'; '.join(differing)}." if differing else "")


def _without_effect(config: RunConfig) -> tuple[str, ...]:
    """Settings that this kind of model lacks: only scikit-learn's logistic regression has a solver and C."""
    logistic = ("solver", "inverse_regularisation")
    if config.library != "sklearn":
        return logistic
    hidden = (
        sum(
            layer.name == "linear"
            for layer in describe_architecture(config.architecture, *input_shape_and_classes(config)).layers
        )
        > 1
    )
    network = ("optimizer", "learning_rate", "momentum", "batch_size", "weight_decay")
    return (*(logistic if hidden else network), "normalise")


_SETTING_TEXTS = {
    "library": lambda value: "scikit-learn" if value == "sklearn" else "",
    "solver": lambda value: f"solver {value}",
    "inverse_regularisation": lambda value: f"C = {value:g}",
    "optimizer": lambda value: {"sgd": "SGD", "adam": "Adam"}.get(value, value),
    "learning_rate": lambda value: f"learning rate {value:g}",
    "momentum": lambda value: f"momentum {value:g}",
    "batch_size": lambda value: f"batches of {value:,}",
    "epochs": lambda value: f"{value:,} epoch{'s' * (value > 1)}",
    "normalise": lambda value: "normalised pixels" if value else "pixels in [0, 1]",
    "standardise": lambda value: "each pixel standardised by itself" if value else "",
    "weight_decay": lambda value: f"weight decay {value:g}" if value else "",
    "train_images": lambda value: f"{value:,} training images" if value else "",
}


def _distinct_networks(chosen: ChosenExperiment) -> dict[str, tuple[str, Architecture]]:
    """The different architectures by their text, each with the label of its first network."""
    networks: dict[str, tuple[str, Architecture]] = {}
    for variant in chosen.experiment.variants:
        text = variant.config.architecture
        if text not in networks:
            networks[text] = variant.label, describe_architecture(text, *input_shape_and_classes(variant.config))
    return networks


def _draw(network: Architecture) -> None:
    # st.html would remove the SVG.
    st.markdown(architecture_diagram(network), unsafe_allow_html=True)
    st.caption(f"**{network.parameters:,}** parameters · **{network.macs:,}** multiply-accumulates an image")


def _table(networks: dict[str, tuple[str, Architecture]]) -> None:
    rows = [
        {"#": number, "Network": label, "Parameters": network.parameters, "Layers": network.text}
        for number, (label, network) in enumerate(networks.values())
    ]
    numbers = {
        "#": st.column_config.NumberColumn(width="small", help="The network's number on the charts below."),
        "Parameters": st.column_config.NumberColumn(format="localized", help="Numbers that training adjusts."),
    }
    data_table("networks", table_rows(pd.DataFrame(rows), numbers), "Networks of the experiment", _LIST_HEIGHT)
