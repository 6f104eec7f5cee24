"""One run at a glance: how far it is, what it has reached, and what can be done with it."""

import contextlib
from collections.abc import Sequence

import streamlit as st

from dashboard.controls import change_one_thing
from dashboard.frame import add_chosen_runs, background_jobs, count_clicks, is_new_click, navigation, open_store
from mnist_core import jobs
from mnist_core.analysis import measures, trained
from mnist_core.config import schedules
from mnist_core.errors import MnistLabError, StoreError
from mnist_core.jobs import resuming
from mnist_core.plots import run_label, run_style
from mnist_core.store import RESUMABLE_STATES, Artifact, Run, queueing
from mnist_core.text import in_html, in_markdown

# A worker says every 0.4 s that it lives; a person need not hear of a moment.
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


def run_card(run: Run, queue: Sequence[str]) -> None:
    """Progress, figures and buttons of a run; `queue` holds the ids of the queued runs, the next one first."""
    with st.container(border=True, key=f"run-{run.number}"):
        title, facts, buttons = st.columns([3, 4, 2], vertical_alignment="center")
        title.html(
            f"<span style='color:{run_style(run.number).colour}'>●</span> <b>{in_html(run_label(run))}</b>"
            f"<br>{_MARKS[run.state]} {_state(run, queue)}"
        )
        facts.progress(run.progress, text=_facts(run))
        with buttons, st.container(horizontal=True, horizontal_alignment="right"):
            if run.active:
                _halt(run)
            else:
                _go_on(run)
        if not run.active and (changed := measures.changed_note(open_store().changed_runs([run]))):
            st.warning(changed)
        if run.state in RESUMABLE_STATES and (reason := st.session_state.get(_refused(run))):
            _anew(run, reason)
        elif run.note:
            (st.warning if run.state in ("diverged", "failed", "interrupted") else st.caption)(in_markdown(run.note))


def _halt(run: Run) -> None:
    for wish, label, help in (
        ("pause", "Pause", "Save a checkpoint and let go; it can be continued later."),
        ("stop", "Stop", "End here: save, and test what it has learned so far."),
    ):
        st.button(
            label, key=f"{wish}-{run.number}", help=help, on_click=_ask, args=(run.id, wish), disabled=bool(run.request)
        )


def _go_on(run: Run) -> None:
    if run.state in RESUMABLE_STATES and run.progress < 1 and not st.session_state.get(_refused(run)):
        st.button(
            "Continue",
            key=f"continue-{run.number}",
            on_click=_resume,
            args=(run,),
            type="primary",
            help="Go on from the last checkpoint: on the same machine exactly as if it had never been interrupted.",
        )
    epochs = sorted({artifact.epoch for artifact in trained.checkpoints(open_store(), run) if artifact.epoch})
    if not epochs:
        return
    with st.popover("More", help="Look at this run, or start a new one from it."):
        for page, label in (("inspect", "Look inside"), ("draw", "Draw for it")):
            key = "run" if page == "inspect" else "runs"
            st.page_link(
                navigation.page_named(page),
                label=label,
                query_params={key: str(run.number)},
                help="Opens the page with this run chosen.",
            )
        change_one_thing.show_link(run)
        st.divider()
        st.markdown("**A new run from one of its checkpoints**")
        first = st.selectbox(
            "From the end of epoch",
            epochs,
            index=len(epochs) - 1,
            key=f"from-{run.number}",
            help="Weights, optimizer and random state are taken over.",
        )
        total = st.number_input(
            "Up to epoch",
            first + 1,
            10_000,
            max(run.config.epochs, first + 5),
            key=f"to-{run.number}",
            help="Counted from the start of the first run.",
        )
        _remarks(run, first, total)
        st.button(
            "Start the new run",
            key=f"branch-{run.number}",
            on_click=_branch,
            args=(run, first, total, count_clicks("branch")),
            help="All other settings stay as they were.",
        )


def _anew(run: Run, reason: str) -> None:
    """Why it cannot go on, and the choice between going back, starting it anew and leaving it as it is."""
    st.warning(in_markdown(reason))
    with st.container(horizontal=True):
        if run.config.library == "torch" and resuming.last_intact(open_store(), run):
            st.button(
                "Go back",
                key=f"back-{run.number}",
                on_click=_go_back,
                args=(run,),
                help="Goes on from the last whole checkpoint; removes what was recorded after it.",
            )
        st.button(
            "Start anew",
            key=f"anew-{run.number}",
            on_click=_start_anew,
            args=(run,),
            help="Removes what is recorded of this run, and trains it from the first step.",
        )
        st.button(
            "Leave it",
            key=f"leave-{run.number}",
            on_click=_leave,
            args=(run,),
            help="Changes nothing: its curves and figures stay.",
        )


def _remarks(run: Run, epoch: int, total: int) -> None:
    """What the learning rate of the new run would do that one might not expect."""
    # which the click would say
    with contextlib.suppress(MnistLabError):
        config = run.config.replace(continue_from=run.id, continue_epoch=epoch, epochs=total)
        for remark in schedules.schedule_remarks(config, run.config):
            st.warning(in_markdown(remark))


def _ask(run_id: str, wish: str) -> None:
    # it has ended by itself meanwhile, as the page now shows
    with contextlib.suppress(StoreError):
        open_store().request(run_id, wish)


def _resume(run: Run) -> None:
    if reason := resuming.refusal(open_store(), run):
        st.session_state[_refused(run)] = reason
        return
    _requeue(run)


def _start_anew(run: Run) -> None:
    _leave(run)
    _requeue(run, from_scratch=True)


def _go_back(run: Run) -> None:
    _leave(run)
    _requeue(run, back_to=resuming.last_intact(open_store(), run))


def _requeue(run: Run, *, from_scratch: bool = False, back_to: Artifact | None = None) -> None:
    try:
        queueing.requeue(open_store(), run, from_scratch=from_scratch, back_to=back_to)
    except StoreError:
        # Somebody else has resumed it, as the page now shows.
        pass
    except MnistLabError as error:
        st.toast(in_markdown(str(error)))
        return
    background_jobs().wake()


def _leave(run: Run) -> None:
    st.session_state.pop(_refused(run), None)


def _refused(run: Run) -> str:
    """Where the session keeps why this run was not continued when that was asked for."""
    return f"refused:{run.id}"


def _branch(run: Run, epoch: int, total: int, click: int) -> None:
    if not is_new_click("branch", click):
        return
    try:
        config = run.config.replace(continue_from=run.id, continue_epoch=epoch, epochs=total)
        begun = queueing.enqueue(open_store(), config, f"{run.name}, from epoch {epoch}")
    except MnistLabError as error:
        st.toast(in_markdown(str(error)))
        return
    background_jobs().wake()
    add_chosen_runs("runs", begun.number)


def _state(run: Run, queue: Sequence[str]) -> str:
    if run.state == "queued" and run.id in queue:
        return f"number {queue.index(run.id) + 1} in the queue"
    if run.state == "running" and (silent := jobs.silent_seconds(run)) > _SILENT_SECONDS:
        return f"running · has said nothing for {silent:.0f} s"
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
    facts += [f"validation {run.held_out_accuracy:.2%}"] if run.held_out_accuracy is not None else []
    test = "test (optimistic)" if run.optimistic else "test"
    facts += [f"{test} {run.tested_accuracy:.2%}"] if run.tested_accuracy is not None else []
    return " · ".join(facts)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}" if minutes >= 60 else f"{minutes}:{rest:02d}"
