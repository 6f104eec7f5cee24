"""The luck of the network that the form on the Train page describes."""

import streamlit as st

from dashboard.controls import show_luck
from dashboard.frame import open_store
from mnist_core import luck
from mnist_core.config import RunConfig


def show_luck_of_form(config: RunConfig | None) -> None:
    """The question for the settings of the form, and all questions that were asked before."""
    if config is None:
        st.info("Mend the settings on the left: then this network can be trained with many seeds.")
    show_luck(config, groups=luck.groups(open_store()))
