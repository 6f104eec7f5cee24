"""Streamlit components of this app, one folder each: a Python function with its script, style and markup."""

from dashboard.components.curve_chart.curve_chart import (
    chart_history,
    curve_chart,
    growing_curve_chart,
    next_message,
    preload_curve_chart,
    visible_range,
)
from dashboard.components.curve_chart.sent_lines import ChartHistory
from dashboard.components.data_table.data_table import TableRows, data_table, table_rows
from dashboard.components.drawing_answers.drawing_answers import drawing_answers
from dashboard.components.finished_runs import keep_finished_runs
from dashboard.components.gallery.gallery import gallery
from dashboard.components.live_figure.live_figure import live_figure
from dashboard.components.network_diagram.network_diagram import network_diagram
from dashboard.components.network_picker.network_picker import NetworkCard, network_picker
from dashboard.components.open_address.open_address import open_address
from dashboard.components.pad.pad import PadDrawing, asking_pad, decode_picture, pad, read_pad
from dashboard.components.renewal.renewal import renewal, renewed_html
from dashboard.components.run_rail.run_rail import RailActions, RailEdit, RailGroup, RailRow, run_rail
from dashboard.components.terms import address_of, explained, glossary, marked_html, without_terms
from dashboard.components.thinking.thinking import (
    LayerMeasures,
    ThinkingView,
    Tile,
    held_images,
    thinking,
    thinking_message,
)
from dashboard.components.watcher.watcher import watch_address

__all__ = [
    "ChartHistory",
    "LayerMeasures",
    "NetworkCard",
    "PadDrawing",
    "RailActions",
    "RailEdit",
    "RailGroup",
    "RailRow",
    "TableRows",
    "ThinkingView",
    "Tile",
    "address_of",
    "asking_pad",
    "chart_history",
    "curve_chart",
    "data_table",
    "decode_picture",
    "drawing_answers",
    "explained",
    "gallery",
    "glossary",
    "growing_curve_chart",
    "held_images",
    "live_figure",
    "marked_html",
    "network_diagram",
    "network_picker",
    "next_message",
    "open_address",
    "pad",
    "preload_curve_chart",
    "read_pad",
    "renewal",
    "renewed_html",
    "run_rail",
    "table_rows",
    "thinking",
    "thinking_message",
    "visible_range",
    "watch_address",
    "without_terms",
]

keep_finished_runs()
