"""Train: choose a network and how it learns, start it, and watch it."""

from typing import Any

import streamlit as st

from dashboard.components import preload_chart
from dashboard.controls import forms, getting_data
from dashboard.frame import navigation, one_of, state
from dashboard.train import live, show_network
from mnist_core.analysis import MOST_SEEDS, seeded
from mnist_core.architectures import Architecture
from mnist_core.config import RunConfig, schedules
from mnist_core.errors import ArchitectureError, MnistLabError
from mnist_core.store import queueing
from mnist_core.text import in_markdown
from mnist_core.training import check


def page() -> None:
    store = state.store()
    st.title("Train")
    left, right = st.columns([2, 5], gap="large")
    with left:
        network = describe_experiment()
    with right:
        view = one_of(
            "View",
            ["Network", "Training"],
            key="view",
            default="Training" if store.runs() else "Network",
            label_visibility="collapsed",
            help="The network to be trained, or the runs.",
        )
        if view == "Training":
            live.follow_runs()
        else:
            if network is not None:
                show_network(network)
            preload_chart()


def describe_experiment() -> Architecture | None:
    """The form and its button; returns the network that it describes, or None if it is not one."""
    name = st.text_input(
        "Name of the run",
        key="name",
        placeholder="made from the settings",
        help="Shown in legends and tables. It can be changed later and need not be unique.",
    )
    forms.recipes()
    values: dict[str, Any] = {"architecture": forms.architecture_field()}
    place = st.empty()
    start = st.container()
    values |= forms.config_fields()
    network = None
    try:
        config = RunConfig.parse(values)
        network = check(config)
        for remark in schedules.remarks(config):
            start.warning(in_markdown(remark))
        place.caption(f"**{network.parameters:,}** parameters · **{network.macs:,}** multiply-accumulates an image")
    except ArchitectureError as error:
        with place.container():
            st.error(in_markdown(str(error)))
            st.code(error.pointer(), language=None)
    except MnistLabError as error:
        place.error(in_markdown(str(error)))
    with start:
        getting_data.notice(values)
        with st.container(horizontal=True, vertical_alignment="bottom"):
            tries = st.number_input(
                "Seeds",
                1,
                MOST_SEEDS,
                1,
                key="seeds",
                bind="query-params",
                width=110,
                help="So many runs that differ only in the seed: they compare architectures, not lucky runs.",
            )
            st.button(
                "Start training" if tries == 1 else f"Start {tries} runs",
                type="primary",
                width="stretch",
                disabled=network is None,
                on_click=begin,
                args=(values, name, tries, state.clicks("start")),
                help="Puts it into the queue; training begins as soon as a place is free.",
            )
    return network


def begin(values: dict[str, Any], name: str, tries: int, click: int) -> None:
    if not state.is_new_click("start", click):
        return
    with state.errors_as_messages():
        runs = queueing.enqueue_all(state.store(), seeded(RunConfig.parse(values), tries, name))
        state.background().wake()
        state.choose_also("runs", *(run.number for run in runs))
        st.session_state["view"] = "Training"


navigation.enter()
page()
