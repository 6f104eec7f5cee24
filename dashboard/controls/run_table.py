"""The table of all runs: what it shows, the filter over it, and which of its rows are chosen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.components import TableRows, data_table, table_rows
from dashboard.frame import choose_runs, chosen_runs, open_store, parse_numbers
from mnist_core.analysis import runs_table
from mnist_core.plots import DASHES, PALETTE, RunStyle, run_style, run_styles
from mnist_core.store import ACTIVE_STATES, BrokenRun, Run, Store
from mnist_core.text import size_in_words

# runs at most: of more no chart can be read, and no link would carry them
MAX_COMPARED = 50

CHOSEN_ON_COLUMN = "Epoch chosen on"
# behind the state of a run whose stored figures have changed
CHANGED = ", changed"
_DISK = "Disk (MB)"
_MEGA = 1e6

# query parameter that the Train page has too: numbers of the runs
_CHOSEN = "runs"
# numbers of the chosen runs that exceed MAX_COMPARED
_BEYOND = "runs beyond"
_CHANGED, _BUSY = "choice changed", "dialog open"
_TICK_SECONDS = 3.0
# how late a change by another process is seen while a run trains
_STALE_SECONDS = 60.0
# pixels of the table
_HEIGHT = 400
# runs in the list of choices; the table offers them all
_OFFERED = 100
_LIVE = [
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
_STROKES = {"solid": "", "dash": "11 5", "dot": "4 4", "dashdot": "11 4 4 4"}


@dataclass(frozen=True)
class Snapshot:
    """Every run that is not deleted as it was at one moment, newest first."""

    # by number
    runs: Mapping[int, Run]
    # a row a run, indexed by number
    table: pd.DataFrame
    # the same, ready to be sent: making it takes longer than the rest of the page
    rows: TableRows
    # what the filter searches, in small letters, indexed by number
    words: pd.Series
    # ids of the runs that wait or train
    active: frozenset[str]
    # rows that cannot be read; the table has them, `runs` has not
    broken: tuple[BrokenRun, ...]
    # whose stored figures are not those with which they ended
    changed: tuple[Run, ...]


def load_snapshot() -> Snapshot:
    """Every run as it is now, but for those that train: `show_table` and `load_chosen` follow them by themselves."""
    store = open_store()
    return _read(store.url, _stamp(store))


def discard_snapshot() -> None:
    """To be called after a change of a run, so that the next snapshot holds it."""
    _read.clear()


def matching_rows(every: Snapshot, text: str) -> pd.DataFrame:
    """Rows of the table whose name, number (#12), tags, data set, architecture or state hold every word of `text`."""
    found = np.ones(len(every.words), dtype=bool)
    for word in text.lower().split():
        found &= every.words.str.contains(word, regex=False).to_numpy(dtype=bool)
    return every.table if found.all() else every.table.loc[found, :]


def set_chosen(numbers: Sequence[int]) -> None:
    """Make these the chosen runs; to be called from a callback, before the page is drawn."""
    st.session_state[_CHOSEN] = list(numbers[:MAX_COMPARED])
    st.session_state[_BEYOND] = list(numbers[MAX_COMPARED:])
    st.session_state[_CHANGED] = True


def offered_runs(every: Snapshot, text: str) -> list[Run]:
    """What the list of chosen runs offers: those that are chosen, and the first that match `text`."""
    known = parse_numbers(st.query_params.get_all(_CHOSEN))
    for key in (_CHOSEN, f"{_CHOSEN}:chosen"):
        known += st.session_state.get(key, [])
    numbers = dict.fromkeys([*known, *matching_rows(every, text).index[:_OFFERED].tolist()])
    return [every.runs[number] for number in numbers if number in every.runs]


def load_chosen(every: Snapshot, offer: Sequence[Run]) -> list[Run]:
    """The chosen runs in the order of choice, as they are now; `show_chosen_list` is to be drawn after it."""
    st.session_state[_CHANGED] = st.session_state[_BUSY] = False
    runs = chosen_runs(_CHOSEN, offer)
    fresh = {run.number: run for run in open_store().runs(ids=[run.id for run in runs])}
    beyond = [number for number in st.session_state.get(_BEYOND, []) if number in every.runs and number not in fresh]
    return [*fresh.values(), *(every.runs[number] for number in beyond)]


def show_chosen_list(offer: Sequence[Run]) -> None:
    """Draw the list of chosen runs, which is part of the page's link."""
    choose_runs(
        _CHOSEN,
        "Chosen runs",
        "Tick runs in the table, or type a name here. They are part of this page's link, and the Train page shows "
        "the same ones.",
        offer,
    )


def show_table(every: Snapshot, text: str, runs: Sequence[Run]) -> None:
    """Draw the rows that match `text`, those of `runs` ticked; it follows runs that train, by itself."""
    draw = st.fragment(_table, run_every=_TICK_SECONDS) if every.active else _table
    draw(every, text, [run.number for run in runs])


def dialog_opened() -> None:
    """No rerun by itself from now on: it would close the dialog over what a person types."""
    st.session_state[_BUSY] = True


def dialog_closed() -> None:
    """The counterpart of `dialog_opened`."""
    st.session_state[_BUSY] = False


def close_finished_dialog() -> None:
    """To be called first in a dialog: ends it when a callback of its own has called `dialog_closed`."""
    if not st.session_state.get(_BUSY):
        st.rerun()


def line_images(runs: Sequence[Run]) -> list[str]:
    """Pictures of the lines of runs on a chart that shows them all, as the addresses of images in a table."""
    styles = run_styles(runs)
    return [_line_image(styles[run.number]) for run in runs]


def _line_image(style: RunStyle) -> str:
    """A piece of a line in its colour and dash."""
    return "data:image/svg+xml," + quote(
        "<svg xmlns='http://www.w3.org/2000/svg' width='44' height='16'><path d='M2 8h40' "
        f"stroke='{style.colour}' stroke-width='6' stroke-dasharray='{_STROKES[style.dash]}'/></svg>"
    )


def column_configs() -> dict[str, Any]:
    """How the columns of `comparison.runs_table` are headed, explained and formatted, in any table."""
    column = st.column_config
    percent = partial(column.NumberColumn, format="%.2f%%")
    return {
        "Line": column.ImageColumn("Line", width=58, pinned=True, help="The run's colour and dash on the charts."),
        "Run": column.NumberColumn("#", width=48, pinned=True, help="The run's number. It never changes."),
        "Name": column.TextColumn(width="medium"),
        "Tags": column.ListColumn(width="small", help="Your own words for groups of runs."),
        "State": column.TextColumn(
            width="small", help='"changed": its stored figures are not those with which it ended. Do not rely on them.'
        ),
        "Progress": column.ProgressColumn(
            width=110,
            format="%d%%",
            min_value=0,
            max_value=100,
            help="Share of the planned steps, of runs that have not finished.",
        ),
        "Data set": column.TextColumn(width="small"),
        "Architecture": column.TextColumn(width="medium"),
        "Parameters": column.NumberColumn(format="localized", help="Numbers that training adjusts."),
        "MACs": column.NumberColumn(
            format="localized", help="Multiply-accumulates for one image: the usual measure of work."
        ),
        "Epochs": column.NumberColumn(help="Epochs that are completed."),
        "Best validation accuracy (%)": percent("Validation", help="Accuracy on the held-out images, at its best."),
        "Best epoch": column.NumberColumn(help="The epoch with the best accuracy on the images that choose it."),
        CHOSEN_ON_COLUMN: column.TextColumn(
            "Chosen on",
            width="small",
            help="The images that chose the best epoch. Held-out ones leave the test accuracy fair; if the test images "
            "chose it themselves, their accuracy is optimistic. A dash: none did, the last epoch counts.",
        ),
        "Last validation accuracy (%)": percent("Validation, last", help="The same after the last epoch."),
        "Training accuracy (%)": percent("Training", help="Accuracy on the training images over the last epoch."),
        "Test accuracy (%)": percent(
            "Test", help="Of the best epoch's weights on the test images: optimistic where those chose that epoch."
        ),
        "Test loss": column.NumberColumn(format="%.4f", help="Cross-entropy on the test images, in nats."),
        "Learning rate": column.NumberColumn(format="%g"),
        "Time (s)": column.NumberColumn("Time (s)", format="%.1f", help="Seconds of training, pauses not counted."),
        "Images/s": column.NumberColumn(
            format="localized", step=1, help="Training images learned in a second, on average over the whole run."
        ),
        _DISK: column.NumberColumn(
            format="%.1f", help="Megabytes of its checkpoints and answers. `prune` frees those between best and last."
        ),
        "Created": column.DatetimeColumn(),
    }


def _table(every: Snapshot, text: str, numbers: Sequence[int]) -> None:
    running = open_store().runs(states=ACTIVE_STATES) if every.active else []
    ended = {run.id for run in running} != every.active
    if (st.session_state.get(_CHANGED) or ended) and not st.session_state.get(_BUSY):
        # the rest of the page shows the chosen runs and what they achieved
        st.rerun()
    rows = matching_rows(every, text)
    of_all = f"{len(rows):,} of " if len(rows) < len(every.table) else ""
    room = size_in_words(round(float(np.nansum(rows[_DISK].to_numpy())) * _MEGA))
    caption = f"{of_all}{len(every.table):,} run{'s' * (len(every.table) > 1)}, {room} on the disk"
    data_table(
        "runs-table",
        every.rows,
        caption,
        height=_HEIGHT,
        shown=None if rows is every.table else every.table.index.get_indexer(rows.index).tolist(),
        fresh=table_rows(_dressed(running).loc[:, _LIVE], column_configs()) if running else None,
        ticked=numbers,
        on_tick=set_chosen,
    )
    if rows.empty:
        st.info("No run matches the filter. It searches names, tags, data sets, architectures and states.")


@st.cache_resource(show_spinner=False, max_entries=2)
def _read(url: str, stamp: tuple[float, ...]) -> Snapshot:
    runs, broken = open_store().runs_and_broken()
    frame = _with_broken(_dressed(runs, open_store().sizes()), broken)
    changed = open_store().changed_runs(runs)
    frame.loc[[run.number for run in changed], "State"] += CHANGED
    numbers = frame["Run"].astype("str")
    tags = pd.Series([" ".join(tags) for tags in frame["Tags"]], index=frame.index, dtype="str")
    texts = [frame[name].astype("str").fillna("") for name in ("Name", "Data set", "Architecture", "State")]
    words = ("#" + numbers).str.cat(texts, sep=" ")
    active = frozenset(run.id for run in runs if run.active)
    words = words.str.cat(tags, sep=" ").str.lower()
    rows = table_rows(frame, column_configs())
    return Snapshot({run.number: run for run in runs}, frame, rows, words, active, tuple(broken), tuple(changed))


def _stamp(store: Store) -> tuple[float, ...]:
    """A value that is another one when the snapshot has to be read again, which takes long with thousands of runs."""
    active = [run.number for run in store.runs(states=ACTIVE_STATES)]
    # their reports change the database several times a second
    if active:
        return (*active, store.clock() // _STALE_SECONDS)
    path = store.file
    if path is None or not path.is_file():
        # a database server: what is at most two seconds old will do
        return (store.clock() // 2,)
    found = [file.stat() for file in (path, path.with_name(path.name + "-wal")) if file.exists()]
    return tuple(value for status in found for value in (status.st_mtime_ns, status.st_size))


def _dressed(runs: Sequence[Run], sizes: Mapping[str, int] | None = None) -> pd.DataFrame:
    """`comparison.runs_table` with each run's line, progress and room on the disk, the most interesting first.

    `sizes` are bytes of files by run id.
    """
    frame = runs_table(runs).set_index("Run", drop=False)
    styles = [(run.number - 1) % (len(PALETTE) * len(DASHES)) for run in runs]
    images = [_line_image(run_style(number)) for number in range(1, len(PALETTE) * len(DASHES) + 1)]
    lines = pd.Categorical.from_codes(styles, categories=images)
    progress = [None if run.state == "finished" else 100 * run.progress for run in runs]
    disk = [(sizes or {}).get(run.id, 0) / _MEGA for run in runs]
    frame = frame.assign(Line=lines, Progress=pd.Series(progress, index=frame.index, dtype="float64"))
    frame[_DISK] = pd.Series(disk, index=frame.index, dtype="float64")
    frame["Images/s"] = frame["Images/s"].round()
    order = [
        "Line",
        "Run",
        "Name",
        "Tags",
        "State",
        "Progress",
        "Best validation accuracy (%)",
        "Test accuracy (%)",
        "Parameters",
        "MACs",
        "Time (s)",
        "Images/s",
        _DISK,
        "Architecture",
        "Data set",
    ]
    order += frame.columns.difference(order, sort=False).tolist()
    return frame.loc[:, with_chosen_on(order, runs)]


def _with_broken(frame: pd.DataFrame, broken: Sequence[BrokenRun]) -> pd.DataFrame:
    """The table with a row for each run that cannot be read: its number, its name, and that it is broken."""
    if not broken:
        return frame
    numbers = pd.Index([run.number for run in broken], name="Run")
    known = {
        "Run": numbers,
        "Name": [run.name for run in broken],
        "Tags": [[] for _ in broken],
        "State": ["broken"] * len(broken),
    }
    rows = pd.DataFrame(known, index=numbers).reindex(columns=frame.columns)
    # the only count that every other run has
    kinds = frame.dtypes.to_dict() | {"Epochs": pd.Int64Dtype()}
    both = pd.concat([frame.astype(kinds), rows.astype(kinds)])
    return both.sort_index(ascending=False)


def with_chosen_on(columns: Sequence[str], runs: Sequence[Run]) -> list[str]:
    """The columns, with `CHOSEN_ON_COLUMN` after the test accuracy if some run's test accuracy is optimistic.

    Otherwise the column is left out. A table that mixes both kinds of runs is then right in every row.
    """
    found = [name for name in columns if name != CHOSEN_ON_COLUMN]
    if any(run.optimistic for run in runs):
        found.insert(found.index("Test accuracy (%)") + 1, CHOSEN_ON_COLUMN)
    return found
