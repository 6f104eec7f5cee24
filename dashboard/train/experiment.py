"""The form of the Train page, and the button that puts its experiment into the queue."""

from typing import Any

import streamlit as st

from dashboard.controls import dataset_download, forms
from dashboard.frame import (
    add_chosen_runs,
    background_jobs,
    count_clicks,
    errors_as_messages,
    is_new_click,
    open_store,
)
from mnist_core.analysis import MOST_SEEDS, with_seeds
from mnist_core.architectures import Architecture
from mnist_core.config import RunConfig, schedules
from mnist_core.errors import ArchitectureError, MnistLabError
from mnist_core.store import queueing
from mnist_core.text import in_markdown
from mnist_core.training import check_trainable


def describe_experiment() -> tuple[RunConfig, Architecture] | None:
    """The form and its button; returns what it describes and its network, or None if the values cannot be used."""
    name = st.text_input(
        "Name of the run",
        key="name",
        placeholder="made from the settings",
        help="Shown in legends and tables. It can be changed later and need not be unique.",
    )
    forms.show_recipes()
    values: dict[str, Any] = {"architecture": forms.architecture_field()}
    verdict = st.empty()
    start = st.container()
    values |= forms.config_fields()
    described = _checked(values, verdict, start)
    with start:
        dataset_download.show_notice(values)
        _start_button(values, name, disabled=described is None)
    return described


def _checked(values: dict[str, Any], verdict: Any, remarks: Any) -> tuple[RunConfig, Architecture] | None:
    """These values and their network; writes its size or what is wrong to `verdict`, warnings to `remarks`."""
    try:
        config = RunConfig.parse(values)
        network = check_trainable(config)
    except ArchitectureError as error:
        with verdict.container():
            st.error(in_markdown(str(error)))
            st.code(error.pointer(), language=None)
        return None
    except MnistLabError as error:
        verdict.error(in_markdown(str(error)))
        return None
    for remark in schedules.schedule_remarks(config):
        remarks.warning(in_markdown(remark))
    verdict.caption(f"**{network.parameters:,}** parameters · **{network.macs:,}** multiply-accumulates an image")
    return config, network


def _start_button(values: dict[str, Any], name: str, disabled: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        seeds = st.number_input(
            "Seeds",
            1,
            MOST_SEEDS,
            1,
            key="seeds",
            bind="query-params",
            width=110,
            help="This many runs, which differ only in the seed (the random start). Several show how much is luck.",
        )
        st.button(
            "Start training" if seeds == 1 else f"Start {seeds} runs",
            type="primary",
            width="stretch",
            disabled=disabled,
            on_click=_enqueue,
            args=(values, name, seeds, count_clicks("start")),
            help="Puts it into the queue. Training begins as soon as the computer has room for another run.",
        )


def _enqueue(values: dict[str, Any], name: str, seeds: int, click: int) -> None:
    if not is_new_click("start", click):
        return
    with errors_as_messages():
        runs = queueing.enqueue_all(open_store(), with_seeds(RunConfig.parse(values), seeds, name))
        background_jobs().wake()
        add_chosen_runs("runs", *(run.number for run in runs))
        st.session_state["view"] = "Training"
