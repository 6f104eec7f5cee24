"""The runs that a page lists, as they were at one moment: the newest thousand, or those that a filter finds."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.components import TableRows, table_rows
from dashboard.controls.run_columns import column_configs, run_rows, with_broken
from dashboard.frame import open_store
from mnist_core.store import ACTIVE_STATES, BrokenRun, Run, RunQuery, Scope, Store, names_of_people, read_page

# Added to the state of a run whose stored figures have changed.
_CHANGED_SUFFIX = ", changed"
# While a run trains, a change by another process appears after this time at the latest.
_STALE_SECONDS = 60.0
# Snapshots that are kept: one for each person of a class, and those of what was searched last.
_SNAPSHOTS = 40


@dataclass(frozen=True)
class Snapshot:
    """The newest runs that are not deleted, or the newest that a search finds, as they were at one moment."""

    # By number.
    runs: Mapping[int, Run]
    # One row for each run, indexed by number.
    table: pd.DataFrame
    # The table as it is sent; kept because making it takes longer than the rest of the page.
    rows: TableRows
    # The text that the filter searches, in lower case, indexed by number.
    search_texts: pd.Series
    # How many there are, with those beyond the newest thousand, and whether there are even more.
    total: int
    more: bool
    # Ids of all runs that wait or train.
    active: frozenset[str]
    # Runs whose row in the database cannot be read; they are in `table` but not in `runs`.
    broken: tuple[BrokenRun, ...]
    # Runs whose stored figures differ from those with which they ended.
    changed: tuple[Run, ...]

    @property
    def is_whole(self) -> bool:
        """Whether no run is left out."""
        return self.total <= len(self.table)


def load_snapshot() -> Snapshot:
    """The newest runs as they are now; of those that train, `show_table` and `load_chosen` read newer values."""
    store = open_store()
    return _read_snapshot(store.scope, _stamp(store), "")


def search(snapshot: Snapshot, text: str) -> Snapshot:
    """The newest runs that match `text`; the snapshot itself where it holds every run, or has the only matches."""
    words = " ".join(text.lower().split())
    if snapshot.is_whole or not words:
        return snapshot
    store = open_store()
    matching = _read_snapshot(store.scope, _stamp(store), words)
    # Whether stored figures have changed, which a filter may ask for, the database does not know.
    return matching if matching.total else snapshot


def discard_snapshot() -> None:
    """Forget the snapshot after a run was changed, so that the next one contains the change."""
    _read_snapshot.clear()


def matching_rows(snapshot: Snapshot, text: str) -> pd.DataFrame:
    """Rows of the table whose name, number (#12), tags, data set, architecture or state hold every word of `text`."""
    matches = np.ones(len(snapshot.search_texts), dtype=bool)
    for word in text.lower().split():
        matches &= snapshot.search_texts.str.contains(word, regex=False).to_numpy(dtype=bool)
    return snapshot.table if matches.all() else snapshot.table.loc[matches, :]


def runs_by_number(snapshot: Snapshot, numbers: Iterable[int]) -> Mapping[int, Run]:
    """The runs of a snapshot by number, with those of these numbers that are older."""
    older = [number for number in numbers if number not in snapshot.runs]
    if snapshot.is_whole or not older:
        return snapshot.runs
    older_runs = read_page(open_store(), RunQuery(numbers=older), limit=None).runs
    return {**snapshot.runs, **{run.number: run for run in older_runs}}


@st.cache_resource(show_spinner=False, max_entries=_SNAPSHOTS)
def _read_snapshot(scope: Scope, stamp: tuple[float, ...], words: str) -> Snapshot:
    store = open_store()
    page = read_page(store, RunQuery(text=words))
    runs, broken = page.runs, page.broken
    sizes = store.sizes([run.id for run in runs])
    frame = with_broken(run_rows(runs, sizes, names_of_people(store)), broken)
    changed = store.changed_runs(runs)
    frame.loc[[run.number for run in changed], "State"] += _CHANGED_SUFFIX
    numbers = frame["Run"].astype("str")
    tags = pd.Series([" ".join(tags) for tags in frame["Tags"]], index=frame.index, dtype="str")
    texts = [frame[name].astype("str").fillna("") for name in ("Name", "Data set", "Architecture", "State")]
    search_texts = ("#" + numbers).str.cat(texts, sep=" ").str.cat(tags, sep=" ").str.lower()
    rows = table_rows(frame, column_configs())
    by_number = {run.number: run for run in runs}
    active = frozenset(run.id for run in store.runs(states=ACTIVE_STATES))
    return Snapshot(by_number, frame, rows, search_texts, page.total, page.more, active, tuple(broken), tuple(changed))


def _stamp(store: Store) -> tuple[float, ...]:
    """A value that changes when the snapshot must be read again; reading takes long with thousands of runs."""
    active = [run.number for run in store.runs(states=ACTIVE_STATES)]
    # Runs that train write to the database several times a second, so its files say nothing about other changes.
    if active:
        return (*active, store.clock() // _STALE_SECONDS)
    path = store.file
    if path is None or not path.is_file():
        # On a database server there is no file to look at; a snapshot of at most two seconds is new enough.
        return (store.clock() // 2,)
    files = [file.stat() for file in (path, path.with_name(path.name + "-wal")) if file.exists()]
    return tuple(value for status in files for value in (status.st_mtime_ns, status.st_size))
