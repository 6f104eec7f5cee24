"""Columns and rows of a table of runs: what they are called, explained and formatted, and the image of a run's line."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import quote

import pandas as pd
import streamlit as st

from dashboard.components import explained
from mnist_core.analysis import runs_table
from mnist_core.plots import DASHES, PALETTE, RunStyle, dash_lengths, run_style, run_styles
from mnist_core.store import BrokenRun, Run

CHOSEN_ON_COLUMN = "Epoch chosen on"
DISK_COLUMN = "Disk (MB)"
MEGA = 1e6


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
        DISK_COLUMN: column.NumberColumn(
            format="%.1f",
            help="Megabytes of its checkpoints and answers. `prune` removes checkpoints between the best and the last.",
        ),
        "Created": column.DatetimeColumn(),
    }


def run_rows(
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
    disk = [(sizes or {}).get(run.id, 0) / MEGA for run in runs]
    frame = frame.assign(Line=lines, Progress=pd.Series(progress, index=frame.index, dtype="float64"))
    people = [None if run.owner is None else (names or {}).get(run.owner) for run in runs]
    frame["Person"] = pd.Series(people, index=frame.index, dtype="str")
    frame[DISK_COLUMN] = pd.Series(disk, index=frame.index, dtype="float64")
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
        DISK_COLUMN,
        "Architecture",
        "Data set",
    ]
    order += frame.columns.difference(order, sort=False).tolist()
    return frame.loc[:, with_chosen_on(order, runs)]


def with_broken(frame: pd.DataFrame, broken: Sequence[BrokenRun]) -> pd.DataFrame:
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
