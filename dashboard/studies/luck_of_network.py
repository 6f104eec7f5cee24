"""The luck of a study's network: how often another seed would have given another report."""

import streamlit as st

from dashboard.controls import show_luck
from dashboard.frame import open_store
from dashboard.studies.chosen_experiment import ChosenExperiment
from mnist_core import luck
from mnist_core.studies import luck_config, luck_figure


def show_luck_of_network(chosen: ChosenExperiment) -> None:
    """The question for one network of the experiment, and the answers to it."""
    variants = {variant.label: variant for variant in chosen.experiment.variants}
    label = next(iter(variants))
    if len(variants) > 1:
        label = st.selectbox("Network", list(variants), key="luck_of", help="The network that is trained many times.")
    variant = variants[label]
    config = luck_config(chosen.experiment, variant, chosen.scale)
    # A report of fifty epochs says nothing about one.
    figure = luck_figure(chosen.study, chosen.experiment, variant) if chosen.scale == 1 else None
    if config.library != "torch" or chosen.experiment.continues:
        st.info("This network is not trained with many seeds: it is one of scikit-learn, or goes on from another run.")
        return
    alike = [
        group
        for group in luck.groups(open_store())
        if group.config.replace(seed=0).digest() == config.replace(seed=0).digest()
    ]
    show_luck(config, figure, "reported", alike)
