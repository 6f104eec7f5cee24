"""Results of a sweep: the summary figure, curves coloured by the swept value, and a table of every run."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from dashboard.components import curve_chart, data_table, explained, live_figure, table_rows
from dashboard.controls import CHOSEN_ON_COLUMN, compared_runs, run_columns
from dashboard.frame import choose_option, errors_as_messages, figure_in_class_mode, open_store
from mnist_core import sweeps
from mnist_core.analysis import measures
from mnist_core.config import EPOCH_CHOICE_LABELS, format_value
from mnist_core.plots import CurveChart, Metric, sweep_curves, sweep_figure
from mnist_core.sweeps import Sweep
from mnist_core.text import in_markdown

# Most curves in the chart: more could not be told apart, nor read from the store every second.
MOST_CURVES = 60

_METRICS: list[Metric] = ["accuracy", "loss"]
_CURVE_NAMES = ("validation_loss", "validation_accuracy", "epoch_train_loss", "epoch_train_accuracy")


def show_sweep_summary(sweep: Sweep, table: pd.DataFrame) -> None:
    """Accuracy by the swept settings: a line for one, a map for two, parallel coordinates for more."""
    measure = sweeps.ranking_column(table)
    if np.isnan(table[measure].to_numpy()).all():
        return
    st.header("What it found")
    labels = {field: sweeps.axis_label(field) for field in sweep.fields}
    figure = _summary(table.loc[:, ["run", "number", "seed", *labels, measure]], labels, measure)
    figure = figure_in_class_mode(figure)
    live_figure("sweep-summary", figure, f"{measures.ranking_label(measure)} by {' and '.join(labels.values())}")
    if measure == "test_accuracy":
        st.caption("Test accuracy. It is optimistic as soon as you choose settings by it.")
    if note := few_seeds_note(sweep.seeds):
        st.caption(note)


def few_seeds_note(seeds: int) -> str:
    """What one or two seeds of each setting leave open; "" for more."""
    if seeds == 1:
        return "Each setting has a single seed: the differences between settings may be luck. Three give an interval."
    if seeds == 2:
        return "Two seeds are too few for an interval: the differences between means may be luck. Three give one."
    return ""


def show_sweep_curves(sweep: Sweep, table: pd.DataFrame) -> None:
    """The learning curves of the runs, coloured by a swept value; of many runs only some."""
    begun = table.loc[table["epoch"] > 0, :]
    if begun.empty:
        return
    st.header("Learning curves")
    if sweep.base.epochs == 1 and "epochs" not in sweep.fields:
        st.caption("Every run has one epoch, and so one measured value: no curve. The table below has the values.")
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        metric: Metric | None = choose_option(
            "Of",
            _METRICS,
            default=_METRICS[0],
            key="curves_of",
            help=explained("What the vertical axis shows.", "Accuracy", "Cross-entropy, loss"),
        )
        field = _coloured_by(sweep)
    shown = evenly_spread(begun, field, MOST_CURVES)
    # Runs without images to choose an epoch on have training values only.
    chosen = (table["chosen_on"] != "last").any()
    columns = list(dict.fromkeys(["run", "number", "seed", "epoch", "chosen_on", field]))
    chart = _curves(shown.loc[:, columns], field, metric or "accuracy", bool(chosen))
    curve_chart("sweep-curves", chart, f"{metric} over epochs, a curve a run, coloured by {sweeps.axis_label(field)}")
    if len(set(shown["chosen_on"].tolist())) > 1:
        st.caption(
            "Some curves are about validation images, others about the test images, which chose the epoch "
            "(optimistic). Point at a curve to see which."
        )
    if len(shown) < len(begun):
        st.caption(
            f"{len(shown)} of {len(begun):,} runs are drawn, spread evenly over "
            f"{in_markdown(sweeps.axis_label(field))}, because more could not be told apart."
        )


def evenly_spread(table: pd.DataFrame, field: str, most: int) -> pd.DataFrame:
    """At most `most` rows of the table, evenly spread over the values of a field, from the lowest to the highest."""
    if len(table) <= most:
        return table
    order = np.lexsort((table["number"], _sortable(table[field].tolist())))
    return table.iloc[order[np.linspace(0, len(order) - 1, most).round().astype(int)], :]


def show_sweep_runs(sweep: Sweep, table: pd.DataFrame) -> None:
    """A table of every run: first those that train, then those that ended, the best first, then those that wait."""
    st.header("Every run")
    groups = [{"running": 0, "queued": 2}.get(name, 1) for name in table["state"].tolist()]
    rows = table.assign(group=groups, score=table[sweeps.ranking_column(table)])
    rows = rows.sort_values(["group", "score", "number"], ascending=[True, False, True])
    column = st.column_config
    shown = pd.DataFrame(
        {"Run": [f"inspect?run={number}" for number in rows["number"]], "State": rows["state"].tolist()}
        # Under names of their own: a setting, or a word of one's own network, may be called as another column is.
        | {f"swept {field}": _sortable(rows[field].tolist()) for field in sweep.fields}
        | ({"Seed": rows["seed"].tolist()} if sweep.seeds > 1 else {})
        | {
            "Validation": (100 * rows["validation_accuracy"]).tolist(),
            "Test": (100 * rows["test_accuracy"]).tolist(),
            CHOSEN_ON_COLUMN: [EPOCH_CHOICE_LABELS[choice] for choice in rows["chosen_on"]],
            "Loss": rows["train_loss"].tolist(),
            "Epochs done": rows["epoch"].tolist(),
            "Time (s)": rows["seconds"].tolist(),
            "Note": rows["note"].tolist(),
        }
    )
    if "test" not in rows["chosen_on"].tolist():
        shown = shown.drop(columns=CHOSEN_ON_COLUMN)
    percent = partial(column.NumberColumn, format="%.2f%%", width="small")
    columns = {f"swept {field}": _column_of_axis(field, rows[field].tolist()) for field in sweep.fields} | {
        "Run": column.LinkColumn(display_text=r"run=(\d+)", width="small", help="Opens the run on the page Inspect."),
        "Validation": percent(help=explained("Accuracy at the best epoch.", "Validation images")),
        "Test": percent(
            help="Accuracy on the test images, with the weights of the best epoch. Optimistic if these images chose it."
        ),
        CHOSEN_ON_COLUMN: run_columns.column_configs()[CHOSEN_ON_COLUMN],
        "Loss": column.NumberColumn("Training loss", format="%.4f", help="Of the last epoch, in nats."),
        "Epochs done": column.NumberColumn(width="small", help="Epochs that are completed."),
        "Time (s)": column.NumberColumn(format="%.1f", width="small", help="Seconds of training."),
        "Note": column.TextColumn(width="large", help="Why a run ended early, and other remarks."),
    }
    if labels := sorted({label for label in rows["loss_label"] if label}):
        st.caption(
            f"The training loss of some of these runs is {' or '.join(labels)}: compare it only with the same kind of "
            "loss."
        )
    data_table("sweep-runs", table_rows(shown, columns), "Every run of the sweep", height=420)


def _coloured_by(sweep: Sweep) -> str:
    if len(sweep.fields) < 2:
        return sweep.fields[0] if sweep.fields else "seed"
    chosen = choose_option(
        "Coloured by",
        sweep.fields,
        format_func=sweeps.axis_label,
        default=sweep.fields[0],
        # Another sweep has other settings to choose from.
        key=f"coloured by {' '.join(sweep.fields)}",
        help="Which of the swept settings gives a curve its colour.",
        in_address=False,
    )
    return chosen or sweep.fields[0]


@st.cache_data(show_spinner=False, max_entries=8)
def _summary(table: pd.DataFrame, labels: dict[str, str], measure: str) -> go.Figure:
    """The summary figure, cached until one of these columns changes."""
    return sweep_figure(table, labels, measure)


@st.cache_resource(show_spinner=False, max_entries=8)
def _curves(table: pd.DataFrame, field: str, metric: Metric, chosen: bool) -> CurveChart:
    """The curves of the runs in the table, cached until one of them has trained another epoch."""
    curves = {}
    for run in open_store().runs(ids=table["run"].tolist()):
        with errors_as_messages(kept=True):
            curves[run.id] = compared_runs.load_curves(run, _CURVE_NAMES)
    table = table.loc[[run in curves for run in table["run"]], :]
    return sweep_curves(curves, table, field, sweeps.axis_label(field), metric, "validation" if chosen else "train")


def _column_of_axis(field: str, values: Sequence[Any]) -> Any:
    # Without a format, a learning rate of 1e-7 would read as 0.
    if all(isinstance(value, float) for value in values):
        return st.column_config.NumberColumn(sweeps.axis_label(field), format="%.7g")
    return sweeps.axis_label(field)


def _sortable(values: Sequence[Any]) -> list[Any]:
    """The values of an axis in a form that sorts: numbers as numbers, all others as text."""
    numeric = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    return list(values) if numeric else [format_value(value) for value in values]
