"""Changing what the table of runs holds: rename, tag, delete, undo, bring back."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import streamlit as st

from dashboard import run_table, state
from mnist_core.plots.style import run_label
from mnist_core.store import Run

_DELETED = "deleted just now"  # ids of what the last deletion removed


def buttons(every: run_table.Snapshot, runs: Sequence[Run]) -> None:
    """The buttons that change the chosen runs."""
    many = f"{len(runs):,} runs" if len(runs) > 1 else "run"
    if st.button(
        "Edit tags" if len(runs) > 1 else "Rename or tag",
        key="edit",
        disabled=not runs,
        help="Another name, other tags. Tick runs in the table first.",
    ):
        run_table.dialog_opened()
        _edit(every, runs)
    st.button(
        f"Delete {many}",
        key="delete",
        disabled=not runs,
        on_click=_delete,
        args=(runs,),
        help="Runs that train are stopped. You can undo it, or bring runs back for a day.",
    )
    if st.button("Recently deleted", key="bin", help="Bring back what was deleted within the last day."):
        run_table.dialog_opened()
        _recently_deleted()


def undo() -> None:
    """After a deletion: what was deleted, and the way back."""
    ids = st.session_state.get(_DELETED, [])
    if not ids:
        return
    with st.container(horizontal=True, vertical_alignment="center", border=True, key="undo-bar"):
        st.markdown("1 run deleted." if len(ids) == 1 else f"{len(ids):,} runs deleted.", width="content")
        st.button("Undo", key="undo", type="primary", on_click=_restore, args=(ids,), help="Bring them back, chosen.")
        st.button("Close", key="close", on_click=_forget, help="They can be brought back for a day all the same.")


def _delete(runs: Sequence[Run]) -> None:
    state.store().delete([run.id for run in runs])
    run_table.changed()
    st.session_state[_DELETED] = [run.id for run in runs]
    run_table.choose([])


def _restore(ids: Sequence[str]) -> None:
    state.store().restore(ids)
    run_table.changed()
    back = set(ids)
    run_table.choose([run.number for run in run_table.snapshot().runs.values() if run.id in back])
    _forget()


def _forget() -> None:
    st.session_state[_DELETED] = []


@st.dialog("Name and tags", on_dismiss=run_table.dialog_closed)
def _edit(every: run_table.Snapshot, runs: Sequence[Run]) -> None:
    known = sorted({tag for run in every.runs.values() for tag in run.tags})
    if len(runs) == 1:
        name = st.text_input("Name", runs[0].name, key="new name", max_chars=200, help="It need not be unique.")
        tags = st.multiselect(
            "Tags",
            known,
            runs[0].tags,
            key="new tags",
            accept_new_options=True,
            placeholder="Choose or type",
            help="Words of your own to find a group of runs again: the filter searches them.",
        )
        changes = {runs[0].id: set(tags)}
    else:
        name = ""
        st.caption(
            f"{len(runs):,} runs: " + ", ".join(run_label(run, 24) for run in runs[:5]) + ", …" * (len(runs) > 5)
        )
        add = st.multiselect(
            "Add",
            known,
            key="added tags",
            accept_new_options=True,
            placeholder="Choose or type",
            help="Tags that all of these runs get.",
        )
        held = sorted({tag for run in runs for tag in run.tags})
        remove = st.multiselect(
            "Take away",
            held,
            key="removed tags",
            disabled=not held,
            help="Tags that these runs lose.",
            placeholder="Choose" if held else "They have none",
        )
        changes = {run.id: (set(run.tags) | set(add)) - set(remove) for run in runs}
    if st.button("Save", key="save", type="primary", help="Change the chosen runs."):
        with state.errors_as_messages():
            _save(runs, name, changes)
            run_table.changed()
            run_table.dialog_closed()
            st.rerun()


def _save(runs: Sequence[Run], name: str, changes: dict[str, set[str]]) -> None:
    store = state.store()
    if len(runs) == 1:
        store.rename(runs[0].id, name)
    for run in runs:
        if changes[run.id] != set(run.tags):
            store.set_tags(run.id, changes[run.id])


@st.dialog("Recently deleted", on_dismiss=run_table.dialog_closed)
def _recently_deleted() -> None:
    gone = {run.id: run for run in sorted(state.store().runs(deleted=True), key=lambda run: -(run.deleted or 0))}
    if not gone:
        st.info("Nothing was deleted within the last day.")
        return
    ids = st.multiselect(
        "Runs to bring back",
        list(gone),
        format_func=lambda run_id: f"{run_label(gone[run_id])}, deleted {_clock(gone[run_id].deleted or 0)}",
        key="brought back",
        placeholder="Choose runs",
        help="The last deleted first. A day after its deletion a run is removed for good, with its files.",
    )
    if st.button("Bring back", key="bring back", type="primary", disabled=not ids, help="They appear in the table."):
        state.store().restore(ids)
        run_table.changed()
        run_table.dialog_closed()
        st.rerun()


def _clock(seconds: float) -> str:
    zone = st.context.timezone
    return datetime.fromtimestamp(seconds, ZoneInfo(zone) if zone else None).strftime("%H:%M")
