"""One run at a glance: its progress, its figures, and buttons for what can be done with it."""

import contextlib
from collections.abc import Sequence
from typing import Literal

import streamlit as st

from dashboard.components import renewed_html
from dashboard.controls import LiveCurves, change_one_thing
from dashboard.frame import add_chosen_runs, background_jobs, count_clicks, errors_as_toasts, is_new_click, open_store
from dashboard.train.challenges import show_challengers
from dashboard.train.leading_figure import figure_html
from dashboard.train.outcome import mistakes_html, show_ways_on
from mnist_core import jobs
from mnist_core.analysis import measures, races, trained
from mnist_core.config import MAX_EPOCHS, schedules
from mnist_core.errors import MnistLabError, RunStateError
from mnist_core.jobs import resuming
from mnist_core.plots import run_label, run_style
from mnist_core.store import RESUMABLE_STATES, Artifact, Run, queueing
from mnist_core.text import clock_text, in_html, in_markdown

# A worker reports every 0.4 s; only a longer silence is worth a message.
_SILENT_SECONDS = 10.0
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


def run_card(run: Run, queue: Sequence[str], size: Literal["large", "small", "line"], curves: LiveCurves) -> None:
    """Progress, figures and buttons of a run; `queue` holds the ids of the queued runs, the next one first.

    The card of a run that has ended is as high as it was while it trained: nothing below it moves.
    """
    with st.container(border=True, key=f"run-{run.number}"):
        parts = renewed_parts(run, queue, curves, size != "line")
        renewed = {key: renewed_html(key, html) for key, html in parts.items()}
        if size == "line":
            title, buttons = st.columns([5, 4], vertical_alignment="center")
            title.html(renewed[_state_key(run)])
        else:
            number, facts = st.columns([2, 3], vertical_alignment="center")
            number.html(f"<div class='{size}'>{renewed[_figure_key(run)]}</div>")
            facts.html(renewed[_state_key(run)])
            facts.html(f"<div class='mistakes'>{'' if run.active else mistakes_html(run)}</div>")
            buttons = facts
        with buttons, st.container(horizontal=True, vertical_alignment="center"):
            if run.active:
                if open_store().may_change(run):
                    _show_halt_buttons(run)
            else:
                _show_next_steps(run, may_challenge=size != "line")
        if not run.active and (changed := measures.changed_note(open_store().changed_runs([run]))):
            st.warning(changed)
        if run.state in RESUMABLE_STATES and (reason := st.session_state.get(_refusal_key(run))):
            _show_refusal(run, reason)
        elif run.note:
            (st.warning if run.state in ("diverged", "failed", "interrupted") else st.caption)(in_markdown(run.note))


def renewed_parts(run: Run, queue: Sequence[str], curves: LiveCurves, has_figure: bool) -> dict[str, str]:
    """What changes in a card while its run trains: HTML by the key for `renewed_html`. A line has no figure."""
    figure = {_figure_key(run): figure_html(run, curves)} if has_figure else {}
    return figure | {_state_key(run): _state_html(run, queue)}


def _figure_key(run: Run) -> str:
    return f"figure-{run.number}"


def _state_key(run: Run) -> str:
    return f"state-{run.number}"


def _state_html(run: Run, queue: Sequence[str]) -> str:
    """Name and state, and how far it is."""
    return (
        f"<div class='run-title'><span style='color:{run_style(run.number).colour}'>●</span> "
        f"<b>{in_html(run_label(run))}</b> · {_MARKS[run.state]} {_state_text(run, queue)}</div>"
        f"<p class='progress-text'>{in_html(_progress_text(run))}</p>"
        f"<div class='progress' role='progressbar' aria-label='Progress of run {run.number}' aria-valuemin='0' "
        f"aria-valuemax='100' aria-valuenow='{100 * run.progress:.0f}'><i style='width:{run.progress:.1%}'></i></div>"
    )


def _show_halt_buttons(run: Run) -> None:
    for request, label, help in (
        ("pause", "Pause", "Saves the network and stops; the run can be continued later."),
        ("stop", "Stop", "Ends the run now: saves the network and tests what it has learned so far."),
    ):
        st.button(
            label,
            key=f"{request}-{run.number}",
            help=help,
            on_click=_request,
            args=(run.id, request),
            disabled=bool(run.request),
        )


def _show_next_steps(run: Run, may_challenge: bool) -> None:
    resumable = run.state in RESUMABLE_STATES and run.progress < 1 and open_store().may_change(run)
    if resumable and not st.session_state.get(_refusal_key(run)):
        st.button(
            "Continue",
            key=f"continue-{run.number}",
            on_click=_resume,
            args=(run,),
            type="primary",
            help="Goes on from the last saved state, as if it had never been interrupted (on the same machine).",
        )
    epochs = sorted({artifact.epoch for artifact in trained.checkpoints(open_store(), run) if artifact.epoch})
    if not epochs:
        return
    show_ways_on(run)
    if may_challenge:
        show_challengers([run], next(iter(races.race_names(run)), None))
    with st.popover("More", help="Change one thing, or start a new run from one of its checkpoints."):
        change_one_thing.show_link(run)
        earlier = [epoch for epoch in epochs if epoch < MAX_EPOCHS]
        if not earlier:
            return
        st.divider()
        st.markdown("**A new run from one of its checkpoints**")
        first = st.selectbox(
            "From the end of epoch",
            earlier,
            index=len(earlier) - 1,
            key=f"from-{run.number}",
            help="The new run starts with the weights, optimizer and random state of this epoch.",
        )
        total = st.number_input(
            "Up to epoch",
            first + 1,
            MAX_EPOCHS,
            min(MAX_EPOCHS, max(run.config.epochs, first + 5)),
            key=f"to-{run.number}",
            help="Counted from the first epoch of the original run.",
        )
        _show_remarks(run, first, total)
        st.button(
            "Start the new run",
            key=f"branch-{run.number}",
            on_click=_branch,
            args=(run, first, total, count_clicks("branch")),
            help="All other settings stay the same.",
        )


def _show_refusal(run: Run, reason: str) -> None:
    """Why the run cannot go on, and three buttons: go back, start from the first step, leave it as it is."""
    st.warning(in_markdown(reason))
    with st.container(horizontal=True):
        if run.config.library == "torch" and resuming.last_intact(open_store(), run):
            st.button(
                "Go back",
                key=f"back-{run.number}",
                on_click=_go_back,
                args=(run,),
                help="Goes on from the last intact checkpoint, and removes everything that was recorded after it.",
            )
        st.button(
            "Start over",
            key=f"anew-{run.number}",
            on_click=_start_anew,
            args=(run,),
            help="Removes everything that was recorded of this run, and trains it from the first step.",
        )
        st.button(
            "Leave it",
            key=f"leave-{run.number}",
            on_click=_leave,
            args=(run,),
            help="Changes nothing. Its curves and figures stay.",
        )


def _show_remarks(run: Run, epoch: int, total: int) -> None:
    """Warn of a learning rate that would behave in the new run as one might not expect."""
    # Values that cannot be used are reported when the button is clicked.
    with contextlib.suppress(MnistLabError):
        config = run.config.replace(continue_from=run.id, continue_epoch=epoch, epochs=total)
        for remark in schedules.schedule_remarks(config, run.config):
            st.warning(in_markdown(remark))


def _request(run_id: str, request: str) -> None:
    # A run that has ended in the meantime refuses; the page already shows its new state.
    with errors_as_toasts(), contextlib.suppress(RunStateError):
        open_store().request(run_id, request)


def _resume(run: Run) -> None:
    if reason := resuming.refusal(open_store(), run):
        st.session_state[_refusal_key(run)] = reason
        return
    _requeue(run)


def _start_anew(run: Run) -> None:
    _leave(run)
    _requeue(run, from_scratch=True)


def _go_back(run: Run) -> None:
    _leave(run)
    _requeue(run, back_to=resuming.last_intact(open_store(), run))


def _requeue(run: Run, *, from_scratch: bool = False, back_to: Artifact | None = None) -> None:
    with errors_as_toasts():
        # Where somebody else has resumed it, the page already shows that.
        with contextlib.suppress(RunStateError):
            queueing.requeue(open_store(), run, from_scratch=from_scratch, back_to=back_to)
        background_jobs().wake()


def _leave(run: Run) -> None:
    st.session_state.pop(_refusal_key(run), None)


def _refusal_key(run: Run) -> str:
    """Key of the session for the reason why this run could not be continued."""
    return f"refused:{run.id}"


def _branch(run: Run, epoch: int, total: int, click: int) -> None:
    if not is_new_click("branch", click):
        return
    with errors_as_toasts():
        config = run.config.replace(continue_from=run.id, continue_epoch=epoch, epochs=total)
        branch = queueing.enqueue(open_store(), config, f"{run.name}, from epoch {epoch}")
        background_jobs().wake()
        add_chosen_runs("runs", branch.number)


def _state_text(run: Run, queue: Sequence[str]) -> str:
    if run.state == "queued" and run.id in queue:
        return f"number {queue.index(run.id) + 1} in the queue"
    if run.state == "running" and (silent := jobs.silent_seconds(run)) > _SILENT_SECONDS:
        return f"running · no report for {silent:.0f} s"
    if run.state == "running" and run.request:
        return {"stop": "stopping", "pause": "pausing", "move": "moving to another machine"}[run.request] + " …"
    if run.state == "running" and not run.step:
        return "starting …"
    return run.state


def _progress_text(run: Run) -> str:
    facts = [f"epoch {min(run.epoch + (run.state == 'running'), run.config.epochs)} of {run.config.epochs}"]
    if run.state == "running":
        facts += [f"{run.images_per_second:,.0f} images/s"] if run.images_per_second else []
        facts += [f"learning rate {run.learning_rate:.3g}"] if run.learning_rate else []
        facts += [f"{clock_text(run.remaining_seconds)} left"] if run.remaining_seconds is not None else []
    else:
        facts += [clock_text(run.seconds)]
    facts += [f"validation {run.held_out_accuracy:.2%}"] if run.held_out_accuracy is not None else []
    test = "test (optimistic)" if run.optimistic else "test"
    facts += [f"{test} {run.tested_accuracy:.2%}"] if run.tested_accuracy is not None else []
    return " · ".join(facts)
