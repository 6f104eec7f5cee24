"""The table of runs, with a box to tick in each row; it updates by itself while runs train.

It holds the newest thousand. Where there are more, a filter asks the database for the newest thousand that match.
"""

from collections.abc import Sequence

import numpy as np
import streamlit as st

from dashboard.components import data_table, table_rows
from dashboard.controls import run_selection
from dashboard.controls.run_columns import DISK_COLUMN, MEGA, column_configs, run_rows
from dashboard.controls.run_snapshot import Snapshot, matching_rows, search
from dashboard.frame import open_store, pace
from mnist_core.store import ACTIVE_STATES, MOST_LISTED, Run
from mnist_core.text import size_in_words

# Query parameter and key of the switch that opens the table.
TABLE_OPEN = "table"
_TICK_SECONDS = 3.0
# Height of the table in pixels.
_HEIGHT = 400
# Columns that change while a run trains.
_LIVE_COLUMNS = [
    "State",
    "Progress",
    "Epochs",
    "Best validation accuracy (%)",
    "Best epoch",
    "Training accuracy (%)",
    "Test accuracy (%)",
    "Time (s)",
    "Images/s",
]


def show_table(snapshot: Snapshot, text: str, runs: Sequence[Run]) -> None:
    """Draw the rows that match `text`, with `runs` ticked; the table updates by itself while runs train."""
    draw = st.fragment(_table, run_every=pace(_TICK_SECONDS)) if snapshot.active else _table
    draw(snapshot, text, [run.number for run in runs])


def _table(snapshot: Snapshot, text: str, numbers: Sequence[int]) -> None:
    running = open_store().runs(states=ACTIVE_STATES) if snapshot.active else []
    ended = {run.id for run in running} != snapshot.active
    if (run_selection.is_changed() or ended) and not run_selection.is_dialog_open():
        # The rest of the page shows the chosen runs and their results.
        st.rerun()
    matching = search(snapshot, text)
    rows = matching_rows(matching, text)
    part = f"{len(rows):,} of " if len(rows) < snapshot.total else ""
    size = size_in_words(round(float(np.nansum(rows[DISK_COLUMN].to_numpy())) * MEGA))
    caption = f"{part}{snapshot.total:,} run{'s' * (snapshot.total > 1)}, {size} on the disk"
    _say_what_is_left_out(snapshot, matching)
    running = [run for run in running if run.number in matching.runs]
    data_table(
        "runs-table",
        matching.rows,
        caption,
        height=_HEIGHT,
        shown=None if rows is matching.table else matching.table.index.get_indexer(rows.index).tolist(),
        fresh=table_rows(run_rows(running).loc[:, _LIVE_COLUMNS], column_configs()) if running else None,
        ticked=numbers,
        on_tick=_tick,
    )
    if rows.empty:
        st.info("No run matches the filter. It searches names, tags, data sets, architectures and states.")


def _say_what_is_left_out(snapshot: Snapshot, matching: Snapshot) -> None:
    """One line where the table does not hold every run, or not every run that the filter finds."""
    if matching is snapshot and not snapshot.is_whole:
        st.caption(f"The newest {MOST_LISTED:,} of {snapshot.total:,} runs. The filter finds the others.")
    elif not matching.is_whole:
        total = f"{'more than ' if matching.more else ''}{matching.total:,}"
        st.caption(f"The newest {MOST_LISTED:,} of {total} runs that match. More words find fewer.")


def _tick(numbers: Sequence[int]) -> None:
    """Callback: choose the ticked runs, and leave the table open, so that more can be ticked."""
    run_selection.set_chosen(numbers)
    st.session_state[TABLE_OPEN] = True
