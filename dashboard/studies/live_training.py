"""Train an experiment live: the button, the progress of each network, and their curves while they train."""

import contextlib
from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from dashboard.controls import live_curves
from dashboard.frame import (
    background_jobs,
    check_link_value,
    choose_option,
    errors_as_messages,
    errors_as_toasts,
    navigation,
    open_store,
    pace,
)
from dashboard.studies.chosen_experiment import EPOCHS, SEEDS, ChosenExperiment
from mnist_core import environment, studies, sweeps
from mnist_core.errors import MnistLabError
from mnist_core.plots import GREY, run_style, run_styles
from mnist_core.store import Run
from mnist_core.studies import PROTOCOLS, PlannedRun
from mnist_core.text import in_html, in_markdown

_TICK_SECONDS, _IDLE_SECONDS = 0.5, 5.0
# Session key of the experiments that the person has started: their continuations are started later.
_STARTED = "studies:started"
# Most curves on the chart.
_MOST_CURVES = 24
_STATE_LABELS = {
    "queued": "waiting",
    "running": "",
    "finished": "✓",
    "diverged": "⚠ diverged",
    "failed": "✗ failed",
    "missing": "not trained",
}
# States from which `studies.start_runs` goes on with a run.
_RESUMABLE = ("stopped", "interrupted", "failed")

_Row = tuple[PlannedRun, Run | None]


def choose_extent(chosen: ChosenExperiment) -> ChosenExperiment:
    """The same experiment with the person's choice of epochs, seeds and protocol, all in the URL."""
    st.header("Train it live")
    with st.container(horizontal=True, vertical_alignment="bottom", key="how-much"):
        epochs = choose_option(
            "Epochs",
            list(EPOCHS),
            default="all",
            key="share",
            help="All epochs of the study, or fewer for a first look. The results below are for this choice.",
        )
        seeds = _seeds(chosen)
        honest = st.toggle(
            "The honest figure, too",
            key="honest",
            bind="query-params",
            help="Where a study chose its epoch or its settings on the test images, its figures look better than they "
            "are. This trains each network once more and chooses the epoch on images held out of training (10,000 "
            "of MNIST's 60,000).",
        )
    if chosen.experiment.seeds > 1:
        st.caption(
            f"{chosen.experiment.seeds} seeds, unless you choose another number: with other initial weights this "
            "network may end with a very different accuracy."
        )
    return replace(chosen, epochs=epochs, seeds=seeds, honest=honest)


def _seeds(chosen: ChosenExperiment) -> int:
    """How often each network is trained: the number in the URL or of the person, else the experiment's default.

    Streamlit's own binding has one default for all experiments. Here the URL leaves out each experiment's default.
    """
    default = chosen.experiment.seeds
    asked, before = st.query_params.get("times"), st.session_state.get("times:url")
    counts = {str(count): count for count in range(1, SEEDS + 1)}
    check_link_value("times", "Seeds", counts.__contains__)
    if asked in counts and asked != before:
        st.session_state["times"] = counts[asked]
    elif "times" not in st.session_state or st.session_state.get("times:default") != default:
        st.session_state["times"] = default
    seeds = st.number_input(
        "Seeds",
        1,
        SEEDS,
        key="times",
        width=140,
        help="How often each network is trained, each time from other initial weights. Several seeds show how much is "
        "chance.",
    )
    st.session_state["times:default"] = default
    wanted = None if seeds == default else str(seeds)
    st.session_state["times:url"] = wanted
    if wanted is None:
        st.query_params.pop("times", None)
    elif asked != wanted:
        st.query_params["times"] = wanted
    return seeds


def show_training(chosen: ChosenExperiment, revealed: bool) -> None:
    """The button that trains, then the networks' states; their curves once the question has been answered."""
    with errors_as_messages():
        rows = _rows_with_continuations(chosen)
        missing = [planned for planned, run in rows if run is None or run.state in _RESUMABLE]
        readable = _has_images(chosen)
        with st.container(horizontal=True, vertical_alignment="center", key="start-study"):
            st.button(
                "Train what is missing" if 0 < len(missing) < len(rows) else "Train it live",
                type="primary",
                disabled=not missing or not readable,
                on_click=_start,
                args=(chosen,),
                help="Puts every network of this experiment that is not trained yet into the queue.",
            )
            active = [run for _, run in rows if run is not None and run.active]
            own = [run.id for run in active if open_store().may_change(run)]
            if own:
                st.button(
                    "Stop",
                    on_click=_stop,
                    args=(own,),
                    help="Ends these runs. They can be continued on the page Train.",
                )
            st.caption(_extent_text(rows, missing))
        ended = sum(run is not None and not run.active for _, run in rows)
        if ended or active:
            every = _TICK_SECONDS if active else _IDLE_SECONDS
            st.fragment(_follow, run_every=pace(every))(chosen, revealed, (ended, len(active)))


def _has_images(chosen: ChosenExperiment) -> bool:
    """Whether the images are here; if not, the page says so and where to get them."""
    lacking = studies.unavailable_data(chosen.plan(), environment.data_dir())
    for name, why in lacking.items():
        st.warning(in_markdown(why))
        st.page_link(
            navigation.page_named("data"),
            label="Get it on the page Data",
            query_params={"dataset": name},
            help="Opens the page with this data set chosen.",
        )
    return not lacking


def _load_rows(chosen: ChosenExperiment) -> list[_Row]:
    """All planned runs, each with its run in the store or None."""
    planned = chosen.plan()
    runs = {_planned_key(planned_run): run for planned_run, run in studies.find_runs(open_store(), planned)}
    return [(planned_run, runs.get(_planned_key(planned_run))) for planned_run in planned]


def _rows_with_continuations(chosen: ChosenExperiment) -> list[_Row]:
    """`_load_rows`, after continuations of what the person started are queued, if their first runs have finished."""
    rows = _load_rows(chosen)
    if chosen not in st.session_state.get(_STARTED, []) or all(run is not None for _, run in rows):
        return rows
    studies.start_runs(open_store(), chosen.plan())
    background_jobs().wake()
    return _load_rows(chosen)


def _planned_key(planned: PlannedRun) -> tuple[str, str, int, str]:
    return planned.experiment.name, planned.variant.label, planned.seed, planned.protocol


def _extent_text(rows: Sequence[_Row], missing: Sequence[PlannedRun]) -> str:
    """How many runs there are, and about how long the missing ones will take."""
    count = f"{len(rows)} run{'s' * (len(rows) > 1)}"
    if not missing:
        return f"All {count} are trained or on their way." if len(rows) > 1 else "This run is trained or on its way."
    with contextlib.suppress(MnistLabError):
        seconds = sweeps.estimated_seconds(open_store(), [planned.config for planned in missing])
        return f"{len(missing)} of {count} to train: about {sweeps.duration_text(seconds)} on this machine."
    return f"{len(missing)} of {count} to train."


def _start(chosen: ChosenExperiment) -> None:
    with errors_as_toasts():
        studies.start_runs(open_store(), chosen.plan())
        st.session_state[_STARTED] = [*st.session_state.get(_STARTED, []), chosen]
        background_jobs().wake()


def _stop(ids: Sequence[str]) -> None:
    # Otherwise the continuations of these runs would be started later.
    st.session_state.pop(_STARTED, None)
    with errors_as_toasts():
        open_store().stop_all(ids)


def _follow(chosen: ChosenExperiment, revealed: bool, shown_counts: tuple[int, int]) -> None:
    """States and curves; draws the whole page again when a run has begun or ended."""
    rows = _load_rows(chosen)
    runs = [run for _, run in rows if run is not None]
    counts = sum(not run.active for run in runs), sum(run.active for run in runs)
    if counts != shown_counts:
        st.rerun()
    st.html(progress_html(rows, revealed))
    if not revealed:
        st.info("The curves appear here once the question above has been answered.")
        return
    several = chosen.seeds > 1
    live_curves().show(
        [replace(run, name=_label(planned, several)) for planned, run in rows if run is not None][:_MOST_CURVES]
    )
    if len(runs) > _MOST_CURVES:
        st.caption(f"The first {_MOST_CURVES} of {len(runs)} runs are on the chart.")


def progress_html(rows: Sequence[_Row], figures: bool) -> str:
    """HTML of every planned run: its colour, its progress, and with `figures` its accuracy."""
    seeds = len({planned.seed for planned, _ in rows}) > 1
    styles = run_styles(_runs_on_chart(rows))
    cells = (
        _cell_html(planned, run, styles.get(run.number, run_style(run.number)).colour if run else GREY, figures, seeds)
        for planned, run in rows
    )
    return f"<div class='board'>{''.join(cells)}</div>"


def _runs_on_chart(rows: Sequence[_Row]) -> list[Run]:
    """The runs whose curves are on the chart."""
    return [run for _, run in rows if run is not None][:_MOST_CURVES]


def _label(planned: PlannedRun, seeds: bool) -> str:
    """The network's name, with its seed if there are several, and its protocol unless it is the study's."""
    parts = [planned.variant.label, f"seed {planned.seed}" if seeds else ""]
    return " · ".join(part for part in (*parts, "honest" * (planned.protocol != PROTOCOLS[0])) if part)


def _cell_html(planned: PlannedRun, run: Run | None, colour: str, figures: bool, seeds: bool) -> str:
    label = _label(planned, seeds)
    status = _STATE_LABELS.get(run.state, run.state) if run else _STATE_LABELS["missing"]
    if run and run.validation_accuracy is not None and figures:
        status = f"{status} {run.validation_label} {run.validation_accuracy:.2%}"
    elif run and run.state == "running":
        status = f"epoch {min(run.epoch + 1, run.config.epochs)} of {run.config.epochs}"
    width = 100 * run.progress if run else 0
    return (
        f"<div><b><span style='color:{colour}'>●</span> {in_html(label)}</b><span>{in_html(status.strip())}</span>"
        f"<i><u style='width:{width:.1f}%;background:{colour}'></u></i></div>"
    )
