"""The table of runs: what it shows, the filter over it, and which of its rows are chosen.

It holds the newest thousand. Where there are more, a filter asks the database for the newest thousand that match.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.components import TableRows, data_table, explained, table_rows
from dashboard.frame import choose_runs, chosen_runs, is_emptied, keep_chosen_runs, open_store, pace, parse_numbers
from mnist_core.analysis import newest_comparable, runs_table
from mnist_core.plots import DASHES, PALETTE, RunStyle, dash_lengths, run_style, run_styles
from mnist_core.store import (
    ACTIVE_STATES,
    MOST_LISTED,
    BrokenRun,
    Run,
    RunQuery,
    Scope,
    Store,
    names_of_people,
    read_page,
)
from mnist_core.text import size_in_words

# The most runs that are compared: a chart of more cannot be read, and a link cannot hold more.
MAX_COMPARED = 50

CHOSEN_ON_COLUMN = "Epoch chosen on"
# Added to the state of a run whose stored figures have changed.
_CHANGED_SUFFIX = ", changed"
_DISK = "Disk (MB)"
_MEGA = 1e6

# Query parameter with the numbers of the chosen runs; the Train page has the same.
_CHOSEN = "runs"
# Keys of the session: chosen runs above MAX_COMPARED, whether the choice has changed, whether a dialog is open.
_BEYOND = "runs beyond"
_CHOICE_CHANGED, _DIALOG_OPEN = "choice changed", "dialog open"
# Whether a person has emptied the choice, what was chosen when the page was drawn, what the page itself has chosen.
_EMPTIED, _DRAWN, _SUGGESTED = "choice emptied", "choice drawn", "choice suggested"
# Query parameter and key of the switch that opens the table.
TABLE_OPEN = "table"
_TICK_SECONDS = 3.0
# While a run trains, a change by another process appears after this time at the latest.
_STALE_SECONDS = 60.0
# Height of the table in pixels.
_HEIGHT = 400
# Snapshots that are kept: one for each person of a class, and those of what was searched last.
_SNAPSHOTS = 40
# The most runs in the list of choices; the table offers all of them.
_MAX_OFFERED = 100
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


def set_chosen(numbers: Sequence[int]) -> None:
    """Make these the chosen runs; to be called from a callback, before the page is drawn."""
    st.session_state[_CHOSEN] = list(numbers[:MAX_COMPARED])
    st.session_state[_BEYOND] = list(numbers[MAX_COMPARED:])
    st.session_state[_CHOICE_CHANGED] = True


def offered_runs(snapshot: Snapshot, text: str) -> list[Run]:
    """What the list of chosen runs offers: the chosen ones, and the first that match `text`."""
    chosen = parse_numbers(st.query_params.get_all(_CHOSEN))
    for key in (_CHOSEN, f"{_CHOSEN}:chosen"):
        chosen += st.session_state.get(key, [])
    matching = search(snapshot, text)
    numbers = dict.fromkeys([*chosen, *matching_rows(matching, text).index[:_MAX_OFFERED].tolist()])
    by_number = {**matching.runs, **_by_number(snapshot, numbers)}
    return [by_number[number] for number in numbers if number in by_number]


def _by_number(snapshot: Snapshot, numbers: Iterable[int]) -> Mapping[int, Run]:
    """The runs of a snapshot by number, with those of these numbers that are older."""
    older = [number for number in numbers if number not in snapshot.runs]
    if snapshot.is_whole or not older:
        return snapshot.runs
    older_runs = read_page(open_store(), RunQuery(numbers=older), limit=None).runs
    return {**snapshot.runs, **{run.number: run for run in older_runs}}


def load_chosen(snapshot: Snapshot, offer: Sequence[Run]) -> list[Run]:
    """The chosen runs in the order of choice, as they are now; to be called before `show_chosen_list`.

    Where nothing was chosen, they are the newest runs that can be compared, unless a person has emptied the choice.
    """
    session = st.session_state
    session[_CHOICE_CHANGED] = session[_DIALOG_OPEN] = False
    runs = chosen_runs(_CHOSEN, offer)
    was_emptied = session.get(_EMPTIED, False) or is_emptied(_CHOSEN) or bool(session.get(_DRAWN))
    session[_EMPTIED] = not runs and was_emptied
    if not runs and not session[_EMPTIED]:
        runs = _newest_comparable(snapshot)
        session[_CHOSEN] = session[_SUGGESTED] = [run.number for run in runs]
    session[_DRAWN] = [run.number for run in runs]
    fresh = {run.number: run for run in open_store().runs(ids=[run.id for run in runs])}
    beyond = [number for number in st.session_state.get(_BEYOND, []) if number not in fresh]
    by_number = _by_number(snapshot, beyond)
    return [*fresh.values(), *(by_number[number] for number in beyond if number in by_number)]


def _newest_comparable(snapshot: Snapshot) -> list[Run]:
    if snapshot.is_whole:
        return newest_comparable(list(snapshot.runs.values()))
    # The newest thousand runs may all wait in the queue.
    return newest_comparable(read_page(open_store(), RunQuery(states=["finished"])).runs)


def is_suggested(runs: Sequence[Run]) -> bool:
    """Whether the page has chosen these runs itself."""
    return bool(runs) and st.session_state.get(_SUGGESTED) == [run.number for run in runs]


def keep_choice(runs: Sequence[Run]) -> None:
    """Write the choice into the address where `show_chosen_list` does not draw it."""
    keep_chosen_runs(_CHOSEN, [run.number for run in runs[:MAX_COMPARED]], emptied=st.session_state[_EMPTIED])


def show_chosen_list(offer: Sequence[Run]) -> None:
    """Draw the list of chosen runs, which is part of the page's link."""
    choose_runs(
        _CHOSEN,
        "Chosen runs",
        "Tick runs in the table, or type a name here. The choice is part of this page's link, and the Train page shows "
        "the same runs.",
        offer,
        emptied=st.session_state[_EMPTIED],
    )


def show_table(snapshot: Snapshot, text: str, runs: Sequence[Run]) -> None:
    """Draw the rows that match `text`, with `runs` ticked; the table updates by itself while runs train."""
    draw = st.fragment(_table, run_every=pace(_TICK_SECONDS)) if snapshot.active else _table
    draw(snapshot, text, [run.number for run in runs])


def offer_newest(snapshot: Snapshot) -> None:
    """A button that chooses the newest runs that can be compared."""
    newest = [run.number for run in _newest_comparable(snapshot)]
    if newest:
        st.button(
            f"Compare the newest {len(newest)}" if len(newest) > 1 else "Look at the newest",
            on_click=set_chosen,
            args=(newest,),
            help="Chooses the runs that were trained last and can be compared.",
        )


def dialog_opened() -> None:
    """From now on the table does not rerun the page: that would close the dialog while a person types."""
    st.session_state[_DIALOG_OPEN] = True


def dialog_closed() -> None:
    """The counterpart of `dialog_opened`."""
    st.session_state[_DIALOG_OPEN] = False


def close_finished_dialog() -> None:
    """Close the dialog if a callback in it has called `dialog_closed`; to be called first in a dialog."""
    if not st.session_state.get(_DIALOG_OPEN):
        st.rerun()


def line_images(runs: Sequence[Run]) -> list[str]:
    """The line styles of runs on a chart that shows them all, as addresses of images for a table."""
    styles = run_styles(runs)
    return [_line_image(styles[run.number]) for run in runs]


def _line_image(style: RunStyle) -> str:
    """Address of an image of a line in this colour and dash."""
    lengths = " ".join(f"{length:g}" for length in dash_lengths(style.dash, 4))
    return "data:image/svg+xml," + quote(
        "<svg xmlns='http://www.w3.org/2000/svg' width='44' height='16'><path d='M2 8h40' "
        f"stroke='{style.colour}' stroke-width='6' stroke-dasharray='{lengths}'/></svg>"
    )


def column_configs() -> dict[str, Any]:
    """Head, help and format of the columns of `runs_table`, for any table."""
    return _setting_columns() | _result_columns()


def _setting_columns() -> dict[str, Any]:
    column = st.column_config
    return {
        "Line": column.ImageColumn("Line", width=58, pinned=True, help="The run's colour and dash on the charts."),
        "Run": column.NumberColumn("#", width=48, pinned=True, help="The run's number. It never changes."),
        "Name": column.TextColumn(width="medium"),
        "Tags": column.ListColumn(width="small", help="Your own words for groups of runs."),
        "State": column.TextColumn(
            width="small",
            help='"changed": its stored figures differ from those with which it ended. Do not rely on them.',
        ),
        "Progress": column.ProgressColumn(
            width=110,
            format="%d%%",
            min_value=0,
            max_value=100,
            help="Share of the planned steps that is done, for runs that have not finished.",
        ),
        "Data set": column.TextColumn(width="small"),
        "Architecture": column.TextColumn(width="medium", help=explained("", "Architecture")),
        "Parameters": column.NumberColumn(format="localized", help=explained("", "Parameters, weights")),
        "MACs": column.NumberColumn(format="localized", help=explained("", "MACs")),
    }


def _result_columns() -> dict[str, Any]:
    column = st.column_config
    percent = partial(column.NumberColumn, format="%.2f%%")
    return {
        "Epochs": column.NumberColumn(help=explained("Completed epochs.", "Epoch")),
        "Best validation accuracy (%)": percent(
            "Validation", help=explained("Best accuracy after an epoch.", "Validation images")
        ),
        "Best epoch": column.NumberColumn(
            help="The epoch whose weights are kept: the one with the best accuracy on the images that choose it."
        ),
        CHOSEN_ON_COLUMN: column.TextColumn(
            "Chosen on",
            width="small",
            help=explained(
                "The images that chose the best epoch. If they were held back from training, the test accuracy is "
                "fair. If they were the test images themselves, it is optimistic. A dash: the last epoch was taken.",
                "Optimistic",
            ),
        ),
        "Last validation accuracy (%)": percent(
            "Validation, last", help="Accuracy on the images held back from training, after the last epoch."
        ),
        "Training accuracy (%)": percent(
            "Training", help=explained("Accuracy during the last epoch.", "Training images")
        ),
        "Test accuracy (%)": percent(
            "Test",
            help=explained(
                "Accuracy of the kept weights on the test images: optimistic if those images chose the epoch.",
                "Accuracy",
                "Test images",
            ),
        ),
        "Test loss": column.NumberColumn(
            format="%.4f",
            help=explained("Of the test images, in nats; lower is better.", "Cross-entropy, loss"),
        ),
        "Learning rate": column.NumberColumn(format="%g", help=explained("", "Learning rate")),
        "Time (s)": column.NumberColumn("Time (s)", format="%.1f", help="Seconds of training, without pauses."),
        "Images/s": column.NumberColumn(
            format="localized", step=1, help="Training images a second, on average over the whole run."
        ),
        _DISK: column.NumberColumn(
            format="%.1f",
            help="Megabytes of its checkpoints and answers. `prune` removes checkpoints between the best and the last.",
        ),
        "Created": column.DatetimeColumn(),
    }


def _table(snapshot: Snapshot, text: str, numbers: Sequence[int]) -> None:
    running = open_store().runs(states=ACTIVE_STATES) if snapshot.active else []
    ended = {run.id for run in running} != snapshot.active
    if (st.session_state.get(_CHOICE_CHANGED) or ended) and not st.session_state.get(_DIALOG_OPEN):
        # The rest of the page shows the chosen runs and their results.
        st.rerun()
    matching = search(snapshot, text)
    rows = matching_rows(matching, text)
    part = f"{len(rows):,} of " if len(rows) < snapshot.total else ""
    size = size_in_words(round(float(np.nansum(rows[_DISK].to_numpy())) * _MEGA))
    caption = f"{part}{snapshot.total:,} run{'s' * (snapshot.total > 1)}, {size} on the disk"
    _say_what_is_left_out(snapshot, matching)
    running = [run for run in running if run.number in matching.runs]
    data_table(
        "runs-table",
        matching.rows,
        caption,
        height=_HEIGHT,
        shown=None if rows is matching.table else matching.table.index.get_indexer(rows.index).tolist(),
        fresh=table_rows(_table_frame(running).loc[:, _LIVE_COLUMNS], column_configs()) if running else None,
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
    set_chosen(numbers)
    st.session_state[TABLE_OPEN] = True


@st.cache_resource(show_spinner=False, max_entries=_SNAPSHOTS)
def _read_snapshot(scope: Scope, stamp: tuple[float, ...], words: str) -> Snapshot:
    store = open_store()
    page = read_page(store, RunQuery(text=words))
    runs, broken = page.runs, page.broken
    sizes = store.sizes([run.id for run in runs])
    frame = _with_broken(_table_frame(runs, sizes, names_of_people(store)), broken)
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


def _table_frame(
    runs: Sequence[Run], sizes: Mapping[str, int] | None = None, names: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """`runs_table` with each run's line, progress, person and size on the disk, the most interesting columns first.

    `sizes` are bytes of files by run id, `names` those of people by id.
    """
    frame = runs_table(runs).set_index("Run", drop=False)
    styles = [(run.number - 1) % (len(PALETTE) * len(DASHES)) for run in runs]
    images = [_line_image(run_style(number)) for number in range(1, len(PALETTE) * len(DASHES) + 1)]
    lines = pd.Categorical.from_codes(styles, categories=images)
    progress = [None if run.state == "finished" else 100 * run.progress for run in runs]
    disk = [(sizes or {}).get(run.id, 0) / _MEGA for run in runs]
    frame = frame.assign(Line=lines, Progress=pd.Series(progress, index=frame.index, dtype="float64"))
    people = [None if run.owner is None else (names or {}).get(run.owner) for run in runs]
    frame["Person"] = pd.Series(people, index=frame.index, dtype="str")
    frame[_DISK] = pd.Series(disk, index=frame.index, dtype="float64")
    frame["Images/s"] = frame["Images/s"].round()
    order = [
        "Line",
        "Run",
        "Name",
        "Person",
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
    values = {
        "Run": numbers,
        "Name": [run.name for run in broken],
        "Tags": [[] for _ in broken],
        "State": ["broken"] * len(broken),
    }
    rows = pd.DataFrame(values, index=numbers).reindex(columns=frame.columns)
    # Epochs is the only integer column without missing values; a broken run makes it nullable.
    kinds = frame.dtypes.to_dict() | {"Epochs": pd.Int64Dtype()}
    both = pd.concat([frame.astype(kinds), rows.astype(kinds)])
    return both.sort_index(ascending=False)


def with_chosen_on(columns: Sequence[str], runs: Sequence[Run]) -> list[str]:
    """The columns, with `CHOSEN_ON_COLUMN` after the test accuracy if some run's test accuracy is optimistic.

    Otherwise the column is left out. A table that mixes both kinds of runs is then right in every row.
    """
    names = [name for name in columns if name != CHOSEN_ON_COLUMN]
    if any(run.optimistic for run in runs):
        names.insert(names.index("Test accuracy (%)") + 1, CHOSEN_ON_COLUMN)
    return names
