"""The form of the Train page, and the button that puts its experiment into the queue."""

from typing import Any

import streamlit as st

from dashboard.access import access_is_on
from dashboard.components import explained
from dashboard.controls import dataset_download, forms, network_choice
from dashboard.frame import (
    add_chosen_runs,
    background_jobs,
    count_clicks,
    errors_as_messages,
    is_new_click,
    lab_store,
    navigation,
    open_store,
)
from dashboard.train.challenges import start_race
from mnist_core.analysis import MOST_SEEDS, races, with_seeds
from mnist_core.architectures import Architecture
from mnist_core.config import RunConfig, schedules
from mnist_core.errors import ArchitectureError, MnistLabError
from mnist_core.store import check_folder, open_poll, queueing
from mnist_core.text import in_markdown
from mnist_core.training import check_trainable

# What the form describes: each network with its settings.
Experiment = list[tuple[RunConfig, Architecture]]
# Key of the session: whether the form has been drawn.
_DRAWN = "experiment:drawn"
# Heights in pixels of the size of a network in two lines, and of the bar with the button Start.
_VERDICT_HEIGHT, _BAR_HEIGHT = 61, 68


def describe_experiment() -> Experiment:
    """The form and its button; returns the networks that it describes, none if the values cannot be used."""
    is_first = not st.session_state.get(_DRAWN)
    with st.container(key="networks"):
        texts = network_choice.choose_networks()
        verdict = st.empty()
    with st.container(key="start-bar"):
        bar = st.empty() if is_first else st.container()
    if is_first:
        # Both are known only after the settings below them; until then their place is kept.
        verdict.skeleton(height=_VERDICT_HEIGHT)
        bar.skeleton(height=_BAR_HEIGHT)
    with st.container(key="settings"):
        notices = st.container()
        forms.show_recipes()
        values = forms.config_fields()
        st.text_input(
            "Name",
            key="name",
            placeholder="made from the settings",
            help="Optional: the name of the run, or of the race if there are several networks. It need not be unique.",
        )
    described = _checked(values, texts, verdict, notices)
    with bar.container() if is_first else bar:
        _start_button(values, texts, disabled=not described)
    st.session_state[_DRAWN] = True
    with notices:
        dataset_download.show_notice(values)
    return described


def _checked(values: dict[str, Any], texts: list[str], verdict: Any, remarks: Any) -> Experiment:
    """The networks with these values; writes their size or what is wrong to `verdict`, warnings to `remarks`."""
    described = []
    for text in texts:
        try:
            config = RunConfig.parse(values | {"architecture": text})
            check_folder(open_store(), config)
            described.append((config, check_trainable(config)))
        except ArchitectureError as error:
            with verdict.container():
                st.error(in_markdown(str(error)))
                st.code(error.pointer(), language=None)
            return []
        except MnistLabError as error:
            verdict.error(in_markdown(str(error)))
            return []
    for remark in dict.fromkeys(remark for config, _ in described for remark in schedules.schedule_remarks(config)):
        remarks.warning(in_markdown(remark))
    verdict.caption(
        "  \n".join(
            _size(network, text if len(texts) > 1 else "") for (_, network), text in zip(described, texts, strict=True)
        )
    )
    return described


def _size(network: Architecture, name: str) -> str:
    named = f"{in_markdown(name)}: " if name else ""
    return f"{named}**{network.parameters:,}** parameters · **{network.macs:,}** multiply-accumulates an image"


def _start_button(values: dict[str, Any], texts: list[str], disabled: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        seeds = st.number_input(
            "Seeds",
            1,
            MOST_SEEDS,
            1,
            key="seeds",
            bind="query-params",
            width=110,
            help=explained("This many runs, which differ only in the seed. Several show how much is luck.", "Seed"),
        )
        st.button(
            _start_label(len(texts), seeds),
            type="primary",
            width="stretch",
            disabled=disabled,
            on_click=_enqueue,
            args=(values, texts, seeds, count_clicks("start")),
            help="Puts it into the queue. Training begins as soon as the computer has room for another run.",
        )
        if not disabled:
            _vote_button(values, texts, seeds)


def _vote_button(values: dict[str, Any], texts: list[str], seeds: int) -> None:
    """For the teacher of a class: the class votes on the race of these networks before it starts."""
    store = open_store()
    if len(texts) < 2 or not access_is_on() or store.owner is not None:
        return
    if st.button(
        "Let the class vote",
        key="open-vote",
        width="stretch",
        help="Everyone says on the page Class which network will win; there you start the race.",
    ):
        with errors_as_messages():
            configs = [RunConfig.parse(values | {"architecture": text}) for text in texts]
            queueing.check_queueable(store, [config for config, _ in races.race_entries(configs, seeds)], "seeds")
            wanted = st.session_state.get("name", "").strip()
            name = races.new_name([wanted] if wanted else texts, races.taken_names(lab_store()))
            open_poll(store, name, configs, seeds)
            st.switch_page(navigation.page_named("class"), query_params={"part": "Vote"})


def _start_label(networks: int, seeds: int) -> str:
    if networks > 1:
        return f"Start {networks} networks" + f" × {seeds} seeds" * (seeds > 1)
    return "Start training" if seeds == 1 else f"Start {seeds} runs"


def _enqueue(values: dict[str, Any], texts: list[str], seeds: int, click: int) -> None:
    if not is_new_click("start", click):
        return
    # Read here, because a click may come together with the name that was typed just before it.
    name = st.session_state.get("name", "")
    with errors_as_messages():
        configs = [RunConfig.parse(values | {"architecture": text}) for text in texts]
        if len(configs) > 1:
            start_race(configs, seeds, name)
            return
        runs = queueing.enqueue_all(open_store(), with_seeds(configs[0], seeds, name))
        background_jobs().wake()
        add_chosen_runs("runs", *(run.number for run in runs))
        st.session_state["view"] = "Training"
