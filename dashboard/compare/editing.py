"""Changing what the table of runs holds: rename, tag, delete, undo, bring back."""

from collections.abc import Sequence

import streamlit as st

from dashboard.controls import importing, run_table
from dashboard.frame import errors_as_messages, open_store
from mnist_core.analysis import measures
from mnist_core.plots import run_label
from mnist_core.store import NAME_LENGTH, Run
from mnist_core.text import in_markdown, size_in_words

# broken runs that are told one by one
_SHOWN = 3
# runs with changed figures whose numbers are told
_CHANGED_SHOWN = 10
# ids of what the last deletion removed
_DELETED = "deleted just now"
# bytes
_ROOM = "room of what was deleted"
_NAME, _TAGS, _ADDED, _REMOVED, _BACK = "new name", "new tags", "added tags", "removed tags", "brought back"


def show_edit_buttons(every: run_table.Snapshot, runs: Sequence[Run]) -> None:
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
        help="Runs that train are stopped. You can undo it, or bring runs back for a day; then their room on the disk "
        "is free.",
    )
    show_restore_and_import()


def show_restore_and_import() -> None:
    """What brings runs into the table: those that were deleted, and those from elsewhere."""
    if st.button("Recently deleted", key="bin", help="Bring back what was deleted within the last day."):
        run_table.dialog_opened()
        _recently_deleted()
    with st.popover("Import", help="Take in a run that was given away as a zip."):
        importing.show_import()


def warn_of_broken_runs(every: run_table.Snapshot) -> None:
    """Which runs cannot be read, why, and the way to be rid of them."""
    if not every.broken:
        return
    shown = " ".join(in_markdown(run.described) for run in every.broken[:_SHOWN])
    more = f" So it is with {len(every.broken) - _SHOWN:,} more." if len(every.broken) > _SHOWN else ""
    stuck = [run for run in every.broken if not run.removable]
    remedy = f" {in_markdown(stuck[0].remedy)}" if stuck else ""
    st.warning(f"{shown}{more} All other runs can be read.{remedy}")
    numbers = [run.number for run in every.broken if run.removable]
    if numbers:
        many = f"these {len(numbers):,} runs" if len(numbers) > 1 else "this run"
        st.button(
            f"Delete {many}",
            key="delete-broken",
            on_click=_delete_broken,
            args=(numbers,),
            help="A backup of the database may have it whole.",
        )


def warn_of_changed_figures(every: run_table.Snapshot) -> None:
    """Which runs' stored figures have changed since they ended."""
    if not every.changed:
        return
    shown = measures.changed_note(every.changed[:_CHANGED_SHOWN])
    more = len(every.changed) - _CHANGED_SHOWN
    st.warning(shown + (f" So it is with {more:,} more: the filter finds them by “changed”." if more > 0 else ""))


def show_undo() -> None:
    """After a deletion: what was deleted, and the way back."""
    ids = st.session_state.get(_DELETED, [])
    if not ids:
        return
    with st.container(horizontal=True, vertical_alignment="center", border=True, key="undo-bar"):
        many = "1 run deleted." if len(ids) == 1 else f"{len(ids):,} runs deleted."
        room = st.session_state.get(_ROOM, 0)
        st.markdown(f"{many} {size_in_words(room)} will be free in a day." if room else many, width="content")
        st.button("Undo", key="undo", type="primary", on_click=_restore, args=(ids,), help="Bring them back, chosen.")
        st.button("Close", key="close", on_click=_forget, help="They can be brought back for a day all the same.")


def _delete(runs: Sequence[Run]) -> None:
    with errors_as_messages():
        st.session_state[_ROOM] = sum(open_store().sizes([run.id for run in runs]).values())
        open_store().delete([run.id for run in runs])
    run_table.discard_snapshot()
    st.session_state[_DELETED] = [run.id for run in runs]
    run_table.set_chosen([])


def _delete_broken(numbers: Sequence[int]) -> None:
    with errors_as_messages():
        open_store().delete_broken(numbers)
    run_table.discard_snapshot()


def _restore(ids: Sequence[str]) -> None:
    open_store().restore(ids)
    run_table.discard_snapshot()
    back = set(ids)
    run_table.set_chosen([run.number for run in run_table.load_snapshot().runs.values() if run.id in back])
    _forget()


def _forget() -> None:
    st.session_state[_DELETED] = []


@st.dialog("Name and tags", on_dismiss=run_table.dialog_closed)
def _edit(every: run_table.Snapshot, runs: Sequence[Run]) -> None:
    run_table.close_finished_dialog()
    known = sorted({tag for run in every.runs.values() for tag in run.tags})
    ready = _one(runs[0], known) if len(runs) == 1 else _several(runs, known)
    st.button(
        "Save", key="save", type="primary", disabled=not ready, on_click=_save, args=(runs,), help="A run needs a name."
    )


def _one(run: Run, known: Sequence[str]) -> bool:
    name = st.text_input("Name", run.name, key=_NAME, max_chars=NAME_LENGTH, help="It need not be unique.")
    st.multiselect(
        "Tags",
        known,
        run.tags,
        key=_TAGS,
        accept_new_options=True,
        placeholder="Choose or type",
        help="Words of your own to find a group of runs again: the filter searches them.",
    )
    return bool(name.strip())


def _several(runs: Sequence[Run], known: Sequence[str]) -> bool:
    numbers = ", ".join(str(run.number) for run in runs[:12])
    st.caption(f"{len(runs):,} runs: {numbers}" + ", …" * (len(runs) > 12))
    st.multiselect(
        "Add",
        known,
        key=_ADDED,
        accept_new_options=True,
        placeholder="Choose or type",
        help="Tags that all of these runs get.",
    )
    held = sorted({tag for run in runs for tag in run.tags})
    st.multiselect(
        "Take away",
        held,
        key=_REMOVED,
        disabled=not held,
        placeholder="Choose" if held else "They have none",
        help="Tags that these runs lose.",
    )
    return True


def _save(runs: Sequence[Run]) -> None:
    store, said = open_store(), st.session_state
    with errors_as_messages():
        if len(runs) == 1:
            store.rename(runs[0].id, said[_NAME])
        for run in runs:
            several = (set(run.tags) | set(said.get(_ADDED, []))) - set(said.get(_REMOVED, []))
            tags = set(said[_TAGS]) if len(runs) == 1 else several
            if tags != set(run.tags):
                store.set_tags(run.id, tags)
    run_table.discard_snapshot()
    run_table.dialog_closed()


@st.dialog("Recently deleted", on_dismiss=run_table.dialog_closed)
def _recently_deleted() -> None:
    run_table.close_finished_dialog()
    gone = {run.id: run for run in sorted(open_store().runs(deleted=True), key=lambda run: -(run.deleted or 0))}
    if not gone:
        st.info("Nothing was deleted within the last day.")
        return
    st.multiselect(
        "Runs to bring back",
        list(gone),
        format_func=lambda run_id: _deleted(gone[run_id]) if run_id in gone else "",
        key=_BACK,
        placeholder="Choose runs",
        help="The last deleted first. A day after its deletion a run is removed for good, with its files.",
    )
    st.button(
        "Bring back",
        key="bring back",
        type="primary",
        on_click=_bring_back,
        help="Puts them back into the table.",
    )


def _bring_back() -> None:
    open_store().restore(st.session_state[_BACK])
    run_table.discard_snapshot()
    run_table.dialog_closed()


def _deleted(run: Run) -> str:
    minutes = int((open_store().clock() - (run.deleted or 0)) // 60)
    ago = f"{minutes // 60} h ago" if minutes >= 60 else f"{minutes} min ago" if minutes else "just now"
    return f"{run_label(run)}, deleted {ago}"
