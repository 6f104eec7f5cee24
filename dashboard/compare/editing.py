"""Editing the runs in the table: rename, tag, delete, undo, bring back; and warnings about damaged runs."""

from collections.abc import Sequence

import streamlit as st

from dashboard.controls import importing, run_selection, run_snapshot
from dashboard.frame import errors_as_messages, open_store
from mnist_core.analysis import measures
from mnist_core.plots import run_label
from mnist_core.store import NAME_LENGTH, Run
from mnist_core.text import in_markdown, size_in_words

# Above this number of broken runs, the others are only counted.
_MOST_BROKEN_NAMED = 3
# Above this number of runs with changed figures, the others are only counted.
_MOST_CHANGED_NAMED = 10
# Session keys: ids of the runs that were deleted last, and how many bytes they occupy.
_DELETED, _DELETED_BYTES = "deleted just now", "room of what was deleted"
# Keys of widgets.
_NAME, _TAGS, _ADDED, _REMOVED, _BACK = "new name", "new tags", "added tags", "removed tags", "brought back"


def show_edit_buttons(snapshot: run_snapshot.Snapshot, runs: Sequence[Run]) -> None:
    """The buttons that change the chosen runs."""
    many = f"{len(runs):,} runs" if len(runs) > 1 else "run"
    is_allowed = bool(runs) and all(map(open_store().may_change, runs))
    if st.button(
        "Edit tags" if len(runs) > 1 else "Rename or tag",
        key="edit",
        disabled=not is_allowed,
        help="Change names and tags. Tick runs in the table first.",
    ):
        run_selection.dialog_opened()
        _edit(snapshot, runs)
    st.button(
        f"Delete {many}",
        key="delete",
        disabled=not is_allowed,
        on_click=_delete,
        args=(runs,),
        help="Runs that train are stopped. You can undo this, or bring runs back for a day; after that their disk "
        "space is free.",
    )
    show_restore_and_import()


def show_restore_and_import() -> None:
    """Buttons that bring runs into the table: deleted runs, and runs from an archive."""
    if st.button("Recently deleted", key="bin", help="Bring back what was deleted within the last day."):
        run_selection.dialog_opened()
        _recently_deleted()
    with st.popover("Import", help="Add a run from a zip file that MNIST Lab made."):
        importing.show_import()


def warn_of_broken_runs(snapshot: run_snapshot.Snapshot) -> None:
    """Name the runs that cannot be read, with the reason and a button that deletes them."""
    if not snapshot.broken:
        return
    shown = " ".join(in_markdown(run.described) for run in snapshot.broken[:_MOST_BROKEN_NAMED])
    hidden = len(snapshot.broken) - _MOST_BROKEN_NAMED
    more = f" The same holds for {hidden:,} more." if hidden > 0 else ""
    stuck = [run for run in snapshot.broken if not run.removable]
    remedy = f" {in_markdown(stuck[0].remedy)}" if stuck else ""
    st.warning(f"{shown}{more} All other runs can be read.{remedy}")
    numbers = [run.number for run in snapshot.broken if run.removable]
    if numbers:
        many = f"these {len(numbers):,} runs" if len(numbers) > 1 else "this run"
        st.button(
            f"Delete {many}",
            key="delete-broken",
            on_click=_delete_broken,
            args=(numbers,),
            help="A backup of the database may still have it undamaged.",
        )


def warn_of_changed_figures(snapshot: run_snapshot.Snapshot) -> None:
    """Name the runs whose stored figures have changed since they ended."""
    if not snapshot.changed:
        return
    note = measures.changed_note(snapshot.changed[:_MOST_CHANGED_NAMED])
    hidden = len(snapshot.changed) - _MOST_CHANGED_NAMED
    st.warning(note + (f" {hidden:,} more have changed: type “changed” into the filter." if hidden > 0 else ""))


def show_undo() -> None:
    """After a deletion: how many runs were deleted, and a button that brings them back."""
    ids = st.session_state.get(_DELETED, [])
    if not ids:
        return
    with st.container(horizontal=True, vertical_alignment="center", border=True, key="undo-bar"):
        many = "1 run deleted." if len(ids) == 1 else f"{len(ids):,} runs deleted."
        size = st.session_state.get(_DELETED_BYTES, 0)
        st.markdown(f"{many} {size_in_words(size)} will be free in a day." if size else many, width="content")
        st.button(
            "Undo",
            key="undo",
            type="primary",
            on_click=_restore,
            args=(ids,),
            help="Bring them back and choose them again.",
        )
        st.button("Close", key="close", on_click=_forget, help="Recently deleted still brings them back for a day.")


def _delete(runs: Sequence[Run]) -> None:
    with errors_as_messages():
        st.session_state[_DELETED_BYTES] = sum(open_store().sizes([run.id for run in runs]).values())
        open_store().delete([run.id for run in runs])
        st.session_state[_DELETED] = [run.id for run in runs]
        run_selection.set_chosen([])
    run_snapshot.discard_snapshot()


def _delete_broken(numbers: Sequence[int]) -> None:
    with errors_as_messages():
        open_store().delete_broken(numbers)
    run_snapshot.discard_snapshot()


def _restore(ids: Sequence[str]) -> None:
    open_store().restore(ids)
    run_snapshot.discard_snapshot()
    run_selection.set_chosen(sorted((run.number for run in open_store().runs(ids=ids)), reverse=True))
    _forget()


def _forget() -> None:
    st.session_state[_DELETED] = []


@st.dialog("Name and tags", on_dismiss=run_selection.dialog_closed)
def _edit(snapshot: run_snapshot.Snapshot, runs: Sequence[Run]) -> None:
    run_selection.close_finished_dialog()
    tags_offered = sorted({tag for run in snapshot.runs.values() for tag in run.tags})
    ready = _edit_one_run(runs[0], tags_offered) if len(runs) == 1 else _edit_several_runs(runs, tags_offered)
    st.button(
        "Save", key="save", type="primary", disabled=not ready, on_click=_save, args=(runs,), help="A run needs a name."
    )


def _edit_one_run(run: Run, tags_offered: Sequence[str]) -> bool:
    name = st.text_input("Name", run.name, key=_NAME, max_chars=NAME_LENGTH, help="It need not be unique.")
    st.multiselect(
        "Tags",
        tags_offered,
        run.tags,
        key=_TAGS,
        accept_new_options=True,
        placeholder="Choose or type",
        help="Your own words for a group of runs. The filter searches them.",
    )
    return bool(name.strip())


def _edit_several_runs(runs: Sequence[Run], tags_offered: Sequence[str]) -> bool:
    numbers = ", ".join(str(run.number) for run in runs[:12])
    st.caption(f"{len(runs):,} runs: {numbers}" + ", …" * (len(runs) > 12))
    st.multiselect(
        "Add",
        tags_offered,
        key=_ADDED,
        accept_new_options=True,
        placeholder="Choose or type",
        help="All of these runs get these tags.",
    )
    held = sorted({tag for run in runs for tag in run.tags})
    st.multiselect(
        "Take away",
        held,
        key=_REMOVED,
        disabled=not held,
        placeholder="Choose" if held else "They have none",
        help="All of these runs lose these tags.",
    )
    return True


def _save(runs: Sequence[Run]) -> None:
    store, values = open_store(), st.session_state
    with errors_as_messages():
        if len(runs) == 1:
            store.rename(runs[0].id, values[_NAME])
        for run in runs:
            several = (set(run.tags) | set(values.get(_ADDED, []))) - set(values.get(_REMOVED, []))
            tags = set(values[_TAGS]) if len(runs) == 1 else several
            if tags != set(run.tags):
                store.set_tags(run.id, tags)
    run_snapshot.discard_snapshot()
    run_selection.dialog_closed()


@st.dialog("Recently deleted", on_dismiss=run_selection.dialog_closed)
def _recently_deleted() -> None:
    run_selection.close_finished_dialog()
    store = open_store()
    deleted = filter(store.may_change, store.runs(deleted=True))
    gone = {run.id: run for run in sorted(deleted, key=lambda run: -(run.deleted or 0))}
    if not gone:
        st.info("Nothing was deleted within the last day.")
        return
    st.multiselect(
        "Runs to bring back",
        list(gone),
        format_func=lambda run_id: _deleted(gone[run_id]) if run_id in gone else "",
        key=_BACK,
        placeholder="Choose runs",
        help="The last deleted run is first. A day after its deletion a run and its files are gone for good.",
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
    run_snapshot.discard_snapshot()
    run_selection.dialog_closed()


def _deleted(run: Run) -> str:
    minutes = int((open_store().clock() - (run.deleted or 0)) // 60)
    ago = f"{minutes // 60} h ago" if minutes >= 60 else f"{minutes} min ago" if minutes else "just now"
    return f"{run_label(run)}, deleted {ago}"
