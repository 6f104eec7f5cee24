"""Streamlit components of this app, one folder each: a Python function with its script, style and markup."""

from dashboard.components.data_table.data_table import Rows, data_table, rows_of
from dashboard.components.finished_runs import keep_finished_runs
from dashboard.components.gallery.gallery import gallery
from dashboard.components.line_chart.line_chart import line_chart
from dashboard.components.live_chart.live_chart import Series, live_chart, preload_chart
from dashboard.components.live_chart.points import Across
from dashboard.components.live_figure.live_figure import live_figure
from dashboard.components.pad.pad import pad
from dashboard.components.watcher.watcher import watch

__all__ = [
    "Across",
    "Rows",
    "Series",
    "data_table",
    "gallery",
    "line_chart",
    "live_chart",
    "live_figure",
    "pad",
    "preload_chart",
    "rows_of",
    "watch",
]

keep_finished_runs()
