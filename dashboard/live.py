"""The part of the Train page that follows runs: how far each is, its buttons, the queue and the curves."""

from collections.abc import Sequence
from html import escape
from typing import Literal, cast, get_args

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import state
from dashboard.components.live_chart import Series, live_chart
from mnist_core import jobs
from mnist_core.plots.curves import decimate
from mnist_core.plots.style import run_label, run_style
from mnist_core.store import RESUMABLE, Run

_SHOWN = "runs"  # query parameter: numbers of the runs on the chart
_TICK_SECONDS = 0.5
_IDLE_SECONDS = 3.0  # a run may also be started from the command line
_CURVE_POINTS = 800
_Across = Literal["step", "epoch", "seconds"]
_MARKS = {
    "queued": "⏳",
    "running": "▶",
    "paused": "⏸",
    "stopped": "⏹",
    "finished": "✓",
    "diverged": "⚠",
    "failed": "✗",
    "interrupted": "⚡",
}


def show_also(number: int) -> None:
    """Put a run on the chart; to be called from a callback, before the page is drawn."""
    shown = st.session_state.get(_SHOWN, [])
    st.session_state[_SHOWN] = [*shown, number]


def follow_runs() -> None:
    """Choose runs and follow them until the last has ended."""
    every = state.store().runs()
    if not every:
        st.info("No run yet. Choose a network on the left and press **Start training**: its curves grow here.")
        return
    active = [run.number for run in every if run.active]
    chosen = state.pick_runs(
        _SHOWN,
        "Runs on the chart",
        "Their curves are drawn over one another, each in its own colour and dash.",
        every,
        default=active or [every[0].number],
    )
    busy = any(run.active for run in every)
    st.fragment(_follow, run_every=_TICK_SECONDS if busy else _IDLE_SECONDS)([run.id for run in chosen], busy)


def _follow(ids: Sequence[str], busy: bool) -> None:
    store = state.store()
    runs = store.runs(ids=ids)
    queue = store.queue()
    for run in runs:
        _progress(run, [waiting.id for waiting in queue])
    if runs:
        _curves(runs)
    if queue:
        _queue(queue)
    if busy != bool(store.runs(states=["queued", "running"])):
        st.rerun()  # the page refreshes faster while something trains


def _progress(run: Run, queue: Sequence[str]) -> None:
    style = run_style(run.number)
    with st.container(border=True, key=f"run-{run.number}"):
        title, facts, buttons = st.columns([3, 4, 2], vertical_alignment="center")
        title.html(
            f"<span style='color:{style.colour}'>●</span> <b>{escape(run_label(run))}</b>"
            f"<br>{_MARKS[run.state]} {_state(run, queue)}"
        )
        facts.progress(run.progress, text=_facts(run))
        with buttons, st.container(horizontal=True, horizontal_alignment="right"):
            _buttons(run)
        if run.note:
            (st.warning if run.state in ("diverged", "failed", "interrupted") else st.caption)(run.note)


def _buttons(run: Run) -> None:
    store = state.store()
    if run.active:
        for wish, label, help in (
            ("pause", "Pause", "Save a checkpoint and let go; it can be continued later."),
            ("stop", "Stop", "End here: save, and test what it has learned so far."),
        ):
            st.button(
                label,
                key=f"{wish}-{run.number}",
                help=help,
                on_click=store.request,
                args=(run.id, wish),
                disabled=bool(run.request),
            )
    elif run.state in RESUMABLE and run.progress < 1:
        st.button(
            "Continue",
            key=f"continue-{run.number}",
            on_click=_resume,
            args=(run.id,),
            type="primary",
            help="Go on from the last checkpoint, exactly as if it had never been interrupted.",
        )


def _resume(run_id: str) -> None:
    state.store().requeue(run_id)
    state.background().wake()


def _state(run: Run, queue: Sequence[str]) -> str:
    if run.state == "queued" and run.id in queue:
        return f"number {queue.index(run.id) + 1} in the queue"
    if run.state == "running" and run.request:
        return {"stop": "stopping", "pause": "pausing"}[run.request] + " …"
    if run.state == "running" and not run.step:
        return "starting …"
    return run.state


def _facts(run: Run) -> str:
    facts = [f"epoch {min(run.epoch + (run.state == 'running'), run.config.epochs)} of {run.config.epochs}"]
    if run.state == "running":
        facts += [f"{run.images_per_second:,.0f} images/s"] if run.images_per_second else []
        facts += [f"learning rate {run.learning_rate:.3g}"] if run.learning_rate else []
        facts += [f"{_clock(run.remaining_seconds)} left"] if run.remaining_seconds is not None else []
    else:
        facts += [_clock(run.seconds)]
    facts += [f"validation {run.validation_accuracy:.2%}"] if run.validation_accuracy is not None else []
    facts += [f"test {run.test_accuracy:.2%}"] if run.test_accuracy is not None else []
    return " · ".join(facts)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}" if minutes >= 60 else f"{minutes}:{rest:02d}"


def _curves(runs: Sequence[Run]) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", key="curve-controls"):
        smoothing = st.slider(
            "Smoothing",
            0.0,
            0.99,
            0.8,
            0.01,
            key="smoothing",
            bind="query-params",
            width=240,
            help="Weight of the past in the bold curve; the raw one stays faint behind it.",
        )
        across = st.segmented_control(
            "Across",
            get_args(_Across),
            default="step",
            key="x",
            bind="query-params",
            required=True,
            help="What the horizontal axis counts.",
        )
        log_x = st.toggle("Log x", key="log_x", bind="query-params", help="Logarithmic horizontal axis.")
        log_y = st.toggle("Log loss", key="log_y", bind="query-params", help="Logarithmic axis for the loss.")
    series = [
        Series(run.id, run_label(run), run_style(run.number).colour, run_style(run.number).dash,
               run.steps_per_epoch or 0, lambda after, run=run: _measurements(run.id, after))
        for run in runs
    ]  # fmt: skip
    live_chart("curves", series, smoothing=smoothing, log_x=log_x, log_y=log_y, x=cast(_Across, across), height=420)


def _measurements(run_id: str, after: int) -> pd.DataFrame:
    """New rows; the first time for a long run only as many as a screen can show, extremes kept."""
    rows = state.store().metrics(run_id, after)
    steps = rows.loc[rows["name"] == "train_loss"]
    if after or len(steps) <= _CURVE_POINTS:
        return rows
    kept, _ = decimate(np.asarray(steps["step"]), np.asarray(steps["value"]), _CURVE_POINTS)
    dropped = rows["name"].isin(["train_loss", "train_accuracy"]) & ~rows["step"].isin(kept.tolist())
    return rows.loc[~dropped]


def _queue(queue: Sequence[Run]) -> None:
    st.markdown("**Queue**")
    rows = [
        {"Place": place, "Run": run_label(run), "Epochs": run.config.epochs, "Data": run.dataset}
        for place, run in enumerate(queue, 1)
    ]
    st.dataframe(rows, hide_index=True, width="stretch")
    st.number_input(
        "Runs at once",
        1,
        64,
        jobs.runs_at_once(state.store()),
        key="runs_at_once",
        on_change=_set_limit,
        help="How many runs train at the same time. On a CPU more than one core a run seldom pays.",
    )


def _set_limit() -> None:
    jobs.set_runs_at_once(state.store(), st.session_state["runs_at_once"])
    state.background().wake()
